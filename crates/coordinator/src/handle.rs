//! The daemon as the rest of the process sees it.

use std::sync::Arc;

use definitions::Locations;
use lifecycle::{CancelMode, Command, Dispatch, Refusal, Reply};
use model::{Change, PoolLimit, PoolName, RunId, RunStatus};
use store::Store;
use tokio::sync::{Semaphore, watch};

use crate::commands::{CommandError, Entry};
use crate::inboxes::Inboxes;
use crate::options::Options;

/// A way to the daemon; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) entry: Entry,
    pub(crate) inboxes: Inboxes,
    pub(crate) store: Arc<Store>,
    pub(crate) locations: Locations,
    pub(crate) options: watch::Receiver<Arc<Options>>,
    pub(crate) changes: watch::Receiver<Change>,
    pub(crate) stopping: watch::Receiver<bool>,
    /// One permit for each run that may be planned by Python at this time.
    pub(crate) planning: Arc<Semaphore>,
}

/// How the daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Whether attempts of an earlier daemon are still being looked for, so that nothing starts.
    pub is_recovering: bool,
    /// The runs in the queue.
    pub queued: u64,
    /// The runs in progress.
    pub in_progress: u64,
    /// What happens to a run when it is submitted.
    pub dispatch: Dispatch,
}

impl Handle {
    /// Tells a run to end, or ends it by force, and returns where it is then.
    ///
    /// # Errors
    /// [`Refusal::Ended`] if it has ended, [`Refusal::UnknownRun`] if there is none.
    pub async fn cancel(&self, run: RunId, mode: CancelMode) -> Result<RunStatus, CommandError> {
        match self.entry.decide(Command::Cancel { run, mode }).await {
            Ok(Reply::Status(status)) => Ok(status),
            Ok(_) => Err(unexpected()),
            Err(not_done) => Err(self.or_ended(run, not_done.into()).await),
        }
    }

    /// Deletes the record of a run that is queued or has ended, with all that is kept of it.
    ///
    /// # Errors
    /// [`Refusal::InProgress`] if it is neither, [`Refusal::UnknownRun`] if there is none.
    pub async fn delete(&self, run: RunId) -> Result<(), CommandError> {
        self.entry.decide(Command::Delete { run, ended: None }).await?;
        Ok(())
    }

    /// Sets the limit of a pool, or takes away the one that it has of its own.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] if nothing can be written now.
    pub async fn set_pool_limit(
        &self,
        pool: PoolName,
        limit: Option<PoolLimit>,
    ) -> Result<(), CommandError> {
        self.entry.decide(Command::SetPoolLimit { pool, limit }).await?;
        Ok(())
    }

    /// Returns how the daemon is.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] while it cannot answer.
    pub async fn status(&self) -> Result<Status, CommandError> {
        let dispatch = self.options().rules.dispatch;
        self.entry
            .ask(move |state| {
                let (_, usage) = state.image().usage(&model::LimitKey::MaxConcurrentRuns);
                let is_recovering = state.is_recovering();
                let queued = state.image().queued();
                Status { is_recovering, queued, in_progress: usage.runs, dispatch }
            })
            .await
    }

    /// Returns a view of the number of the last change that is durable.
    pub fn changes(&self) -> watch::Receiver<Change> {
        self.changes.clone()
    }

    /// Returns a view of whether the daemon is stopping.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }

    /// Returns the store, for reading.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the code locations.
    pub fn locations(&self) -> &Locations {
        &self.locations
    }

    /// Returns the options that are in force.
    pub fn options(&self) -> Arc<Options> {
        self.options.borrow().clone()
    }

    /// Tells a run that has ended from one that never was.
    pub(crate) async fn or_ended(&self, run: RunId, error: CommandError) -> CommandError {
        let is_unknown = matches!(error, CommandError::Refused(Refusal::UnknownRun(_)));
        match self.store.run(run).await {
            Ok(Some(_)) if is_unknown => Refusal::Ended(run).into(),
            Ok(_) | Err(_) => error,
        }
    }
}

/// The loop answers every command with its own kind of reply.
pub(crate) fn unexpected() -> CommandError {
    CommandError::Unavailable("the daemon gave an answer of another kind".to_owned())
}
