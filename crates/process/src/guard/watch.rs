//! The watch of a guard over one command: what it waits for, and when it ends what.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Signal as Number, getpid, kill_current_process_group, set_child_subreaper};
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::capture::{BoundedFile, drain};
use crate::guard::descendants;
use crate::guard::forked::{self, Waiting};
use crate::guard::orders::Orders;
use crate::guard::report::{self, Report};
use crate::guard::start::{Pipes, start};
use crate::guard::tree::{Own, Tree};
use crate::guard::{FAILED, REPORTED, TERMINATE};
use crate::identity::Identity;
use crate::lock::Lock;

/// What a step may send to its group and the guard must survive; each is handled, not ignored,
/// because the command would inherit that.
const SURVIVED: [Number; 9] = [
    Number::TERM,
    Number::INT,
    Number::HUP,
    Number::QUIT,
    Number::USR1,
    Number::USR2,
    Number::ALARM,
    Number::TSTP,
    Number::TTOU,
];

/// A grace that is longer means this one; an instant further away may not be sayable.
const LONGEST_GRACE: Duration = Duration::from_hours(24 * 365);

/// The pauses between two looks for what is left: short at first, because what is killed is mostly
/// gone at once.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// How many looks may find processes that were not there before. A step that outruns so many starts
/// processes faster than they can be killed one by one.
const MOST_LOOKS: u32 = 200;

/// How long the rest of the output is waited for when nothing of the step is left: whoever still has
/// the pipe is not part of it.
const LONGEST_DRAIN: Duration = Duration::from_secs(1);

const ENDED_BEFORE: &str = "the step was ended before its command was started";

/// How a watch ended.
pub(super) enum Ending {
    /// The command has ended and nothing of it is left.
    Empty(Report),
    /// The command has ended, and something of it starts processes faster than they can be killed.
    Runaway(Report),
    /// The command was started and cannot be watched.
    Lost(io::Error),
}

impl Ending {
    /// Reports the ending and returns the exit code. What cannot be killed one by one, or cannot be
    /// watched, is killed with the whole group, the guard included; the worker has the report by
    /// then, if there is one.
    pub(super) fn tell(self) -> i32 {
        match self {
            Self::Empty(last) => {
                report::send(&last);
                return REPORTED;
            }
            Self::Runaway(last) => report::send(&last),
            Self::Lost(error) => {
                drop(writeln!(io::stderr(), "step-guard: failed to watch the step: {error}"));
            }
        }
        match kill_current_process_group(Number::KILL) {
            // The signal is on its way to the guard itself.
            Ok(()) | Err(_) => FAILED,
        }
    }
}

/// Runs one command to its end; an error is a sentence that says why it was not started, or what
/// failed about watching it.
pub(super) async fn run(orders: &Orders) -> Result<Ending, String> {
    let prepare = |error: io::Error| format!("failed to prepare the guard of the step: {error}");
    let _survived = survive().map_err(prepare)?;
    let child_ended = signal(SignalKind::child()).map_err(prepare)?;
    let mut worker = Worker::on_standard_input().map_err(prepare)?;
    set_child_subreaper(Some(getpid())).map_err(|error| prepare(error.into()))?;
    let guard = own_identity().map_err(prepare)?;

    // Held until the guard ends, when nothing of the step is left.
    let mut lock = take_lock(orders)?;
    let files = Files::create(orders).map_err(|error| cannot_keep(&error))?;
    let waiting = ask_for_fork(orders, &mut lock, &mut worker).await?;
    // Asked with the lock held: when a worker is seen to be gone and no lock of a step is held, no
    // command of it runs or will.
    if worker.has_ordered_the_end() {
        return Err(ENDED_BEFORE.to_owned());
    }
    let begun = if let Some(waiting) = waiting {
        begin_fork(waiting).await
    } else {
        lock.leave_to_children().map_err(prepare)?;
        let (command, pipes) = start(orders)?;
        Ok((command, pipes, Tree::Own(Own { guard, command, child_ended, end: None })))
    };
    let (command, pipes, tree) = match begun {
        Ok(begun) => begun,
        Err(error) => return Ok(Ending::Lost(error)),
    };
    report::send(&Report::Started { pid: command });
    let watch = Watch::over(tree, orders.grace);
    Ok(watch.run(pipes, files, &mut worker).await.unwrap_or_else(Ending::Lost))
}

/// Asks for a fork, if there is a server. Why there is none matters to nobody: the step goes the same
/// way without.
async fn ask_for_fork(
    orders: &Orders,
    lock: &mut Lock,
    worker: &mut Worker,
) -> Result<Option<Waiting>, String> {
    let Some(socket) = orders.fork.as_deref().filter(|_| orders.answer.is_some()) else {
        return Ok(None);
    };
    tokio::select! {
        asked = forked::ask(socket, orders, lock) => Ok(asked.ok()),
        () = worker.orders_the_end() => Err(ENDED_BEFORE.to_owned()),
    }
}

async fn begin_fork(waiting: Waiting) -> io::Result<(u32, Pipes, Tree)> {
    let (command, pipes, keeper) = waiting.begin().await?;
    Ok((command, pipes, Tree::Kept(keeper)))
}

fn own_identity() -> io::Result<Identity> {
    let missing = || io::Error::other("/proc does not show this process");
    Identity::of(std::process::id())?.ok_or_else(missing)
}

fn survive() -> io::Result<Vec<Signal>> {
    SURVIVED.into_iter().map(|number| signal(SignalKind::from_raw(number.as_raw()))).collect()
}

fn take_lock(orders: &Orders) -> Result<Lock, String> {
    match Lock::take(&orders.lock) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(format!(
            "another guard holds the lock {}: this try of the step is running already",
            orders.lock.display()
        )),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            Err(format!("{error}: {}", cause.unwrap_or_default()))
        }
    }
}

fn cannot_keep(error: &io::Error) -> String {
    format!("failed to create the file for the output of the step: {error}")
}

/// The pipe from the worker.
struct Worker(pipe::Receiver);

impl Worker {
    fn on_standard_input() -> io::Result<Self> {
        pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?).map(Self)
    }

    /// Whether the worker has ordered the end, or is gone. Asks the pipe itself: the runtime learns
    /// only when it waits that there is something to read.
    fn has_ordered_the_end(&self) -> bool {
        let mut bytes = [0; 16];
        let read = rustix::io::read(&self.0, &mut bytes).map_err(io::Error::from);
        is_the_end(read.map(|count| &bytes[..count]))
    }

    /// Waits until the worker orders the end or is gone.
    async fn orders_the_end(&mut self) {
        let mut bytes = [0; 16];
        while self.0.readable().await.is_ok() {
            let read = self.0.try_read(&mut bytes);
            if is_the_end(read.map(|count| &bytes[..count])) {
                return;
            }
        }
    }
}

/// Whether this, read from the worker, means the end of the step.
fn is_the_end(read: io::Result<&[u8]>) -> bool {
    match read {
        Ok(orders) => orders.is_empty() || orders.contains(&TERMINATE),
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    }
}

/// The files for what the command writes.
struct Files {
    out: BoundedFile,
    err: BoundedFile,
    answer: Option<BoundedFile>,
}

impl Files {
    fn create(orders: &Orders) -> io::Result<Self> {
        let create = |path: &Path| BoundedFile::create(path, orders.max_output);
        let answer = |path: &PathBuf| BoundedFile::create(path, orders.max_answer);
        Ok(Self {
            out: create(&orders.out)?,
            err: create(&orders.err)?,
            answer: orders.answer.as_ref().map(answer).transpose()?,
        })
    }
}

/// What is kept of the command's output.
struct Output {
    kept: Vec<JoinHandle<BoundedFile>>,
}

impl Output {
    fn keep(Pipes { out, err, answer }: Pipes, files: Files) -> io::Result<Self> {
        let pairs = [(Some(out), Some(files.out)), (Some(err), Some(files.err))];
        let pairs = pairs.into_iter().chain([(answer, files.answer)]);
        let pairs = pairs.filter_map(|(pipe, file)| pipe.zip(file));
        let kept: io::Result<Vec<JoinHandle<BoundedFile>>> = pairs
            .map(|(pipe, file)| Ok(tokio::spawn(drain(pipe::Receiver::from_owned_fd(pipe)?, file))))
            .collect();
        Ok(Self { kept: kept? })
    }

    /// Waits for the end of the output and returns whether some of it was not kept.
    async fn finish(self) -> bool {
        let give_up_at = Instant::now() + LONGEST_DRAIN;
        let mut is_cut = false;
        for kept in self.kept {
            let left = give_up_at.saturating_duration_since(Instant::now());
            is_cut |= match timeout(left, kept).await {
                Ok(Ok(file)) => file.is_cut(),
                Ok(Err(_)) | Err(_) => true,
            };
        }
        is_cut
    }
}

/// What a guard is doing about its step.
enum Phase {
    /// It lets it run.
    Running,
    /// It has sent SIGTERM.
    Terminating { kill_at: Instant },
    /// It sends SIGKILL until nothing is left.
    Killing { look_at: Instant, pause: Duration, looks: u32 },
}

struct Watch {
    tree: Tree,
    grace: Duration,
    phase: Phase,
    killed: BTreeSet<Identity>,
}

impl Watch {
    fn over(tree: Tree, grace: Duration) -> Self {
        let grace = grace.min(LONGEST_GRACE);
        Self { tree, grace, phase: Phase::Running, killed: BTreeSet::new() }
    }

    /// Watches until nothing of the step is left, and keeps its output.
    async fn run(mut self, pipes: Pipes, files: Files, worker: &mut Worker) -> io::Result<Ending> {
        let output = Output::keep(pipes, files)?;
        let is_runaway = self.until_empty(worker).await?;
        let last = self.report(output.finish().await);
        Ok(if is_runaway { Ending::Runaway(last) } else { Ending::Empty(last) })
    }

    /// Waits until the command has ended and nothing of it is left; returns whether it gave up on
    /// something that starts processes faster than they can be killed.
    async fn until_empty(&mut self, worker: &mut Worker) -> io::Result<bool> {
        while self.tree.look()? {
            if self.tree.end().is_some() {
                self.terminate()?;
            }
            let is_running = matches!(self.phase, Phase::Running);
            let alarm = self.alarm();
            tokio::select! {
                changed = self.tree.changed() => changed?,
                () = worker.orders_the_end(), if is_running => self.terminate()?,
                () = sleep_until(alarm.unwrap_or_else(Instant::now)), if alarm.is_some() => {
                    if self.kill()? {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Tells everything to end, once: the group at one blow, then what has left it.
    fn terminate(&mut self) -> io::Result<()> {
        if matches!(self.phase, Phase::Running) {
            self.tree.terminate_group()?;
            descendants::terminate_those_outside(self.tree.root())?;
            self.phase = Phase::Terminating { kill_at: Instant::now() + self.grace };
        }
        Ok(())
    }

    /// When it is time to kill, or to look again for what is left.
    fn alarm(&self) -> Option<Instant> {
        match self.phase {
            Phase::Running => None,
            Phase::Terminating { kill_at } => Some(kill_at),
            Phase::Killing { look_at, .. } => Some(look_at),
        }
    }

    /// Kills what is left; returns whether that is hopeless one by one.
    fn kill(&mut self) -> io::Result<bool> {
        let (pause, looks) = match self.phase {
            Phase::Killing { pause, looks, .. } => (pause, looks),
            Phase::Running | Phase::Terminating { .. } => (SHORTEST_PAUSE, 0),
        };
        let mut has_new = false;
        for identity in descendants::kill(self.tree.root())? {
            has_new |= self.killed.insert(identity);
        }
        let looks = looks + u32::from(has_new);
        let pause = if has_new { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        self.phase = Phase::Killing { look_at: Instant::now() + pause, pause, looks };
        Ok(looks > MOST_LOOKS && self.tree.end().is_some())
    }

    fn report(&self, is_output_cut: bool) -> Report {
        match self.tree.end() {
            Some(end) => end.report(is_output_cut),
            // Nothing is left, and nobody else can have reaped the command.
            None => Report::Exited { code: -1, is_output_cut },
        }
    }
}
