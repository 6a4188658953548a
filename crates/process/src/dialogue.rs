//! A child that is spoken to in lines: over its standard input, and back over its standard output.
//!
//! It leads a process group of its own, which is killed before the child is reaped, so that nothing
//! that it has started in its group outlives it, and no number that was given again is signalled. What
//! the lines say is no matter of this file, nor how long anybody waits for one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{WaitId, WaitIdOptions, waitid};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep};

use crate::group;
use crate::guard::start::{quote, reason};
use crate::identity::{Signal, raw};

/// The pauses between two looks at a child that is to end: it mostly does at once.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A program to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments, as they are: there is no shell.
    pub command: Vec<OsString>,
    /// The folder that it starts in.
    pub folder: PathBuf,
    /// Its environment, all of it.
    pub environment: BTreeMap<OsString, OsString>,
}

/// A child that is spoken to in lines. Dropping it kills it with its group; to learn that it is gone,
/// [`end`](Dialogue::end) it.
#[derive(Debug)]
pub struct Dialogue {
    leader: Leader,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

/// Why a child was not started: a sentence that says how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct StartError(String);

/// Why a line was not heard.
#[derive(Debug, Error)]
pub enum HearError {
    /// The child has closed its output, which it mostly does by ending.
    #[error("its output has ended")]
    Ended,
    /// The line is longer than it may be.
    #[error("it wrote a line of more than {0} bytes")]
    TooLong(usize),
    /// The output cannot be read.
    #[error("its output cannot be read")]
    Unreadable(#[source] io::Error),
}

/// The child, killed with its group when this is dropped before it was reaped.
#[derive(Debug)]
struct Leader(Child);

impl Dialogue {
    /// Starts a program; beside the dialogue it returns what the child writes to standard error, which
    /// must be read, or the child waits once the pipe is full. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Nothing was started; the sentence says why.
    pub fn start(program: &Program) -> Result<(Self, ChildStderr), StartError> {
        let Some((name, arguments)) = program.command.split_first() else {
            return Err(StartError("failed to start it: its command is empty".to_owned()));
        };
        let started = Command::new(name)
            .args(arguments)
            .current_dir(&program.folder)
            .env_clear()
            .envs(&program.environment)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let child = started.map_err(|error| {
            let why = reason(name, &program.folder, &error);
            StartError(format!("failed to start `{}`: {why}", quote(name)))
        })?;
        let mut leader = Leader(child);
        let child = &mut leader.0;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(StartError("failed to start it: it has no pipes".to_owned()));
        };
        Ok((Self { leader, stdin, stdout: BufReader::new(stdout) }, stderr))
    }

    /// Returns the number of the child's process, which is that of its group too; `None` once it was
    /// reaped.
    pub fn group(&self) -> Option<u32> {
        self.leader.0.id()
    }

    /// Returns whether the child has ended; it is not reaped by this.
    pub fn has_ended(&self) -> bool {
        self.leader.has_ended()
    }

    /// Writes a line.
    ///
    /// # Errors
    /// The child does not read any more, which mostly means that it has ended.
    pub async fn say(&mut self, line: &str) -> io::Result<()> {
        self.stdin.write_all(line.as_bytes()).await?;
        self.stdin.write_all(b"\n").await?;
        self.stdin.flush().await
    }

    /// Waits for a line of at most so many bytes and returns it without its end. If this is dropped
    /// before it answers, a part of a line may be lost.
    ///
    /// # Errors
    /// [`HearError`]; the child says nothing more that could be understood.
    pub async fn hear(&mut self, most: usize) -> Result<Vec<u8>, HearError> {
        let mut line = Vec::new();
        loop {
            let buffer = self.stdout.fill_buf().await.map_err(HearError::Unreadable)?;
            if buffer.is_empty() {
                return Err(HearError::Ended);
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = end.unwrap_or(buffer.len());
            if line.len() + part > most {
                return Err(HearError::TooLong(most));
            }
            line.extend_from_slice(&buffer[..part]);
            self.stdout.consume(end.map_or(part, |end| end + 1));
            if end.is_some() {
                return Ok(line);
            }
        }
    }

    /// Ends the child: closes its input, waits for so long, and kills it with its group. Returns its
    /// exit status; `None` if it had to be killed.
    ///
    /// # Errors
    /// It cannot be reaped.
    pub async fn end(self, grace: Duration) -> io::Result<Option<ExitStatus>> {
        let Self { mut leader, stdin, stdout } = self;
        drop(stdin);
        let kill_at = Instant::now() + grace;
        let mut pause = SHORTEST_PAUSE;
        while !leader.has_ended() && Instant::now() < kill_at {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        let has_ended = leader.has_ended();
        leader.kill();
        // Whoever still writes sees that nobody reads.
        drop(stdout);
        let status = leader.0.wait().await?;
        Ok(has_ended.then_some(status))
    }
}

impl Leader {
    fn has_ended(&self) -> bool {
        let Some(pid) = self.0.id().and_then(raw) else { return true };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        waitid(WaitId::Pid(pid), options).is_ok_and(|status| status.is_some())
    }

    /// Kills the group, unless the child was reaped: then its number may be another's.
    fn kill(&self) {
        if let Some(pid) = self.0.id() {
            // A group that cannot be signalled any more is gone.
            drop(group::signal_own(pid, Signal::Kill));
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.kill();
    }
}
