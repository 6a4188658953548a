//! The names of an attempt's files that both its launcher and its worker need. What else a worker
//! keeps there it names itself.

use std::path::{Path, PathBuf};

use crate::{Attempt, RunId};

/// The file in the folder of an attempt with its secret.
pub const TOKEN: &str = "token";

/// The lock in the folder of an attempt that its worker holds from its first act to its end.
pub const WORKER_LOCK: &str = "worker.lock";

/// The folder in that of an attempt with the files of its steps.
pub const STEPS: &str = "steps";

/// How the name of a step's lock ends, behind a dot.
pub const LOCK: &str = "lock";

/// Returns the folder below the home in which every run has its own.
pub fn of_runs(home: &Path) -> PathBuf {
    home.join("runs")
}

/// Returns the folder of a run, in which its attempts have theirs.
pub fn of_run(home: &Path, run: RunId) -> PathBuf {
    of_runs(home).join(run.to_string())
}

/// Returns the folder of an attempt.
pub fn of_attempt(home: &Path, run: RunId, attempt: Attempt) -> PathBuf {
    of_run(home, run).join(attempt.to_string())
}
