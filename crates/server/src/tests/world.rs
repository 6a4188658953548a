//! A daemon with a real store and a real server, whose launcher starts nothing: the tests are the
//! workers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coordinator::{CltTag, Handle, Options, Retention, Rules, Running};
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

use super::raw::{Answer, PATIENCE, ask};
use crate::{ConfigurationLink, Listen, MAX_RELOADS, ReloadConfiguration, Server};

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
pub(super) struct Noop(Arc<Mutex<Vec<LaunchOrder>>>);

impl Launcher for Noop {
    async fn launch(&self, order: LaunchOrder) -> Result<(), LaunchError> {
        self.0.lock().unwrap().push(order);
        Ok(())
    }

    async fn terminate(
        &self,
        run: RunId,
        attempt: Attempt,
        _: Duration,
    ) -> Result<(), TerminateError> {
        self.0.lock().unwrap().retain(|order| (order.run, order.attempt) != (run, attempt));
        Ok(())
    }

    async fn observe(&self, run: RunId, attempt: Attempt) -> Sight {
        let orders = self.0.lock().unwrap();
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
            clt_tag: CltTag::Left,
            longest_sleep: Duration::from_secs(1),
            retention: Retention::default(),
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
                    let orders = self.launcher.0.lock().unwrap();
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

    /// Makes a request as a worker does.
    pub(super) async fn work(&self, what: &str, worker: &Value, more: &Value) -> Answer {
        let mut body = worker.as_object().unwrap().clone();
        body.extend(more.as_object().unwrap().clone());
        let body = Value::Object(body).to_string();
        let head = format!(
            "{}Content-Type: application/json\r\nContent-Length: {}\r\n",
            self.host(),
            body.len()
        );
        ask(self.address, &format!("POST /worker/v1/{what}"), &head, body.as_bytes()).await
    }

    /// Stops the server, then the daemon; what streams and polls there are must end by themselves.
    pub(super) async fn stop(self) -> TempDir {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.server).await.unwrap().unwrap();
        timeout(PATIENCE, self.running.stop()).await.unwrap().unwrap();
        self.home
    }
}
