//! Who waits for directions: one bell for each run whose worker polls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::RunId;
use tokio::sync::watch;

/// The bells. One is there as long as somebody listens to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inboxes(Arc<Mutex<BTreeMap<RunId, watch::Sender<()>>>>);

/// One who listens to the bell of a run. The last one takes the bell away, however it goes.
#[derive(Debug)]
pub(crate) struct Listener {
    inboxes: Inboxes,
    run: RunId,
    bell: watch::Receiver<()>,
}

impl Inboxes {
    /// Listens to the bell of a run: what rings after this is heard.
    pub(crate) fn listen(&self, run: RunId) -> Listener {
        let bell = self.all().entry(run).or_insert_with(|| watch::channel(()).0).subscribe();
        Listener { inboxes: self.clone(), run, bell }
    }

    pub(crate) fn ring(&self, run: RunId) {
        if let Some(bell) = self.all().get(&run) {
            bell.send_replace(());
        }
    }

    /// Rings every bell: the daemon stops, or has built its state anew.
    pub(crate) fn ring_all(&self) {
        for bell in self.all().values() {
            bell.send_replace(());
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<RunId, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Waits until the bell has rung since it was last heard.
    pub(crate) async fn rung(&mut self) {
        // The bell is there as long as this is.
        let _ = self.bell.changed().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut bells = self.inboxes.all();
        // This one still counts.
        if bells.get(&self.run).is_some_and(|bell| bell.receiver_count() <= 1) {
            bells.remove(&self.run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunId = RunId::from_u128(1);

    #[test]
    fn a_bell_is_there_as_long_as_somebody_listens() {
        let inboxes = Inboxes::default();
        let (one, other) = (inboxes.listen(RUN), inboxes.listen(RUN));
        drop(one);
        assert_eq!(inboxes.all().len(), 1);
        drop(other);
        assert!(inboxes.all().is_empty());
    }

    #[tokio::test]
    async fn what_rings_before_it_is_waited_for_is_heard() {
        let inboxes = Inboxes::default();
        let mut listener = inboxes.listen(RUN);
        inboxes.ring(RUN);
        listener.rung().await;
    }
}
