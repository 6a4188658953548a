//! A real daemon in a home of its own, spoken to by the real command line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
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
    /// The files that its daemon serves.
    served: Vec<String>,
    daemon: Option<Child>,
}

impl Deployment {
    /// Makes a home with jobs and a configuration; nothing runs yet.
    pub(crate) fn new(jobs: &str, config: &str) -> Self {
        let home = TempDir::new().unwrap();
        fs::write(home.path().join("work.yaml"), jobs).unwrap();
        fs::write(home.path().join("pointsman.yaml"), config).unwrap();
        Self { home, served: vec!["work.yaml".to_owned()], daemon: None }
    }

    /// Adds another file that the daemon is to serve.
    pub(crate) fn add(&mut self, name: &str, jobs: &str) {
        fs::write(self.path(name), jobs).unwrap();
        self.served.push(name.to_owned());
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
        self.begin("serve");
    }

    /// Starts the daemon that loads what is saved, and waits until it answers.
    pub(crate) fn develop(&mut self) {
        self.begin("dev");
    }

    fn begin(&mut self, subcommand: &str) {
        self.begin_with(subcommand, &[], &[]);
    }

    /// Starts the daemon with further arguments and variables, and waits until it answers.
    pub(crate) fn begin_with(&mut self, subcommand: &str, more: &[&str], env: &[(&str, &str)]) {
        self.spawn_with(subcommand, more, env);
        wait_until("the daemon answers", || {
            let end = self.daemon.as_mut().and_then(|daemon| daemon.try_wait().unwrap());
            assert!(end.is_none(), "the daemon has ended: {}", self.read("daemon.log"));
            self.cli(&["instance", "concurrency", "get", "--all"]).status.success()
        });
    }

    /// Starts the daemon and does not wait for it.
    pub(crate) fn spawn_with(&mut self, subcommand: &str, more: &[&str], env: &[(&str, &str)]) {
        // The address of one that was killed may belong to somebody else by now.
        let _ = fs::remove_file(self.path("server.json"));
        let mut log = fs::OpenOptions::new();
        let log = log.create(true).append(true).open(self.path("daemon.log")).unwrap();
        let daemon = self
            .command(&[subcommand, "--port", "0"])
            .args(self.served.iter().map(|name| self.path(name)))
            .args(more)
            .envs(env.iter().copied())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
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

    /// Asks the daemon to stop as Ctrl-C does, which every process of its group hears, and waits
    /// until it has.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let mut daemon = self.daemon.take().unwrap();
        let group = format!("-{}", daemon.id());
        Command::new("kill").args(["-INT", "--", &group]).output().unwrap();
        let mut end = None;
        wait_until("the daemon stops", || {
            end = daemon.try_wait().unwrap();
            end.is_some()
        });
        end.unwrap()
    }

    /// Returns a command of this home that has not been started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        command.args(args).env("POINTSMAN_HOME", self.home()).env_remove("POINTSMAN_URL");
        command.env_remove("DAGSTER_HOME").env_remove("POINTSMAN_TOKEN").stdin(Stdio::null());
        command.current_dir(self.home());
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

    /// Runs a command that must fail with a code, and returns what it says on standard error.
    pub(crate) fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.cli(args);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stdout}{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        stderr
    }

    /// Runs a command that must succeed and returns its answer as JSON.
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
            let shown = if has_ended { self.ok(&["run", "show", run]) } else { String::new() };
            assert!(is_it || !has_ended, "{shown}\n{}", self.read("daemon.log"));
            is_it
        });
    }

    pub(crate) fn wait_for_file(&self, name: &str) {
        wait_until(&format!("there is {name}"), || self.path(name).exists());
    }

    /// Lets go the steps that wait for a file; see [`held`].
    pub(crate) fn let_go(&self, name: &str) {
        fs::write(self.path(name), "").unwrap();
    }

    /// Returns the number of runs that the daemon knows.
    pub(crate) fn count(&self) -> usize {
        self.json(&["run", "list"])["runs"].as_array().unwrap().len()
    }

    /// Returns the status of a step.
    pub(crate) fn step(&self, run: &str, key: &str) -> Value {
        let shown = self.json(&["run", "show", run]);
        let steps = shown["steps"].as_array().unwrap();
        steps.iter().find(|step| step["key"] == key).cloned().unwrap_or_default()
    }

    pub(crate) fn wait_for_step(&self, run: &str, key: &str, status: &str) {
        wait_until(&format!("step {key} of {run} is {status}"), || {
            self.step(run, key)["status"] == status
        });
    }

    /// Waits until nothing runs for this home but its daemon.
    pub(crate) fn wait_for_quiet(&self) {
        let daemon = self.daemon.as_ref().map(Child::id);
        wait_until("everything that was started has ended", || {
            processes_of(self.home()).into_iter().all(|pid| Some(pid) == daemon)
        });
    }

    /// Asks the API as any program can; returns the status and the answer.
    pub(crate) fn http(
        &self,
        method: &str,
        path: &str,
        more: &[&str],
        body: &[u8],
    ) -> (u16, Value) {
        let server: Value = serde_json::from_str(&self.read("server.json")).unwrap();
        let addr = server["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\
             Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n",
            self.read("token").trim(),
            body.len()
        );
        for line in more {
            head += &format!("{line}\r\n");
        }
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // One that refuses may close before it has read everything.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = text(&answer);
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
        let json = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (
            status.unwrap_or_else(|| panic!("no answer but {answer:?}")),
            serde_json::from_str(json).unwrap_or_default(),
        )
    }
}

/// Returns the shell text of a step that writes `NAME.began` and goes on until there is the file.
pub(crate) fn held(name: &str, until: &str) -> String {
    format!("touch {name}.began; while [ ! -e {until} ]; do sleep 0.05; done; echo {name} is done")
}

impl Drop for Deployment {
    /// Leaves no process behind: the daemon and whatever it started.
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        let begun = Instant::now();
        loop {
            let left = processes_of(self.home());
            if left.is_empty() || begun.elapsed() > PATIENCE {
                return;
            }
            for pid in left {
                signal(pid, "KILL");
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

/// Returns the processes that name a home among their arguments or in their environment, as the
/// daemon, its workers, their guards and the commands of steps do.
pub(crate) fn processes_of(home: &Path) -> Vec<u32> {
    let home = home.to_str().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let names_home = |file: &str| {
            let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
            text(&bytes).contains(home)
        };
        // What has ended and is not yet reaped has neither.
        if names_home("cmdline") || names_home("environ") {
            found.push(pid);
        }
    }
    found
}

/// Returns the worker of a run.
pub(crate) fn worker_of(run: &str) -> u32 {
    process_of(run, "worker")
}

/// Returns the guard of a run's only step.
pub(crate) fn guard_of(run: &str) -> u32 {
    process_of(run, "step-guard")
}

fn process_of(run: &str, subcommand: &str) -> u32 {
    let is_it = |pid: &u32| {
        let line = text(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default());
        line.split('\0').nth(1) == Some(subcommand) && line.contains(run)
    };
    let numbers = fs::read_dir("/proc").unwrap().flatten();
    let mut pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(is_it).unwrap_or_else(|| panic!("run {run} has no {subcommand}"))
}

pub(crate) fn signal(pid: u32, name: &str) {
    signal_all(&[pid], name);
}

/// Signals several processes, one right after the other.
pub(crate) fn signal_all(pids: &[u32], name: &str) {
    let pids = pids.iter().map(u32::to_string);
    let _ = Command::new("kill").arg(format!("-{name}")).args(pids).output();
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
