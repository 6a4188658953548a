//! What the image is told, what it answers, and what it refuses.

use std::collections::BTreeSet;

use model::{
    Attempt, Claim, CodeLocation, IllegalTransition, PoolLimit, PoolName, Priority, Run, RunId,
    RunStatus, RunTransition, Seq, Settings, Step, StepId, StepKey, Tags, Timestamp,
};
use thiserror::Error;

/// Something that happened. An event that is refused changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A run enters: queued, or already in progress (without a queue, or read from the store).
    Submit(Run),
    /// A run's tags are replaced, the priority tag among them. Usage may rise above a limit;
    /// nothing is pre-empted.
    Retag {
        /// Which run.
        run: RunId,
        /// All its tags from now on.
        tags: Tags,
    },
    /// A run's priority is changed (and its priority tag with it). Claims that were asked before
    /// keep their order.
    Reprioritize {
        /// Which run.
        run: RunId,
        /// Its priority from now on.
        priority: Priority,
    },
    /// A queued run is held until it is released.
    Hold {
        /// Which run.
        run: RunId,
    },
    /// The hold on a run ends; without a hold, nothing happens.
    Release {
        /// Which run.
        run: RunId,
    },
    /// A starting run goes back to its old place in the queue; its claims are freed.
    Requeue {
        /// Which run.
        run: RunId,
    },
    /// A starting run's worker has passed the begin gate.
    Begin {
        /// Which run.
        run: RunId,
    },
    /// A worker has finished its first scheduling pass: from now on the run's claims speak for it,
    /// not its root steps.
    FirstPassDone {
        /// Which run.
        run: RunId,
    },
    /// A step of a started run asks for its slots. Asked again, it is a question, not a second
    /// claim: demand and order stay as they were.
    Ask {
        /// Which run.
        run: RunId,
        /// The step with its demand and its own priority.
        step: Step,
    },
    /// Slots are freed and waiting claims withdrawn: of one step, or of all steps of the run. What
    /// is not claimed is not missed.
    Free {
        /// Which run.
        run: RunId,
        /// Which step; all of them, if none is named.
        step: Option<StepKey>,
    },
    /// A cancel was asked for. A queued run leaves; one in progress counts until it ends.
    Cancel {
        /// Which run.
        run: RunId,
    },
    /// A run has ended; all that it held is free.
    End {
        /// Which run.
        run: RunId,
    },
    /// A run is deleted in whatever status; all that it held is free.
    Delete {
        /// Which run.
        run: RunId,
    },
    /// A pool gets a limit of its own.
    PoolLimitSet {
        /// Which pool.
        pool: PoolName,
        /// Its limit from now on. Slots beyond it stay held until they are freed.
        limit: PoolLimit,
    },
    /// A pool loses its own limit: it has the default limit, or none.
    PoolLimitDeleted {
        /// Which pool.
        pool: PoolName,
    },
    /// Other settings are in force.
    Configure(Settings),
    /// No run of a code location starts before an instant.
    LocationPaused {
        /// Which code location.
        location: CodeLocation,
        /// When it resumes by itself.
        until: Timestamp,
    },
    /// A code location's runs may start again.
    LocationResumed {
        /// Which code location.
        location: CodeLocation,
    },
    /// These code locations and no others are being loaded for the first time: none of their runs
    /// starts until that is done.
    LocationsLoading {
        /// Which code locations.
        locations: BTreeSet<CodeLocation>,
    },
    /// Time has passed; an instant before the last one is ignored.
    TimePassed {
        /// The time now.
        now: Timestamp,
    },
}

/// Says why an event was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// No run of this id is queued or in progress.
    #[error("run {0} is neither queued nor in progress")]
    UnknownRun(RunId),
    /// A run of this id is queued or in progress already.
    #[error("run {0} is queued or in progress already")]
    RunExists(RunId),
    /// Another run has this place in the order of submission.
    #[error("sequence number {0} belongs to another run")]
    SeqTaken(Seq),
    /// Only queued runs and runs in progress can enter.
    #[error("a run that is {0} is neither queued nor in progress")]
    NotLive(RunStatus),
    /// The run's status does not allow it.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition<RunStatus, RunTransition>),
    /// The step has a claim already.
    #[error("{0} has a claim already")]
    ClaimExists(StepId),
    /// Another claim has this place in the order of asking.
    #[error("the claim of {0} has the place of another claim")]
    PlaceTaken(StepId),
    /// Only a queued run can be held.
    #[error("a run that is {0} cannot be held, only a queued one can")]
    NotQueued(RunStatus),
    /// Only a run whose worker has begun can ask for slots or finish a scheduling pass.
    #[error("a run that is {0} has no worker that could ask for slots")]
    NotBegun(RunStatus),
}

/// A run that was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Which run.
    pub run: RunId,
    /// The attempt that begins with it.
    pub attempt: Attempt,
}

/// What one call of `admit` decided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admissions {
    /// The runs that were admitted, in the order of their admission.
    pub admitted: Vec<Admission>,
    /// Whether the budget ran out before everything was looked at: call again.
    pub is_cut: bool,
}

/// Everything from which an image can be built; nothing in it is derived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The time now.
    pub now: Timestamp,
    /// The settings in force.
    pub settings: Settings,
    /// The pools with a limit of their own.
    pub pool_limits: Vec<(PoolName, PoolLimit)>,
    /// The paused code locations, and until when.
    pub paused: Vec<(CodeLocation, Timestamp)>,
    /// The code locations that are being loaded for the first time.
    pub loading: BTreeSet<CodeLocation>,
    /// The runs that are queued or in progress.
    pub runs: Vec<RunFacts>,
    /// The claims of their steps.
    pub claims: Vec<ClaimFacts>,
}

/// A run with what the image knows of it beside its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFacts {
    /// The run.
    pub run: Run,
    /// Whether it is held.
    pub is_held: bool,
    /// Whether its worker has finished its first scheduling pass.
    pub is_first_pass_done: bool,
}

/// A claim with what the image knows of it beside its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimFacts {
    /// The claim.
    pub claim: Claim,
    /// When it was first passed over, for a claim that may come to reserve its pools.
    pub passed_over_since: Option<Timestamp>,
}
