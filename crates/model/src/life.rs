//! What is kept of a run's life beside its identity: the part of a run that changes, and the events
//! that tell how it came about.

use std::fmt;
use std::sync::Arc;

use crate::id::{Attempt, RunId, StepKey};
use crate::status::RunStatus;
use crate::time::Timestamp;

/// A number of the one sequence of all changes, without a gap: every event has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Change(u64);

impl Change {
    /// Stands before the first change.
    pub const NONE: Self = Self(0);

    /// Takes the number as it is.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the plain number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns the number of the change that follows this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The SHA-256 of the secret that an attempt's worker shows with every request. The secret itself is
/// never kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

/// What one worker process draws to be known again when it asks to begin twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonce(pub u128);

/// The part of a run that changes while it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLife {
    /// Where it is.
    pub status: RunStatus,
    /// The latest attempt; none before it was first dequeued.
    pub attempt: Option<Attempt>,
    /// Whether somebody holds it in the queue.
    pub is_held: bool,
    /// The token of the latest attempt; none while it is queued and after it has ended.
    pub token: Option<TokenHash>,
    /// What the worker drew that passed the begin gate in the latest attempt.
    pub nonce: Option<Nonce>,
    /// Whether its worker has finished its first scheduling pass.
    pub is_first_pass_done: bool,
    /// Whether its lease has lapsed and nobody knows whether its worker lives.
    pub is_suspect: bool,
    /// The number of the last report of the latest attempt's worker; 0 before the first.
    pub last_report: u64,
    /// How often it was requeued because its code location could not be reached.
    pub location_retries: u32,
    /// How many attempts died before they began.
    pub lost_starts: u32,
    /// Why it is to end before it has: set while it is being canceled, and kept.
    pub cancel: Option<CancelCause>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When it last left the queue.
    pub starting_at: Option<Timestamp>,
    /// When its worker passed the begin gate.
    pub started_at: Option<Timestamp>,
    /// When it was told to end.
    pub canceling_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How many events it has.
    pub event_count: u64,
}

impl RunLife {
    /// Returns the life of a run that was just submitted.
    pub fn new(status: RunStatus, submitted_at: Timestamp) -> Self {
        Self {
            status,
            attempt: None,
            is_held: false,
            token: None,
            nonce: None,
            is_first_pass_done: false,
            is_suspect: false,
            last_report: 0,
            location_retries: 0,
            lost_starts: 0,
            cancel: None,
            failure: None,
            submitted_at,
            starting_at: None,
            started_at: None,
            canceling_at: None,
            ended_at: None,
            event_count: 0,
        }
    }
}

/// Why a run is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CancelCause {
    /// Somebody asked for it.
    Asked,
    /// It ran longer than it may; it ends as failed.
    MaxRuntime,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub reason: FailureReason,
    /// What happened, as a sentence.
    pub message: String,
}

/// The kinds of failure (Dagster's words, but the last two).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureReason {
    /// Its worker was gone before it had ended.
    UnexpectedTermination,
    /// Its worker itself failed.
    RunException,
    /// A step of it failed.
    StepFailure,
    /// It did not begin in time.
    StartTimeout,
    /// It could not be launched.
    LaunchError,
    /// It ran longer than it may.
    MaxRuntime,
    /// Its worker died before it began, too often.
    Poison,
}

/// Something that happened to a run, to one of its steps or to a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifeEvent {
    /// Its place among all changes.
    pub change: Change,
    /// The run with the number of the event among its events, from 1 without a gap; none for what
    /// concerns no single run.
    pub run: Option<(RunId, u64)>,
    /// When the loop took note of it.
    pub at: Timestamp,
    /// The attempt during which it happened.
    pub attempt: Option<Attempt>,
    /// The step that it concerns.
    pub step: Option<StepKey>,
    /// What.
    pub kind: EventKind,
    /// More about it, as a sentence; may be empty.
    pub message: String,
    /// The whole of it as a JSON object, of what code has told and of errors.
    pub data: Option<Arc<str>>,
}

/// Declares an enum that is written as one word each, with the way back.
macro_rules! words {
    ($type:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            /// Every one of them, in the order of their definition.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the word by which it is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// Reads the word.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

/// What can happen, in Dagster's words where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// The run was submitted.
    RunSubmitted,
    /// The run went to the queue, or back to it.
    RunEnqueued,
    /// The queue let the run go; the message says the usage of its limits.
    RunDequeued,
    /// An attempt of the run is being launched.
    RunStarting,
    /// The run's worker passed the begin gate.
    RunStart,
    /// The run ended well.
    RunSuccess,
    /// The run ended badly.
    RunFailure,
    /// The run was told to end.
    RunCanceling,
    /// The run ended by a cancel.
    RunCanceled,
    /// The run's lease lapsed: its worker is not heard of.
    RunSuspect,
    /// The run's worker is heard of again.
    RunFound,
    /// The run's record was deleted; its other events went with it.
    RunDeleted,
    /// Somebody holds the run in the queue.
    RunHeld,
    /// The run is held no longer.
    RunReleased,
    /// The tags of the run were changed; the message says which.
    RunRetagged,
    /// The priority of the run was changed; the message says from what to what.
    RunReprioritized,
    /// A step waits for slots.
    StepWaiting,
    /// A step has got its slots.
    StepGranted,
    /// A try of a step began.
    StepStart,
    /// A step ended well.
    StepSuccess,
    /// A step ended badly.
    StepFailure,
    /// A try of a step ended badly and there will be another one.
    StepUpForRetry,
    /// A step is not run.
    StepSkipped,
    /// A step was ended by a cancel.
    StepCanceled,
    /// A step gave an output.
    StepOutput,
    /// A step has tested what it expects.
    StepExpectationResult,
    /// An asset was made.
    AssetMaterialization,
    /// Something was noticed of an asset.
    AssetObservation,
    /// A check of an asset was evaluated.
    AssetCheckEvaluation,
    /// Somebody gave back the slots of a step, which goes on; the message says how many of which
    /// pool.
    SlotsFreed,
    /// A pool was given a limit.
    PoolLimitSet,
    /// A pool lost its limit.
    PoolLimitDeleted,
    /// Somebody added dynamic partitions.
    PartitionsAdded,
    /// Somebody removed dynamic partitions.
    PartitionsRemoved,
    /// Another configuration is in force.
    ConfigurationApplied,
    /// A code location cannot be reached; its runs stay in the queue for a while.
    LocationPaused,
    /// Something worth knowing about the run that is none of these.
    EngineEvent,
}

words!(EventKind {
    RunSubmitted => "RUN_SUBMITTED",
    RunEnqueued => "RUN_ENQUEUED",
    RunDequeued => "RUN_DEQUEUED",
    RunStarting => "RUN_STARTING",
    RunStart => "RUN_START",
    RunSuccess => "RUN_SUCCESS",
    RunFailure => "RUN_FAILURE",
    RunCanceling => "RUN_CANCELING",
    RunCanceled => "RUN_CANCELED",
    RunSuspect => "RUN_SUSPECT",
    RunFound => "RUN_FOUND",
    RunDeleted => "RUN_DELETED",
    RunHeld => "RUN_HELD",
    RunReleased => "RUN_RELEASED",
    RunRetagged => "RUN_RETAGGED",
    RunReprioritized => "RUN_REPRIORITIZED",
    StepWaiting => "STEP_WAITING",
    StepGranted => "STEP_GRANTED",
    StepStart => "STEP_START",
    StepSuccess => "STEP_SUCCESS",
    StepFailure => "STEP_FAILURE",
    StepUpForRetry => "STEP_UP_FOR_RETRY",
    StepSkipped => "STEP_SKIPPED",
    StepCanceled => "STEP_CANCELED",
    StepOutput => "STEP_OUTPUT",
    StepExpectationResult => "STEP_EXPECTATION_RESULT",
    AssetMaterialization => "ASSET_MATERIALIZATION",
    AssetObservation => "ASSET_OBSERVATION",
    AssetCheckEvaluation => "ASSET_CHECK_EVALUATION",
    SlotsFreed => "SLOTS_FREED",
    PoolLimitSet => "POOL_LIMIT_SET",
    PoolLimitDeleted => "POOL_LIMIT_DELETED",
    PartitionsAdded => "PARTITIONS_ADDED",
    PartitionsRemoved => "PARTITIONS_REMOVED",
    ConfigurationApplied => "CONFIGURATION_APPLIED",
    LocationPaused => "LOCATION_PAUSED",
    EngineEvent => "ENGINE_EVENT",
});

words!(FailureReason {
    UnexpectedTermination => "UNEXPECTED_TERMINATION",
    RunException => "RUN_EXCEPTION",
    StepFailure => "STEP_FAILURE",
    StartTimeout => "START_TIMEOUT",
    LaunchError => "LAUNCH_ERROR",
    MaxRuntime => "MAX_RUNTIME",
    Poison => "POISON",
});

words!(CancelCause {
    Asked => "ASKED",
    MaxRuntime => "MAX_RUNTIME",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_it_was_written() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_name(kind.as_str()), Some(*kind));
        }
        for reason in FailureReason::ALL {
            assert_eq!(FailureReason::from_name(reason.as_str()), Some(*reason));
        }
        for cause in CancelCause::ALL {
            assert_eq!(CancelCause::from_name(cause.as_str()), Some(*cause));
        }
        assert_eq!(EventKind::from_name("run_start"), None);
    }
}
