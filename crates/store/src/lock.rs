//! The lock that lets one daemon at a time lead on a database.
//!
//! It is held on a file beside the database and dies with its process, however that ends. Reading
//! needs no lock. The epoch in every commit stays the last word: this lock only says early and
//! clearly what the epoch would say late.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use thiserror::Error;
use tokio::time::{Instant, sleep};

/// The name of the lock file, in the folder of the database.
pub const LOCK_FILE: &str = "pointsman.lock";

/// How long a lock is waited for that somebody holds. A daemon that is killed while it starts a
/// worker leaves a copy of its lock with the new process, until that one runs its own program: some
/// milliseconds, more on a machine that does much else.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// More than any process id is long; what else stands in the file is not read.
const MAX_PID_LENGTH: u64 = 32;

/// The right to lead on a database; given back when it is dropped or its process ends.
#[derive(Debug)]
pub struct DaemonLock {
    _file: File,
}

/// Why the right to lead cannot be had.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another daemon has it.
    #[error(
        "another daemon ({}) already serves {}: stop it first, or name another folder",
        pid.map_or("of unknown process id".to_owned(), |pid| format!("process {pid}")),
        folder.display()
    )]
    Held {
        /// The folder of the database.
        folder: PathBuf,
        /// The process that wrote itself into the lock file last.
        pid: Option<u32>,
    },
    /// The lock file cannot be opened or locked.
    #[error("failed to lock {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl DaemonLock {
    /// Takes the lock beside a database, which need not exist yet, and writes this process into it.
    pub(crate) async fn take(database: &Path) -> Result<Self, LockError> {
        let path = database.with_file_name(LOCK_FILE);
        let failed = |source| LockError::Io { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        if !wait_for_lock(&file).await.map_err(|errno| failed(errno.into()))? {
            let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
            return Err(LockError::Held { folder, pid: read_pid(&file) });
        }
        write_pid(&mut file).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// Returns whether the lock was had within [`LONGEST_WAIT`].
async fn wait_for_lock(file: &File) -> Result<bool, Errno> {
    let give_up_at = Instant::now() + LONGEST_WAIT;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) if Instant::now() < give_up_at => sleep(PAUSE).await,
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(errno) => return Err(errno),
        }
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())
}

fn read_pid(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_PID_LENGTH).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
