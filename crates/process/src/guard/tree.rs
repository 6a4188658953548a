//! The processes of a step as a tree: whose descendants they are, how their ends are learned, and how
//! all of their group is signalled.
//!
//! A command that the guard has started is its child, and orphans are handed to the guard. One that a
//! fork server has started is the child of its keeper, which tells what the guard would see.

use std::io;

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal as Number, WaitOptions, WaitStatus, kill_current_process_group, wait,
};
use tokio::signal::unix::Signal;

use crate::guard::forked::Keeper;
use crate::guard::report::Report;
use crate::identity::Identity;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Exited(i32),
    Signaled(i32),
}

impl End {
    pub(super) fn report(self, is_output_cut: bool) -> Report {
        match self {
            Self::Exited(code) => Report::Exited { code, is_output_cut },
            Self::Signaled(signal) => Report::Signaled { signal, is_output_cut },
        }
    }
}

/// The processes of a step.
pub(super) enum Tree {
    /// They descend from the guard.
    Own(Own),
    /// They descend from a keeper.
    Kept(Keeper),
}

/// A command that the guard has started itself.
pub(super) struct Own {
    pub(super) guard: Identity,
    pub(super) command: u32,
    pub(super) child_ended: Signal,
    pub(super) end: Option<End>,
}

impl Tree {
    /// The process that all others descend from; its number is that of their group.
    pub(super) fn root(&self) -> Identity {
        match self {
            Self::Own(own) => own.guard,
            Self::Kept(keeper) => keeper.identity(),
        }
    }

    /// How the command ended, if it has.
    pub(super) fn end(&self) -> Option<End> {
        match self {
            Self::Own(own) => own.end,
            Self::Kept(keeper) => keeper.end(),
        }
    }

    /// Takes note of what has ended; returns whether anything is left.
    pub(super) fn look(&mut self) -> io::Result<bool> {
        match self {
            Self::Own(own) => own.reap(),
            Self::Kept(keeper) => keeper.look(),
        }
    }

    /// Waits until something may have ended.
    pub(super) async fn changed(&mut self) -> io::Result<()> {
        match self {
            Self::Own(own) => {
                own.child_ended.recv().await;
                Ok(())
            }
            Self::Kept(keeper) => keeper.hear().await,
        }
    }

    /// Sends SIGTERM to all of the group at one blow, and continues who was stopped, to be able to end.
    pub(super) fn terminate_group(&self) -> io::Result<()> {
        match self {
            Self::Own(_) => {
                // The guard is in the group too, and handles both.
                kill_current_process_group(Number::TERM)?;
                Ok(kill_current_process_group(Number::CONT)?)
            }
            Self::Kept(keeper) => keeper.terminate_group(),
        }
    }
}

impl Own {
    /// Reaps whatever has ended, orphans of the step among it.
    fn reap(&mut self) -> io::Result<bool> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => self.take_note(pid, status),
                Ok(None) => return Ok(true),
                Err(Errno::CHILD) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take_note(&mut self, pid: Pid, status: WaitStatus) {
        // The number may be given again once the command is reaped: only its first end counts.
        if pid.as_raw_pid().unsigned_abs() == self.command && self.end.is_none() {
            let signaled = status.terminating_signal().map(End::Signaled);
            self.end = signaled.or(status.exit_status().map(End::Exited));
        }
    }
}
