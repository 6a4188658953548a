//! A home folder with one attempt in it, its daemon, and the worker's real process.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Attempt, RunId};
use pointsman_worker::folder::Folder;
use process::identity::{Identity, Signal};
use process::lock;
use tempfile::TempDir;
use wire::plan::{Backoff, DagsterPlan, Executor, Plan, PlanStep, RetryPolicy, StepLinks};
use wire::shim::{Target, TargetKind};
use wire::worker::Assignment;

use crate::daemon::{DEADLINE, Daemon, Server};

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
pub(crate) const RUN: &str = "1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10";

/// Between SIGTERM and SIGKILL, for steps that end when they are told to.
const LONG_GRACE_MS: u64 = 60_000;

pub(crate) struct World {
    home: TempDir,
    pub(crate) daemon: Arc<Daemon>,
    pub(crate) server: Option<Server>,
    pub(crate) folder: Folder,
    pub(crate) grace_ms: u64,
    pub(crate) max_output: u64,
    /// How long code may take to be loaded; as long as the worker gives it, if not set.
    pub(crate) load_timeout_ms: Option<u64>,
    worker: Option<Child>,
}

impl World {
    /// A home with a daemon that serves; no worker yet. `$WORK` in a command is the folder of
    /// [`World::file`].
    pub(crate) fn new(steps: Vec<PlanStep>) -> Self {
        Self::with(steps, &[], serde_json::Value::Null)
    }

    /// A home whose run has limits of its own.
    pub(crate) fn limited(executor: serde_json::Value, steps: Vec<PlanStep>) -> Self {
        let executor = serde_json::from_value(executor).unwrap();
        Self::build(executor, steps, None, &[], serde_json::Value::Null)
    }

    pub(crate) fn with(
        steps: Vec<PlanStep>,
        tags: &[(&str, &str)],
        config: serde_json::Value,
    ) -> Self {
        Self::build(Executor::default(), steps, None, tags, config)
    }

    /// A home whose steps are as if written for Dagster: what a script writes to `/proc/self/fd/$1` is
    /// its answer.
    pub(crate) fn of_dagster(steps: Vec<PlanStep>) -> Self {
        let module = "nothing".to_owned();
        let target = Target {
            what: TargetKind::Module { module },
            attribute: None,
            working_directory: PathBuf::new(),
        };
        let links = steps.iter().map(|step| (step.key.clone(), StepLinks::default())).collect();
        let (asset_selection, op_selection) = (None, None);
        let plan = DagsterPlan {
            target,
            asset_selection,
            op_selection,
            fork: None,
            inherited_env: None,
            is_whole: false,
            links,
        };
        Self::build(Executor::default(), steps, Some(plan), &[], serde_json::Value::Null)
    }

    fn build(
        executor: Executor,
        mut steps: Vec<PlanStep>,
        dagster: Option<DagsterPlan>,
        tags: &[(&str, &str)],
        config: serde_json::Value,
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        let run: RunId = RUN.parse().unwrap();
        let folder = Folder::of(home.path(), run, Attempt::FIRST);
        fs::create_dir_all(folder.path()).unwrap();
        fs::create_dir(home.path().join("work")).unwrap();
        fs::write(folder.token(), TOKEN).unwrap();
        for step in &mut steps {
            step.cwd = home.path().join("work");
        }
        let (job, location) = ("nightly".to_owned(), "here".to_owned());
        let plan = Plan { job, location, steps, executor, dagster };
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let tags: BTreeMap<String, String> = tags.iter().map(own).collect();
        let daemon = Daemon::new(Assignment { plan, tags, config });
        let server = Some(daemon.serve(home.path()));
        let (grace_ms, max_output) = (LONG_GRACE_MS, 1024 * 1024);
        let load_timeout_ms = None;
        Self { home, daemon, server, folder, grace_ms, max_output, load_timeout_ms, worker: None }
    }

    /// Starts the worker as the launcher does.
    pub(crate) fn launch(&mut self) {
        assert!(self.worker.is_none());
        self.worker = Some(self.another_worker());
    }

    /// Starts a process for the same attempt. A proxy in its environment leads nowhere.
    pub(crate) fn another_worker(&self) -> Child {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("worker.log"))
            .unwrap();
        Command::new(env!("CARGO_BIN_EXE_worker-under-test"))
            .arg("worker")
            .args([self.home.path(), Path::new(RUN), Path::new("1")])
            .args([self.grace_ms.to_string(), self.max_output.to_string()])
            .env("http_proxy", "http://127.0.0.1:9")
            .env("SOME_SECRET", "of the daemon")
            .env_remove("UNSET_VARIABLE")
            .envs(self.load_timeout_ms.map(|ms| ("LOAD_TIMEOUT_MS", ms.to_string())))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// Starts the worker and waits until it has ended well; returns what it told.
    pub(crate) fn run(&mut self) -> Vec<String> {
        self.launch();
        self.finish()
    }

    /// Waits until the worker has ended well; returns what it told.
    pub(crate) fn finish(&mut self) -> Vec<String> {
        assert_eq!(self.exit_code(), Some(0), "{}", self.log());
        self.daemon.known().told()
    }

    /// Waits until the worker has ended.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        exit_code(&mut self.worker.take().unwrap())
    }

    pub(crate) fn signal_worker(&self, signal: Signal) {
        self::signal(self.worker.as_ref().unwrap().id(), signal);
    }

    /// Stops the daemon; its address stays behind, as when it is killed.
    pub(crate) fn stop_daemon(&mut self) {
        self.server = None;
    }

    /// Starts the daemon again, elsewhere.
    pub(crate) fn start_daemon(&mut self) {
        self.server = Some(self.daemon.serve(self.home.path()));
    }

    /// A file in the folder where the steps run.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.home.path().join("work").join(name)
    }

    pub(crate) fn touch(&self, name: &str) {
        fs::write(self.file(name), "").unwrap();
    }

    /// Waits until a step has written a whole line into a file; returns the line.
    pub(crate) fn wait_for_line(&self, name: &str) -> String {
        let file = self.file(name);
        wait_until(&format!("a line in {name}"), || {
            fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))
        });
        fs::read_to_string(file).unwrap().trim_end().to_owned()
    }

    pub(crate) fn output(&self, step: &str, r#try: u32) -> String {
        fs::read_to_string(self.folder.out(step, r#try)).unwrap()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("worker.log")).unwrap_or_default()
    }

    /// Waits until nothing of a try of a step is left.
    pub(crate) fn wait_for_free_lock(&self, step: &str, r#try: u32) {
        let file = self.folder.step_lock(step, r#try);
        assert!(file.exists());
        wait_until("a free lock", || !lock::is_held(&file).unwrap());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The guards end what is left when the worker is gone.
        if let Some(mut worker) = self.worker.take() {
            drop(worker.kill());
            drop(worker.wait());
        }
    }
}

pub(crate) fn exit_code(worker: &mut Child) -> Option<i32> {
    let mut status = None;
    wait_until("the end of the worker", || {
        status = worker.try_wait().unwrap();
        status.is_some()
    });
    status.and_then(|status| status.code())
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    let identity = Identity::of(pid).unwrap().expect("a process that lives");
    identity.signal(signal).unwrap();
}

/// Looks again and again: for what nobody tells.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let give_up_at = Instant::now() + DEADLINE;
    let (_keep, never) = std::sync::mpsc::sync_channel::<()>(1);
    while !is_so() {
        assert!(Instant::now() < give_up_at, "waited in vain for {what}");
        let _ = never.recv_timeout(Duration::from_millis(5));
    }
}

/// A step that runs a shell script.
pub(crate) fn step(key: &str, after: &[&str], script: &str) -> PlanStep {
    PlanStep {
        key: key.to_owned(),
        command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        env: BTreeMap::new(),
        cwd: PathBuf::new(),
        after: after.iter().map(|key| (*key).to_owned()).collect(),
        pools: BTreeMap::new(),
        priority: 0,
        tags: BTreeMap::new(),
        retries: None,
        timeout_ms: None,
    }
}

pub(crate) fn pooled(step: PlanStep) -> PlanStep {
    PlanStep { pools: BTreeMap::from([("db".to_owned(), 1)]), ..step }
}

pub(crate) fn retried(step: PlanStep, max_retries: u32, delay_ms: u64) -> PlanStep {
    let retries = RetryPolicy { max_retries, delay_ms, backoff: Backoff::Constant };
    PlanStep { retries: Some(retries), ..step }
}

/// A script that waits until a file is there.
pub(crate) fn until(file: &str) -> String {
    format!("until [ -e {file} ]; do sleep 0.02; done")
}
