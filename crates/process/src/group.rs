//! Process groups: who is in one, and what is left of a group whose guard is gone.
//!
//! The number of a group may be given again once the group is empty. A group is signalled as a whole
//! only while its leader is a child that was not reaped, which keeps the number from being given
//! again. What is found after a restart is signalled one process at a time, each known by number and
//! start time.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::kill_process_group;
use thiserror::Error;

use crate::identity::{Identity, Signal, raw};
use crate::lock::{self, Holder, LockError};
use crate::proc::{self, Stat};

/// Says why the remains of a group could not be found.
#[derive(Debug, Error)]
pub enum RemainsError {
    /// The lock could not be asked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The processes could not be listed.
    #[error("failed to list the processes that hold a lock")]
    Processes(#[source] io::Error),
}

/// Signals all of a group at once. The leader must be a child of this process that it has not
/// reaped, or this process itself.
pub(crate) fn signal_own(leader: u32, signal: Signal) -> io::Result<()> {
    let Some(group) = raw(leader) else {
        return Ok(());
    };
    match kill_process_group(group, signal.into()) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Lists the processes of a group that have not ended, ordered by number.
///
/// # Errors
/// `/proc` cannot be read.
pub fn members(group: u32) -> io::Result<Vec<Identity>> {
    let stats = proc::all()?;
    Ok(stats.iter().filter(|stat| stat.group == group).filter_map(living).collect())
}

fn living(stat: &Stat) -> Option<Identity> {
    (!stat.has_ended).then_some(Identity { pid: stat.pid, started: stat.started })
}

/// Lists what is proven to be left of the group that a held lock belongs to: the processes that have
/// inherited the lock, and those of the groups and sessions that its file names. Empty if the lock is
/// free.
///
/// # Errors
/// The lock cannot be asked, or `/proc` cannot be read.
pub fn remains(lock: &Path) -> Result<Vec<Identity>, RemainsError> {
    if !lock::is_held(lock)? {
        return Ok(Vec::new());
    }
    let holders = lock::read_holders(lock)?;
    let stats = proc::all().map_err(RemainsError::Processes)?;
    let file = fs::metadata(lock).map_err(RemainsError::Processes)?;
    let is_ours = |stat: &&Stat| {
        holders.iter().any(|holder| is_of(&stats, stat, *holder)) || has_inherited(stat.pid, &file)
    };
    Ok(stats.iter().filter(is_ours).filter_map(living).collect())
}

/// Sends a signal to all that is left of the group that a held lock belongs to; returns how many
/// processes got it. Processes that are started meanwhile may be missed: ask again until the lock is
/// free.
///
/// # Errors
/// What is left could not be found. A process that may not be signalled is passed over.
pub fn signal_remains(lock: &Path, signal: Signal) -> Result<usize, RemainsError> {
    let remains = remains(lock)?;
    let sent = remains.into_iter().filter(|process| process.signal(signal).is_ok());
    Ok(sent.count())
}

/// Whether a process is in the group that the holder of a lock led. A number stays in use while a
/// group has it, so the group is the same one unless another process has the leader's number now.
fn is_of(stats: &[Stat], stat: &Stat, holder: Holder) -> bool {
    let leader = holder.identity;
    let is_leader_a_stranger =
        stats.iter().any(|other| other.pid == leader.pid && other.started != leader.started);
    stat.group == leader.pid
        && stat.session == holder.session
        && stat.started >= leader.started
        && !is_leader_a_stranger
}

/// Whether a process has a descriptor through which the lock on the file is held. Processes of other
/// users cannot be asked.
fn has_inherited(pid: u32, file: &fs::Metadata) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors.flatten().any(|descriptor| {
        let is_file = fs::metadata(descriptor.path())
            .is_ok_and(|open| open.dev() == file.dev() && open.ino() == file.ino());
        is_file && holds_lock(pid, &descriptor.file_name().to_string_lossy())
    })
}

/// Whether a descriptor holds an exclusive lock: one that is only open for reading does not.
fn holds_lock(pid: u32, descriptor: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).is_ok_and(|info| {
        let mut locks = info.lines().filter(|line| line.starts_with("lock:"));
        locks.any(|line| line.contains("FLOCK") && line.contains("WRITE"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::Lock;

    #[test]
    fn who_holds_the_lock_is_found_and_who_only_reads_its_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = Lock::take(&path).unwrap().unwrap();
        let file = fs::metadata(&path).unwrap();
        let own = std::process::id();
        assert!(has_inherited(own, &file));
        let reader = fs::File::open(&path).unwrap();
        drop(lock);
        assert!(!has_inherited(own, &file));
        drop(reader);
    }

    #[test]
    fn a_group_whose_leaders_number_was_given_again_is_not_ours() {
        let holder = Holder { identity: Identity { pid: 10, started: 100 }, session: 5 };
        let stat = |pid, group, session, started| Stat {
            pid,
            parent: 1,
            group,
            session,
            started,
            has_ended: false,
        };
        let orphan = stat(11, 10, 5, 101);
        assert!(is_of(&[orphan], &orphan, holder));
        assert!(is_of(&[orphan, stat(10, 10, 5, 100)], &orphan, holder));
        // The leader is another one, or the group is in another session, or older than the lock.
        assert!(!is_of(&[orphan, stat(10, 10, 5, 102)], &orphan, holder));
        assert!(!is_of(&[], &stat(11, 10, 6, 101), holder));
        assert!(!is_of(&[], &stat(11, 10, 5, 99), holder));
        assert!(!is_of(&[], &stat(11, 12, 5, 101), holder));
    }
}
