//! A daemon with a real store and a real server, whose launcher starts nothing: the tests are the
//! workers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coordinator::hooks::Chain;
use coordinator::{Handle, Options, Retention, Rules, Running};
use definitions::Locations;
use launch::{ForgetError, LaunchError, LaunchOrder, Launcher, Sight, TerminateError};
use model::{Attempt, Capacity, RunId, Settings, Timestamp};
use serde_json::{Value, json};
use store::Store;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wire::api::Configuration;
use wire::client::Client;
use worker::folder::Folder;

use super::raw::{Answer, PATIENCE, ask};
use crate::{ConfigurationLink, Listen, MAX_RELOADS, ReloadConfiguration, Server};

/// What a worker draws.
pub(super) const NONCE: &str = "00112233445566778899aabbccddeeff";

const JOBS: &str = "
jobs:
  hello:
    description: Says hello.
    tags: {team: docs}
    config: {day: 1}
    ops:
      greet: {command: [echo, hello]}
      load.all: {command: [echo, loaded], after: greet, pool: db/main}
";

/// Starts nothing, and remembers what it was told to start.
#[derive(Debug, Clone, Default)]
pub(super) struct Noop {
    orders: Arc<Mutex<Vec<LaunchOrder>>>,
    /// What it sees of every attempt, whatever became of it.
    sight: Arc<Mutex<Option<Sight>>>,
}

impl Launcher for Noop {
    async fn launch(&self, order: LaunchOrder) -> Result<(), LaunchError> {
        self.orders.lock().unwrap().push(order);
        Ok(())
    }

    async fn terminate(
        &self,
        run: RunId,
        attempt: Attempt,
        _: Duration,
    ) -> Result<(), TerminateError> {
        self.orders.lock().unwrap().retain(|order| (order.run, order.attempt) != (run, attempt));
        Ok(())
    }

    async fn observe(&self, run: RunId, attempt: Attempt) -> Sight {
        if let Some(sight) = &*self.sight.lock().unwrap() {
            return sight.clone();
        }
        let orders = self.orders.lock().unwrap();
        let lives = orders.iter().any(|order| (order.run, order.attempt) == (run, attempt));
        if lives { Sight::Alive } else { Sight::Gone }
    }

    async fn forget(&self, _: RunId) -> Result<(), ForgetError> {
        Ok(())
    }
}

pub(super) struct World {
    pub(super) home: TempDir,
    pub(super) handle: Handle,
    pub(super) address: SocketAddr,
    pub(super) token: String,
    /// Who reads the configuration: the test.
    pub(super) configuration: watch::Sender<Configuration>,
    pub(super) reloads: mpsc::Receiver<ReloadConfiguration>,
    launcher: Noop,
    running: Running,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl World {
    /// Starts a daemon that lets one run at a time be in progress.
    pub(super) async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().canonicalize().unwrap();
        let file = path.join("etl.yaml");
        std::fs::write(&file, JOBS).unwrap();
        let listen = Listen { addr: "127.0.0.1:0".parse().unwrap(), home: path.clone() };
        let (configuration, state) = watch::channel(Configuration {
            path: None,
            loaded_at: Timestamp::EPOCH.into(),
            problem: None,
            needs_restart: Vec::new(),
        });
        let (reload, reloads) = mpsc::channel(MAX_RELOADS);
        let link = ConfigurationLink { state, reload };
        let server = Server::bind(listen).await.unwrap().configured_by(link);
        let options = Options {
            settings: Settings { max_concurrent_runs: Capacity::AtMost(1), ..Settings::default() },
            rules: Rules::default(),
            hooks: Arc::new(Chain::default()),
            longest_sleep: Duration::from_secs(1),
            retention: Retention {
                output: Some(Duration::from_hours(30 * 24)),
                ..Retention::default()
            },
            url: server.url(),
        };
        let store = Arc::new(Store::open(&path.join("pointsman.db")).await.unwrap());
        let locations = Locations::load([file], Timestamp::EPOCH);
        let launcher = Noop::default();
        let (handle, running) =
            coordinator::start(options, store, locations, launcher.clone()).await.unwrap();
        let address = server.url().trim_start_matches("http://").parse().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let server = tokio::spawn(server.run(handle.clone(), shutdown));
        let token = std::fs::read_to_string(path.join("token")).unwrap().trim().to_owned();
        Self {
            home,
            handle,
            address,
            token,
            configuration,
            reloads,
            launcher,
            running,
            stop,
            server,
        }
    }

    pub(super) fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.address), Some(&self.token)).unwrap()
    }

    pub(super) fn host(&self) -> String {
        format!("Host: {}\r\n", self.address)
    }

    /// Makes a request with the token, and with a body of JSON unless it is null.
    pub(super) async fn ask(&self, line: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask_raw(line, "", body.as_bytes()).await
    }

    /// The same with any bytes and more headers.
    pub(super) async fn ask_raw(&self, line: &str, headers: &str, body: &[u8]) -> Answer {
        let head = format!(
            "{}Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{headers}",
            self.host(),
            self.token,
            body.len()
        );
        ask(self.address, line, &head, body).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        ask(self.address, &format!("GET {path}"), &self.host(), b"").await
    }

    /// Submits a run and returns its id.
    pub(super) async fn submit(&self) -> String {
        let answer = self.ask("POST /api/v1/runs", &json!({"job": "hello"})).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a run is launched, and returns what its worker shows with every request.
    pub(super) async fn worker(&self, run: &str) -> Value {
        let id: RunId = run.parse().unwrap();
        let launched = async {
            loop {
                let order = {
                    let orders = self.launcher.orders.lock().unwrap();
                    orders.iter().find(|order| order.run == id).cloned()
                };
                if let Some(order) = order {
                    break order;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let order = timeout(PATIENCE, launched).await.unwrap();
        json!({"run": run, "attempt": order.attempt.get(), "token": order.token.reveal()})
    }

    /// Has the launcher see this of every attempt, or what is so.
    pub(super) fn see(&self, sight: Option<Sight>) {
        *self.launcher.sight.lock().unwrap() = sight;
    }

    /// Makes a request as a worker does.
    pub(super) async fn work(&self, what: &str, worker: &Value, more: &Value) -> Answer {
        let (head, body) = self.as_worker(worker, more);
        ask(self.address, &format!("POST /worker/v1/{what}"), &head, body.as_bytes()).await
    }

    /// Returns the headers and the body of a worker's request.
    pub(super) fn as_worker(&self, worker: &Value, more: &Value) -> (String, String) {
        let mut body = worker.as_object().unwrap().clone();
        body.extend(more.as_object().unwrap().clone());
        let body = Value::Object(body).to_string();
        let head = format!(
            "{}Content-Type: application/json\r\nContent-Length: {}\r\n",
            self.host(),
            body.len()
        );
        (head, body)
    }

    /// Takes a run from its launch to its end, with a step that has written something.
    pub(super) async fn finish(&self, run: &str) {
        let worker = self.worker(run).await;
        let begin = json!({"nonce": NONCE, "protocol": 1});
        assert_eq!(self.work("begin", &worker, &begin).await.status, 200);
        let folder = Folder::of(self.home.path(), run.parse().unwrap(), Attempt::FIRST);
        std::fs::create_dir_all(folder.steps()).unwrap();
        std::fs::write(folder.out("greet", 1), "hello\n").unwrap();
        let reports = json!({"first": 1, "reports": [
            {"at": 1, "kind": "planned", "steps": ["greet", "load.all"]},
            {"at": 2, "kind": "first_pass_done"},
            {"at": 3, "kind": "started", "step": "greet", "try": 1},
            {"at": 4, "kind": "succeeded", "step": "greet", "try": 1},
            {"at": 5, "kind": "skipped", "step": "load.all", "reason": "not today"},
            {"at": 6, "kind": "ended", "outcome": {"outcome": "succeeded"}},
        ]});
        let answer = self.work("report", &worker, &reports).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Stops the server, then the daemon; what streams and polls there are must end by themselves.
    pub(super) async fn stop(self) -> TempDir {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.server).await.unwrap().unwrap();
        timeout(PATIENCE, self.running.stop()).await.unwrap().unwrap();
        self.home
    }
}
