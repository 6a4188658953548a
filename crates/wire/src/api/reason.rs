//! Why a run or a step waits, as JSON: the explanation of `model`, number by number.
//!
//! The sentences are written by `model`; here they only get the short ids of runs.

use model::{Capacity, Count, HolderOf, LimitKey, RunId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// Why a run or a step has not started, or that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// Whether it is in progress, could start, or is blocked.
    pub state: ExplanationState,
    /// Each limit that blocks it now; empty unless it is blocked.
    #[serde(default)]
    pub reasons: Vec<Reason>,
}

/// What an explanation comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExplanationState {
    /// It is in progress, or has its slots.
    Holding,
    /// No limit blocks it now; those ahead of it may still take the room first.
    Eligible,
    /// At least one limit blocks it now.
    Blocked,
}

/// One limit that blocks a run or a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// The limit.
    pub limit: Limit,
    /// How much it lets through at one time; `null` if it is unlimited.
    pub capacity: Option<u32>,
    /// What is taken of it now.
    pub usage: Usage,
    /// Whether it counts slots that steps take, and not runs.
    pub counts_slots: bool,
    /// How many units are needed.
    pub wanted: u32,
    /// The first of those who take units.
    pub holders: Vec<Holder>,
    /// How many more holders there are.
    pub more_holders: u64,
    /// The step that has reserved the pool, if that is what blocks.
    pub reserved_by: Option<StepRef>,
    /// How many others wait for this limit and go first.
    pub ahead: Ahead,
    /// The change after which this limit would no longer block.
    pub remedy: Remedy,
}

/// Names one limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Limit {
    /// The runs in progress in total.
    MaxConcurrentRuns,
    /// The runs in progress over all branch deployments together.
    BranchDeployments,
    /// A tag concurrency limit.
    Tag {
        /// The tag's key.
        key: String,
        /// The value that it counts; `null` if it counts every value together.
        value: Option<String>,
        /// Which values it counts together.
        scope: TagScope,
    },
    /// A pool.
    Pool {
        /// Its name.
        pool: String,
    },
    /// A code location that is paused, or is being loaded for the first time.
    CodeLocation {
        /// Its name.
        location: String,
    },
    /// The hold that somebody put on the run.
    Hold,
}

/// Which runs a tag limit counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TagScope {
    /// All runs with the key.
    AnyValue,
    /// The runs with this value, by a limit on this very value.
    Value,
    /// The runs with this value, by a limit that counts each distinct value apart.
    EachValue,
}

/// What is taken of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Runs in progress that count.
    pub runs: u64,
    /// Slots that steps hold.
    pub granted: u64,
    /// Slots that steps wait for.
    pub pending: u64,
    /// Slots kept for the first steps of runs that have just started.
    pub roots: u64,
}

/// Somebody who takes units of a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holder {
    /// The run's id.
    pub run: String,
    /// Which part of the run.
    pub part: HolderPart,
    /// The step, if it is one.
    pub step: Option<String>,
    /// How many units.
    pub units: u64,
}

/// Which part of a run takes units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HolderPart {
    /// The run as a whole.
    Run,
    /// A step that holds slots.
    Step,
    /// A step that waits for slots.
    PendingStep,
    /// First steps that have not asked yet.
    Roots,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepRef {
    /// The run's id.
    pub run: String,
    /// The step's key.
    pub step: String,
}

/// How many others go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ahead {
    /// So many, or at least so many.
    pub count: u64,
    /// Whether there are no more than these.
    pub is_exact: bool,
}

/// The change that would free a run or a step from a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Remedy {
    /// Raise the limit to this number or more.
    RaiseTo {
        /// The number.
        number: u32,
    },
    /// Raise the limit as far as it goes and wait for so many slots more.
    FreeUnits {
        /// How many slots.
        units: u32,
    },
    /// Want at most so many slots.
    WantAtMost {
        /// How many slots.
        units: u32,
    },
    /// Release the hold.
    Release,
    /// Resume the code location, or wait.
    Resume {
        /// When it resumes by itself.
        at: Time,
    },
    /// Wait until the code location is loaded.
    AwaitLoad,
    /// Let this step run, or free its claim.
    FreeReservation {
        /// The step that has reserved the pool.
        step: StepRef,
    },
}

/// Returns the first eight digits of a run's id, by which tables and sentences name it.
pub fn short_id(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Returns the reasons of an explanation as sentences, in their order, runs named by short ids.
pub fn sentences(explanation: &model::Explanation) -> Vec<String> {
    let name = |run: RunId| format!("run {}", short_id(&run.to_string()));
    match explanation {
        model::Explanation::Holding | model::Explanation::Eligible => Vec::new(),
        model::Explanation::Blocked(reasons) => {
            reasons.iter().map(|reason| reason.sentence(&name)).collect()
        }
    }
}

impl From<&model::Explanation> for Explanation {
    fn from(explanation: &model::Explanation) -> Self {
        let (state, reasons) = match explanation {
            model::Explanation::Holding => (ExplanationState::Holding, Vec::new()),
            model::Explanation::Eligible => (ExplanationState::Eligible, Vec::new()),
            model::Explanation::Blocked(reasons) => {
                (ExplanationState::Blocked, reasons.iter().map(Reason::from).collect())
            }
        };
        Self { state, reasons }
    }
}

impl From<&model::Reason> for Reason {
    fn from(reason: &model::Reason) -> Self {
        Self {
            limit: (&reason.limit).into(),
            capacity: at_most(reason.capacity),
            usage: reason.usage.into(),
            counts_slots: reason.counts_slots,
            wanted: reason.wanted,
            holders: reason.holders.shown.iter().map(Holder::from).collect(),
            more_holders: reason.holders.more as u64,
            reserved_by: reason.reserved_by.as_ref().map(StepRef::from),
            ahead: reason.ahead.into(),
            remedy: (&reason.remedy).into(),
        }
    }
}

/// Returns the number of a limit, or nothing if it is unlimited.
pub(crate) fn at_most(capacity: Capacity) -> Option<u32> {
    match capacity {
        Capacity::AtMost(number) => Some(number),
        Capacity::Unlimited => None,
    }
}

impl From<&LimitKey> for Limit {
    fn from(limit: &LimitKey) -> Self {
        match limit {
            LimitKey::MaxConcurrentRuns => Self::MaxConcurrentRuns,
            LimitKey::BranchDeployments => Self::BranchDeployments,
            LimitKey::Tag { key, scope } => {
                let (value, scope) = match scope {
                    model::TagScope::AnyValue => (None, TagScope::AnyValue),
                    model::TagScope::Value(value) => (Some(value.to_string()), TagScope::Value),
                    model::TagScope::EachValue(value) => {
                        (Some(value.to_string()), TagScope::EachValue)
                    }
                };
                Self::Tag { key: key.to_string(), value, scope }
            }
            LimitKey::Pool(pool) => Self::Pool { pool: pool.to_string() },
            LimitKey::Location(location) => Self::CodeLocation { location: location.to_string() },
            LimitKey::Hold => Self::Hold,
        }
    }
}

impl From<model::Usage> for Usage {
    fn from(usage: model::Usage) -> Self {
        let model::Usage { runs, granted, pending, roots } = usage;
        Self { runs, granted, pending, roots }
    }
}

impl From<&model::Holder> for Holder {
    fn from(holder: &model::Holder) -> Self {
        let (part, step) = match &holder.of {
            HolderOf::Run => (HolderPart::Run, None),
            HolderOf::Step(step) => (HolderPart::Step, Some(step.to_string())),
            HolderOf::PendingStep(step) => (HolderPart::PendingStep, Some(step.to_string())),
            HolderOf::Roots => (HolderPart::Roots, None),
        };
        Self { run: holder.run.to_string(), part, step, units: holder.units }
    }
}

impl From<&model::StepId> for StepRef {
    fn from(id: &model::StepId) -> Self {
        Self { run: id.run.to_string(), step: id.step.to_string() }
    }
}

impl From<Count> for Ahead {
    fn from(count: Count) -> Self {
        match count {
            Count::Exactly(count) => Self { count: count as u64, is_exact: true },
            Count::AtLeast(count) => Self { count: count as u64, is_exact: false },
        }
    }
}

impl From<&model::Remedy> for Remedy {
    fn from(remedy: &model::Remedy) -> Self {
        match remedy {
            model::Remedy::RaiseTo(number) => Self::RaiseTo { number: *number },
            model::Remedy::FreeUnits(units) => Self::FreeUnits { units: *units },
            model::Remedy::WantAtMost(units) => Self::WantAtMost { units: *units },
            model::Remedy::Release => Self::Release,
            model::Remedy::Resume { at } => Self::Resume { at: (*at).into() },
            model::Remedy::AwaitLoad => Self::AwaitLoad,
            model::Remedy::FreeReservation(step) => Self::FreeReservation { step: step.into() },
        }
    }
}
