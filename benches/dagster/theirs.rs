//! `dagster dev`: Dagster's own webserver, daemon, queue and executor, spoken to by GraphQL.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::python::Python;
use crate::runs::{LIMIT, Span};

/// How long it may take until its code is loaded and its daemon is well.
const READY: Duration = Duration::from_mins(5);

/// How often it is looked whether it is so.
const LOOK: Duration = Duration::from_millis(500);

/// How often it is looked whether runs have ended: seldom, as it takes processor time; when they ended
/// is told by their records.
const ENDED_LOOK: Duration = Duration::from_secs(2);

/// How long one request may take.
const REQUEST: Duration = Duration::from_mins(1);

const IS_READY: &str = "{
  workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType healthy } } }
}";

const LAUNCH: &str = "mutation($asked: ExecutionParams!) {
  launchRun(executionParams: $asked) { __typename ... on PythonError { message } }
}";

const RUNS: &str = "query($filter: RunsFilter) {
  runsOrError(filter: $filter) { ... on Runs { results { status creationTime endTime } } }
}";

/// A server that is ready.
pub(crate) struct Dagster {
    pub(crate) server: Child,
    url: String,
    client: reqwest::Client,
}

impl Dagster {
    /// Starts it with a new home that serves a file, and waits until it can launch runs.
    pub(crate) async fn serve(python: &Python, home: &Path, file: &Path) -> Self {
        std::fs::create_dir_all(home).unwrap();
        let config = format!(
            "run_coordinator:\n  module: dagster.core.run_coordinator\n  \
             class: QueuedRunCoordinator\n  config: {{max_concurrent_runs: {LIMIT}}}\n\
             telemetry: {{enabled: false}}\n"
        );
        std::fs::write(home.join("dagster.yaml"), config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Command::new(&python.interpreter);
        server.args(["-m", "dagster", "dev", "--host", "127.0.0.1", "--port", &port.to_string()]);
        server.arg("--python-file").arg(file).env("DAGSTER_HOME", home).current_dir(home);
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let server = server.spawn().unwrap();
        let client = reqwest::Client::builder().timeout(REQUEST).build().unwrap();
        let mut dagster = Self { server, url: format!("http://127.0.0.1:{port}/graphql"), client };
        dagster.wait_until_ready().await;
        dagster
    }

    async fn wait_until_ready(&mut self) {
        let begun = Instant::now();
        loop {
            assert!(self.server.try_wait().unwrap().is_none(), "dagster dev does not start");
            assert!(begun.elapsed() < READY, "dagster dev does not become ready");
            if self.ask(IS_READY, json!({})).await.is_some_and(|said| is_ready(&said)) {
                return;
            }
            sleep(LOOK).await;
        }
    }

    async fn ask(&self, query: &str, variables: Value) -> Option<Value> {
        let body = json!({"query": query, "variables": variables});
        let answer: Value =
            self.client.post(&self.url).json(&body).send().await.ok()?.json().await.ok()?;
        assert!(answer.get("errors").is_none(), "{answer}");
        answer.get("data").cloned()
    }

    /// Submits runs one after the other and waits until all have ended; returns what their records say.
    pub(crate) async fn run(&self, job: &str, count: usize, patience: Duration) -> Span {
        let selector = json!({
            "repositoryLocationName": "definitions.py",
            "repositoryName": "__repository__",
            "jobName": job,
        });
        let asked = json!({"asked": {"selector": selector, "runConfigData": {}}});
        for _ in 0..count {
            let answer = self.ask(LAUNCH, asked.clone()).await.unwrap();
            assert_eq!(answer["launchRun"]["__typename"], "LaunchRunSuccess", "{answer}");
        }
        let begun = Instant::now();
        let of_job = json!({"filter": {"pipelineName": job}});
        loop {
            let answer = self.ask(RUNS, of_job.clone()).await.unwrap();
            let runs = answer["runsOrError"]["results"].as_array().unwrap().clone();
            let ended: Vec<f64> = runs.iter().filter_map(|run| run["endTime"].as_f64()).collect();
            if ended.len() == count {
                assert!(runs.iter().all(|run| run["status"] == "SUCCESS"), "{answer}");
                let created = runs.iter().filter_map(|run| run["creationTime"].as_f64());
                return Span::of(created, ended);
            }
            assert!(begun.elapsed() < patience, "{} of {count} runs have ended", ended.len());
            sleep(ENDED_LOOK).await;
        }
    }
}

fn is_ready(said: &Value) -> bool {
    let entries = said["workspaceOrError"]["locationEntries"].as_array();
    let is_loaded = entries.is_some_and(|entries| {
        let kind = |entry: &Value| entry["locationOrLoadError"]["__typename"].clone();
        !entries.is_empty() && entries.iter().all(|entry| kind(entry) == "RepositoryLocation")
    });
    let daemons = said["instance"]["daemonHealth"]["allDaemonStatuses"].as_array();
    let launches = |daemon: &Value| {
        daemon["daemonType"] == "QUEUED_RUN_COORDINATOR" && daemon["healthy"] == true
    };
    is_loaded && daemons.is_some_and(|daemons| daemons.iter().any(launches))
}
