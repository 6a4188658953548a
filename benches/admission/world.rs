//! The worlds that are measured, the same for the image and for the naive model.

use std::collections::VecDeque;
use std::time::Duration;

use admission::{Event, Facts, Image};
use model::{
    Capacity, CodeLocation, Deployment, Explanation, JobName, PoolLimit, PoolName, Priority, Run,
    RunId, RunPools, RunStatus, Seq, Settings, Slots, Step, StepId, StepKey, TagLimit, TagLimits,
    TagMatch, Tags, Timestamp,
};
use naive::Naive;

/// How many runs and lines one call of the image may look at.
const BUDGET: u32 = 1_000;

/// Whatever decides.
pub(crate) trait Core {
    fn new(settings: Settings) -> Self;
    /// Tells it an event; returns the claims that are granted.
    fn tell(&mut self, event: Event) -> Vec<StepId>;
    /// Takes one whole decision.
    fn admit_all(&mut self) -> Vec<RunId>;
}

impl Core for Image {
    fn new(settings: Settings) -> Self {
        Image::new(Facts { settings, ..Facts::default() }).unwrap().0
    }

    fn tell(&mut self, event: Event) -> Vec<StepId> {
        self.apply(event).unwrap()
    }

    fn admit_all(&mut self) -> Vec<RunId> {
        let mut admitted = Vec::new();
        loop {
            let decided = self.admit(BUDGET);
            admitted.extend(decided.admitted.iter().map(|admission| admission.run));
            if !decided.is_cut {
                return admitted;
            }
        }
    }
}

impl Core for Naive {
    fn new(settings: Settings) -> Self {
        Naive::new(settings)
    }

    fn tell(&mut self, event: Event) -> Vec<StepId> {
        self.apply(&event).unwrap()
    }

    fn admit_all(&mut self) -> Vec<RunId> {
        self.admit()
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct WorldSize {
    pub(crate) queued: u64,
    /// How many distinct values the limited tag has.
    pub(crate) values: u64,
    /// How many runs with one value may be in progress.
    pub(crate) limit: u32,
}

pub(crate) struct World<C> {
    core: C,
    values: u64,
    running: VecDeque<RunId>,
    holders: VecDeque<StepId>,
    next: u64,
    random: u64,
}

impl<C: Core> World<C> {
    fn new(tag_limits: Vec<TagLimit>, values: u64) -> Self {
        let settings = Settings {
            max_concurrent_runs: Capacity::Unlimited,
            tag_limits: TagLimits::new(tag_limits).unwrap(),
            ..Settings::default()
        };
        let (running, holders) = (VecDeque::new(), VecDeque::new());
        Self { core: C::new(settings), values, running, holders, next: 0, random: 1 }
    }

    /// A world in which each value of the tag `team` has a limit of its own.
    pub(crate) fn with_values(size: WorldSize) -> Self {
        Self::new(vec![tag_limit("team", size.limit)], size.values)
    }

    /// Submits runs of random teams and priorities.
    pub(crate) fn submit(&mut self, runs: u64) {
        for _ in 0..runs {
            let random = self.random();
            let tags = [
                ("team", format!("team-{}", random % self.values)),
                ("dagster/priority", format!("{}", (random >> 50) % 5)),
                ("user", format!("user-{}@example.com", random % 100)),
            ];
            self.submit_one(tags.into_iter().collect(), RunStatus::Queued);
        }
    }

    /// Ends the runs that have been in progress longest.
    pub(crate) fn end(&mut self, runs: u64) {
        for _ in 0..runs {
            let run = self.running.pop_front().unwrap();
            self.core.tell(Event::End { run });
        }
    }

    /// Takes one whole decision; returns how many runs were admitted.
    pub(crate) fn admit(&mut self) -> u64 {
        let admitted = self.core.admit_all();
        self.running.extend(&admitted);
        admitted.len() as u64
    }

    /// A world in which every queued run needs the limits on the tags `a` and `b`, each held by one
    /// run in progress, and one more; the runs are spread over so many of these.
    pub(crate) fn between_two_limits(queued: u64, lines: u64) -> Self {
        let limits = ["a", "b", "own"].map(|key| tag_limit(key, 1));
        let mut world = Self::new(limits.into(), 1);
        for key in ["a", "b"] {
            world.submit_one([(key, "x")].into_iter().collect(), RunStatus::Queued);
        }
        world.admit();
        for number in 0..queued {
            let own = format!("{}", number % lines);
            let tags = [("a", "x"), ("b", "x"), ("own", &own)].into_iter().collect();
            world.submit_one(tags, RunStatus::Queued);
        }
        world.admit();
        world
    }

    /// The holder of one limit ends, the others are looked at, a more urgent run takes the limit;
    /// then the same with the other limit.
    pub(crate) fn swap_both_holders(&mut self) {
        for key in ["a", "b"] {
            self.end(1);
            assert_eq!(self.admit(), 0, "the other limit is held");
            let tags: Tags = [(key, "x"), ("dagster/priority", "9")].into_iter().collect();
            self.submit_one(tags, RunStatus::Queued);
            assert_eq!(self.admit(), 1, "the urgent run takes it");
        }
    }

    /// A world in which so many steps wait for the one slot of a pool.
    pub(crate) fn with_waiting_steps(waiting: u64) -> Self {
        let mut world = Self::new(Vec::new(), 1);
        world.limit_pool("db", 1);
        for _ in 0..=waiting {
            let run = world.submit_one(Tags::default(), RunStatus::Started);
            let granted = world.ask(run);
            world.holders.extend(granted);
        }
        world
    }

    /// Frees the slot that is held, which goes to the next; the freed step asks again.
    pub(crate) fn free_one_slot(&mut self) {
        let holder = self.holders.pop_front().unwrap();
        let freed = Event::Free { run: holder.run, step: Some(holder.step) };
        let granted = self.core.tell(freed);
        assert_eq!(granted.len(), 1, "the next waiting step gets the slot");
        self.holders.extend(granted);
        self.ask(holder.run);
    }

    /// A world in which so many steps want one slot of the pools `a` and `b`, each held by another
    /// step, and one of a pool that they share with nobody.
    pub(crate) fn between_two_pools(waiting: u64) -> Self {
        let mut world = Self::new(Vec::new(), 1);
        for pool in ["a", "b"] {
            world.limit_pool(pool, 1);
            let run = world.submit_one(Tags::default(), RunStatus::Started);
            let granted = world.ask_for(run, 0, &[(pool, 1)]);
            world.holders.extend(granted);
        }
        for own in 0..waiting {
            let own = format!("own-{own}");
            world.limit_pool(&own, 1);
            let run = world.submit_one(Tags::default(), RunStatus::Started);
            world.ask_for(run, 0, &[("a", 1), ("b", 1), (&own, 1)]);
        }
        world
    }

    /// The holder of one pool frees it and a more urgent step takes it; then the other pool.
    pub(crate) fn swap_both_slots(&mut self) {
        for pool in ["a", "b"] {
            let holder = self.holders.pop_front().unwrap();
            let run = holder.run;
            let granted = self.core.tell(Event::Free { run, step: Some(holder.step) });
            assert!(granted.is_empty(), "the other pool is held");
            let granted = self.ask_for(run, 9, &[(pool, 1)]);
            assert_eq!(granted.len(), 1, "the urgent step takes it");
            self.holders.extend(granted);
        }
    }

    /// Lets so many steps that want several slots wait, be passed over, and then reserve.
    pub(crate) fn let_wide_claims_reserve(&mut self, wide: u64) {
        let reserve_after = Some(Duration::from_secs(1));
        let settings = Settings {
            max_concurrent_runs: Capacity::Unlimited,
            reserve_after,
            ..Settings::default()
        };
        self.core.tell(Event::Configure(settings));
        self.limit_pool("db", 2);
        for number in 0..wide {
            let run = self.submit_one(Tags::default(), RunStatus::Started);
            self.ask_for(run, 0, &[("db", 2), (&format!("own-{number}"), 1)]);
        }
        let run = self.submit_one(Tags::default(), RunStatus::Started);
        self.ask_for(run, 9, &[("db", 1)]);
        self.free_one_slot();
        self.core.tell(Event::TimePassed { now: Timestamp::EPOCH.after(Duration::from_secs(2)) });
    }

    fn limit_pool(&mut self, pool: &str, limit: i64) {
        let (pool, limit) = (PoolName::new(pool).unwrap(), PoolLimit::new(limit).unwrap());
        self.core.tell(Event::PoolLimitSet { pool, limit });
    }

    fn ask(&mut self, run: RunId) -> Vec<StepId> {
        self.ask_for(run, 0, &[("db", 1)])
    }

    fn ask_for(&mut self, run: RunId, priority: i32, slots: &[(&str, u32)]) -> Vec<StepId> {
        let slots = slots.iter();
        let demand = slots.map(|(pool, n)| (PoolName::new(pool).unwrap(), Slots::new(*n).unwrap()));
        let step = Step {
            key: StepKey::new("load").unwrap(),
            priority: Priority::new(priority),
            demand: demand.collect(),
        };
        self.core.tell(Event::Ask { run, step })
    }

    fn submit_one(&mut self, tags: Tags, status: RunStatus) -> RunId {
        let number = self.next;
        self.next += 1;
        let run = Run {
            id: spread(number),
            seq: Seq::new(number),
            job: JobName::new("job").unwrap(),
            location: CodeLocation::new("location").unwrap(),
            deployment: Deployment::default(),
            tags,
            pools: RunPools::none(),
            status,
            attempt: None,
        };
        let id = run.id;
        self.core.tell(Event::Submit(run));
        id
    }

    /// The next of a fixed row of numbers that look random (Knuth's linear congruence).
    fn random(&mut self) -> u64 {
        const FACTOR: u64 = 6_364_136_223_846_793_005;
        const STEP: u64 = 1_442_695_040_888_963_407;
        self.random = self.random.wrapping_mul(FACTOR).wrapping_add(STEP);
        self.random >> 8
    }
}

impl World<Image> {
    /// Asks why the run that was submitted last waits.
    pub(crate) fn explain_the_last(&self) -> usize {
        let last = spread(self.next - 1);
        match self.core.explain_run(last) {
            Some(Explanation::Blocked(reasons)) => reasons.len(),
            Some(Explanation::Holding | Explanation::Eligible) | None => 0,
        }
    }
}

/// Ids are spread as random ones are.
fn spread(number: u64) -> RunId {
    RunId::from_u128(u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

fn tag_limit(key: &str, limit: u32) -> TagLimit {
    TagLimit { key: key.to_owned(), matches: TagMatch::EachValue, limit }
}
