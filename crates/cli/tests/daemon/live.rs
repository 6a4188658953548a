//! What is changed while the daemon runs: its configuration, and the runs that it has.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Deployment, held, signal, wait_until};

const ONE: &str = "concurrency: {runs: {max_concurrent_runs: 1}}\n";
const TWO: &str = "concurrency: {runs: {max_concurrent_runs: 2}}\n";

fn jobs() -> String {
    format!("jobs: {{work: {{ops: {{a: {{shell: '{}'}}}}}}}}\n", held("work", "go"))
}

fn configuration(deployment: &Deployment) -> Value {
    let (status, instance) = deployment.http("GET", "/api/v1/instance", &[], b"");
    assert_eq!(status, 200);
    instance
}

/// Waits until so many runs may be in progress, by the API.
fn wait_for_limit(deployment: &Deployment, limit: &Value) {
    wait_until(&format!("the limit is {limit}"), || {
        configuration(deployment)["rules"]["max_concurrent_runs"] == *limit
    });
}

fn problem(deployment: &Deployment) -> String {
    let problem = configuration(deployment)["configuration"]["problem"]["message"].clone();
    problem.as_str().unwrap_or_default().to_owned()
}

#[test]
fn sighup_puts_a_new_file_in_force_at_once_and_a_bad_one_never() {
    let mut deployment = Deployment::start(&jobs(), ONE);
    let daemon = deployment.pid().unwrap();
    let first = deployment.launch("work", &[]);
    let second = deployment.launch("work", &[]);
    deployment.wait_for(&first, "STARTED");
    assert_eq!(deployment.status(&second), "QUEUED");

    fs::write(deployment.path("pointsman.yaml"), TWO).unwrap();
    signal(daemon, "HUP");
    deployment.wait_for(&second, "STARTED");
    let shown = configuration(&deployment)["configuration"].clone();
    assert!(shown["path"].as_str().unwrap().ends_with("pointsman.yaml"), "{shown}");
    assert_eq!(shown["problem"], Value::Null);

    let broken = "concurrency:\n  runs: {max_concurrent_runs: many}\n";
    fs::write(deployment.path("pointsman.yaml"), broken).unwrap();
    signal(daemon, "HUP");
    wait_until("the problem is shown", || problem(&deployment).contains("max_concurrent_runs"));
    let told = problem(&deployment);
    assert!(told.contains("pointsman.yaml:2:"), "{told}");
    assert!(deployment.read("daemon.log").contains("pointsman.yaml:2:"));
    wait_for_limit(&deployment, &json!(2));
    let (status, answer) = deployment.http("POST", "/api/v1/configuration/reload", &[], b"{}");
    assert_eq!((status, &answer["error"]["code"]), (422, &json!("invalid_configuration")));

    let elsewhere = format!("{ONE}server: {{port: 4999}}\n");
    fs::write(deployment.path("pointsman.yaml"), elsewhere).unwrap();
    let (status, answer) = deployment.http("POST", "/api/v1/configuration/reload", &[], b"{}");
    // The command line says the port, so it does not matter what the file says.
    assert_eq!((status, &answer["needs_restart"]), (200, &json!([])), "{answer}");
    assert_eq!(answer["problem"], Value::Null);
    wait_for_limit(&deployment, &json!(1));
    deployment.let_go("go");
    deployment.wait_for(&second, "SUCCESS");
    assert_eq!(deployment.pid(), Some(daemon));
}

#[test]
fn in_dev_a_file_counts_as_soon_as_it_is_saved_made_or_removed() {
    let mut deployment = Deployment::new(&jobs(), ONE);
    deployment.develop();
    let daemon = deployment.pid().unwrap();
    fs::write(deployment.path("pointsman.yaml.new"), TWO).unwrap();
    fs::rename(deployment.path("pointsman.yaml.new"), deployment.path("pointsman.yaml")).unwrap();
    wait_for_limit(&deployment, &json!(2));
    fs::write(deployment.path("pointsman.yaml"), "concurency: {}\n").unwrap();
    wait_until("the problem is shown", || problem(&deployment).contains("concurency"));
    fs::remove_file(deployment.path("pointsman.yaml")).unwrap();
    wait_for_limit(&deployment, &json!(10));
    let shown = configuration(&deployment)["configuration"].clone();
    assert_eq!((&shown["path"], &shown["problem"]), (&Value::Null, &Value::Null));
    let dagsters = "run_queue: {max_concurrent_runs: 7}\n";
    fs::write(deployment.path("dagster.yaml"), dagsters).unwrap();
    wait_for_limit(&deployment, &json!(7));
    fs::write(deployment.path("dagster.yaml"), "run_queue: {max_concurrent_runs: 8}\n").unwrap();
    signal(daemon, "HUP");
    wait_for_limit(&deployment, &json!(8));
    assert_eq!(deployment.pid(), Some(daemon));
}

#[test]
fn another_coordinator_is_in_force_for_what_comes_next() {
    let mut deployment = Deployment::start(&jobs(), ONE);
    let daemon = deployment.pid().unwrap();
    let first = deployment.launch("work", &[]);
    deployment.wait_for(&first, "STARTED");
    let second = deployment.launch("work", &[]);
    let clt = "run_coordinator: {module: clt, class: CLTQueuedRunCoordinator}\n";
    fs::write(deployment.path("pointsman.yaml"), format!("{clt}{ONE}")).unwrap();
    signal(daemon, "HUP");
    wait_until("it is in force", || {
        let run = deployment.launch("work", &[]);
        let tags = deployment.json(&["run", "show", &run])["tags"].clone();
        deployment.ok(&["run", "cancel", &run]);
        tags["code_location"] == "work"
    });
    let default = "run_coordinator: {module: dagster, class: DefaultRunCoordinator}\n";
    fs::write(deployment.path("pointsman.yaml"), default).unwrap();
    let (status, answer) = deployment.http("POST", "/api/v1/configuration/reload", &[], b"{}");
    assert_eq!(status, 200, "{answer}");
    let third = deployment.launch("work", &[]);
    deployment.wait_for(&third, "STARTED");
    deployment.let_go("go");
    deployment.wait_for(&second, "SUCCESS");
}

#[test]
fn a_run_that_is_held_waits_until_it_is_released_also_when_the_daemon_is_killed() {
    let mut deployment = Deployment::start(&jobs(), ONE);
    let change = |deployment: &Deployment, body: &Value| {
        let body = body.to_string();
        let (status, answer) = deployment.http("POST", "/api/v1/run-changes", &[], body.as_bytes());
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let first = deployment.launch("work", &[]);
    deployment.wait_for(&first, "STARTED");
    let second = deployment.launch("work", &[]);
    let held = change(&deployment, &json!({"runs": [second[..8]], "change": "hold"}));
    assert_eq!(held["changed"], json!([second]));
    deployment.kill();
    deployment.serve();
    deployment.let_go("go");
    deployment.wait_for(&first, "SUCCESS");
    let why = deployment.ok(&["run", "why", &second]);
    assert!(why.contains("held"), "{why}");
    assert_eq!(deployment.status(&second), "QUEUED");

    let query = json!({"query": {"status": ["QUEUED"]}, "change": "release", "preview": true});
    let told = change(&deployment, &query);
    assert_eq!((&told["started"], &told["is_preview"]), (&json!([second]), &json!(true)));
    assert_eq!(deployment.status(&second), "QUEUED");
    let done = change(&deployment, &json!({"query": {}, "change": "release"}));
    assert_eq!(done["started"], json!([second]));
    deployment.wait_for(&second, "SUCCESS");
}
