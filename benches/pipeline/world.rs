//! A daemon in a folder of its own: the real loop, store and definitions, without any process.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coordinator::hooks::{Chain, Headers};
use coordinator::{Handle, Options, Retention, Rules, Running, SubmitRequest};
use definitions::Locations;
use model::{JobName, Settings, Timestamp};
use store::Store;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::launcher::{NoOp, Work};

/// How many submissions are under way at one time: what a busy API has.
pub(crate) const CLIENTS: usize = 256;

/// How many launches may be under way at one time; more than are ever waited for, so that it is not
/// this bound that is measured.
const MAX_LAUNCHES: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

const JOBS: &str = "\
jobs:
  nothing: {ops: {work: {command: [\"true\"]}}}
  pooled: {ops: {work: {command: [\"true\"], pool: db}}}
";

/// The daemon.
pub(crate) struct World {
    pub(crate) handle: Handle,
    pub(crate) launcher: NoOp,
    running: Running,
}

/// Returns a new folder on the disk of the build, which is mostly a real one: in a filesystem in
/// memory commits would cost nothing.
pub(crate) fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

impl World {
    pub(crate) async fn start(folder: &Path, settings: Settings, work: Work) -> Self {
        let jobs = folder.join("jobs.yaml");
        std::fs::write(&jobs, JOBS).unwrap();
        let store = Store::open(&folder.join("pointsman.db")).await.unwrap();
        let options = Options {
            settings,
            rules: Rules { max_launches: MAX_LAUNCHES, ..Rules::default() },
            hooks: Arc::new(Chain::default()),
            longest_sleep: Duration::from_secs(5),
            retention: Retention::default(),
            url: String::new(),
        };
        let launcher = NoOp::new(work);
        let locations = Locations::load([jobs], Timestamp::EPOCH);
        let started =
            coordinator::start(options, Arc::new(store), locations, launcher.clone()).await;
        let (handle, running) = started.unwrap();
        launcher.work_for(handle.clone());
        Self { handle, launcher, running }
    }

    /// Submits runs from so many clients at a time; returns how long each submission took.
    pub(crate) async fn submit(
        &self,
        clients: usize,
        runs: usize,
        submission: fn(usize) -> SubmitRequest,
    ) -> Vec<Duration> {
        let mut tasks = JoinSet::new();
        for client in 0..clients {
            let handle = self.handle.clone();
            tasks.spawn(async move {
                let mut times = Vec::new();
                for number in (client..runs).step_by(clients) {
                    let asked = Instant::now();
                    handle.submit(submission(number)).await.unwrap();
                    times.push(asked.elapsed());
                }
                times
            });
        }
        tasks.join_all().await.into_iter().flatten().collect()
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.unwrap();
    }
}

/// Returns a submission without tags.
pub(crate) fn submission(job: &str) -> SubmitRequest {
    SubmitRequest {
        job: JobName::new(job).unwrap(),
        location: None,
        selection: definitions::Selection::default(),
        tags: BTreeMap::new(),
        config: None,
        priority: None,
        deployment: None,
        id: None,
        idempotency_key: None,
        headers: Headers::default(),
        user: None,
    }
}
