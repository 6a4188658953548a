//! The background tasks of a launcher; they end with it.

use std::sync::{Mutex, PoisonError};

use tokio::task::JoinSet;

/// Holds one task for each child that lives and for each attempt that is being ended.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    running: Mutex<JoinSet<()>>,
}

impl Tasks {
    /// Starts a task, and lets go of those that are done.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(done) = running.try_join_next() {
            if let Err(error) = done {
                tracing::error!("a task of the launcher failed: {error}");
            }
        }
        running.spawn(task);
    }
}
