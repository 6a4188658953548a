//! What the store answers.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use model::{
    AssetEvent, AssetEventKind, Change, Claim, CodeLocation, Epoch, IdempotencyKey, JobName,
    PoolLimit, PoolName, Priority, Run, RunId, RunLife, RunStatus, Seq, StepRow, Tags, Timestamp,
};

/// A run as it is stored, without its plan and its config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// What the decisions know of it.
    pub run: Run,
    /// The part that changes.
    pub life: RunLife,
}

/// Everything that has not ended, as of one commit: what a leader starts from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loaded {
    /// Where the numbers stand.
    pub position: Position,
    /// The runs that have not ended, by sequence.
    pub runs: Vec<StoredRun>,
    /// All claims, best first.
    pub claims: Vec<Claim>,
    /// The steps of those that are in progress, by the sequence of the run, then by position.
    pub steps: Vec<StepRow>,
    /// The limits that pools have of their own, by pool.
    pub pool_limits: Vec<(PoolName, PoolLimit)>,
    /// Until when code locations are paused, by location.
    pub pauses: Vec<(CodeLocation, Timestamp)>,
}

/// Where the numbers stand: the last ones given, whether or not what bore them is still stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The epoch of the latest leader; 0 before the first.
    pub epoch: Epoch,
    /// The number of the last event.
    pub change: Change,
    /// The largest sequence number of a run; 0 before the first.
    pub seq: Seq,
    /// The largest number of an asking for slots; 0 before the first.
    pub claim: u64,
}

impl Default for Position {
    /// Returns the position of a store in which nothing was ever written.
    fn default() -> Self {
        Self { epoch: Epoch(0), change: Change::NONE, seq: Seq::new(0), claim: 0 }
    }
}

/// Which runs to list. An empty filter lists all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunsFilter {
    /// Runs in one of these statuses; of all statuses if it is empty.
    pub statuses: BTreeSet<RunStatus>,
    /// Runs of jobs with this name.
    pub job: Option<JobName>,
    /// Runs of this code location.
    pub location: Option<CodeLocation>,
    /// Runs with all these tags.
    pub tags: Tags,
    /// Runs submitted then or later.
    pub since: Option<Timestamp>,
    /// Runs submitted before.
    pub until: Option<Timestamp>,
}

/// A place in the queue: by priority, best first, and by sequence number among equal priorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The priority.
    pub priority: Priority,
    /// The sequence number of the run.
    pub number: u64,
}

impl Cursor {
    /// Returns the place of a run in the queue.
    pub fn of_run(priority: Priority, seq: Seq) -> Self {
        Self { priority, number: seq.get() }
    }
}

/// What was submitted beside what the decisions know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The plan of the job, as JSON, byte for byte as it was submitted.
    pub plan: Arc<str>,
    /// The config of the run, as JSON, byte for byte as it was submitted.
    pub config: Arc<str>,
    /// The tags.
    pub tags: Tags,
}

/// Which keys and ids are taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// The keys, in their order.
    pub keys: Vec<KnownKey>,
    /// The ids of stored runs.
    pub ids: BTreeSet<RunId>,
}

/// An idempotency key with the run that was submitted under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// The key, with the hash of the request.
    pub key: IdempotencyKey,
    /// The run; its record may have been deleted since.
    pub run: RunId,
}

/// Which events of assets to list. An empty filter lists all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AssetEventsFilter {
    /// Of the asset with this key.
    pub asset: Option<String>,
    /// Of this kind.
    pub kind: Option<AssetEventKind>,
    /// Of this partition.
    pub partition: Option<String>,
    /// Of the check of this name.
    pub check: Option<String>,
    /// That this run has told.
    pub run: Option<RunId>,
    /// Behind this change.
    pub after: Option<Change>,
    /// Before this change.
    pub before: Option<Change>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
}

/// A part of a list of events of assets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AssetEventsPage {
    /// The events.
    pub events: Vec<AssetEvent>,
    /// Whether there may be more behind them.
    pub is_cut: bool,
}

/// When and by which run an asset was last made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastMade {
    /// The key of the asset.
    pub asset: String,
    /// The run.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
}

/// What retention takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Prune {
    /// Records of runs that ended before, with all that belongs to them but their idempotency keys.
    /// What is counted is runs.
    Runs,
    /// Events that happened before, of runs that ended before and of no run. What is counted is
    /// events; the oldest go first. The first event that is younger ends the search, so that the
    /// history behind it is not walked.
    Events,
    /// Events of assets that happened before, of runs that ended before or are not stored, and that are
    /// not the latest of their asset, kind, partition and check. What is counted is events.
    AssetEvents,
    /// Idempotency keys that were used before. What is counted is keys.
    IdempotencyKeys,
}

/// What a database looks like to somebody who only reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inspection {
    /// What must not be in it, in a defined order; at most 20 of each kind.
    pub violations: Vec<Violation>,
    /// The latest instant among the last events; none if there is none, or something is wrong.
    pub newest_event: Option<Timestamp>,
    /// Whether its schema is older than that of this version, which brings it up to date when it is
    /// opened; its rows were not looked at then.
    pub is_older: bool,
}

/// Something in the store that must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// The file itself is damaged.
    Damaged(String),
    /// A step has a claim although its run is not in progress.
    IdleClaim {
        /// The run.
        run: RunId,
        /// The step, as it is stored.
        step: String,
    },
    /// The events of a run have a gap, or are fewer or more than the run says.
    EventGap {
        /// The run.
        run: RunId,
    },
    /// The last event about the status of a run says another status than the run.
    OtherStatus {
        /// The run.
        run: RunId,
        /// The status that is stored.
        status: String,
        /// The last such event.
        event: String,
    },
    /// Rows belong to a run that is not stored.
    Orphans {
        /// The table.
        table: String,
        /// How many.
        count: u64,
    },
    /// A run's plan is not stored.
    MissingPlan {
        /// The run.
        run: RunId,
    },
    /// A number is larger than the last one given.
    NumberAhead {
        /// Which number.
        what: String,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(what) => write!(f, "the file is damaged: {what}"),
            Self::IdleClaim { run, step } => {
                write!(f, "step {step} of run {run} has a claim, but the run is not in progress")
            }
            Self::EventGap { run } => write!(f, "the events of run {run} have a gap"),
            Self::OtherStatus { run, status, event } => {
                write!(f, "run {run} is {status}, but the last event of its life is {event}")
            }
            Self::Orphans { table, count } => {
                write!(f, "{count} rows of {table} belong to runs that are not stored")
            }
            Self::MissingPlan { run } => write!(f, "the plan of run {run} is not stored"),
            Self::NumberAhead { what } => {
                write!(f, "a {what} is larger than the last one that was given")
            }
        }
    }
}
