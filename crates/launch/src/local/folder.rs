//! The folder of an attempt: where its token, its locks and its log are, and what its locks say.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use model::{Attempt, RunId, files};
use process::identity::Identity;
use process::lock;

use crate::launcher::{Sight, Token};

/// The folder of one attempt.
#[derive(Debug, Clone)]
pub(super) struct AttemptFolder(PathBuf);

/// Lists the runs that have a folder, in no order.
pub(super) fn runs_in(home: &Path) -> Result<Vec<RunId>, String> {
    let folder = files::of_runs(home);
    let failed = |error: io::Error| format!("failed to list {}: {error}", folder.display());
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut runs = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        // What has another name is not ours.
        runs.extend(name.to_str().and_then(|name| name.parse::<RunId>().ok()));
    }
    Ok(runs)
}

impl AttemptFolder {
    pub(super) fn new(home: &Path, run: RunId, attempt: Attempt) -> Self {
        Self(files::of_attempt(home, run, attempt))
    }

    pub(super) fn worker_lock(&self) -> PathBuf {
        self.0.join(files::WORKER_LOCK)
    }

    /// Creates the folder and those above it, for nobody else's eyes.
    pub(super) fn create(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)
    }

    /// Writes the token; who reads the file finds all of it or nothing.
    pub(super) fn write_token(&self, token: &Token) -> io::Result<()> {
        let unfinished = self.0.join("token.new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(token.reveal().as_bytes())?;
        drop(file);
        std::fs::rename(unfinished, self.0.join(files::TOKEN))
    }

    /// Opens the file for what the worker process itself says; earlier words are kept.
    pub(super) fn open_log(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(self.0.join("worker.log"))
    }

    /// Lists the locks of its steps; none if it has not come to that.
    pub(super) fn step_locks(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(self.0.join(files::STEPS)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut locks = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == files::LOCK) {
                locks.push(path);
            }
        }
        Ok(locks)
    }

    /// Says what its locks say. The worker is asked first: when it is gone, no further step starts.
    pub(super) fn observe(&self) -> Sight {
        match self.sight() {
            Ok(sight) => sight,
            Err(reason) => Sight::Unknown(reason),
        }
    }

    fn sight(&self) -> Result<Sight, String> {
        if self.worker()?.is_some() {
            return Ok(Sight::Alive);
        }
        let has_steps = !self.held_step_locks()?.is_empty();
        Ok(if has_steps { Sight::Remains } else { Sight::Gone })
    }

    /// Finds the worker. One that is ending may have freed its lock and not yet closed its pipes to
    /// the guards: it counts as long as its process is there.
    pub(super) fn worker(&self) -> Result<Option<Worker>, String> {
        let lock = self.worker_lock();
        let is_held = lock::is_held(&lock).map_err(|error| story(&error))?;
        let holder = lock::read_holder(&lock).map_err(|error| story(&error))?;
        let identity = holder.map(|holder| holder.identity);
        let is_there = match identity {
            Some(identity) => identity.is_alive().map_err(|error| story(&error))?,
            None => false,
        };
        Ok((is_held || is_there).then_some(Worker { identity: identity.filter(|_| is_there) }))
    }

    /// Lists the locks of those steps of which something lives.
    pub(super) fn held_step_locks(&self) -> Result<Vec<PathBuf>, String> {
        let locks = self.step_locks().map_err(|error| {
            format!("failed to list the steps in {}: {error}", self.0.display())
        })?;
        let mut held = Vec::new();
        for path in locks {
            if lock::is_held(&path).map_err(|error| story(&error))? {
                held.push(path);
            }
        }
        Ok(held)
    }
}

/// A worker that lives.
pub(super) struct Worker {
    /// Which process it is; none while it has not yet said so.
    pub(super) identity: Option<Identity>,
}

/// Tells an error with its causes.
pub(super) fn story(error: &dyn std::error::Error) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        story += &format!(": {error}");
        cause = error.source();
    }
    story
}
