//! Workers as processes of this machine: `BINARY worker --home HOME --run RUN --attempt N`.
//!
//! Nothing about a worker is kept in memory that its folder does not say too, but one thing: a child
//! that was just started and has not yet taken its lock. A launcher that did not start it, after a
//! restart of the daemon, sees such an attempt as gone for that moment; its token is void by the time
//! anybody acts on that, and it ends when it asks to begin.

mod children;
mod ending;
mod folder;
mod tasks;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use model::{Attempt, RunId, files};
use process::identity::Identity;
use tokio::process::{Child, Command};

use crate::launcher::{
    ForgetError, LaunchError, LaunchOrder, Launcher, ListError, Sight, TerminateError,
};
use crate::local::children::{Children, Taken};
use crate::local::ending::Endings;
use crate::local::folder::{AttemptFolder, runs_in, story};
use crate::local::tasks::Tasks;

/// The variable with the secret of the API, which is none of the workers' business.
const SECRET: &str = "POINTSMAN_TOKEN";

/// What a worker calls itself in the lists of processes, whatever path it was started by.
const PROGRAM: &str = "pointsman";

/// Which attempt of which run.
type Key = (RunId, Attempt);

/// Launches workers as children of this process, which outlive it.
#[derive(Debug)]
pub struct LocalLauncher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    home: PathBuf,
    binary: PathBuf,
    children: Children,
    endings: Endings,
    tasks: Tasks,
}

impl LocalLauncher {
    /// Launches `binary` with the folder `home` (`$POINTSMAN_HOME`), both absolute. `/proc/self/exe`
    /// names the binary that runs, even when its file was replaced since. The methods must be called
    /// within a tokio runtime.
    pub fn new(home: impl Into<PathBuf>, binary: impl Into<PathBuf>) -> Self {
        let shared = Shared {
            home: home.into(),
            binary: binary.into(),
            children: Children::default(),
            endings: Endings::default(),
            tasks: Tasks::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Does what may wait for a disk where it holds up nobody. It is done to its end even if nobody
    /// waits for it any more.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Shared>) -> T + Send + 'static,
    ) -> Result<T, String> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.map_err(|error| format!("the launcher did not finish: {error}"))
    }
}

impl Launcher for LocalLauncher {
    async fn launch(&self, order: LaunchOrder) -> Result<(), LaunchError> {
        let done = self.aside(move |shared| shared.launch(&order)).await;
        done.unwrap_or_else(|reason| Err(LaunchError::Unknown(reason)))
    }

    async fn terminate(
        &self,
        run: RunId,
        attempt: Attempt,
        grace: Duration,
    ) -> Result<(), TerminateError> {
        let done = self.aside(move |shared| ending::begin(shared, (run, attempt), grace)).await;
        done.unwrap_or_else(Err).map_err(TerminateError)
    }

    async fn observe(&self, run: RunId, attempt: Attempt) -> Sight {
        let done = self.aside(move |shared| shared.observe((run, attempt))).await;
        done.unwrap_or_else(Sight::Unknown)
    }

    async fn forget(&self, run: RunId) -> Result<(), ForgetError> {
        let done = self.aside(move |shared| shared.forget(run)).await;
        done.unwrap_or_else(|reason| Err(ForgetError::Failed(reason)))
    }

    async fn kept(&self) -> Result<Vec<RunId>, ListError> {
        let done = self.aside(|shared| runs_in(&shared.home)).await;
        done.and_then(|listed| listed).map_err(ListError)
    }
}

impl Shared {
    fn folder(&self, (run, attempt): Key) -> AttemptFolder {
        AttemptFolder::new(&self.home, run, attempt)
    }

    fn observe(&self, key: Key) -> Sight {
        if self.children.find(key).is_some() {
            return Sight::Alive;
        }
        self.folder(key).observe()
    }

    fn launch(self: &Arc<Self>, order: &LaunchOrder) -> Result<(), LaunchError> {
        let key = (order.run, order.attempt);
        let place = match self.children.reserve(key) {
            Ok(place) => place,
            Err(Taken::Running) => return Ok(()),
            Err(Taken::Starting) => {
                return Err(LaunchError::Unknown(
                    "the same attempt is being launched already".to_owned(),
                ));
            }
        };
        let folder = self.folder(key);
        if folder.worker().map_err(LaunchError::Unknown)?.is_some() {
            return Ok(());
        }
        let child = self.start(order, &folder).map_err(|error| {
            LaunchError::NotStarted(format!("failed to start the worker: {error}"))
        })?;
        let process = child.id().and_then(|pid| Identity::of(pid).ok().flatten());
        place.run(process);
        self.tasks.spawn(reap(Arc::clone(self), key, child));
        Ok(())
    }

    /// Prepares the folder and starts the process; an error says that nothing was started.
    fn start(&self, order: &LaunchOrder, folder: &AttemptFolder) -> Result<Child, String> {
        let in_folder = |error: std::io::Error| format!("its folder cannot be prepared: {error}");
        folder.create().map_err(in_folder)?;
        folder.write_token(&order.token).map_err(in_folder)?;
        let log = folder.open_log().map_err(in_folder)?;
        let same_log = log.try_clone().map_err(in_folder)?;
        Command::new(&self.binary)
            .arg0(PROGRAM)
            .arg("worker")
            .arg("--home")
            .arg(&self.home)
            .args(["--run", &order.run.to_string(), "--attempt", &order.attempt.to_string()])
            .env_remove(SECRET)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(same_log)
            .spawn()
            .map_err(|error| format!("{}: {error}", self.binary.display()))
    }

    fn forget(&self, run: RunId) -> Result<(), ForgetError> {
        let folder = files::of_run(&self.home, run);
        let failed = |error: std::io::Error| {
            ForgetError::Failed(format!("failed to remove {}: {error}", folder.display()))
        };
        if !folder.try_exists().map_err(failed)? {
            return Ok(());
        }
        for attempt in attempts_in(&folder).map_err(failed)? {
            if self.observe((run, attempt)) != Sight::Gone {
                return Err(ForgetError::NotGone(attempt));
            }
        }
        std::fs::remove_dir_all(&folder).map_err(failed)
    }
}

/// Waits for a child, so that it does not stay as a zombie, and forgets it.
async fn reap(shared: Arc<Shared>, key: Key, mut child: Child) {
    let (run, attempt) = key;
    match child.wait().await {
        Ok(status) => tracing::debug!(run.id = %run, attempt = %attempt, "worker ended: {status}"),
        Err(error) => tracing::error!(
            run.id = %run, attempt = %attempt,
            "failed to wait for a worker: {}", story(&error)
        ),
    }
    shared.children.remove(key);
}

fn attempts_in(folder: &Path) -> std::io::Result<Vec<Attempt>> {
    let mut attempts = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.parse().ok());
        attempts.extend(number.and_then(Attempt::new));
    }
    attempts.sort_unstable();
    Ok(attempts)
}
