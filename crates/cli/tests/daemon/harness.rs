//! A real daemon in a home of its own, spoken to by the real command line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

/// A home with a jobs file, and perhaps a daemon that serves it.
pub(crate) struct Deployment {
    home: TempDir,
    daemon: Option<Child>,
}

impl Deployment {
    /// Makes a home with jobs and a configuration; nothing runs yet.
    pub(crate) fn new(jobs: &str, config: &str) -> Self {
        let home = TempDir::new().unwrap();
        fs::write(home.path().join("work.yaml"), jobs).unwrap();
        fs::write(home.path().join("pointsman.yaml"), config).unwrap();
        Self { home, daemon: None }
    }

    /// Makes a home and starts its daemon.
    pub(crate) fn start(jobs: &str, config: &str) -> Self {
        let mut deployment = Self::new(jobs, config);
        deployment.serve();
        deployment
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) fn serve(&mut self) {
        self.spawn();
        let is_up = || self.cli(&["instance", "concurrency", "get", "--all"]).status.success();
        wait_until("the daemon answers", is_up);
    }

    /// Starts the daemon and does not wait for it.
    pub(crate) fn spawn(&mut self) {
        let log = fs::OpenOptions::new();
        let log = { log }.create(true).append(true).open(self.path("daemon.log")).unwrap();
        let daemon = self
            .command(&["serve", "--port", "0"])
            .arg(self.path("work.yaml"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.daemon = Some(daemon);
    }

    /// Returns the daemon's process; none if it was not started or has ended by itself.
    pub(crate) fn pid(&mut self) -> Option<u32> {
        let daemon = self.daemon.as_mut()?;
        daemon.try_wait().unwrap().is_none().then(|| daemon.id())
    }

    /// Ends the daemon at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    /// Asks the daemon to stop, as Ctrl-C does, and waits until it has.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let mut daemon = self.daemon.take().unwrap();
        signal(daemon.id(), "INT");
        let mut end = None;
        wait_until("the daemon stops", || {
            end = daemon.try_wait().unwrap();
            end.is_some()
        });
        end.unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        command.args(args).env("POINTSMAN_HOME", self.home()).env_remove("POINTSMAN_URL");
        command.env_remove("DAGSTER_HOME").stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn cli(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must succeed and returns what it prints.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.cli(args);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{args:?}: {stdout}{stderr}\n{}", self.read("daemon.log"));
        stdout
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["--json"]].concat();
        serde_json::from_str(&self.ok(&args)).unwrap()
    }

    /// Submits a run and returns its id.
    pub(crate) fn launch(&self, job: &str, more: &[&str]) -> String {
        let args = [&["job", "launch", job], more].concat();
        let launched = self.json(&args);
        launched["id"].as_str().unwrap_or_else(|| panic!("no id in {launched}")).to_owned()
    }

    pub(crate) fn status(&self, run: &str) -> String {
        let shown = self.json(&["run", "show", run]);
        shown["status"].as_str().unwrap_or_else(|| panic!("no status in {shown}")).to_owned()
    }

    pub(crate) fn wait_for(&self, run: &str, status: &str) {
        wait_until(&format!("run {run} is {status}"), || {
            let now = self.status(run);
            let has_ended = ["SUCCESS", "FAILURE", "CANCELED"].contains(&now.as_str());
            let is_it = now == status;
            assert!(is_it || !has_ended, "run {run} is {now}: {}", self.read("daemon.log"));
            is_it
        });
    }

    pub(crate) fn wait_for_file(&self, name: &str) {
        wait_until(&format!("there is {name}"), || self.path(name).exists());
    }
}

impl Drop for Deployment {
    /// Leaves no process behind: the daemon and whatever it started.
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        for pid in processes_of(self.home()) {
            signal(pid, "KILL");
        }
    }
}

/// Returns the processes that name a home among their arguments.
pub(crate) fn processes_of(home: &Path) -> Vec<u32> {
    let home = home.to_str().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let mut line = Vec::new();
        let file = fs::File::open(entry.path().join("cmdline"));
        let _ = file.and_then(|mut file| file.read_to_end(&mut line));
        if String::from_utf8_lossy(&line).contains(home) {
            found.push(pid);
        }
    }
    found
}

pub(crate) fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill").args([format!("-{name}"), pid.to_string()]).output();
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asks again and again, until it is so; fails when that takes too long.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
