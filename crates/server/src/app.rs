//! What every route has at hand.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use coordinator::Handle;
use model::Timestamp;
use store::Store;
use tokio::sync::Semaphore;

use crate::accept::Stopping;
use crate::configuration::ConfigurationLink;

/// How many streams of changes are open at one time: far fewer than there are connections.
const MAX_STREAMS: usize = 64;

/// What every route has at hand; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct App {
    /// The daemon.
    pub(crate) handle: Handle,
    /// The folder with everything that the daemon keeps.
    pub(crate) home: Arc<PathBuf>,
    /// Tells that the server stops.
    pub(crate) stopping: Stopping,
    /// Room for streams of changes.
    pub(crate) streams: Arc<Semaphore>,
    /// The way to whoever reads the configuration file, if somebody does.
    pub(crate) configuration: Option<ConfigurationLink>,
    /// When the server was started.
    pub(crate) started_at: Timestamp,
}

impl App {
    pub(crate) fn new(
        handle: Handle,
        home: PathBuf,
        configuration: Option<ConfigurationLink>,
        stopping: Stopping,
    ) -> Self {
        let streams = Arc::new(Semaphore::new(MAX_STREAMS));
        Self { handle, home: home.into(), stopping, streams, configuration, started_at: now() }
    }

    /// Returns the store, for reading.
    pub(crate) fn store(&self) -> &Store {
        self.handle.store()
    }
}

/// Returns the time of day.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
