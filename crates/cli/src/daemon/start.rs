//! Puts the parts of a daemon together: lock, store, code locations, launcher, loop, API.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::config::InstanceConfig;
use coordinator::{Handle, LoopError, Options, Running};
use definitions::{Deadlines, Locations, Python, PythonHost};
use launch::local::LocalLauncher;
use model::Timestamp;
use server::{ConfigurationLink, Listen, ServeError, Server};
use store::{DaemonLock, Store};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};

use super::class::{ClassError, Place};
use super::options::options;
use super::sources::Sources;
use super::variables::variables;

/// The name of the database in the home.
pub(crate) const DATABASE: &str = "pointsman.db";

/// This very program, even when its file was replaced since it was started.
const BINARY: &str = "/proc/self/exe";

/// What a daemon is made of.
pub(super) struct Setup<'a> {
    pub(super) home: &'a Path,
    pub(super) sources: Sources,
    pub(super) config: &'a InstanceConfig,
    /// Where the programs of the configuration start: the folder of its file.
    pub(super) folder: &'a Path,
    pub(super) addr: SocketAddr,
    /// The way to whoever reads the configuration again.
    pub(super) configuration: Option<ConfigurationLink>,
}

/// Why the daemon does not run, or no longer.
#[derive(Debug, Error)]
pub(super) enum DaemonError {
    #[error(transparent)]
    Locked(#[from] store::LockError),
    #[error(transparent)]
    Store(#[from] store::OpenError),
    #[error(transparent)]
    Start(#[from] coordinator::StartError),
    #[error(transparent)]
    Loop(#[from] LoopError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Class(#[from] ClassError),
    #[error("cannot prepare to load Python")]
    Python(#[source] std::io::Error),
    #[error("the API has ended, though nobody told it to")]
    ServerEnded,
}

/// A daemon that runs in this process.
pub(super) struct Daemon {
    pub(super) handle: Handle,
    pub(super) url: String,
    running: Running,
    server: JoinHandle<()>,
    stop_server: watch::Sender<bool>,
    _lock: DaemonLock,
}

impl Daemon {
    /// Starts everything; when this returns, requests are answered.
    pub(super) async fn start(setup: Setup<'_>) -> Result<Self, DaemonError> {
        let database = setup.home.join(DATABASE);
        let lock = Store::lock_for_daemon(&database).await?;
        let store = Arc::new(Store::open(&database).await?);
        let listen = Listen { addr: setup.addr, home: setup.home.to_owned() };
        let mut server = Server::bind(listen).await?;
        if let Some(link) = setup.configuration {
            server = server.configured_by(link);
        }
        let url = server.url();
        let place = Place {
            home: setup.home.to_owned(),
            folder: setup.folder.to_owned(),
            url: Some(url.clone()),
        };
        let options = Options { url: url.clone(), ..options(setup.config, &place).await? };
        let inherited = setup.config.inherited_env.value.clone();
        let locations = load(setup.home, setup.sources, inherited).await?;
        let launcher = LocalLauncher::new(setup.home, BINARY);
        let (handle, running) = coordinator::start(options, store, locations, launcher).await?;
        let (stop_server, mut stopped) = watch::channel(false);
        let shutdown = async move {
            // A sender that is gone says the same.
            let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
        };
        let server = tokio::spawn(server.run(handle.clone(), shutdown));
        Ok(Self { handle, url, running, server, stop_server, _lock: lock })
    }

    /// Waits until the daemon ends by itself, which it does only if something is wrong.
    pub(super) async fn ended(&mut self) -> DaemonError {
        tokio::select! {
            end = self.running.ended() => match end {
                Ok(()) => LoopError::Panicked.into(),
                Err(error) => error.into(),
            },
            _ = &mut self.server => DaemonError::ServerEnded,
        }
    }

    /// Ends: no request is taken any more, what was decided is durable, runs in progress go on.
    pub(super) async fn stop(self) -> Result<(), DaemonError> {
        self.stop_server.send_replace(true);
        let served = self.server.await.map_err(|_| DaemonError::ServerEnded);
        let hooks = Arc::clone(&self.handle.options().hooks);
        let stopped = self.running.stop().await;
        hooks.stop().await;
        stopped?;
        served
    }
}

/// Reads the files of jobs, on a thread that may wait for disks, and begins to load Python.
async fn load(
    home: &Path,
    sources: Sources,
    inherited: Option<Vec<String>>,
) -> Result<Locations, DaemonError> {
    let (home, runtime) = (home.to_owned(), tokio::runtime::Handle::current());
    let load = move || -> std::io::Result<Locations> {
        let Sources { paths, python: listings } = sources;
        if listings.is_empty() {
            return Ok(Locations::load(paths, now()));
        }
        let host = python(&home)?.inheriting(inherited);
        Ok(Locations::load_with_python(paths, Python { host, listings, runtime }, now()))
    };
    let loaded = spawn_blocking(load).await.map_err(std::io::Error::other);
    loaded.and_then(|loaded| loaded).map_err(DaemonError::Python)
}

fn python(home: &Path) -> std::io::Result<PythonHost> {
    let environment = variables();
    PythonHost::new(home, PathBuf::from(BINARY), environment, Deadlines::default())
}

/// Returns the time of day.
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::EPOCH.after(since.unwrap_or_default())
}
