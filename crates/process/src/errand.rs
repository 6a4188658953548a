//! An errand: one command under a guard that is to answer within a deadline, from a thread that may
//! wait for it.
//!
//! The command reads its input from a file and answers on a descriptor of its own, so that whatever
//! it prints disturbs nothing. All that it writes is bounded; when this returns nothing of it is left.
//! What the answer means is no matter of this file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::guard::Orders;
use crate::spawn::{GuardError, GuardedCommand, GuardedStep, StepEnd, StepOutcome};

/// How long a command that is late has between SIGTERM and SIGKILL: it has had its time.
const GRACE: Duration = Duration::from_secs(2);

/// How long a guard has beyond that to say that nothing is left; then it is killed.
const GUARD_MARGIN: Duration = Duration::from_secs(10);

/// How much of what a command prints is shown, in bytes from its end: what went wrong stands there.
const SHOWN: u64 = 16 * 1024;

/// A command that is to answer.
#[derive(Debug, Clone)]
pub struct Errand {
    /// The program whose subcommand `step-guard` is the guard.
    pub binary: PathBuf,
    /// A folder of its own, which must not be there and is removed afterwards.
    pub folder: PathBuf,
    /// The program and its arguments; `--answer-fd` and a number are added.
    pub command: Vec<OsString>,
    /// The socket of a server that may have it executed by a fork of itself.
    pub fork: Option<PathBuf>,
    /// The folder in which it runs.
    pub cwd: PathBuf,
    /// The environment of the command, all of it.
    pub environment: BTreeMap<OsString, OsString>,
    /// What it reads on its standard input.
    pub input: Vec<u8>,
    /// How long it may take.
    pub deadline: Duration,
    /// How long its answer may be, in bytes.
    pub max_answer: u64,
    /// Whether somebody still wants the answer: when the sender is gone nobody does, and the command is
    /// ended as one that is late. Without it, it is wanted until the deadline.
    pub wanted: Option<Wanted>,
}

/// Says that somebody wants an answer, as long as its sender is there.
pub type Wanted = watch::Receiver<()>;

/// What came of an errand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// How it ended; `None` if its time was over, or nobody wanted it any more.
    pub end: Option<StepEnd>,
    /// What it answered.
    pub answer: Vec<u8>,
    /// Whether some of what it wrote was not kept.
    pub is_cut: bool,
    /// The end of what it printed on its standard output.
    pub out: String,
    /// The end of what it printed on its standard error.
    pub err: String,
}

/// Says why a command could not be sent.
#[derive(Debug, Error)]
pub enum ErrandError {
    /// The files that it needs could not be made or read.
    #[error("failed to {action} {}", path.display())]
    Files {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The runtime in which it is waited for could not be made.
    #[error("failed to prepare to wait for a command")]
    Runtime(#[source] io::Error),
    /// The guard could not be started or waited for.
    #[error(transparent)]
    Guard(#[from] GuardError),
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ErrandError {
    move |source| ErrandError::Files { action, path: path.to_owned(), source }
}

/// Sends a command and waits for its answer, or until its time is over and it is ended. Must be called
/// from a thread that may block.
///
/// # Errors
/// [`ErrandError`]; nothing of the command is left.
pub fn run(errand: &Errand) -> Result<Answered, ErrandError> {
    let folder = Folder::make(&errand.folder)?;
    let input = folder.file("request");
    fs::write(&input, &errand.input).map_err(failed("write", &input))?;
    let command = GuardedCommand {
        binary: errand.binary.clone(),
        orders: Orders {
            lock: folder.file("lock"),
            out: folder.file("out"),
            err: folder.file("err"),
            input: Some(input),
            answer: Some(folder.file("answer")),
            fork: errand.fork.clone(),
            max_output: errand.max_answer,
            max_answer: errand.max_answer,
            grace: GRACE,
            cwd: errand.cwd.clone(),
            command: errand.command.clone(),
        },
        environment: errand.environment.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ErrandError::Runtime)?;
    let ended = runtime.block_on(wait(&command, errand))?;
    let (end, is_cut) = match ended {
        Some(StepOutcome { end, is_output_cut }) => (Some(end), is_output_cut),
        None => (None, true),
    };
    let answer = folder.file("answer");
    Ok(Answered {
        // A command that was not started left no answer.
        answer: fs::read(&answer).unwrap_or_default(),
        end,
        is_cut,
        out: tail(&folder.file("out")),
        err: tail(&folder.file("err")),
    })
}

/// Waits for the end of a command; `None` if it was ended before.
async fn wait(
    command: &GuardedCommand,
    errand: &Errand,
) -> Result<Option<StepOutcome>, GuardError> {
    let mut step = GuardedStep::start(command)?;
    let ended = tokio::select! {
        ended = timeout(errand.deadline, step.wait()) => ended.ok(),
        () = unwanted(errand.wanted.clone()) => None,
    };
    if let Some(outcome) = ended {
        return outcome.map(Some);
    }
    let is_told = step.terminate().is_ok();
    if !is_told || timeout(GRACE + GUARD_MARGIN, step.wait()).await.is_err() {
        step.kill()?;
        step.wait().await?;
    }
    Ok(None)
}

/// Waits until nobody wants the answer; for ever, if nobody can say so.
pub async fn unwanted(wanted: Option<Wanted>) {
    let Some(mut wanted) = wanted else { return std::future::pending().await };
    while wanted.changed().await.is_ok() {}
}

/// Reads the end of what was printed; what cannot be read was not printed.
fn tail(path: &Path) -> String {
    use std::io::{Seek, SeekFrom};
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(SHOWN)))?;
        let mut bytes = Vec::new();
        file.take(SHOWN).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// The folder of an errand, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn make(path: &Path) -> Result<Self, ErrandError> {
        use std::os::unix::fs::DirBuilderExt;
        let made = fs::DirBuilder::new().mode(0o700).create(path);
        made.map_err(failed("make the folder", path))?;
        Ok(Self(path.to_owned()))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is removed at the next start.
        drop(fs::remove_dir_all(&self.0));
    }
}
