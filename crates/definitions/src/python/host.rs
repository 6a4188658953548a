//! Asks Python: starts the user's interpreter with our package under a guard, hands it a request and
//! takes its answer within a deadline. What the answer means is read elsewhere.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use process::environment::for_python;
use process::errand::{self, Answered, Errand, Wanted};
use process::spawn::StepEnd;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use wire::shim::{CANNOT_LOAD, LOAD_SECONDS};

use super::{PythonLocation, package};

/// How long an answer may be, in bytes: that of some thousands of assets has a few million.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// How long Python may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// To load a code location and say what there is in it.
    pub load: Duration,
    /// To load it and plan one run, while somebody waits for the answer.
    pub plan: Duration,
}

impl Default for Deadlines {
    /// Three minutes to load, as long as Dagster waits for code; 25 seconds to plan, so that whoever
    /// submits hears of it before the request for it is over.
    fn default() -> Self {
        Self { load: Duration::from_secs(LOAD_SECONDS), plan: Duration::from_secs(25) }
    }
}

/// Starts Python.
#[derive(Debug)]
pub struct PythonHost {
    home: PathBuf,
    guard: PathBuf,
    /// Where requests are written.
    work: PathBuf,
    /// From where Python imports our package.
    package: PathBuf,
    environment: BTreeMap<OsString, OsString>,
    /// The variables that are handed on; all, if not set.
    inherited_env: Option<Vec<String>>,
    deadlines: Deadlines,
    asked: AtomicU64,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum AskError {
    /// The request could not be made.
    #[error("failed to ask Python: {0}")]
    NotAsked(String),
    /// The interpreter was not started.
    #[error("{0}")]
    NoInterpreter(String),
    /// It took too long and was ended.
    #[error("Python has not answered within {} s and was ended", .0.as_secs())]
    Late(Duration),
    /// It ended without an answer that makes sense.
    #[error("Python ended without an answer: {0}")]
    Died(String),
    /// The answer is longer than any can be.
    #[error("Python answered or printed more than {} MiB", MAX_ANSWER >> 20)]
    TooLong,
}

/// An answer, or why there is none, with what the user's code printed meanwhile.
pub(super) struct Asked<T> {
    pub(super) answer: Result<T, AskError>,
    pub(super) printed: String,
}

impl PythonHost {
    /// Prepares to start Python with this environment, under the guard that is a subcommand of
    /// `guard`. What is needed is written below the home folder.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(
        home: &Path,
        guard: PathBuf,
        environment: BTreeMap<OsString, OsString>,
        deadlines: Deadlines,
    ) -> io::Result<Self> {
        let below = home.join("python");
        let work = below.join("work");
        if work.exists() {
            // What a daemon has left that was killed.
            fs::remove_dir_all(&work)?;
        }
        fs::create_dir_all(&work)?;
        let package = package::write(&below)?;
        Ok(Self {
            home: home.to_owned(),
            guard,
            work,
            package,
            environment,
            inherited_env: None,
            deadlines,
            asked: AtomicU64::new(0),
        })
    }

    /// Hands on these variables alone, with those that Python itself needs, to the code and its steps.
    #[must_use]
    pub fn inheriting(mut self, names: Option<Vec<String>>) -> Self {
        self.environment = for_python(&self.environment, names.as_deref());
        self.inherited_env = names;
        self
    }

    pub(super) fn inherited_env(&self) -> Option<&[String]> {
        self.inherited_env.as_deref()
    }

    /// The folder in which the daemon keeps everything.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    pub(super) fn deadlines(&self) -> Deadlines {
        self.deadlines
    }

    /// The interpreter of a location.
    pub(crate) fn interpreter(&self, location: &PythonLocation) -> PathBuf {
        location.interpreter(self.environment.get(&OsString::from("VIRTUAL_ENV")))
    }

    /// From where Python imports modules: our package, then whatever the user says.
    pub(super) fn python_path(&self) -> OsString {
        python_path(&self.package, self.environment.get(&OsString::from("PYTHONPATH")))
    }

    /// Asks Python something of a location, for as long as the answer is wanted.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        location: &PythonLocation,
        verb: &str,
        request: &impl Serialize,
        deadline: Duration,
        wanted: Option<&Wanted>,
    ) -> Asked<T> {
        let interpreter = self.interpreter(location);
        let sent =
            serde_json::to_vec(request).map_err(|error| error.to_string()).and_then(|input| {
                let errand = self.errand(location, &interpreter, verb, input, deadline);
                let errand = Errand { wanted: wanted.cloned(), ..errand };
                errand::run(&errand).map_err(|error| with_cause(&error))
            });
        match sent {
            Ok(answered) => {
                let printed = printed(&answered);
                Asked { answer: read(&answered, deadline), printed }
            }
            Err(why) => Asked { answer: Err(AskError::NotAsked(why)), printed: String::new() },
        }
    }

    fn errand(
        &self,
        location: &PythonLocation,
        interpreter: &Path,
        verb: &str,
        input: Vec<u8>,
        deadline: Duration,
    ) -> Errand {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let mut environment = process::environment::all_but_ours(&self.environment);
        environment.insert("PYTHONPATH".into(), self.python_path());
        let command = [interpreter.as_os_str(), "-m".as_ref(), "pointsman.dagster".as_ref()];
        Errand {
            binary: self.guard.clone(),
            folder: self.work.join(number.to_string()),
            command: command.into_iter().chain([verb.as_ref()]).map(OsString::from).collect(),
            cwd: location.target.working_directory.clone(),
            environment,
            input,
            deadline,
            max_answer: MAX_ANSWER,
            wanted: None,
        }
    }
}

/// Puts our package before whatever the user has.
pub(super) fn python_path(package: &Path, given: Option<&OsString>) -> OsString {
    let mut path = package.as_os_str().to_owned();
    if let Some(given) = given.filter(|given| !given.is_empty()) {
        path.push(":");
        path.push(given);
    }
    path
}

fn read<T: DeserializeOwned>(answered: &Answered, deadline: Duration) -> Result<T, AskError> {
    let end = match &answered.end {
        None => return Err(AskError::Late(deadline)),
        Some(StepEnd::NotStarted(why)) => return Err(AskError::NoInterpreter(why.clone())),
        Some(end) => end,
    };
    let has_answered = matches!(end, StepEnd::Exited(code) if *code == 0 || *code == CANNOT_LOAD);
    if answered.is_cut && has_answered {
        return Err(AskError::TooLong);
    }
    if !has_answered {
        return Err(AskError::Died(words(end)));
    }
    let line = answered.answer.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    let Some(line) = line else {
        return Err(AskError::Died(format!("{}; does the code end the process?", words(end))));
    };
    serde_json::from_slice(line)
        .map_err(|error| AskError::Died(format!("what it answered cannot be read: {error}")))
}

fn words(end: &StepEnd) -> String {
    match end {
        StepEnd::Exited(code) => format!("exit code {code}"),
        StepEnd::Signaled(number) => format!("ended by signal {number}"),
        StepEnd::NotStarted(why) => why.clone(),
        StepEnd::GuardLost => "its guard was killed".to_owned(),
    }
}

/// What the user's code printed, standard error last: what went wrong mostly stands there.
fn printed(answered: &Answered) -> String {
    let parts = [answered.out.trim(), answered.err.trim()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", with_cause(cause)),
        None => error.to_string(),
    }
}
