//! Random worlds, made so that collisions and contention are the norm: few pools, tags, locations
//! and priorities, narrow limits, and picks that mostly meet a run in the status they want.
//!
//! Everything here is plain numbers and words, so that a failing world prints as Rust that can be
//! pasted into a test. What a move means depends on the runs there are when its turn comes; the
//! message of a failed check lists the events that were really told.

use std::fmt;
use std::time::Duration;

use admission::{Event, Facts, RunFacts};
use model::{
    Capacity, ClaimState, CodeLocation, Demand, Deployment, DeploymentKind, DeploymentName,
    Granularity, JobName, PoolBlocking, PoolLimit, PoolName, PoolSettings, Priority, Run, RunId,
    RunPools, RunStatus, Seq, Settings, Step, StepId, StepKey, TagLimit, TagLimits, TagMatch, Tags,
    Timestamp,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::strategy::Union;

/// The pools, in the order of [`Slots`].
pub(crate) const POOLS: [&str; 3] = ["p", "q", "r"];
/// The tag limits that may be set, in the order of [`Rules::tag_limits`].
const TAG_LIMITS: [(&str, Option<&str>); 6] = [
    ("team", None),
    ("team", Some("docs")),
    ("team", Some(EACH_VALUE)),
    ("db", None),
    ("db", Some("")),
    ("db", Some(EACH_VALUE)),
];
const EACH_VALUE: &str = "(each value)";
const STEPS: [&str; 4] = ["a", "b", "c", "d"];

/// The limits at the beginning, and what happens then.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) pool_limits: [Option<u32>; 3],
    pub(crate) moves: Vec<Move>,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Move {
    Admit {
        budget: u32,
        calls: u32,
    },
    Submit(NewRun),
    Retag(Who, Words),
    Reprioritize(Who, i32),
    Hold(Who),
    Release(Who),
    Requeue(Who),
    Begin(Who),
    FirstPassDone(Who),
    Ask(Who, &'static str, i32, Slots),
    Free(Who, Option<&'static str>),
    /// Frees one of the claims that have their slots, if there is one.
    FreeGranted(u8),
    Cancel(Who),
    End(Who),
    Delete(Who),
    PoolLimit(&'static str, Option<u32>),
    Configure(Rules),
    Pause(&'static str, i64),
    Resume(&'static str),
    Wait(i64),
}

/// Picks a run when the turn of its move comes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who {
    /// By its number, whether it exists or not.
    Number(u8),
    /// Any of those that are queued or in progress.
    Live(u8),
    /// Any of those in a status; if there is none, of those that are queued or in progress.
    Is(RunStatus, u8),
    /// Any of those in progress, if there is one.
    InProgress(u8),
    /// Any of those that are held, if there is one.
    Held(u8),
}

/// Slots wanted of each of the [`POOLS`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Slots(pub(crate) u32, pub(crate) u32, pub(crate) u32);

/// The tags of a run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Words {
    pub(crate) priority: Option<&'static str>,
    pub(crate) team: Option<&'static str>,
    pub(crate) db: Option<&'static str>,
}

/// A run to be submitted.
#[derive(Debug, Clone)]
pub(crate) struct NewRun {
    pub(crate) number: u8,
    pub(crate) seq: u64,
    pub(crate) status: RunStatus,
    pub(crate) tags: Words,
    pub(crate) location: &'static str,
    pub(crate) deployment: DeploymentKind,
    pub(crate) roots: [Option<Slots>; 3],
    pub(crate) later: Slots,
}

/// The settings; a limit that is not given does not exist.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) max_runs: Option<u32>,
    pub(crate) max_branch_runs: Option<u32>,
    pub(crate) tag_limits: [Option<u32>; 6],
    pub(crate) granularity: Granularity,
    pub(crate) default_limit: Option<u32>,
    pub(crate) run_buffer: u32,
    pub(crate) blocking: PoolBlocking,
    pub(crate) reserve_after: Option<u64>,
}

/// Worlds of about 60 moves.
pub(crate) fn worlds() -> impl Strategy<Value = World> {
    prop_oneof![
        2 => worlds_of_everything(),
        1 => worlds_of_claims(),
        1 => worlds_of_a_queue(),
    ]
}

fn worlds_with(
    first_rules: impl Strategy<Value = Rules>,
    moves: impl Strategy<Value = Vec<Move>>,
) -> impl Strategy<Value = World> {
    (first_rules, pool_limits(), moves).prop_map(|(rules, pool_limits, moves)| World {
        rules,
        pool_limits,
        moves,
    })
}

fn worlds_of_everything() -> impl Strategy<Value = World> {
    worlds_with(rules(), vec(moves(), 0..=120))
}

/// Worlds in which runs come and go behind limits that open and close in turn.
fn worlds_of_a_queue() -> impl Strategy<Value = World> {
    let few = || prop_oneof![1 => Just(None), 1 => (1..=2_u32).prop_map(Some)];
    let limits = (of(3..=6_u32), few(), proptest::array::uniform6(few()));
    let first_rules =
        (rules(), limits).prop_map(|(rules, (max_runs, max_branch_runs, tag_limits))| Rules {
            max_runs,
            max_branch_runs,
            tag_limits,
            blocking: PoolBlocking::StepsOnly,
            ..rules
        });
    let submit = new_run(Just(RunStatus::Queued).boxed()).prop_map(Move::Submit);
    let in_progress = || any::<u8>().prop_map(Who::InProgress);
    let moves = prop_oneof![
        8 => submit,
        6 => admit(),
        6 => in_progress().prop_map(Move::End),
        2 => live().prop_map(Move::Delete),
        2 => who(RunStatus::Starting).prop_map(Move::Requeue),
        3 => (live(), words()).prop_map(|(who, tags)| Move::Retag(who, tags)),
        2 => (live(), -1..=2).prop_map(|(who, number)| Move::Reprioritize(who, number)),
        1 => who(RunStatus::Queued).prop_map(Move::Hold),
        1 => any::<u8>().prop_map(|nth| Move::Release(Who::Held(nth))),
        1 => pause(),
        1 => wait(),
    ];
    worlds_with(first_rules, vec(moves, 0..=120))
}

/// Worlds in which steps ask for slots, and little else happens.
fn worlds_of_claims() -> impl Strategy<Value = World> {
    let first_rules = (rules(), of(0..=2_u64)).prop_map(|(rules, reserve_after)| Rules {
        max_runs: None,
        granularity: Granularity::Op,
        reserve_after,
        ..rules
    });
    let begun = || new_run(Just(RunStatus::Started).boxed()).prop_map(Move::Submit);
    let moves = prop_oneof![
        24 => ask(),
        9 => any::<u8>().prop_map(Move::FreeGranted),
        2 => free(),
        8 => wait(),
        5 => pool_limit(),
        2 => begun(),
        3 => who(RunStatus::Started).prop_map(Move::End),
        1 => rules().prop_map(Move::Configure),
    ];
    let moves = (vec(begun(), 3), vec(moves, 0..=100))
        .prop_map(|(first, then)| first.into_iter().chain(then).collect());
    worlds_with(first_rules, moves)
}

/// Worlds with numbers at the end of their range.
pub(crate) fn worlds_of_extremes() -> impl Strategy<Value = World> {
    let edge = || select(vec![0, 1, u32::MAX - 1, u32::MAX]);
    let slots = move || (edge(), edge(), edge()).prop_map(|(p, q, r)| Slots(p, q, r));
    let first_rules = (rules(), of(edge()), edge(), of(select(vec![0, u64::MAX])));
    let first_rules = first_rules.prop_map(|(rules, max_runs, run_buffer, reserve_after)| Rules {
        max_runs,
        run_buffer,
        reserve_after,
        ..rules
    });
    let submit = (new_run(live_status()), slots(), slots())
        .prop_map(|(run, a, b)| Move::Submit(NewRun { roots: [Some(a), Some(a), Some(b)], ..run }));
    let priority = || select(vec![i32::MIN, 0, i32::MAX]);
    let who = || who(RunStatus::Started);
    let asked = (who(), step_key(), priority(), slots());
    let moves = prop_oneof![
        6 => submit,
        6 => asked.prop_map(|(who, step, priority, slots)| Move::Ask(who, step, priority, slots)),
        2 => (who(), priority()).prop_map(|(who, priority)| Move::Reprioritize(who, priority)),
        1 => select(vec![i64::MAX / 1_000_000, 1]).prop_map(Move::Wait),
        10 => moves(),
    ];
    worlds_with(first_rules, vec(moves, 0..=60))
}

/// Runs that wait in the queue, in an order of arrival that is not that of their sequence.
pub(crate) fn queues() -> impl Strategy<Value = Vec<NewRun>> {
    let queued = new_run(Just(RunStatus::Queued).boxed());
    vec(queued, 1..=30).prop_map(|mut runs| {
        for (at, run) in (0..).zip(&mut runs) {
            run.number = at;
            run.seq = u64::from(at);
        }
        runs
    })
}

/// Any settings.
pub(crate) fn rules() -> impl Strategy<Value = Rules> {
    let tag_limits = || prop_oneof![4 => Just(None), 1 => narrow().prop_map(Some)];
    let granularity = select(vec![Granularity::Op, Granularity::Run]);
    let blocking = prop_oneof![
        8 => Just(PoolBlocking::HoldsRunsBack),
        1 => Just(PoolBlocking::StepsOnly)
    ];
    let max_runs = prop_oneof![
        2 => Just(None),
        8 => (2..=6_u32).prop_map(Some),
        1 => (0..=1_u32).prop_map(Some)
    ];
    let max_branch_runs = prop_oneof![1 => Just(None), 1 => narrow().prop_map(Some)];
    let totals = (max_runs, max_branch_runs);
    let tags = proptest::array::uniform6(tag_limits());
    let default_limit = prop_oneof![2 => Just(None), 1 => narrow().prop_map(Some)];
    let pools = (granularity, default_limit, 0..=2_u32, blocking);
    (totals, tags, pools, of(0..=3_u64)).prop_map(|(totals, tag_limits, pools, reserve_after)| {
        Rules {
            max_runs: totals.0,
            max_branch_runs: totals.1,
            tag_limits,
            granularity: pools.0,
            default_limit: pools.1,
            run_buffer: pools.2,
            blocking: pools.3,
            reserve_after,
        }
    })
}

/// Limits that are soon reached, seldom from the beginning.
fn narrow() -> impl Strategy<Value = u32> {
    prop_oneof![1 => Just(0), 4 => Just(1_u32), 4 => Just(2), 3 => Just(3)]
}

fn pool_limits() -> impl Strategy<Value = [Option<u32>; 3]> {
    proptest::array::uniform3(of(narrow()))
}

fn moves() -> impl Strategy<Value = Move> {
    use RunStatus::{Canceling, Queued, Started, Starting};
    let retag = (live(), words()).prop_map(|(who, tags)| Move::Retag(who, tags));
    let reprioritize = (live(), -1..=2).prop_map(|(who, number)| Move::Reprioritize(who, number));
    Union::new_weighted(vec![
        (13, new_run(mostly_queued()).prop_map(Move::Submit).boxed()),
        (12, admit().boxed()),
        (12, ask().boxed()),
        (9, who(Starting).prop_map(Move::Begin).boxed()),
        (4, who(Started).prop_map(Move::FirstPassDone).boxed()),
        (1, who(Canceling).prop_map(Move::FirstPassDone).boxed()),
        (3, free().boxed()),
        (6, any::<u8>().prop_map(Move::FreeGranted).boxed()),
        (7, who(Started).prop_map(Move::End).boxed()),
        (2, live().prop_map(Move::End).boxed()),
        (2, live().prop_map(Move::Cancel).boxed()),
        (1, live().prop_map(Move::Delete).boxed()),
        (2, who(Starting).prop_map(Move::Requeue).boxed()),
        (3, retag.boxed()),
        (2, reprioritize.boxed()),
        (2, who(Queued).prop_map(Move::Hold).boxed()),
        (3, any::<u8>().prop_map(|nth| Move::Release(Who::Held(nth))).boxed()),
        (1, live().prop_map(Move::Release).boxed()),
        (4, pool_limit().boxed()),
        (2, rules().prop_map(Move::Configure).boxed()),
        (1, pause().boxed()),
        (1, location_name().prop_map(Move::Resume).boxed()),
        (3, wait().boxed()),
    ])
}

fn admit() -> impl Strategy<Value = Move> {
    (1..=4_u32, 1..=4_u32).prop_map(|(budget, calls)| Move::Admit { budget, calls })
}

fn pause() -> impl Strategy<Value = Move> {
    let location = prop_oneof![1 => Just("loc"), 2 => Just("far")];
    (location, -1..=3_i64).prop_map(|(name, seconds)| Move::Pause(name, seconds))
}

fn ask() -> impl Strategy<Value = Move> {
    let asked = (who(RunStatus::Started), step_key(), -1..=2, slots());
    asked.prop_map(|(who, step, priority, slots)| Move::Ask(who, step, priority, slots))
}

fn free() -> impl Strategy<Value = Move> {
    let step = prop_oneof![4 => step_key().prop_map(Some), 1 => Just(None)];
    (who(RunStatus::Started), step).prop_map(|(who, step)| Move::Free(who, step))
}

fn pool_limit() -> impl Strategy<Value = Move> {
    let limit = prop_oneof![4 => narrow().prop_map(Some), 1 => Just(None)];
    (select(POOLS.to_vec()), limit).prop_map(|(pool, limit)| Move::PoolLimit(pool, limit))
}

fn wait() -> impl Strategy<Value = Move> {
    prop_oneof![1 => Just(-1_i64), 8 => 0..=3_i64].prop_map(Move::Wait)
}

fn who(status: RunStatus) -> impl Strategy<Value = Who> {
    prop_oneof![
        20 => any::<u8>().prop_map(move |nth| Who::Is(status, nth)),
        1 => live(),
        1 => (0..40_u8).prop_map(Who::Number),
    ]
}

fn live() -> impl Strategy<Value = Who> {
    prop_oneof![
        15 => any::<u8>().prop_map(Who::Live),
        1 => (0..40_u8).prop_map(Who::Number),
    ]
}

fn mostly_queued() -> proptest::strategy::BoxedStrategy<RunStatus> {
    prop_oneof![20 => Just(RunStatus::Queued), 4 => live_status(), 1 => select(RunStatus::ALL.to_vec())]
        .boxed()
}

fn live_status() -> proptest::strategy::BoxedStrategy<RunStatus> {
    use RunStatus::{Canceling, Queued, Started, Starting};
    select(vec![Queued, Starting, Started, Canceling]).boxed()
}

fn new_run(status: proptest::strategy::BoxedStrategy<RunStatus>) -> impl Strategy<Value = NewRun> {
    let deployment = prop_oneof![
        2 => Just(DeploymentKind::Full),
        1 => Just(DeploymentKind::Branch)
    ];
    let root = prop_oneof![3 => Just(None), 2 => slots().prop_map(Some)];
    let roots = proptest::array::uniform3(root);
    let later = prop_oneof![3 => Just(Slots::default()), 1 => slots()];
    let names = (0..40_u8, 0..80_u64);
    (names, status, words(), location_name(), deployment, roots, later).prop_map(
        |((number, seq), status, tags, location, deployment, roots, later)| NewRun {
            number,
            seq,
            status,
            tags,
            location,
            deployment,
            roots,
            later,
        },
    )
}

fn words() -> impl Strategy<Value = Words> {
    let priority = select(vec!["0", "1", " 2 ", "-1", "junk", "99999999999"]);
    let priority = prop_oneof![2 => Just(None), 1 => priority.prop_map(Some)];
    let team = of(select(vec!["docs", "core", "web"]));
    let db = of(select(vec!["", "tiny"]));
    (priority, team, db).prop_map(|(priority, team, db)| Words { priority, team, db })
}

fn slots() -> impl Strategy<Value = Slots> {
    let number = || prop_oneof![8 => Just(0), 5 => Just(1_u32), 2 => Just(2), 1 => Just(3)];
    (number(), number(), number()).prop_map(|(p, q, r)| Slots(p, q, r))
}

fn location_name() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => Just("loc"), 1 => Just("far")]
}

fn step_key() -> impl Strategy<Value = &'static str> {
    select(STEPS.to_vec())
}

impl World {
    /// Returns the facts before the first move.
    pub(crate) fn beginning(&self) -> Facts {
        let limits = POOLS.iter().zip(self.pool_limits);
        Facts {
            settings: self.rules.settings(),
            pool_limits: limits
                .filter_map(|(name, limit)| Some((pool(name), pool_limit_of(limit?))))
                .collect(),
            ..Facts::default()
        }
    }
}

impl Move {
    /// Returns the event that this move is in a world where these are the facts, if it is one.
    pub(crate) fn event(&self, facts: &Facts) -> Option<Event> {
        let id = |who: &Who| who.among(facts);
        Some(match self {
            Self::Admit { .. } => return None,
            Self::Submit(run) => Event::Submit(run.run()),
            Self::Retag(who, tags) => {
                let (run, tags) = (id(who), tags.tags());
                Event::Retag { run, tags }
            }
            Self::Reprioritize(who, number) => {
                let (run, priority) = (id(who), Priority::new(*number));
                Event::Reprioritize { run, priority }
            }
            Self::Hold(who) => Event::Hold { run: id(who) },
            Self::Release(who) => Event::Release { run: id(who) },
            Self::Requeue(who) => Event::Requeue { run: id(who) },
            Self::Begin(who) => Event::Begin { run: id(who) },
            Self::FirstPassDone(who) => Event::FirstPassDone { run: id(who) },
            Self::Ask(who, key, priority, slots) => {
                let step = Step {
                    key: StepKey::new(key).unwrap(),
                    priority: Priority::new(*priority),
                    demand: slots.demand(),
                };
                let run = id(who);
                Event::Ask { run, step }
            }
            Self::Free(who, key) => {
                let step = key.map(|key| StepKey::new(key).unwrap());
                let run = id(who);
                Event::Free { run, step }
            }
            Self::FreeGranted(nth) => {
                let claims = facts.claims.iter().map(|facts| &facts.claim);
                let granted = claims.filter(|claim| claim.state == ClaimState::Granted);
                let granted: Vec<&StepId> = granted.map(|claim| &claim.step).collect();
                let at = usize::from(*nth).checked_rem(granted.len());
                let run = at.map_or(run_id(0), |at| granted[at].run);
                let step = at.map(|at| granted[at].step.clone());
                Event::Free { run, step }
            }
            Self::Cancel(who) => Event::Cancel { run: id(who) },
            Self::End(who) => Event::End { run: id(who) },
            Self::Delete(who) => Event::Delete { run: id(who) },
            Self::PoolLimit(name, limit) => match limit {
                Some(limit) => {
                    let (pool, limit) = (pool(name), pool_limit_of(*limit));
                    Event::PoolLimitSet { pool, limit }
                }
                None => Event::PoolLimitDeleted { pool: pool(name) },
            },
            Self::Configure(rules) => Event::Configure(rules.settings()),
            Self::Pause(name, seconds) => {
                let (location, until) = (location(name), later(facts.now, *seconds));
                Event::LocationPaused { location, until }
            }
            Self::Resume(name) => {
                let location = location(name);
                Event::LocationResumed { location }
            }
            Self::Wait(seconds) => {
                let now = later(facts.now, *seconds);
                Event::TimePassed { now }
            }
        })
    }
}

impl Who {
    fn among(self, facts: &Facts) -> RunId {
        let pick = |nth: u8, is_meant: &dyn Fn(&RunFacts) -> bool| {
            let meant: Vec<&RunFacts> = facts.runs.iter().filter(|facts| is_meant(facts)).collect();
            let at = usize::from(nth).checked_rem(meant.len())?;
            Some(meant[at].run.id)
        };
        let found = match self {
            Self::Number(number) => Some(run_id(number)),
            Self::Live(nth) => pick(nth, &|_| true),
            Self::Is(status, nth) => {
                pick(nth, &|facts| facts.run.status == status).or_else(|| pick(nth, &|_| true))
            }
            Self::InProgress(nth) => pick(nth, &|facts| facts.run.status.is_in_progress()),
            Self::Held(nth) => pick(nth, &|facts| facts.is_held),
        };
        found.unwrap_or(run_id(0))
    }
}

impl NewRun {
    /// Returns the run.
    pub(crate) fn run(&self) -> Run {
        let roots = self.roots.iter().flatten().map(|slots| slots.demand());
        let later: Vec<PoolName> =
            self.later.demand().iter().map(|(pool, _)| pool.clone()).collect();
        Run {
            id: run_id(self.number),
            seq: Seq::new(self.seq),
            job: JobName::new("job").unwrap(),
            location: location(self.location),
            deployment: Deployment {
                name: DeploymentName::new("prod").unwrap(),
                kind: self.deployment,
            },
            tags: self.tags.tags(),
            pools: RunPools::new(roots, later),
            status: self.status,
            attempt: None,
        }
    }
}

impl Words {
    fn tags(self) -> Tags {
        let named = [(model::PRIORITY_TAG, self.priority), ("team", self.team), ("db", self.db)];
        let given = named.into_iter().filter_map(|(key, value)| Some((key, value?)));
        given.collect()
    }
}

impl Slots {
    fn demand(self) -> Demand {
        let wanted = POOLS.iter().zip([self.0, self.1, self.2]);
        wanted.filter_map(|(name, slots)| Some((pool(name), model::Slots::new(slots)?))).collect()
    }
}

impl Rules {
    /// Returns the settings.
    pub(crate) fn settings(&self) -> Settings {
        let at_most = |limit: Option<u32>| limit.map_or(Capacity::Unlimited, Capacity::AtMost);
        let limits = TAG_LIMITS.iter().zip(self.tag_limits);
        let limits = limits.filter_map(|((key, value), limit)| {
            let matches = match value {
                None => TagMatch::Key,
                Some(value) if *value == EACH_VALUE => TagMatch::EachValue,
                Some(value) => TagMatch::Value((*value).to_owned()),
            };
            let (key, limit) = ((*key).to_owned(), limit?);
            Some(TagLimit { key, matches, limit })
        });
        Settings {
            max_concurrent_runs: at_most(self.max_runs),
            max_branch_deployment_runs: at_most(self.max_branch_runs),
            tag_limits: TagLimits::new(limits.collect()).unwrap(),
            pools: PoolSettings {
                granularity: self.granularity,
                default_limit: self.default_limit.map(pool_limit_of),
                run_buffer: self.run_buffer,
                blocking: self.blocking,
            },
            reserve_after: self.reserve_after.map(Duration::from_secs),
        }
    }
}

impl fmt::Debug for World {
    /// Writes one move a line, as Rust.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "World {{")?;
        writeln!(f, "    rules: {:?},", self.rules)?;
        writeln!(f, "    pool_limits: {:?},", self.pool_limits)?;
        writeln!(f, "    moves: vec![")?;
        for one in &self.moves {
            writeln!(f, "        {one:?},")?;
        }
        writeln!(f, "    ],")?;
        write!(f, "}}")
    }
}

pub(crate) fn pool(name: &str) -> PoolName {
    PoolName::new(name).unwrap()
}

pub(crate) fn pool_limit_of(limit: u32) -> PoolLimit {
    PoolLimit::new(i64::from(limit)).unwrap()
}

fn location(name: &str) -> CodeLocation {
    CodeLocation::new(name).unwrap()
}

fn run_id(number: u8) -> RunId {
    RunId::from_u128(u128::from(number))
}

fn later(now: Timestamp, seconds: i64) -> Timestamp {
    let micros = seconds.saturating_mul(1_000_000);
    Timestamp::from_micros(now.as_micros().saturating_add(micros))
}
