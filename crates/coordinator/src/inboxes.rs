//! Who waits for directions: one bell for each run whose worker polls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::RunId;
use tokio::sync::watch;

/// The bells. One is there as long as somebody listens to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inboxes(Arc<Mutex<BTreeMap<RunId, watch::Sender<()>>>>);

impl Inboxes {
    /// Returns the bell of a run: what rings after this is heard.
    pub(crate) fn listen(&self, run: RunId) -> watch::Receiver<()> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(run).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    pub(crate) fn ring(&self, run: RunId) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(&run) {
            bell.send_replace(());
        }
    }

    /// Forgets the bell of a run that nobody listens to.
    pub(crate) fn tidy(&self, run: RunId) {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bells.get(&run).is_some_and(|bell| bell.receiver_count() == 0) {
            bells.remove(&run);
        }
    }

    /// Rings every bell: the daemon stops, or has built its state anew.
    pub(crate) fn ring_all(&self) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for bell in bells.values() {
            bell.send_replace(());
        }
    }
}
