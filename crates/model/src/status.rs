//! The statuses of runs and steps, and the one place that lists every legal transition.

use std::fmt;

use thiserror::Error;

/// Where a run is in its life (Dagster's words).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunStatus {
    /// Created, not yet submitted to the queue.
    NotStarted,
    /// In the queue.
    Queued,
    /// Dequeued; a launcher is starting its worker.
    Starting,
    /// Its worker has passed the begin gate.
    Started,
    /// A cancel was asked for; its worker has not ended yet.
    Canceling,
    /// Ended well.
    Success,
    /// Ended badly.
    Failure,
    /// Ended by a cancel.
    Canceled,
    /// Read from a Dagster deployment where something else manages it; it counts for no limit.
    Managed,
    /// Read from a Dagster deployment, which defines it and never writes it; it counts for no limit.
    Suspended,
}

/// What can happen to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunTransition {
    /// The queued coordinator accepts it.
    Enqueue,
    /// The default coordinator hands it to the launcher without a queue.
    LaunchAtOnce,
    /// The queue lets it go.
    Dequeue,
    /// Its location cannot be reached, or its worker is proven dead before it began.
    Requeue,
    /// Its worker passes the begin gate.
    Begin,
    /// A cancel is asked for.
    Cancel,
    /// The cancel is carried out: no worker is left.
    ConfirmCancel,
    /// Somebody ends it whatever its worker does.
    ForceCancel,
    /// Its worker reports success.
    Succeed,
    /// Its worker reports failure, or dies after it began, or it ran too long.
    Fail,
    /// It could not be launched, or did not begin in time.
    FailToStart,
}

/// A transition that the life cycle does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{transition:?} is not possible for a run or step that is {from}")]
pub struct IllegalTransition<S: fmt::Display, T: fmt::Debug> {
    /// The status it is in.
    pub from: S,
    /// What was to happen to it.
    pub transition: T,
}

impl RunStatus {
    /// Every status, in the order of a run's life.
    pub const ALL: [Self; 10] = [
        Self::NotStarted,
        Self::Queued,
        Self::Starting,
        Self::Started,
        Self::Canceling,
        Self::Success,
        Self::Failure,
        Self::Canceled,
        Self::Managed,
        Self::Suspended,
    ];

    /// Returns the status after a transition. This is the whole life cycle of a run.
    ///
    /// # Errors
    /// [`IllegalTransition`] for every pair that is not listed; terminal statuses are final.
    pub fn after(
        self,
        transition: RunTransition,
    ) -> Result<Self, IllegalTransition<Self, RunTransition>> {
        use RunStatus as S;
        use RunTransition as T;
        match (self, transition) {
            (S::NotStarted, T::Enqueue) | (S::Starting, T::Requeue) => Ok(S::Queued),
            (S::NotStarted, T::LaunchAtOnce) | (S::Queued, T::Dequeue) => Ok(S::Starting),
            (S::Starting, T::Begin) => Ok(S::Started),
            (S::Starting | S::Started, T::Cancel) => Ok(S::Canceling),
            (S::Queued, T::Cancel) | (S::Canceling, T::ConfirmCancel) => Ok(S::Canceled),
            (S::Started | S::Canceling, T::Succeed) => Ok(S::Success),
            (S::Started | S::Canceling, T::Fail)
            | (S::NotStarted | S::Starting, T::FailToStart) => Ok(S::Failure),
            (from, T::ForceCancel) if !from.is_terminal() => Ok(S::Canceled),
            (from, transition) => Err(IllegalTransition { from, transition }),
        }
    }

    /// Returns whether the run has ended; nothing changes it any more.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Success | Self::Failure | Self::Canceled => true,
            Self::NotStarted
            | Self::Queued
            | Self::Starting
            | Self::Started
            | Self::Canceling
            | Self::Managed
            | Self::Suspended => false,
        }
    }

    /// Returns whether the run counts for the limits on runs in progress.
    pub fn is_in_progress(self) -> bool {
        match self {
            Self::Starting | Self::Started | Self::Canceling => true,
            Self::NotStarted
            | Self::Queued
            | Self::Success
            | Self::Failure
            | Self::Canceled
            | Self::Managed
            | Self::Suspended => false,
        }
    }

    /// Returns Dagster's spelling, such as `QUEUED`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "NOT_STARTED",
            Self::Queued => "QUEUED",
            Self::Starting => "STARTING",
            Self::Started => "STARTED",
            Self::Canceling => "CANCELING",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Canceled => "CANCELED",
            Self::Managed => "MANAGED",
            Self::Suspended => "SUSPENDED",
        }
    }

    /// Reads Dagster's spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a step is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepStatus {
    /// Some step before it has not ended, or the limits inside its run leave no place for it.
    WaitingForDependencies,
    /// Ready, but its slots are not free.
    WaitingForSlots,
    /// Its process runs.
    Running,
    /// It failed and will be tried again after a delay.
    UpForRetry,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Not run, because a step before it failed or took another branch.
    Skipped,
    /// Ended by a cancel.
    Canceled,
}

/// What can happen to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepTransition {
    /// The steps before it have ended, or its delay is over: it asks for its slots.
    AskForSlots,
    /// The limits inside its run leave no place for it: it takes no slots now and asks again later.
    StandBack,
    /// It has its slots (or needs none) and its process starts.
    Start,
    /// It is ready again after a delay and needs no slots, or a step before it took another branch.
    Skip,
    /// Its process ended well.
    Succeed,
    /// Its process ended badly and no try is left.
    Fail,
    /// Its process ended badly and it will be tried again.
    Retry,
    /// Its run is canceled.
    Cancel,
}

impl StepStatus {
    /// Every status, in the order of a step's life.
    pub const ALL: [Self; 8] = [
        Self::WaitingForDependencies,
        Self::WaitingForSlots,
        Self::Running,
        Self::UpForRetry,
        Self::Succeeded,
        Self::Failed,
        Self::Skipped,
        Self::Canceled,
    ];

    /// Returns the status after a transition. This is the whole life cycle of a step.
    ///
    /// # Errors
    /// [`IllegalTransition`] for every pair that is not listed; terminal statuses are final.
    pub fn after(
        self,
        transition: StepTransition,
    ) -> Result<Self, IllegalTransition<Self, StepTransition>> {
        use StepStatus as S;
        use StepTransition as T;
        match (self, transition) {
            (S::WaitingForDependencies | S::UpForRetry, T::AskForSlots) => Ok(S::WaitingForSlots),
            (S::WaitingForSlots, T::StandBack) => Ok(S::WaitingForDependencies),
            (S::WaitingForDependencies | S::WaitingForSlots | S::UpForRetry, T::Start) => {
                Ok(S::Running)
            }
            (S::WaitingForDependencies, T::Skip) => Ok(S::Skipped),
            (S::Running, T::Succeed) => Ok(S::Succeeded),
            (S::Running, T::Fail) => Ok(S::Failed),
            (S::Running, T::Retry) => Ok(S::UpForRetry),
            (from, T::Cancel) if !from.is_terminal() => Ok(S::Canceled),
            (from, transition) => Err(IllegalTransition { from, transition }),
        }
    }

    /// Returns the word by which it is stored, such as `WAITING_FOR_SLOTS`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WaitingForDependencies => "WAITING_FOR_DEPENDENCIES",
            Self::WaitingForSlots => "WAITING_FOR_SLOTS",
            Self::Running => "RUNNING",
            Self::UpForRetry => "UP_FOR_RETRY",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
            Self::Canceled => "CANCELED",
        }
    }

    /// Reads the word by which it is stored.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Returns whether the step has ended; nothing changes it any more.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Skipped | Self::Canceled => true,
            Self::WaitingForDependencies
            | Self::WaitingForSlots
            | Self::Running
            | Self::UpForRetry => false,
        }
    }
}

impl fmt::Display for StepStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WaitingForDependencies => "waiting for dependencies",
            Self::WaitingForSlots => "waiting for slots",
            Self::Running => "running",
            Self::UpForRetry => "up for retry",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Canceled => "canceled",
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const RUN_TRANSITIONS: [RunTransition; 11] = [
        RunTransition::Enqueue,
        RunTransition::LaunchAtOnce,
        RunTransition::Dequeue,
        RunTransition::Requeue,
        RunTransition::Begin,
        RunTransition::Cancel,
        RunTransition::ConfirmCancel,
        RunTransition::ForceCancel,
        RunTransition::Succeed,
        RunTransition::Fail,
        RunTransition::FailToStart,
    ];

    const STEP_TRANSITIONS: [StepTransition; 8] = [
        StepTransition::AskForSlots,
        StepTransition::StandBack,
        StepTransition::Start,
        StepTransition::Skip,
        StepTransition::Succeed,
        StepTransition::Fail,
        StepTransition::Retry,
        StepTransition::Cancel,
    ];

    #[test]
    fn every_legal_transition_of_a_run_is_listed_here() {
        let mut table = String::new();
        for from in RunStatus::ALL {
            for transition in RUN_TRANSITIONS {
                if let Ok(to) = from.after(transition) {
                    table += &format!("{from} -{transition:?}-> {to}\n");
                }
            }
        }
        expect![[r#"
            NOT_STARTED -Enqueue-> QUEUED
            NOT_STARTED -LaunchAtOnce-> STARTING
            NOT_STARTED -ForceCancel-> CANCELED
            NOT_STARTED -FailToStart-> FAILURE
            QUEUED -Dequeue-> STARTING
            QUEUED -Cancel-> CANCELED
            QUEUED -ForceCancel-> CANCELED
            STARTING -Requeue-> QUEUED
            STARTING -Begin-> STARTED
            STARTING -Cancel-> CANCELING
            STARTING -ForceCancel-> CANCELED
            STARTING -FailToStart-> FAILURE
            STARTED -Cancel-> CANCELING
            STARTED -ForceCancel-> CANCELED
            STARTED -Succeed-> SUCCESS
            STARTED -Fail-> FAILURE
            CANCELING -ConfirmCancel-> CANCELED
            CANCELING -ForceCancel-> CANCELED
            CANCELING -Succeed-> SUCCESS
            CANCELING -Fail-> FAILURE
            MANAGED -ForceCancel-> CANCELED
            SUSPENDED -ForceCancel-> CANCELED
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn every_legal_transition_of_a_step_is_listed_here() {
        let mut table = String::new();
        for from in StepStatus::ALL {
            for transition in STEP_TRANSITIONS {
                if let Ok(to) = from.after(transition) {
                    table += &format!("{from} -{transition:?}-> {to}\n");
                }
            }
        }
        expect![[r#"
            waiting for dependencies -AskForSlots-> waiting for slots
            waiting for dependencies -Start-> running
            waiting for dependencies -Skip-> skipped
            waiting for dependencies -Cancel-> canceled
            waiting for slots -StandBack-> waiting for dependencies
            waiting for slots -Start-> running
            waiting for slots -Cancel-> canceled
            running -Succeed-> succeeded
            running -Fail-> failed
            running -Retry-> up for retry
            running -Cancel-> canceled
            up for retry -AskForSlots-> waiting for slots
            up for retry -Start-> running
            up for retry -Cancel-> canceled
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn a_terminal_status_is_final() {
        for from in RunStatus::ALL.into_iter().filter(|status| status.is_terminal()) {
            for transition in RUN_TRANSITIONS {
                assert!(from.after(transition).is_err(), "{from} {transition:?}");
            }
        }
        for from in StepStatus::ALL.into_iter().filter(|status| status.is_terminal()) {
            for transition in STEP_TRANSITIONS {
                assert!(from.after(transition).is_err(), "{from} {transition:?}");
            }
        }
    }

    #[test]
    fn every_run_that_has_not_ended_has_a_way_to_end() {
        for from in RunStatus::ALL.into_iter().filter(|status| !status.is_terminal()) {
            assert_eq!(from.after(RunTransition::ForceCancel), Ok(RunStatus::Canceled));
        }
    }

    #[test]
    fn a_status_reads_back_as_it_was_written() {
        for status in RunStatus::ALL {
            assert_eq!(RunStatus::from_name(status.as_str()), Some(status));
        }
        assert_eq!(RunStatus::from_name("queued"), None);
        for status in StepStatus::ALL {
            assert_eq!(StepStatus::from_name(status.as_str()), Some(status));
        }
    }
}
