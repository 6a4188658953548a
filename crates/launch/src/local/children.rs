//! The workers that this launcher has started and that have not ended: known before they hold their
//! lock, and never started twice at a time.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use process::identity::Identity;

use crate::local::Key;

/// One worker of this launcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worker {
    /// It is being started.
    Starting,
    /// It was started as this process; none if it had ended before that could be asked.
    Running(Option<Identity>),
}

/// Why a worker need not, or must not, be started now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Starting,
    Running,
}

#[derive(Debug, Default)]
pub(super) struct Children {
    workers: Mutex<BTreeMap<Key, Worker>>,
}

/// The right to start a worker; dropped unused, it frees the place.
#[derive(Debug)]
pub(super) struct Place<'c> {
    children: &'c Children,
    key: Key,
    is_running: bool,
}

impl Children {
    /// Takes the right to start a worker.
    pub(super) fn reserve(&self, key: Key) -> Result<Place<'_>, Taken> {
        let mut workers = self.workers();
        match workers.get(&key) {
            Some(Worker::Starting) => Err(Taken::Starting),
            Some(Worker::Running(_)) => Err(Taken::Running),
            None => {
                workers.insert(key, Worker::Starting);
                Ok(Place { children: self, key, is_running: false })
            }
        }
    }

    pub(super) fn find(&self, key: Key) -> Option<Worker> {
        self.workers().get(&key).copied()
    }

    pub(super) fn remove(&self, key: Key) {
        self.workers().remove(&key);
    }

    fn workers(&self) -> MutexGuard<'_, BTreeMap<Key, Worker>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Notes that the worker was started; it stays noted until it is removed.
    pub(super) fn run(mut self, process: Option<Identity>) {
        self.children.workers().insert(self.key, Worker::Running(process));
        self.is_running = true;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.is_running {
            self.children.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Attempt, RunId};

    use super::*;

    const KEY: Key = (RunId::from_u128(1), Attempt::FIRST);

    #[test]
    fn a_place_is_taken_once_until_its_worker_is_removed() {
        let children = Children::default();
        let place = children.reserve(KEY).unwrap();
        assert_eq!(children.reserve(KEY).unwrap_err(), Taken::Starting);
        place.run(None);
        assert_eq!(children.reserve(KEY).unwrap_err(), Taken::Running);
        children.remove(KEY);
        assert_eq!(children.find(KEY), None);
        assert!(children.reserve(KEY).is_ok());
    }

    #[test]
    fn a_start_that_failed_frees_its_place() {
        let children = Children::default();
        drop(children.reserve(KEY).unwrap());
        assert_eq!(children.find(KEY), None);
    }
}
