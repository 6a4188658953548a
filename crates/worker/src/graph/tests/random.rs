//! Random graphs, random outcomes, and a daemon that believes only what is legal.

use model::{StepStatus, StepTransition};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::*;

/// What a random world does next; the number picks among those that can.
#[derive(Debug, Clone)]
enum Move {
    Exit(usize, Ending),
    /// The daemon hears all reports and grants a step that waits.
    Grant(usize),
    /// The worker hears again of a grant that it had before.
    StaleGrant,
    /// So many milliseconds pass.
    Pass(i64),
    Cancel,
    Fail,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let ending = prop_oneof![
        4 => Just(Ending::Succeeded),
        3 => Just(Ending::Failed("bad".to_owned())),
        1 => Just(Ending::Unstartable("no".to_owned())),
    ];
    let one = prop_oneof![
        40 => (0..100_usize, ending).prop_map(|(index, ending)| Move::Exit(index, ending)),
        30 => (0..100_usize).prop_map(Move::Grant),
        10 => Just(Move::StaleGrant),
        20 => Just(Move::Pass(0)),
        3 => Just(Move::Pass(1000)),
        1 => Just(Move::Cancel),
        1 => Just(Move::Fail),
    ];
    vec(one, 0..80)
}

fn plans() -> impl Strategy<Value = Plan> {
    let one =
        (vec(any::<Index>(), 0..4), 0..4_u32, -2..3_i32, 0..3_u32, 0..4_u64, 0..8_u64, 0..6_usize);
    (vec(one, 0..12), executors()).prop_map(|(steps, executor)| {
        let steps = steps.into_iter().enumerate().map(|(index, parts)| {
            let (after, pool, priority, max_retries, delay_ms, timeout_ms, tags) = parts;
            let mut after: Vec<usize> = if index == 0 {
                vec![]
            } else {
                after.iter().map(|one| one.index(index)).collect()
            };
            after.truncate(usize::try_from(delay_ms).unwrap());
            PlanStep {
                after: after.iter().map(|one| format!("s{one}")).collect(),
                pools: (pool > 1).then(|| ("db".to_owned(), pool)).into_iter().collect(),
                priority,
                timeout_ms: (timeout_ms > 4).then_some(timeout_ms),
                tags: tags_of(tags),
                ..retried(step(&format!("s{index}"), &[]), max_retries, delay_ms)
            }
        });
        Plan { executor, ..plan(steps.collect()) }
    })
}

fn tags_of(kind: usize) -> BTreeMap<String, String> {
    let tags: &[(&str, &str)] = [
        &[][..],
        &[("a", "x")],
        &[("a", "y")],
        &[("a", "x"), ("b", "x")],
        &[("b", "y")],
        &[("a", ""), ("b", "y")],
    ][kind];
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Executors with any of the limits; each is 1 to 3, or not there.
fn executors() -> impl Strategy<Value = Executor> {
    vec(0..5_u32, 5).prop_map(|limits| {
        let each = json!({"applyLimitPerUniqueValue": true});
        let forms = [
            json!({"key": "a"}),
            json!({"key": "a", "value": "x"}),
            json!({"key": "a", "value": each}),
            json!({"key": "b", "value": each}),
        ];
        let set = |limit: &u32| (1..=3).contains(limit);
        let by_tag: Vec<serde_json::Value> = forms
            .into_iter()
            .zip(&limits[1..])
            .filter(|(_, limit)| set(limit))
            .map(|(mut form, limit)| {
                form["limit"] = json!(limit);
                form
            })
            .collect();
        let of_all = limits.first().copied().filter(|limit| set(limit));
        let text = json!({"max_concurrent": of_all, "tag_concurrency_limits": by_tag});
        serde_json::from_value(text).unwrap()
    })
}

/// What a step counts for, as plainly as can be: each group with how many of it may run.
fn groups(plan: &Plan, step: &PlanStep, max_running: usize) -> Vec<(String, usize)> {
    let mut groups = vec![("worker".to_owned(), max_running)];
    let executor = serde_json::to_value(&plan.executor).unwrap();
    let most = |limit: &serde_json::Value| usize::try_from(limit.as_u64().unwrap()).unwrap();
    if !executor["max_concurrent"].is_null() {
        groups.push(("all".to_owned(), most(&executor["max_concurrent"])));
    }
    for limit in executor["tag_concurrency_limits"].as_array().into_iter().flatten() {
        let key = limit["key"].as_str().unwrap();
        let Some(value) = step.tags.get(key) else { continue };
        let name = if limit["value"].is_null() {
            format!("{key} at all")
        } else if let Some(wanted) = limit["value"].as_str() {
            if wanted != value {
                continue;
            }
            format!("{key} is {value}")
        } else {
            format!("{key} each {value}")
        };
        groups.push((name, most(&limit["limit"])));
    }
    groups
}

/// The world around the walk: the tries that run, and the daemon's view.
struct World {
    plan: Plan,
    graph: Graph,
    max_running: usize,
    now: i64,
    running: BTreeMap<StepIndex, u32>,
    statuses: BTreeMap<String, StepStatus>,
    holders: Vec<String>,
    /// When and with which report a step asked whose question may not be answered yet.
    in_doubt: BTreeMap<String, (i64, u64)>,
    /// The last answer with grants, and the reports that the daemon had when it was asked.
    last_granted: (Vec<String>, u64),
    reported: u64,
    first_passes: u32,
    ended: u32,
    is_halted: bool,
}

impl World {
    fn new(plan: Plan, max_running: usize) -> Self {
        let graph = Graph::new(&plan, NonZeroUsize::new(max_running).unwrap()).unwrap();
        Self {
            plan,
            graph,
            max_running,
            now: 0,
            running: BTreeMap::new(),
            statuses: BTreeMap::new(),
            holders: Vec::new(),
            in_doubt: BTreeMap::new(),
            last_granted: (Vec::new(), 0),
            reported: 0,
            first_passes: 0,
            ended: 0,
            is_halted: false,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now * 1000)
    }

    /// Believes the reports as the daemon does, then starts and ends what is to be.
    fn take(&mut self, todo: Todo) {
        for report in &todo.reports {
            assert_eq!(self.ended, 0, "{report:?} after the end");
            self.reported += 1;
            self.believe(&report.kind);
        }
        let starts = todo.starts.clone();
        for start in todo.starts {
            assert!(!self.is_halted, "{start:?} starts after the halt");
            assert_eq!(self.statuses[&self.plan.steps[start.step].key], StepStatus::Running);
            assert_eq!(self.running.insert(start.step, start.number), None);
        }
        self.check_limits();
        if !self.is_halted {
            self.check_turns(&starts);
        }
        for end in todo.ends {
            assert!(self.running.contains_key(&end));
        }
        assert!(self.graph.awaited() <= self.reported);
    }

    fn believe(&mut self, kind: &ReportKind) {
        use StepTransition as T;
        match kind {
            ReportKind::Planned { steps } => {
                for step in steps {
                    let waits = StepStatus::WaitingForDependencies;
                    assert_eq!(self.statuses.insert(step.clone(), waits), None);
                }
            }
            ReportKind::FirstPassDone => self.first_passes += 1,
            ReportKind::Asked { step, .. } => {
                self.in_doubt.insert(step.clone(), (self.now, self.reported));
                self.apply(step, T::AskForSlots);
            }
            ReportKind::GaveBack { step } => self.believe_stand_back(step),
            ReportKind::Started { step, .. } => self.believe_start(step),
            ReportKind::Succeeded { step, .. } => self.apply(step, T::Succeed),
            ReportKind::UpForRetry { step, .. } => self.apply(step, T::Retry),
            ReportKind::Failed { step, .. } => self.apply(step, T::Fail),
            ReportKind::Skipped { step, .. } => self.apply(step, T::Skip),
            ReportKind::Told { step, .. } => {
                assert_eq!(self.statuses.get(step), Some(&StepStatus::Running));
            }
            ReportKind::Canceled { step } => self.apply(step, T::Cancel),
            ReportKind::Ended { outcome } => self.believe_end(outcome),
        }
    }

    fn apply(&mut self, key: &str, transition: StepTransition) {
        let status = self.statuses.get_mut(key).expect("a step that was planned");
        *status = status.after(transition).unwrap();
        if *status != StepStatus::Running {
            self.holders.retain(|holder| holder != key);
        }
    }

    /// Only who is granted and has no place beside those that run gives back.
    fn believe_stand_back(&mut self, key: &str) {
        let own = groups(&self.plan, self.step(key), self.max_running);
        let is_full = |(group, most): &(String, usize)| self.count_running(group) >= *most;
        assert!(own.iter().any(is_full), "{key} gives back although it could start");
        assert!(self.holders.contains(&key.to_owned()), "{key} gives back what it has not");
        self.holders.retain(|holder| holder != key);
        self.in_doubt.remove(key);
        self.apply(key, StepTransition::StandBack);
    }

    fn step(&self, key: &str) -> &PlanStep {
        self.plan.steps.iter().find(|step| step.key == key).unwrap()
    }

    fn is_in(&self, step: &PlanStep, group: &str) -> bool {
        groups(&self.plan, step, self.max_running).iter().any(|(own, _)| own == group)
    }

    fn count_running(&self, group: &str) -> usize {
        let is_one = |step: &&PlanStep| {
            self.statuses.get(&step.key) == Some(&StepStatus::Running) && self.is_in(step, group)
        };
        self.plan.steps.iter().filter(is_one).count()
    }

    fn check_limits(&self) {
        for step in &self.plan.steps {
            for (group, most) in groups(&self.plan, step, self.max_running) {
                assert!(self.count_running(&group) <= most, "{group} is exceeded");
            }
        }
    }

    /// No step that could go on has not; and none went on before a better one that needs no more.
    fn check_turns(&self, starts: &[Try]) {
        for (index, step) in self.plan.steps.iter().enumerate() {
            let is_ready = self.statuses.get(&step.key)
                == Some(&StepStatus::WaitingForDependencies)
                && step.after.iter().all(|one| self.statuses[one] == StepStatus::Succeeded);
            if !is_ready {
                continue;
            }
            let own = groups(&self.plan, step, self.max_running);
            let is_full = |(group, most): &(String, usize)| {
                self.count_running(group) + self.count_in_doubt(group) >= *most
            };
            assert!(own.iter().any(is_full), "{} could go on: {:?}", step.key, self.statuses);
            for start in starts {
                let other = &self.plan.steps[start.step];
                let is_better =
                    (Reverse(step.priority), index) < (Reverse(other.priority), start.step);
                let needs_no_more = own.iter().all(|(group, _)| self.is_in(other, group));
                assert!(
                    !(other.pools.is_empty() && is_better && needs_no_more),
                    "{} starts before {}",
                    other.key,
                    step.key
                );
            }
        }
    }

    /// Those that have asked within a second and have not been answered.
    fn count_in_doubt(&self, group: &str) -> usize {
        let is_one = |(key, (asked, _)): &(&String, &(i64, u64))| {
            self.now - asked <= 1000 && self.is_in(self.step(key), group)
        };
        self.in_doubt.iter().filter(is_one).count()
    }

    fn believe_start(&mut self, key: &str) {
        self.in_doubt.remove(key);
        let plan = self.plan.steps.iter().find(|step| step.key == key).unwrap();
        assert!(plan.after.iter().all(|one| self.statuses[one] == StepStatus::Succeeded));
        assert_eq!(
            plan.pools.is_empty(),
            !self.holders.contains(&plan.key),
            "{key} starts with the slots that it wants, and no others"
        );
        self.apply(key, StepTransition::Start);
    }

    fn believe_end(&mut self, outcome: &Outcome) {
        self.ended += 1;
        assert!(self.running.is_empty());
        assert!(self.statuses.values().all(|status| status.is_terminal()));
        assert_eq!(self.statuses.len(), self.plan.steps.len());
        let has = |wanted| self.statuses.values().any(|status| *status == wanted);
        match outcome {
            Outcome::Succeeded => {
                assert!(self.statuses.values().all(|status| *status == StepStatus::Succeeded));
            }
            Outcome::Failed { by_step: true, .. } => assert!(has(StepStatus::Failed)),
            Outcome::Failed { .. } | Outcome::Canceled => assert!(self.is_halted),
        }
        assert_eq!(has(StepStatus::Canceled), self.is_halted);
    }

    fn play(&mut self, next: Move) {
        self.now += 1;
        let now = self.now();
        match next {
            Move::Exit(index, ending) if !self.running.is_empty() => {
                let running: Vec<Try> = self.tries();
                let ended = running[index % running.len()];
                self.running.remove(&ended.step);
                let todo = self.graph.exited(ended, ending, now);
                self.take(todo);
            }
            Move::Grant(index) => self.grant(index),
            Move::StaleGrant => {
                let (keys, heard) = self.last_granted.clone();
                self.in_doubt.retain(|_, (_, number)| *number > heard);
                let todo = self.graph.granted(&keys, heard, now);
                self.take(todo);
            }
            Move::Exit(..) | Move::Pass(_) => {
                let more = if let Move::Pass(more) = next { more } else { 0 };
                self.now += more;
                let todo = self.graph.passed(self.now());
                self.take(todo);
            }
            Move::Cancel => self.halt(Halt::Cancel),
            Move::Fail => self.halt(Halt::Fail("worker".to_owned())),
        }
    }

    fn tries(&self) -> Vec<Try> {
        self.running.iter().map(|(step, number)| Try { step: *step, number: *number }).collect()
    }

    fn halt(&mut self, halt: Halt) {
        if self.ended == 0 {
            self.is_halted = true;
        }
        let todo = self.graph.halt(halt, self.now());
        self.take(todo);
    }

    fn grant(&mut self, index: usize) {
        let waits: Vec<String> = self.waiting();
        if waits.is_empty() {
            return;
        }
        self.holders.push(waits[index % waits.len()].clone());
        self.last_granted = (self.holders.clone(), self.reported);
        let reported = self.reported;
        self.in_doubt.retain(|_, (_, number)| *number > reported);
        let todo = self.graph.granted(&self.holders, self.reported, self.now());
        self.take(todo);
    }

    /// Those that wait for slots and have none.
    fn waiting(&self) -> Vec<String> {
        let waits = |status: &&StepStatus| **status == StepStatus::WaitingForSlots;
        self.statuses
            .iter()
            .filter(|(key, status)| waits(status) && !self.holders.contains(key))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Plays on without any more surprises until the walk has ended.
    fn finish(&mut self) {
        for _ in 0..1000 {
            if self.graph.has_ended() {
                break;
            }
            if let Some(next) = self.tries().first().copied() {
                self.play(Move::Exit(0, Ending::Succeeded));
                assert!(self.running.get(&next.step) != Some(&next.number));
            } else if self.waiting().is_empty() {
                let due = self.graph.next_deadline().expect("nothing runs, waits or is due");
                self.now = self.now.max(due.as_micros() / 1000);
                self.play(Move::Pass(0));
            } else {
                self.play(Move::Grant(0));
            }
        }
        assert_eq!((self.ended, self.first_passes), (1, 1));
    }
}

proptest! {
    #[test]
    fn every_walk_is_legal_and_ends(
        plan in plans(),
        max_running in 1..5_usize,
        moves in moves(),
    ) {
        let mut world = World::new(plan, max_running);
        let todo = world.graph.begin(world.now());
        let after_pass = todo
            .reports
            .iter()
            .skip_while(|report| report.kind != ReportKind::FirstPassDone)
            .skip(1)
            .all(|report| matches!(report.kind, ReportKind::Ended { .. }));
        prop_assert!(after_pass);
        world.take(todo);
        prop_assert_eq!(world.first_passes, 1);
        for next in moves {
            world.play(next);
        }
        world.finish();
    }
}
