//! The life of a worker: takes its lock, passes the begin gate, walks the steps of its run, and stays
//! until the daemon has heard how they ended.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{Attempt, RunId};
use process::session::{DetachError, detach};
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;
use tracing::{error, info};
use wire::shim::LOAD_SECONDS;
use wire::worker::{Assignment, Identity, Outcome, Report, ReportKind};

use crate::begin::{SecretError, begin, draw_nonce, read_token};
use crate::client::Client;
use crate::clock::Clock;
use crate::dagster::DagsterRun;
use crate::environment::RunFacts;
use crate::folder::Folder;
use crate::graph::{Graph, PlanError};
use crate::line::{Line, LineEnd};
use crate::spool::{Spool, SpoolError};
use crate::tries::with_cause;
use crate::walk::{Ground, Walk};

/// How long a worker waits for the daemon when it has nothing else to do: before it begins, and after
/// its steps have ended, to deliver its last reports. A daemon that is away for longer finds the
/// attempt gone; what happened stands in the attempt's folder.
pub const LONGEST_STAY: Duration = Duration::from_hours(24);

/// How long it still stays when it is told to end (SIGTERM) after its steps have: time for one more
/// try, whatever the wait between two.
pub const LAST_STAY: Duration = Duration::from_secs(3);

/// How long it stays after its steps have ended because it was told to end: time for a daemon that is
/// just being started again.
const TOLD_STAY: Duration = Duration::from_secs(15);

/// How a worker treats its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a step that is to end has between SIGTERM and SIGKILL. A launcher that gives its worker
    /// no more than that may kill it before it has told how its steps ended.
    pub grace: Duration,
    /// How much is kept of the standard output and of the standard error of a try, in bytes each.
    pub max_output: u64,
    /// How many steps run at once at most, whatever the run's own limits say. Others wait for a place,
    /// and hold no slots meanwhile.
    pub max_running: NonZeroUsize,
    /// How long the code of a step that is written for Dagster may take to be loaded.
    pub load_timeout: Duration,
}

impl Default for Settings {
    /// Ten seconds, as long as container engines give; 10 MiB, some 100,000 lines; 256 steps, each of
    /// which costs the worker three descriptors of the 1024 that a process mostly has; as long to load
    /// as a code location has.
    fn default() -> Self {
        let max_running = NonZeroUsize::MIN.saturating_add(255);
        Self {
            grace: Duration::from_secs(10),
            max_output: 10 * 1024 * 1024,
            max_running,
            load_timeout: Duration::from_secs(LOAD_SECONDS),
        }
    }
}

/// Which attempt a worker executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The home folder.
    pub home: PathBuf,
    /// The run.
    pub run: RunId,
    /// The attempt of it.
    pub attempt: Attempt,
}

/// Says why a worker could not do its work. What happens to a run is never told by this: the daemon
/// hears it by reports, or finds the worker gone.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// It could not become a worker.
    #[error(transparent)]
    Detach(#[from] DetachError),
    /// It could not show who it is.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It could not prepare itself to speak, to hear signals or to wait.
    #[error("failed to prepare the worker")]
    Prepare(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It could not begin to keep reports.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The daemon has never said whether it may begin. Nothing was run.
    #[error("the daemon has not answered for {} hours: nothing was run", LONGEST_STAY.as_secs() / 3600)]
    NotBegun,
    /// Its reports cannot be delivered any more.
    #[error("the daemon was not told how the steps ended: {0}")]
    NotDelivered(String),
}

/// Executes an attempt, from the first act of its process to the last. Returns at once if another
/// process is the worker of this attempt, or if the daemon says that it may not begin.
///
/// # Errors
/// [`WorkerError`]; no step runs any more.
pub fn execute(order: &Order, settings: Settings) -> Result<(), WorkerError> {
    let clock = Clock::start();
    let folder = Folder::of(&order.home, order.run, order.attempt);
    // Held until this returns. Before any thread or task: the session is the process's.
    let Some(_lock) = detach(&folder.lock())? else {
        info!("another process is the worker of this attempt");
        return Ok(());
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(prepare)?;
    runtime.block_on(Worker::prepare(order, settings, folder, clock)?.run())
}

fn prepare(error: impl std::error::Error + Send + Sync + 'static) -> WorkerError {
    WorkerError::Prepare(Box::new(error))
}

struct Worker {
    home: PathBuf,
    identity: Identity,
    nonce: String,
    client: Client,
    settings: Settings,
    folder: Folder,
    clock: Clock,
}

impl Worker {
    fn prepare(
        order: &Order,
        settings: Settings,
        folder: Folder,
        clock: Clock,
    ) -> Result<Self, WorkerError> {
        let token = read_token(&folder.token())?;
        let (run, attempt) = (order.run.to_string(), order.attempt.get());
        let client = Client::new(&order.home).map_err(prepare)?;
        let nonce = draw_nonce()?;
        Ok(Self {
            home: order.home.clone(),
            identity: Identity { run, attempt, token },
            nonce,
            client,
            settings,
            folder,
            clock,
        })
    }

    async fn run(self) -> Result<(), WorkerError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(prepare)?;
        let begun = tokio::select! {
            begun = begin(&self.client, &self.identity, self.nonce.clone()) => begun,
            Some(()) = terminate.recv() => {
                info!("told to end by SIGTERM before it began: nothing was run");
                return Ok(());
            }
            () = self.folder.gone() => {
                info!("its folder is gone before it began: nothing was run");
                return Ok(());
            }
            () = sleep(LONGEST_STAY) => {
                return Err(WorkerError::NotBegun);
            }
        };
        // A worker that may not begin has said why.
        let Ok(assignment) = begun else { return Ok(()) };
        let spool = Spool::create(&self.folder.spool())?;
        let line = Line::new(&self.client, &self.identity, spool);
        let work = self.work(&line, assignment, &mut terminate);
        tokio::select! {
            delivered = line.deliver() => match delivered {
                None | Some(LineEnd::Dismissed(_)) => Ok(()),
                Some(LineEnd::Broken(reason)) => Err(WorkerError::NotDelivered(reason)),
            },
            reason = work => Err(WorkerError::NotDelivered(reason.to_owned())),
            never = line.listen() => match never {},
            never = async {
                self.folder.gone().await;
                line.cut("the folder of the attempt is gone").await
            } => match never {},
        }
    }

    /// Walks the steps, then waits for as long as the worker stays to deliver its reports; returns
    /// why it gives up on that.
    async fn work(
        &self,
        line: &Line<'_>,
        assignment: Assignment,
        terminate: &mut Signal,
    ) -> &'static str {
        let was_terminated = match self.prepare_walk(&assignment) {
            Ok((graph, ground)) => Walk::new(graph, ground, line, self.clock).run(terminate).await,
            Err(error) => {
                self.give_up(line, &with_cause(&error));
                false
            }
        };
        line.close();
        let stay = if was_terminated { TOLD_STAY } else { LONGEST_STAY };
        tokio::select! {
            () = line.broken() => "nobody will ask for it any more",
            () = sleep(stay) => "it has been away for too long",
            () = async { terminate.recv().await; sleep(LAST_STAY).await } => {
                "it was away when the worker was told to end"
            }
        }
    }

    fn prepare_walk(&self, given: &Assignment) -> Result<(Graph, Ground), PrepareError> {
        let graph = Graph::new(&given.plan, self.settings.max_running)?;
        let config = given.config.to_string();
        let file = self.folder.config();
        write_secretly(&file, &config).map_err(failed_to_write(&file))?;
        create_folder(&self.folder.steps()).map_err(failed_to_write(&self.folder.steps()))?;
        let Identity { run, attempt, .. } = &self.identity;
        let ground = Ground {
            folder: self.folder.clone(),
            facts: RunFacts::new(run.clone(), *attempt, given, &config, file),
            steps: given.plan.steps.clone(),
            dagster: DagsterRun::of(given, run, &self.home),
            worker: std::env::vars_os().collect(),
            settings: self.settings.clone(),
        };
        Ok((graph, ground))
    }

    /// Tells that the worker could not even try: no step is named, none runs.
    fn give_up(&self, line: &Line<'_>, error: &str) {
        error!("no step can be run: {error}");
        let outcome = Outcome::Failed { by_step: false, error: error.to_owned() };
        let at = self.clock.now().as_micros();
        if let Err(error) = line.keep(vec![Report { at, kind: ReportKind::Ended { outcome } }]) {
            error!("{}", with_cause(&error));
        }
    }
}

/// Why no step can be tried.
#[derive(Debug, Error)]
enum PrepareError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// A file or folder that the steps need could not be written.
#[derive(Debug, Error)]
#[error("failed to write {}", path.display())]
struct WriteError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

fn failed_to_write(path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    move |source| WriteError { path: path.to_owned(), source }
}

/// Writes a file that its owner alone may read.
pub(crate) fn write_secretly(path: &Path, text: &str) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file?.write_all(text.as_bytes())
}

fn create_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        created => created,
    }
}
