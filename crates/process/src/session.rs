//! The first act of a worker: it leaves the session of the daemon that started it, so that nothing
//! that ends the daemon ends it too, and takes its lock.

use std::io;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{getpid, getsid, setsid};
use thiserror::Error;

use crate::lock::{Lock, LockError};

/// Says why a worker could not begin a session of its own.
#[derive(Debug, Error)]
pub enum DetachError {
    /// The kernel refused a new session.
    #[error("failed to begin a session of its own: start it as a child that leads no group")]
    Session(#[source] io::Error),
    /// The lock could not be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// Begins a session of its own and takes the lock; `None` if another process holds the lock, which
/// is then the worker of this attempt.
///
/// # Errors
/// The session or the lock failed for another reason than a holder.
pub fn detach(lock: &Path) -> Result<Option<Lock>, DetachError> {
    match setsid() {
        Ok(_) => {}
        Err(Errno::PERM) if getsid(None) == Ok(getpid()) => {}
        Err(error) => return Err(DetachError::Session(error.into())),
    }
    Ok(Lock::take(lock)?)
}
