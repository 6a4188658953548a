//! Ends an attempt: the worker is asked first and ends its steps itself; when the grace is over, the
//! worker and everything that is left of its steps is killed, until nothing is.
//!
//! Whoever is signalled is proven to be part of the attempt: by a lock that is held and by the number
//! and start time of the process.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{Attempt, RunId};
use process::group;
use process::identity::{Identity, Signal};
use process::lock;
use tokio::time::{Instant, sleep};

use crate::launcher::Sight;
use crate::local::folder::{AttemptFolder, story};
use crate::local::{Key, Shared, children};

/// A grace that is longer means this one; an instant further away may not be sayable.
const LONGEST_GRACE: Duration = Duration::from_hours(24 * 365);

/// How long an attempt is killed again and again; what is left then hangs in the kernel, and whoever
/// still wants it to end asks again.
const LONGEST_KILL: Duration = Duration::from_mins(2);

/// The pauses between two looks: most of what is told to end does so at once.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The attempts that are being ended, each with the instant at which it is killed.
#[derive(Debug, Default)]
pub(super) struct Endings {
    kill_at: Mutex<BTreeMap<Key, Instant>>,
}

/// Whether an attempt that is to end is being ended already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noted {
    First,
    Again,
}

impl Endings {
    /// Notes when an attempt is to be killed; the soonest counts.
    fn note(&self, key: Key, kill_at: Instant) -> Noted {
        match self.all().entry(key) {
            Entry::Vacant(place) => {
                place.insert(kill_at);
                Noted::First
            }
            Entry::Occupied(mut noted) => {
                let soonest = kill_at.min(*noted.get());
                noted.insert(soonest);
                Noted::Again
            }
        }
    }

    /// Returns when an attempt that is being ended is to be killed.
    fn kill_at(&self, key: Key) -> Option<Instant> {
        self.all().get(&key).copied()
    }

    fn remove(&self, key: Key) {
        self.all().remove(&key);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Key, Instant>> {
        self.kill_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks an attempt to end, and sees to it in the background that it does.
pub(super) fn begin(shared: &Arc<Shared>, key: Key, grace: Duration) -> Result<(), String> {
    let kill_at = Instant::now() + grace.min(LONGEST_GRACE);
    if shared.endings.note(key, kill_at) == Noted::Again {
        return Ok(());
    }
    let mut ending = Ending { shared: Arc::clone(shared), key, told: BTreeSet::new() };
    match ending.look(kill_at) {
        Ok(Sight::Gone) => shared.endings.remove(key),
        Ok(Sight::Alive | Sight::Remains) => shared.tasks.spawn(see_through(ending)),
        Ok(Sight::Unknown(reason)) | Err(reason) => {
            shared.endings.remove(key);
            return Err(reason);
        }
    }
    Ok(())
}

/// The ending of one attempt.
struct Ending {
    shared: Arc<Shared>,
    key: Key,
    /// Who was asked; nobody is asked twice, because some take that for impatience.
    told: BTreeSet<Identity>,
}

/// Looks again and again until nothing is left of the attempt.
async fn see_through(mut ending: Ending) {
    let (shared, key) = (Arc::clone(&ending.shared), ending.key);
    let mut pause = SHORTEST_PAUSE;
    while let Some(deadline) = shared.endings.kill_at(key) {
        let looked = tokio::task::spawn_blocking(move || (ending.look(deadline), ending)).await;
        let Ok((sight, same)) = looked else {
            tracing::error!("a look at an attempt that is being ended failed");
            break;
        };
        ending = same;
        if sight == Ok(Sight::Gone) {
            break;
        }
        let now = Instant::now();
        if now > deadline + LONGEST_KILL {
            give_up(key, sight);
            break;
        }
        let until_kill = deadline.saturating_duration_since(now).max(SHORTEST_PAUSE);
        sleep(pause.min(until_kill)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    shared.endings.remove(key);
}

fn give_up((run, attempt): (RunId, Attempt), sight: Result<Sight, String>) {
    let left = match sight {
        Ok(Sight::Unknown(reason)) | Err(reason) => reason,
        Ok(Sight::Alive) => "its worker is still there".to_owned(),
        Ok(Sight::Remains | Sight::Gone) => "a process of a step is still there".to_owned(),
    };
    let seconds = LONGEST_KILL.as_secs();
    tracing::error!(
        run.id = %run, attempt = %attempt,
        "attempt {attempt} of run {run} was killed for {seconds} s in vain: {left}"
    );
}

impl Ending {
    /// Asks or kills what is left, whichever is due; says what was left before.
    fn look(&mut self, kill_at: Instant) -> Result<Sight, String> {
        let is_time_to_kill = Instant::now() >= kill_at;
        let folder = self.shared.folder(self.key);
        let child = self.shared.children.find(self.key);
        let worker = folder.worker()?;
        let is_alive = child.is_some() || worker.is_some();
        // A child that has not yet taken its lock is known by its start.
        let of_child = match child {
            Some(children::Worker::Running(process)) => process,
            Some(children::Worker::Starting) | None => None,
        };
        let process = worker.and_then(|worker| worker.identity).or(of_child);
        if let Some(process) = process {
            self.end_worker(process, is_time_to_kill)?;
        }
        if is_alive && !is_time_to_kill {
            return Ok(Sight::Alive);
        }
        let has_steps = self.end_steps(&folder, is_time_to_kill)?;
        Ok(match (is_alive, has_steps) {
            (true, _) => Sight::Alive,
            (false, true) => Sight::Remains,
            (false, false) => Sight::Gone,
        })
    }

    fn end_worker(&mut self, process: Identity, is_time_to_kill: bool) -> Result<(), String> {
        let sent = if is_time_to_kill {
            process.signal(Signal::Kill).map(drop)
        } else {
            self.ask(process)
        };
        sent.map_err(|error| format!("failed to signal the worker: {error}"))
    }

    /// Ends what is left of the steps of a worker that is gone or was just killed; returns whether
    /// anything was.
    fn end_steps(&mut self, folder: &AttemptFolder, is_time_to_kill: bool) -> Result<bool, String> {
        let held = folder.held_step_locks()?;
        for lock in &held {
            if is_time_to_kill {
                group::signal_remains(lock, Signal::Kill).map_err(|error| story(&error))?;
            } else {
                self.ask_orphans(lock)?;
            }
        }
        Ok(!held.is_empty())
    }

    /// Asks what is left of a step whose guard is gone; a guard that lives does that itself.
    fn ask_orphans(&mut self, lock: &Path) -> Result<(), String> {
        let holder = lock::read_holder(lock).map_err(|error| story(&error))?;
        let is_guarded = match holder {
            Some(holder) => holder.identity.is_alive().map_err(|error| story(&error))?,
            None => false,
        };
        if is_guarded {
            return Ok(());
        }
        for process in group::remains(lock).map_err(|error| story(&error))? {
            // One that may not be signalled is passed over: the others may.
            if let Err(error) = self.ask(process) {
                tracing::debug!("a process of a step may not be signalled: {error}");
            }
        }
        Ok(())
    }

    fn ask(&mut self, process: Identity) -> io::Result<()> {
        if !self.told.contains(&process) {
            process.signal(Signal::Terminate)?;
            self.told.insert(process);
        }
        Ok(())
    }
}
