//! Locks that die with their process: an exclusive `flock` on a file, which the kernel frees when
//! the last descriptor of the one that took it is closed, however its processes ended.
//!
//! The file stays when the lock is free, and says in text who took it last: for people, and to find
//! the process again. Only the lock itself says whether somebody holds it. A file with a lock must
//! not be replaced or removed while anybody may hold it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use thiserror::Error;

use crate::identity::Identity;
use crate::proc;

/// How long a lock is tried for while others only ask whether it is held; each asks for
/// microseconds, so that this never passes on a machine that works.
const LONGEST_TRY: Duration = Duration::from_secs(10);

/// How much of a lock's file is read: far more than is ever written there.
const LONGEST_TEXT: u64 = 1024;

/// A lock that this process holds. It is freed when this value and every copy of its descriptor
/// that a child inherited are gone.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Who took a lock, as its file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The process that took it.
    pub identity: Identity,
    /// The session that it was in.
    pub session: u32,
}

/// Says why a lock could not be taken or asked about.
#[derive(Debug, Error)]
#[error("failed to {action} the lock {}", path.display())]
pub struct LockError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Lock {
    /// Takes the lock, creating its file (mode 0600) if there is none; `None` if somebody holds it.
    ///
    /// # Errors
    /// The file cannot be opened, locked or written.
    pub fn take(path: &Path) -> Result<Option<Self>, LockError> {
        let fail = |action| move |source| LockError { action, path: path.to_owned(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(fail("open"))?;
        if !lock_exclusively(&file).map_err(fail("take"))? {
            return Ok(None);
        }
        let mut lock = Self { file, path: path.to_owned() };
        lock.sign().map_err(fail("write who took"))?;
        Ok(Some(lock))
    }

    /// Returns where its file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes who took it, in one call so that a reader sees all of it or nothing.
    fn sign(&mut self) -> io::Result<()> {
        let own = proc::read(std::process::id())?
            .ok_or_else(|| io::Error::other("/proc does not show this process"))?;
        let text = format!("pid {}\nstarted {}\nsession {}\n", own.pid, own.started, own.session);
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }

    /// Writes that a process takes it too, which leads a session and a group of its own.
    pub(crate) fn sign_for(&mut self, leader: Identity) -> io::Result<()> {
        let Identity { pid, started } = leader;
        let text = format!("pid {pid}\nstarted {started}\nsession {pid}\n");
        self.file.write_all(text.as_bytes())
    }

    /// The descriptor that holds it: whoever gets a copy of it holds it too.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Lets every process that this one starts from now on inherit the lock: it is free only when
    /// all of them are gone too. For a process that starts nothing else.
    pub(crate) fn leave_to_children(&self) -> io::Result<()> {
        Ok(fcntl_setfd(&self.file, FdFlags::empty())?)
    }
}

/// Tells a holder from those who ask: they hold a shared lock for a moment, which a second shared
/// one gets past and an exclusive one does not.
fn lock_exclusively(file: &File) -> io::Result<bool> {
    let give_up_at = Instant::now() + LONGEST_TRY;
    loop {
        if try_lock(file, FlockOperation::NonBlockingLockExclusive)? {
            return Ok(true);
        }
        if !try_lock(file, FlockOperation::NonBlockingLockShared)? {
            return Ok(false);
        }
        flock(file, FlockOperation::Unlock)?;
        if Instant::now() > give_up_at {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::yield_now();
    }
}

fn try_lock(file: &File, operation: FlockOperation) -> io::Result<bool> {
    loop {
        match flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns whether somebody holds the lock. A missing file is not held, and is not created; a
/// process that takes the lock at the same time gets it nevertheless.
///
/// # Errors
/// The file is there and cannot be asked.
pub fn is_held(path: &Path) -> Result<bool, LockError> {
    let fail = |action| move |source| LockError { action, path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(fail("open")(error)),
    };
    // Closing the file frees what was got.
    let is_free = try_lock(&file, FlockOperation::NonBlockingLockShared).map_err(fail("try"))?;
    Ok(!is_free)
}

/// Reads who took the lock last; `None` if the file is missing or does not say it (yet). Whether it
/// is still held, and whether the process lives, is for [`is_held`] and [`Identity`] to say.
///
/// # Errors
/// The file is there and cannot be read.
pub fn read_holder(path: &Path) -> Result<Option<Holder>, LockError> {
    Ok(read_holders(path)?.into_iter().next())
}

/// As [`read_holder`], with those for which the one that took it has signed since.
pub(crate) fn read_holders(path: &Path) -> Result<Vec<Holder>, LockError> {
    let fail = |source| LockError { action: "read", path: path.to_owned(), source };
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(LONGEST_TEXT).read_to_end(&mut bytes).map_err(fail)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    Ok(parse(&String::from_utf8_lossy(&bytes)))
}

/// How many lines tell of one holder.
const LINES: usize = 3;

fn parse(text: &str) -> Vec<Holder> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines: Vec<&str> = whole.lines().collect();
    lines.chunks(LINES).map_while(holder).collect()
}

fn holder(lines: &[&str]) -> Option<Holder> {
    let mut lines = lines.iter();
    let mut number = |name: &str| -> Option<u64> {
        lines.next()?.strip_prefix(name)?.strip_prefix(' ')?.parse().ok()
    };
    let pid = u32::try_from(number("pid")?).ok()?;
    let started = number("started")?;
    let session = u32::try_from(number("session")?).ok()?;
    Some(Holder { identity: Identity { pid, started }, session })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!is_held(&path).unwrap());
        assert!(!path.exists(), "asking created the file");

        let lock = Lock::take(&path).unwrap().unwrap();
        assert!(is_held(&path).unwrap());
        assert!(Lock::take(&path).unwrap().is_none());
        let holder = read_holder(&path).unwrap().unwrap();
        assert_eq!(holder.identity, Identity::of(std::process::id()).unwrap().unwrap());

        drop(lock);
        assert!(!is_held(&path).unwrap());
        assert!(Lock::take(&path).unwrap().is_some());
    }

    #[test]
    fn asking_without_end_never_keeps_a_taker_from_a_free_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        drop(Lock::take(&path).unwrap().unwrap());
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        is_held(&path).unwrap();
                    }
                });
            }
            let taken = (0..2000).filter(|_| Lock::take(&path).unwrap().is_some()).count();
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(taken, 2000);
        });
    }

    #[test]
    fn a_text_that_is_not_whole_names_nobody() {
        let whole = "pid 12\nstarted 34\nsession 56\n";
        assert_eq!(parse(whole).len(), 1);
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]), [], "{:?}", &whole[..end]);
            assert_eq!(parse(&format!("{whole}{}", &whole[..end])), parse(whole));
        }
        assert_eq!(parse("pid -1\nstarted 34\nsession 56\n"), []);
    }

    #[test]
    fn who_took_a_lock_can_sign_for_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut lock = Lock::take(&path).unwrap().unwrap();
        let other = Identity { pid: 7, started: 8 };
        lock.sign_for(other).unwrap();
        let holders = read_holders(&path).unwrap();
        assert_eq!(holders.len(), 2);
        assert_eq!(read_holder(&path).unwrap(), Some(holders[0]));
        assert_eq!(holders[1], Holder { identity: other, session: 7 });
    }

    #[test]
    fn a_lock_that_cannot_be_opened_says_which() {
        let folder = tempfile::tempdir().unwrap();
        let error = Lock::take(&folder.path().join("missing/lock")).unwrap_err();
        assert!(error.to_string().contains("missing/lock"), "{error}");
    }
}
