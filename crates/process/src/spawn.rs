//! The worker's side of a guarded step: starts the guard, gives it orders, learns how the step
//! ended.
//!
//! A guard that ends without a report was killed. Its group is then killed before the guard is
//! reaped, while the group's number cannot have been given to another one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use thiserror::Error;
use tokio::net::unix::pipe;

use crate::group::{self, RemainsError};
use crate::guard::{Orders, Report, TERMINATE};
use crate::identity::{Signal, raw};
use crate::lock;

/// How much a guard may write: two short lines, one of which may have a path or two.
const LONGEST_REPORT: usize = 64 * 1024;

/// What a guard calls itself in the lists of processes, whatever path it was started by.
const PROGRAM: &str = "pointsman";

/// The pauses between two looks at a group that was killed: it is mostly gone at once.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A step to start.
#[derive(Debug, Clone)]
pub struct GuardedCommand {
    /// The program whose subcommand `step-guard` is the guard. `/proc/self/exe` names the one that
    /// runs, even when its file was replaced since.
    pub binary: PathBuf,
    /// What the guard is to do.
    pub orders: Orders,
    /// The environment of the command, all of it; the guard has the same one, so that no value of it
    /// stands among arguments.
    pub environment: BTreeMap<OsString, OsString>,
}

/// A step under its guard. Dropping it ends the step, as the death of this process would; to learn
/// that nothing of it is left, [`wait`](GuardedStep::wait) for it.
#[derive(Debug)]
pub struct GuardedStep {
    guard: Child,
    handle: Arc<OwnedFd>,
    lock: PathBuf,
    orders: OwnedFd,
    reports: pipe::Receiver,
    heard: Vec<u8>,
    pause: Duration,
    outcome: Option<StepOutcome>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEnd {
    /// Its command ended by itself; 0 says that it succeeded.
    Exited(i32),
    /// Its command was ended by this signal.
    Signaled(i32),
    /// Its command was not started; the sentence says why and how to mend it.
    NotStarted(String),
    /// Its guard was killed, so nobody knows how the command ended; everything of it was killed.
    GuardLost,
}

/// What is known about a step that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOutcome {
    /// How it ended.
    pub end: StepEnd,
    /// Whether some of its output was not kept.
    pub is_output_cut: bool,
}

/// Says why a guard could not be started, ordered or waited for.
#[derive(Debug, Error)]
#[error("failed to {action} the guard of a step")]
pub struct GuardError {
    action: &'static str,
    #[source]
    source: io::Error,
}

fn fail(action: &'static str) -> impl Fn(io::Error) -> GuardError {
    move |source| GuardError { action, source }
}

impl GuardedStep {
    /// Starts the guard, which starts the command. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The guard was not started; nothing of the step runs. (A command that cannot be started is
    /// told by [`wait`](Self::wait).)
    pub fn start(command: &GuardedCommand) -> Result<Self, GuardError> {
        let start = fail("start");
        // Whatever else this process starts does not inherit these.
        let flags = PipeFlags::CLOEXEC | PipeFlags::NONBLOCK;
        let (stdin, orders) = pipe_with(flags).map_err(|error| start(error.into()))?;
        let (reports, stdout) =
            pipe_with(PipeFlags::CLOEXEC).map_err(|error| start(error.into()))?;
        let reports = pipe::Receiver::from_owned_fd(reports).map_err(&start)?;
        let guard = Command::new(&command.binary)
            .arg0(PROGRAM)
            .arg("step-guard")
            .args(command.orders.to_args())
            .env_clear()
            .envs(&command.environment)
            .process_group(0)
            .stdin(stdin)
            .stdout(stdout)
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(&start)?;
        match hold(&guard) {
            Ok(handle) => {
                let lock = command.orders.lock.clone();
                let (heard, pause, outcome) = (Vec::new(), SHORTEST_PAUSE, None);
                Ok(Self { guard, handle, lock, orders, reports, heard, pause, outcome })
            }
            Err(error) => {
                drop(orders);
                abandon(guard);
                Err(start(error))
            }
        }
    }

    /// Returns the number of the guard's process, which is that of the step's group too.
    pub fn group(&self) -> u32 {
        self.guard.id()
    }

    /// Orders the end of the step: SIGTERM to all of it, SIGKILL after the grace. Safe to repeat.
    ///
    /// # Errors
    /// The guard could not be told; [`kill`](Self::kill) is left.
    pub fn terminate(&self) -> Result<(), GuardError> {
        match rustix::io::write(&self.orders, &[TERMINATE]) {
            // A guard that is gone needs no order, nor does one that has a pipe full of them.
            Ok(_) | Err(Errno::PIPE | Errno::AGAIN) => Ok(()),
            Err(error) => Err(fail("order")(error.into())),
        }
    }

    /// Kills the guard and everything in its group at once: for a step whose guard does not do what
    /// it is told, as one that was stopped. [`wait`](Self::wait) says when it is gone.
    ///
    /// # Errors
    /// The kernel refused the signal.
    pub fn kill(&self) -> Result<(), GuardError> {
        if self.outcome.is_some() {
            // The guard was reaped: its number may be another's.
            return Ok(());
        }
        group::signal_own(self.guard.id(), Signal::Kill).map_err(fail("kill"))
    }

    /// Waits until the command was started and returns its process; `None` if it was not.
    /// May be dropped and called again.
    ///
    /// # Errors
    /// The guard could not be heard.
    pub async fn started(&mut self) -> Result<Option<u32>, GuardError> {
        loop {
            for report in parse(&self.heard) {
                match report {
                    Report::Started { pid } => return Ok(Some(pid)),
                    Report::NotStarted { .. } => return Ok(None),
                    Report::Exited { .. } | Report::Signaled { .. } => {}
                }
            }
            if self.hear().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Waits until the step is over and nothing of its group is left. May be dropped and called
    /// again; after its answer it answers the same.
    ///
    /// # Errors
    /// The guard could not be heard or waited for.
    pub async fn wait(&mut self) -> Result<StepOutcome, GuardError> {
        if let Some(outcome) = &self.outcome {
            return Ok(outcome.clone());
        }
        while self.hear().await? > 0 {}
        if self.was_killed().await.map_err(fail("wait for"))? {
            let clear_up = self.clear_up().await;
            clear_up.map_err(|error| fail("clear up after")(io::Error::other(error)))?;
        }
        self.guard.wait().map_err(fail("reap"))?;
        let outcome = outcome(parse(&self.heard).pop());
        self.outcome = Some(outcome.clone());
        Ok(outcome)
    }

    /// Waits for the end of the guard, which has closed its output and so is about to end; says
    /// whether that is not the end that it comes to by itself. Does not reap it.
    async fn was_killed(&self) -> io::Result<bool> {
        let handle = Arc::clone(&self.handle);
        let wait = move || {
            waitid(WaitId::PidFd(handle.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        };
        let status = tokio::task::spawn_blocking(wait).await.map_err(io::Error::other)??;
        Ok(status.is_none_or(|status| !status.exited()))
    }

    /// Kills what a guard has left that was itself killed, before the guard is reaped: its group, and
    /// whoever has inherited its lock.
    async fn clear_up(&mut self) -> Result<(), RemainsError> {
        while self.kill_remains()? {
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    /// Kills what is left; returns whether there was anything.
    fn kill_remains(&self) -> Result<bool, RemainsError> {
        let guard = self.guard.id();
        let is_group_empty = group::members(guard).map_err(RemainsError::Processes)?.is_empty();
        group::signal_own(guard, Signal::Kill).map_err(RemainsError::Processes)?;
        let holder = lock::read_holder(&self.lock)?;
        let is_lock_its_own = holder.is_some_and(|holder| holder.identity.pid == guard);
        let left =
            if is_lock_its_own { group::signal_remains(&self.lock, Signal::Kill)? } else { 0 };
        Ok(!is_group_empty || left > 0)
    }

    /// Hears more of the guard; returns how many bytes, 0 at the end.
    async fn hear(&mut self) -> Result<usize, GuardError> {
        let hear = fail("hear");
        let mut bytes = [0; 1024];
        loop {
            self.reports.readable().await.map_err(&hear)?;
            match self.reports.try_read(&mut bytes) {
                Ok(count) if self.heard.len() + count > LONGEST_REPORT => {
                    return Err(hear(io::Error::other("it says more than a guard does")));
                }
                Ok(count) => {
                    self.heard.extend_from_slice(&bytes[..count]);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(hear(error)),
            }
        }
    }
}

/// Holds a child so that its end can be waited for.
fn hold(child: &Child) -> io::Result<Arc<OwnedFd>> {
    let pid = raw(child.id()).ok_or_else(|| io::Error::other("a child has no number"))?;
    Ok(Arc::new(pidfd_open(pid, PidfdFlags::empty())?))
}

/// Ends a guard that was just started and cannot be watched; its failure to start is told already.
fn abandon(mut guard: Child) {
    drop(group::signal_own(guard.id(), Signal::Kill));
    drop(guard.wait());
}

/// Reads the whole lines; what is no report was not written by a guard.
fn parse(heard: &[u8]) -> Vec<Report> {
    let lines = heard.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

fn outcome(last: Option<Report>) -> StepOutcome {
    let (end, is_output_cut) = match last {
        Some(Report::Exited { code, is_output_cut }) => (StepEnd::Exited(code), is_output_cut),
        Some(Report::Signaled { signal, is_output_cut }) => {
            (StepEnd::Signaled(signal), is_output_cut)
        }
        Some(Report::NotStarted { message }) => (StepEnd::NotStarted(message), false),
        Some(Report::Started { .. }) | None => (StepEnd::GuardLost, true),
    };
    StepOutcome { end, is_output_cut }
}
