//! Which process a number means, and signals that reach that process or none.
//!
//! The kernel gives a number again once its process is gone. A process is therefore known by its
//! number together with the time of its start, and is held by a pidfd while that is compared and the
//! signal sent: a number that was given again is never signalled.

use std::io;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};

use crate::proc;

/// One process for all time (until the machine boots again).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since the boot of the machine.
    pub started: u64,
}

/// How a process is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: it may clean up, and may refuse.
    Terminate,
    /// SIGKILL: it cannot refuse.
    Kill,
}

/// Whether a signal found its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It was sent to the process that was meant.
    Delivered,
    /// The process that was meant is gone, and nobody got the signal.
    Gone,
}

impl Identity {
    /// Finds the process that has the number now; `None` if there is none or it has ended.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn of(pid: u32) -> io::Result<Option<Self>> {
        let stat = proc::read(pid)?.filter(|stat| !stat.has_ended);
        Ok(stat.map(|stat| Self { pid: stat.pid, started: stat.started }))
    }

    /// Returns whether this very process lives; one that has ended and was not reaped does not.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn is_alive(self) -> io::Result<bool> {
        Ok(Self::of(self.pid)? == Some(self))
    }

    /// Sends a signal to this very process.
    ///
    /// # Errors
    /// The process lives and may not be signalled, or `/proc` cannot be read.
    pub fn signal(self, signal: Signal) -> io::Result<Sent> {
        let Some(pid) = raw(self.pid) else {
            return Ok(Sent::Gone);
        };
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            // EINVAL: the number belongs to a thread of another process by now.
            Err(Errno::SRCH | Errno::INVAL) => return Ok(Sent::Gone),
            Err(error) => return Err(error.into()),
        };
        // The handle means whoever has the number now, for good: asked only afterwards, the answer
        // is about the process that gets the signal.
        if !self.is_alive()? {
            return Ok(Sent::Gone);
        }
        match pidfd_send_signal(&handle, signal.into()) {
            Ok(()) => Ok(Sent::Delivered),
            Err(Errno::SRCH) => Ok(Sent::Gone),
            Err(error) => Err(error.into()),
        }
    }
}

impl From<Signal> for rustix::process::Signal {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Terminate => Self::TERM,
            Signal::Kill => Self::KILL,
        }
    }
}

/// Returns the number in the kernel's own type; `None` if no process can have it.
pub(crate) fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().filter(|pid| *pid > 0).and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn a_process_gets_the_signal_that_is_meant_for_it() {
        let mut child = sleeper();
        let identity = Identity::of(child.id()).unwrap().unwrap();
        assert_eq!(identity.signal(Signal::Terminate).unwrap(), Sent::Delivered);
        assert_eq!(child.wait().unwrap().signal(), Some(15));
        assert_eq!(identity.signal(Signal::Kill).unwrap(), Sent::Gone);
    }

    #[test]
    fn a_process_that_has_got_the_number_since_is_never_signalled() {
        let mut child = sleeper();
        let now = Identity::of(child.id()).unwrap().unwrap();
        let before = Identity { started: now.started - 1, ..now };
        assert_eq!(before.signal(Signal::Kill).unwrap(), Sent::Gone);
        assert!(!before.is_alive().unwrap());
        assert!(now.is_alive().unwrap());
        // The first signal that it ever gets is this one.
        now.signal(Signal::Terminate).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(15));
    }

    #[test]
    fn numbers_that_no_process_can_have_are_gone() {
        for pid in [0, u32::MAX] {
            let nobody = Identity { pid, started: 0 };
            assert_eq!(nobody.signal(Signal::Kill).unwrap(), Sent::Gone);
        }
    }
}
