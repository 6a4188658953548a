//! The lock that lets one daemon at a time lead on a database.
//!
//! It is held on a file beside the database and dies with its process, however that ends. Reading
//! needs no lock. The epoch in every commit stays the last word: this lock only says early and
//! clearly what the epoch would say late.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use thiserror::Error;

/// The name of the lock file, in the folder of the database.
pub const LOCK_FILE: &str = "pointsman.lock";

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
    pub(crate) fn take(database: &Path) -> Result<Self, LockError> {
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
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
                return Err(LockError::Held { folder, pid: read_pid(&file) });
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        write_pid(&mut file).map_err(failed)?;
        Ok(Self { _file: file })
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
