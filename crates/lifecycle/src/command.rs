//! What the rules are told, and what they answer and refuse.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    AssetEventKind, Attempt, CodeLocation, Demand, Deployment, EventKind, JobName, Nonce,
    PartitionKey, PartitionsName, PoolLimit, PoolName, RunId, RunPools, RunStatus, Settings, Step,
    StepKey, Submission, Tags, Timestamp, TokenHash,
};
use thiserror::Error;

use crate::changes::{Changed, MAX_WRITTEN_TAGS, RunChange};
use crate::rules::Rules;

/// One thing that happened or is asked for.
#[derive(Debug, Clone)]
pub enum Command {
    /// Somebody submits a run.
    Submit(Box<Submit>),
    /// A run is to end.
    Cancel {
        /// Which run.
        run: RunId,
        /// Whether it waits for its worker.
        mode: CancelMode,
    },
    /// The record of a run is to be deleted. One that is in progress must end first.
    Delete {
        /// Which run.
        run: RunId,
        /// If the store has a run of this id that has ended: how many events it has.
        ended: Option<u64>,
    },
    /// Runs that have not ended are changed, all in one commit.
    Change {
        /// Which runs.
        runs: Vec<RunId>,
        /// What of them.
        change: RunChange,
    },
    /// Slots that steps hold are given back, while the steps go on.
    FreeSlots {
        /// Which run.
        run: RunId,
        /// Which step; all of them, if none is named.
        step: Option<StepKey>,
    },
    /// Another configuration comes into force.
    Configure {
        /// The settings of the limits.
        settings: Box<Settings>,
        /// The deadlines and bounds.
        rules: Rules,
    },
    /// A pool gets a limit of its own, or loses it.
    SetPoolLimit {
        /// Which pool.
        pool: PoolName,
        /// Its limit from now on, if it has one.
        limit: Option<PoolLimit>,
    },
    /// Dynamic partitions are added and removed. One that is there is not added again, one that is
    /// not is not removed; which these are is the store's to know.
    ChangePartitions {
        /// The set.
        name: PartitionsName,
        /// What is added, in this order.
        add: Vec<PartitionKey>,
        /// What is removed.
        remove: Vec<PartitionKey>,
    },
    /// A worker asks whether it may run user code.
    Begin {
        /// Who asks.
        worker: Worker,
        /// What it drew.
        nonce: Nonce,
    },
    /// A worker tells what happened.
    Report {
        /// Who tells.
        worker: Worker,
        /// The number of the first report, from 1.
        first: u64,
        /// In their order.
        reports: Vec<Report>,
    },
    /// A worker asks what it should know; that shows that it lives.
    Poll {
        /// Who asks.
        worker: Worker,
    },
    /// The connection to a worker broke: it may be gone.
    Missed {
        /// Which run.
        run: RunId,
        /// Which attempt.
        attempt: Attempt,
    },
    /// The launcher tells how a launch went.
    Launched {
        /// Which run.
        run: RunId,
        /// Which attempt.
        attempt: Attempt,
        /// How.
        outcome: Launched,
    },
    /// The launcher tells what it sees of an attempt.
    Observed {
        /// Which run.
        run: RunId,
        /// Which attempt.
        attempt: Attempt,
        /// What.
        sight: Sight,
    },
    /// These code locations and no others are being loaded for the first time. Told by whoever knows
    /// it before anything starts, and again whenever it changes: the store has nothing of it.
    Loading {
        /// Which code locations.
        locations: BTreeSet<CodeLocation>,
    },
    /// Some time has passed.
    Tick,
}

/// Whether a run waits for its worker when it is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelMode {
    /// It ends when its worker has ended.
    Wish,
    /// It ends at once and gives back all that it holds; what is left of its worker is killed after
    /// that, and may do harm for a moment more.
    Force,
}

/// A worker as it shows itself with every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worker {
    /// The run that it works on.
    pub run: RunId,
    /// The attempt that it is.
    pub attempt: Attempt,
    /// The hash of the token that it shows.
    pub token: TokenHash,
}

/// A run that somebody submits.
#[derive(Debug, Clone)]
pub struct Submit {
    /// The id that it is to have; a fresh one, if none is given.
    pub id: Option<RunId>,
    /// Its job.
    pub job: JobName,
    /// The code location of the job.
    pub location: CodeLocation,
    /// The deployment that it belongs to.
    pub deployment: Deployment,
    /// All its tags.
    pub tags: Tags,
    /// What it uses of the pools.
    pub pools: RunPools,
    /// What else is stored of it.
    pub submission: Arc<Submission>,
    /// What the store knows of it already.
    pub known: Known,
}

/// What the store knows of a submission before it is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Whether a run has the id that is asked for.
    pub is_id_taken: bool,
    /// What was submitted under the same idempotency key: the hash of the request, and its run.
    pub same_key: Option<([u8; 32], RunId)>,
}

/// How a launch went, as far as the launcher can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launched {
    /// A worker was started.
    Started,
    /// Surely nothing was started; why, as a sentence.
    Failed(String),
    /// The code location cannot be reached, so nothing was started; why, as a sentence.
    Unreachable(String),
    /// Nobody knows; why, as a sentence.
    Unknown(String),
}

/// What the launcher sees of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Its worker lives.
    Alive,
    /// Its worker is gone, but some process of a step lives.
    Remains,
    /// Nothing of it lives.
    Gone,
    /// It cannot be told. This never means gone.
    Unknown,
}

/// Something that happened in a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// When, by the worker's clock.
    pub at: Timestamp,
    /// What.
    pub kind: ReportKind,
}

/// What happened in a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportKind {
    /// Steps that the run will have.
    Planned(Vec<StepKey>),
    /// A step is ready and asks for its slots.
    Asked(Step),
    /// A step gives its slots back, or stops waiting for them: the limits inside its run leave no
    /// place for it now.
    GaveBack(StepKey),
    /// The steps that could start at once have asked or started.
    FirstPassDone,
    /// A try of a step begins.
    Started {
        /// Which step.
        step: StepKey,
        /// Which try, from 1.
        try_number: u32,
    },
    /// A step ended well.
    Succeeded(StepKey),
    /// A try of a step ended badly and there will be another one.
    UpForRetry {
        /// Which step.
        step: StepKey,
        /// What went wrong.
        error: String,
        /// The whole of it as a JSON object, if code has raised it.
        details: Option<Arc<str>>,
        /// When it is ready again.
        retry_at: Timestamp,
    },
    /// A step ended badly.
    Failed {
        /// Which step.
        step: StepKey,
        /// What went wrong.
        error: String,
        /// The whole of it as a JSON object, if code has raised it.
        details: Option<Arc<str>>,
    },
    /// A step is not run.
    Skipped {
        /// Which step.
        step: StepKey,
        /// Why.
        reason: String,
    },
    /// A step was ended by a cancel.
    Canceled(StepKey),
    /// The code of a step that is running has told something.
    Told {
        /// Which step.
        step: StepKey,
        /// What.
        told: Box<Told>,
    },
    /// The worker has nothing left to do.
    Ended(Outcome),
}

/// Something that the code of a step has told: an event, on which nothing of the run hangs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The step of the event: the one that runs, or one inside it.
    pub step: StepKey,
    /// The kind of the event.
    pub kind: EventKind,
    /// It as a sentence.
    pub message: String,
    /// The whole of it as a JSON object.
    pub data: Option<Arc<str>>,
    /// Of which asset it is, if it is of one.
    pub asset: Option<ToldAsset>,
}

/// What of something told is about an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldAsset {
    /// What.
    pub kind: AssetEventKind,
    /// The key of the asset.
    pub asset: String,
    /// The partition of the asset.
    pub partition: Option<String>,
    /// The name of the check, of a check.
    pub check: Option<String>,
    /// Whether the check has passed, of a check.
    pub passed: Option<bool>,
    /// How bad it is if it has not, of a check.
    pub severity: Option<String>,
}

/// How an attempt ended, by the word of its worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Succeeded,
    /// Badly.
    Failed {
        /// Whether it was a step that failed, and not the worker itself.
        by_step: bool,
        /// What went wrong, as a sentence.
        error: String,
    },
    /// It was told to end, and did.
    Canceled,
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The command was taken note of.
    Done,
    /// A run was submitted.
    Submitted {
        /// Its id.
        run: RunId,
        /// Whether it is new, and not one that was submitted before under the same key.
        is_new: bool,
    },
    /// Where a run is after the command.
    Status(RunStatus),
    /// The number of the last report that is known of this attempt.
    Received {
        /// That number.
        last: u64,
    },
    /// What a worker should know.
    Directions(crate::Directions),
    /// What came of a change of runs.
    Changed(Changed),
    /// The steps whose slots were given back, and which.
    Freed(Vec<(StepKey, Demand)>),
}

/// Says why a command was refused. Then nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A run has the id that was asked for.
    #[error("there is a run {0} already")]
    RunExists(RunId),
    /// Something else was submitted under the same idempotency key.
    #[error("the idempotency key was used for another submission, which became run {0}")]
    KeyReused(RunId),
    /// There is no such run.
    #[error("there is no run {0}")]
    UnknownRun(RunId),
    /// The run has ended, or ends at this moment.
    #[error("run {0} has ended already")]
    Ended(RunId),
    /// The run is in progress.
    #[error("run {0} is {1}: cancel it first, its record can be deleted when it has ended")]
    InProgress(RunId, RunStatus),
    /// At run granularity the slots are the run's until it ends.
    #[error(
        "the slots of run {0} belong to the run as a whole until it ends, because the pools are \
         enforced at run granularity"
    )]
    SlotsOfRun(RunId),
    /// The tags of the runs that are to be changed are more than one commit writes.
    #[error(
        "the tags of the runs to be changed come to more than {} MiB, which is as much as is written \
         at one time",
        MAX_WRITTEN_TAGS >> 20
    )]
    TooManyTags,
    /// The worker has no part in the run any more.
    #[error(transparent)]
    Dismissed(#[from] Dismissed),
}

/// Why a worker has no part in a run any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Dismissed {
    /// The run has ended or does not exist.
    #[error("the run has ended")]
    Ended,
    /// Another attempt has taken its place, or another process of the same attempt.
    #[error("another worker has taken its place")]
    Superseded,
    /// The run was canceled before this worker began.
    #[error("the run was canceled before it began")]
    Canceled,
    /// The token is not that of the attempt.
    #[error("the token is not that of this attempt")]
    WrongToken,
}
