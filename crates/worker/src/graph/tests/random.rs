//! Random graphs, random outcomes, and a daemon that believes only what is legal.

use model::{StepStatus, StepTransition};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// What a random world does next; the number picks among those that can.
#[derive(Debug, Clone)]
enum Move {
    Exit(usize, Ending),
    /// The daemon hears all reports and grants a step that waits.
    Grant(usize),
    /// The worker hears again of a grant that it had before.
    StaleGrant,
    Pass,
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
        20 => Just(Move::Pass),
        1 => Just(Move::Cancel),
        1 => Just(Move::Fail),
    ];
    vec(one, 0..80)
}

fn plans() -> impl Strategy<Value = Plan> {
    let one = (vec(any::<Index>(), 0..4), 0..4_u32, -2..3_i32, 0..3_u32, 0..4_u64, 0..8_u64);
    vec(one, 0..12).prop_map(|steps| {
        let steps = steps.into_iter().enumerate().map(|(index, parts)| {
            let (after, pool, priority, max_retries, delay_ms, timeout_ms) = parts;
            let mut after: Vec<usize> = if index == 0 {
                vec![]
            } else {
                after.iter().map(|one| one.index(index)).collect()
            };
            after.truncate(usize::try_from(delay_ms).unwrap());
            PlanStep {
                after: after.iter().map(|one| format!("s{one}")).collect(),
                pools: (pool > 0).then(|| ("db".to_owned(), pool)).into_iter().collect(),
                priority,
                timeout_ms: (timeout_ms > 4).then_some(timeout_ms),
                ..retried(step(&format!("s{index}"), &[]), max_retries, delay_ms)
            }
        });
        plan(steps.collect())
    })
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
        for start in todo.starts {
            assert!(!self.is_halted, "{start:?} starts after the halt");
            assert_eq!(self.statuses[&self.plan.steps[start.step].key], StepStatus::Running);
            assert_eq!(self.running.insert(start.step, start.number), None);
        }
        assert!(self.running.len() <= self.max_running);
        for end in todo.ends {
            assert!(self.running.contains_key(&end));
        }
        assert!(self.graph.asked_again() <= self.reported);
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
            ReportKind::Asked { step, .. } => self.apply(step, T::AskForSlots),
            ReportKind::Started { step, .. } => self.believe_start(step),
            ReportKind::Succeeded { step, .. } => self.apply(step, T::Succeed),
            ReportKind::UpForRetry { step, .. } => self.apply(step, T::Retry),
            ReportKind::Failed { step, .. } => self.apply(step, T::Fail),
            ReportKind::Skipped { step, .. } => self.apply(step, T::Skip),
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

    fn believe_start(&mut self, key: &str) {
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
                let todo = self.graph.granted(&keys, heard, now);
                self.take(todo);
            }
            Move::Exit(..) | Move::Pass => {
                let todo = self.graph.passed(now);
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
                self.play(Move::Pass);
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
        let waits = |root: &&PlanStep| {
            root.after.is_empty()
                && world.statuses[&root.key] == StepStatus::WaitingForDependencies
        };
        let is_full = world.running.len() == max_running;
        prop_assert!(is_full || !world.plan.steps.iter().any(|root| waits(&root)));
        for next in moves {
            world.play(next);
        }
        world.finish();
    }
}
