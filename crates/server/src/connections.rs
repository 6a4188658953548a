//! How many connections there may be, and for whom.
//!
//! A connection is a file, and a process may have so many open. The worker of a run in progress keeps
//! up to two connections, and the launcher one more file to learn of the worker's end; so the number
//! of connections follows from the number of files, with a ceiling. A part of them is never given to
//! workers: however many there are, people get in.
//!
//! Nobody can tell who connects before the first request has come. A connection therefore becomes a
//! worker's with its first request to an address of the workers, and is one until it ends. A worker
//! for which there is no place is told so and asks again later.

use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

/// The most connections of workers: those of four thousand runs in progress, which is more than one
/// machine executes.
const MAX_WORKERS: u64 = 8192;

/// How many connections workers never get: 64 streams of changes, and as many other requests.
const OTHERS: u64 = 128;

/// How many files are kept for all that is no connection: the store, locks, logs, steps' output that
/// is being read, launches under way.
const FILES_BESIDES: u64 = 256;

/// How many files are opened at most, with one file beside every two connections of workers. The
/// limit is not raised further, because workers and their steps inherit it.
const WANTED_FILES: u64 = FILES_BESIDES + OTHERS + MAX_WORKERS / 2 * 3;

/// The fewest connections of workers, should a process have hardly any files.
const MIN_WORKERS: u64 = 16;

/// How many connections there may be at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connections {
    /// How many of all may be those of workers.
    pub(crate) workers: usize,
    /// How many others there may be even then.
    pub(crate) others: usize,
}

impl Connections {
    /// Raises the limit of open files as far as is wanted and allowed, and shares it out.
    pub(crate) fn of_this_process() -> Self {
        let connections = Self::of_files(raise_open_files());
        let Self { workers, others } = connections;
        if workers < usize::try_from(MAX_WORKERS).unwrap_or(usize::MAX) {
            warn!(
                workers,
                others,
                "this process may have so few files open that {} runs can surely be in progress at \
                 one time: raise the hard limit (`ulimit -Hn`) to {WANTED_FILES} for more",
                workers / 2
            );
        }
        connections
    }

    /// Shares out so many files.
    fn of_files(files: u64) -> Self {
        let left = files.saturating_sub(FILES_BESIDES + OTHERS);
        let workers = (left / 3 * 2).clamp(MIN_WORKERS, MAX_WORKERS);
        let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        Self { workers: number(workers), others: number(OTHERS) }
    }
}

/// Raises the soft limit of open files, and returns what it is then.
fn raise_open_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // No number says that there is no limit.
    let current = current.unwrap_or(u64::MAX);
    let wanted = maximum.unwrap_or(u64::MAX).min(WANTED_FILES);
    if current >= wanted {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => wanted,
        Err(error) => {
            warn!(%error, "failed to raise the limit of open files from {current} to {wanted}");
            current
        }
    }
}

/// Room for connections. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    all: Arc<Semaphore>,
    workers: Arc<Semaphore>,
}

impl Room {
    pub(crate) fn new(Connections { workers, others }: Connections) -> Self {
        let all = workers.saturating_add(others).min(Semaphore::MAX_PERMITS);
        Self { all: Arc::new(Semaphore::new(all)), workers: Arc::new(Semaphore::new(workers)) }
    }

    /// Waits until there is room for one more connection.
    pub(crate) async fn enter(&self) -> Seat {
        // Nobody closes the semaphore; if somebody did, connections would be taken without a bound.
        let place = Arc::clone(&self.all).acquire_owned().await.ok();
        Seat { workers: Arc::clone(&self.workers), worker: Mutex::new(None), _place: place }
    }
}

/// The place of one connection, as long as it is kept.
#[derive(Debug)]
pub(crate) struct Seat {
    workers: Arc<Semaphore>,
    /// Set once this is a worker's.
    worker: Mutex<Option<OwnedSemaphorePermit>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Seat {
    /// Makes the connection one of a worker; says whether there is room for one.
    pub(crate) fn is_given_to_worker(&self) -> bool {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if worker.is_none() {
            *worker = Arc::clone(&self.workers).try_acquire_owned().ok();
        }
        worker.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_shared_out_and_some_are_left_over() {
        for files in [1024, 4096, 12_671, WANTED_FILES] {
            let Connections { workers, others } = Connections::of_files(files);
            let taken = FILES_BESIDES + (others + workers + workers / 2) as u64;
            assert!(taken <= files && files - taken < 3, "{files} files: {taken} taken");
        }
        let most = Connections { workers: 8192, others: 128 };
        assert_eq!(Connections::of_files(u64::MAX), most);
        assert_eq!(Connections::of_files(0), Connections { workers: 16, others: 128 });
    }

    #[test]
    fn the_limit_of_files_is_as_high_as_is_wanted_and_allowed() {
        let allowed = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        let files = raise_open_files();
        assert!(files >= allowed.min(WANTED_FILES), "{files} of {allowed}");
        assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), files);
    }

    #[tokio::test]
    async fn a_connection_of_a_worker_stays_one_and_gives_its_place_back() {
        let room = Room::new(Connections { workers: 1, others: 1 });
        let (first, second) = (room.enter().await, room.enter().await);
        assert!(first.is_given_to_worker() && first.is_given_to_worker());
        assert!(!second.is_given_to_worker());
        drop(first);
        assert!(second.is_given_to_worker());
        drop(second);
        assert_eq!((room.all.available_permits(), room.workers.available_permits()), (2, 1));
    }
}
