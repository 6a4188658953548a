//! The answer to "why is mine waiting": typed reasons with numbers, holders and the way out.
//!
//! The types stand here because the decision makes them, the store keeps them on the run, and the
//! API, the CLI and the UI show them. The sentences are written here too, once.

use std::fmt;

use crate::id::{CodeLocation, PoolName, RunId, StepKey};
use crate::limits::Capacity;
use crate::pool::PoolLimit;
use crate::step::StepId;
use crate::time::Timestamp;

/// Names one limit: one counter with a capacity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitKey {
    /// `max_concurrent_runs`: the runs in progress in total.
    MaxConcurrentRuns,
    /// The runs in progress over all branch deployments together.
    BranchDeployments,
    /// A tag concurrency limit.
    Tag {
        /// The tag's key.
        key: Box<str>,
        /// Which values it counts together.
        scope: TagScope,
    },
    /// A pool.
    Pool(PoolName),
    /// A code location; it lets nothing through while it is paused.
    Location(CodeLocation),
    /// The hold that somebody put on a queued run.
    Hold,
}

/// Which runs one tag limit counts together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagScope {
    /// All runs with the key.
    AnyValue,
    /// The runs with this value, by a limit on this very value.
    Value(Box<str>),
    /// The runs with this value, by a limit that counts each distinct value apart.
    EachValue(Box<str>),
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxConcurrentRuns => f.write_str("max_concurrent_runs"),
            Self::BranchDeployments => f.write_str("max_concurrent_runs_all_branch_deployments"),
            Self::Tag { key, scope: TagScope::AnyValue } => write!(f, "tag {key}"),
            Self::Tag { key, scope: TagScope::Value(value) } => write!(f, "tag {key}={value}"),
            Self::Tag { key, scope: TagScope::EachValue(value) } => {
                write!(f, "tag {key}={value} (each value apart)")
            }
            Self::Pool(pool) => write!(f, "pool {pool}"),
            Self::Location(location) => write!(f, "code location {location}"),
            Self::Hold => f.write_str("hold"),
        }
    }
}

/// What is taken of a limit now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Runs in progress that count, one each.
    pub runs: u64,
    /// Slots of the pool that steps hold.
    pub granted: u64,
    /// Slots of the pool that steps wait for.
    pub pending: u64,
    /// Slots of the pool that the root steps want of those runs in progress whose worker has not
    /// finished its first scheduling pass.
    pub roots: u64,
}

/// A number that was counted up to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Count {
    /// So many.
    Exactly(usize),
    /// So many were counted, then the counting stopped.
    AtLeast(usize),
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(number) => number.fmt(f),
            Self::AtLeast(number) => write!(f, "at least {number}"),
        }
    }
}

/// Somebody who takes units of a limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// The run.
    pub run: RunId,
    /// The part of the run that takes them.
    pub of: HolderOf,
    /// How many units.
    pub units: u64,
}

/// Which part of a run takes units of a limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HolderOf {
    /// The run as a whole.
    Run,
    /// A step that holds slots.
    Step(StepKey),
    /// A step that waits for slots; it stands before runs that are still queued.
    PendingStep(StepKey),
    /// Root steps that have not asked yet, because the run has only just started.
    Roots,
}

/// Some of the holders of a limit, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holders {
    /// The first ones: runs by sequence, then steps that hold slots, then steps that wait.
    pub shown: Vec<Holder>,
    /// How many more there are.
    pub more: usize,
}

/// One limit that keeps a run or a step from starting now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The limit.
    pub limit: LimitKey,
    /// How much it lets through at one time.
    pub capacity: Capacity,
    /// What is taken of it now.
    pub usage: Usage,
    /// Whether it counts slots that steps take (a pool at op granularity) and not runs.
    pub counts_slots: bool,
    /// How many units the run or step needs of it. A run that waits for one of several root steps
    /// needs what the widest of them asks of this limit.
    pub wanted: u32,
    /// Who takes the units.
    pub holders: Holders,
    /// The step that has reserved the pool, if that is what blocks.
    pub reserved_by: Option<StepId>,
    /// How many others wait for this limit and go first.
    pub ahead: Count,
    /// The change after which this limit would no longer block.
    pub remedy: Remedy,
}

/// The change that would free a run or a step from one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Raise the limit to this number or more.
    RaiseTo(u32),
    /// Raise the pool's limit as far as it goes and wait until so many slots more are free: it
    /// cannot be raised far enough.
    FreeUnits(u32),
    /// Want at most so many slots: no pool can have as many as it wants.
    WantAtMost(u32),
    /// Release the hold.
    Release,
    /// Resume the code location, or wait until this instant.
    Resume {
        /// When it resumes by itself.
        at: Timestamp,
    },
    /// Wait until the code location is loaded.
    AwaitLoad,
    /// Let the step that has reserved the pool run, or free its claim.
    FreeReservation(StepId),
}

/// Why a run or a step has not started, or that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation {
    /// It is in progress, or has its slots.
    Holding,
    /// No limit blocks it now. Those ahead of it may still take the room first.
    Eligible,
    /// Each of these limits blocks it now, ordered by limit.
    Blocked(Vec<Reason>),
}

impl Reason {
    /// Returns the reason as a sentence or two, runs named by `name`.
    pub fn sentence(&self, name: &dyn Fn(RunId) -> String) -> String {
        let mut text = self.fact(name);
        let can_fit = self.capacity.is_at_least(self.wanted);
        if can_fit && self.reserved_by.is_none() && !self.holders.shown.is_empty() {
            text += &format!(", held by {}", self.holders.sentence(name));
        }
        if !matches!(self.ahead, Count::Exactly(0) | Count::AtLeast(0)) {
            text += &format!("; {} ahead of it here", self.ahead);
        }
        text + &format!(". Way out: {}.", self.way_out(name))
    }

    fn fact(&self, name: &dyn Fn(RunId) -> String) -> String {
        let Usage { runs, granted, pending, roots } = self.usage;
        let Self { limit, capacity, wanted, .. } = self;
        if let Some(step) = &self.reserved_by {
            return format!("{limit}: reserved by step {} of {}", step.step, name(step.run));
        }
        match limit {
            LimitKey::Hold => "held until somebody releases it".to_owned(),
            LimitKey::Location(_) if self.remedy == Remedy::AwaitLoad => {
                format!("{limit} is being loaded")
            }
            LimitKey::Location(_) => format!("{limit} is paused"),
            LimitKey::Pool(_) if !capacity.is_at_least(*wanted) => {
                format!("{limit}: {wanted} wanted, which never fits its limit of {capacity}")
            }
            LimitKey::Pool(_) if self.counts_slots => {
                let mut text = format!("{limit}: {wanted} wanted of {capacity}, {granted} taken");
                if pending > 0 {
                    text += &format!(", {pending} waited for");
                }
                if roots > 0 {
                    text += &format!(", {roots} kept for runs that have just started");
                }
                text
            }
            LimitKey::MaxConcurrentRuns
            | LimitKey::BranchDeployments
            | LimitKey::Tag { .. }
            | LimitKey::Pool(_) => format!("{limit}: {runs} of {capacity} in progress"),
        }
    }

    fn way_out(&self, name: &dyn Fn(RunId) -> String) -> String {
        let limit = match &self.limit {
            LimitKey::Tag { .. } | LimitKey::Pool(_) => format!("the limit of {}", self.limit),
            LimitKey::MaxConcurrentRuns
            | LimitKey::BranchDeployments
            | LimitKey::Location(_)
            | LimitKey::Hold => self.limit.to_string(),
        };
        match &self.remedy {
            Remedy::RaiseTo(number) => format!("raise {limit} to {number}"),
            Remedy::FreeUnits(units) => {
                format!("raise {limit} to {} and wait for {units} more slots", PoolLimit::MAX)
            }
            Remedy::WantAtMost(most) => {
                format!("let the step want at most {most} slots, as no pool can have more")
            }
            Remedy::Release => "release the run".to_owned(),
            Remedy::Resume { at } => format!("resume {limit}, or wait until {at}"),
            Remedy::AwaitLoad => "wait until it is loaded".to_owned(),
            Remedy::FreeReservation(step) => {
                format!("let step {} of {} run first, or free its claim", step.step, name(step.run))
            }
        }
    }
}

impl Holders {
    fn sentence(&self, name: &dyn Fn(RunId) -> String) -> String {
        let mut parts: Vec<String> =
            self.shown.iter().map(|holder| holder.sentence(name)).collect();
        if self.more > 0 {
            parts.push(format!("{} more", self.more));
        }
        parts.join(", ")
    }
}

impl Holder {
    fn sentence(&self, name: &dyn Fn(RunId) -> String) -> String {
        let run = name(self.run);
        let units = if self.units == 1 { String::new() } else { format!(" ({})", self.units) };
        match &self.of {
            HolderOf::Run => format!("{run}{units}"),
            HolderOf::Step(step) => format!("step {step} of {run}{units}"),
            HolderOf::PendingStep(step) => format!("waiting step {step} of {run}{units}"),
            HolderOf::Roots => format!("first steps of {run}{units}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(&|run| format!("run {run}")))
    }
}
