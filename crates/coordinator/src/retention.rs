//! Retention: what has ended is taken away when its time is up, a little at a time, by the leader
//! and between two turns of its loop.

use std::sync::Arc;
use std::time::Duration;

use launch::Launcher;
use lifecycle::Effect;
use model::{Epoch, Timestamp};
use store::{CommitError, Prune, ReadError, Store};
use thiserror::Error;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::clock::time_of_day;
use crate::effects::Performer;
use crate::options::Retention;

/// How often it is looked whether something's time is up.
const PRUNE_EVERY: Duration = Duration::from_mins(10);

/// How often it is looked for old output: all folders of runs are listed then.
const CLEAR_OUTPUT_EVERY: Duration = Duration::from_hours(1);

/// How many rows are taken away at one time, so that no turn waits long.
const PRUNE_AT_ONCE: u32 = 200;

/// For how long an idempotency key is remembered.
const KEYS_KEPT: Duration = Duration::from_hours(7 * 24);

/// Takes away what is kept no longer.
#[derive(Debug)]
pub(crate) struct Pruner {
    retention: Retention,
    next: Instant,
    next_output: Instant,
}

impl Pruner {
    pub(crate) fn new(retention: Retention) -> Self {
        Self { retention, next: Instant::now(), next_output: Instant::now() }
    }

    /// Keeps things for another time from now on.
    pub(crate) fn configure(&mut self, retention: Retention) {
        *self = Self::new(retention);
    }

    /// Returns how long it is until something may be taken away.
    pub(crate) fn due_in(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Takes a little away, if it is time; if there was that much, soon again.
    pub(crate) async fn prune_if_due<L: Launcher>(
        &mut self,
        store: &Arc<Store>,
        epoch: Epoch,
        performer: &mut Performer<L>,
    ) {
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + PRUNE_EVERY;
        if let Some(kept) = self.retention.output
            && Instant::now() >= self.next_output
        {
            self.next_output = Instant::now() + CLEAR_OUTPUT_EVERY;
            performer.clear_output(store.clone(), before(kept));
        }
        match self.prune(store, epoch, performer).await {
            Ok(true) => self.next = Instant::now(),
            Ok(false) => {}
            Err(error) => warn!(%error, "failed to take old records away; trying again later"),
        }
    }
}

impl Pruner {
    /// Returns whether there may be more to take away at once.
    async fn prune<L: Launcher>(
        &self,
        store: &Store,
        epoch: Epoch,
        performer: &mut Performer<L>,
    ) -> Result<bool, PruneError> {
        let mut is_more = false;
        if let Some(kept) = self.retention.events {
            let pruned = store.prune(epoch, Prune::Events, before(kept), PRUNE_AT_ONCE).await?;
            is_more |= pruned >= u64::from(PRUNE_AT_ONCE);
            let pruned =
                store.prune(epoch, Prune::AssetEvents, before(kept), PRUNE_AT_ONCE).await?;
            is_more |= pruned >= u64::from(PRUNE_AT_ONCE);
        }
        if let Some(kept) = self.retention.runs {
            let before = before(kept);
            let runs = store.finished_before(before, PRUNE_AT_ONCE).await?;
            let pruned = store.prune(epoch, Prune::Runs, before, PRUNE_AT_ONCE).await?;
            if pruned > 0 {
                info!(runs = pruned, "took away the records of runs that ended long ago");
            }
            is_more |= pruned >= u64::from(PRUNE_AT_ONCE);
            performer.perform(runs.into_iter().map(|run| Effect::Forget { run }).collect());
        }
        let keys = before(KEYS_KEPT);
        let pruned = store.prune(epoch, Prune::IdempotencyKeys, keys, PRUNE_AT_ONCE).await?;
        Ok(is_more || pruned >= u64::from(PRUNE_AT_ONCE))
    }
}

#[derive(Debug, Error)]
enum PruneError {
    #[error(transparent)]
    NotCommitted(#[from] CommitError),
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}

/// Returns the instant before which things are older than `kept`.
fn before(kept: Duration) -> Timestamp {
    let kept = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(time_of_day().as_micros().saturating_sub(kept))
}
