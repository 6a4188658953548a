//! The words in which a world is told, and what they mean to the image.
//!
//! Everything here is plain numbers and names, so that a world prints as Rust that can be pasted
//! into a test. Whom a move is about depends on the runs there are when its turn comes; the message
//! of a failed check lists the events that were really told.

use std::fmt;
use std::time::Duration;

use admission::{Event, Facts, RunFacts};
use model::{
    Capacity, ClaimState, CodeLocation, Demand, Deployment, DeploymentKind, DeploymentName,
    Granularity, JobName, PoolBlocking, PoolLimit, PoolName, PoolSettings, Priority, Run, RunId,
    RunPools, RunStatus, Seq, Settings, Step, StepId, StepKey, TagLimit, TagLimits, TagMatch, Tags,
    Timestamp,
};

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
    /// This location and no other is being loaded, or none at all.
    Load(Option<&'static str>),
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
                let (run, step) = (id(who), step(key, *priority, *slots));
                Event::Ask { run, step }
            }
            Self::Free(who, key) => {
                let step = key.map(|key| StepKey::new(key).unwrap());
                let run = id(who);
                Event::Free { run, step }
            }
            Self::FreeGranted(nth) => free_granted(facts, *nth),
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
            Self::Load(name) => {
                let locations = name.iter().map(|name| location(name)).collect();
                Event::LocationsLoading { locations }
            }
            Self::Wait(seconds) => {
                let now = later(facts.now, *seconds);
                Event::TimePassed { now }
            }
        })
    }
}

/// Frees one of the claims that have their slots; if there is none, of a run that has none.
fn free_granted(facts: &Facts, nth: u8) -> Event {
    let claims = facts.claims.iter().map(|facts| &facts.claim);
    let granted = claims.filter(|claim| claim.state == ClaimState::Granted);
    let granted: Vec<&StepId> = granted.map(|claim| &claim.step).collect();
    let at = usize::from(nth).checked_rem(granted.len());
    let run = at.map_or(run_id(0), |at| granted[at].run);
    let step = at.map(|at| granted[at].step.clone());
    Event::Free { run, step }
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

fn step(key: &str, priority: i32, slots: Slots) -> Step {
    Step {
        key: StepKey::new(key).unwrap(),
        priority: Priority::new(priority),
        demand: slots.demand(),
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
