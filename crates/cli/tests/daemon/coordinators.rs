//! The coordinators: with a queue, with a queue and a stamped tag, without a queue.

use std::collections::BTreeMap;

use crate::harness::{Deployment, held, wait_until};

fn jobs() -> String {
    format!("jobs:\n  long: {{ops: {{a: {{shell: '{}'}}}}}}\n", held("long", "go"))
}

fn class(name: &str) -> String {
    format!("run_coordinator: {{module: dagster, class: {name}}}\n")
}

#[test]
fn without_a_queue_every_run_is_launched_at_once() {
    let deployment = Deployment::start(&jobs(), &class("DefaultRunCoordinator"));
    // More than the ten that a queue lets through unless told otherwise.
    let runs: Vec<String> = (0..12).map(|_| deployment.launch("long", &[])).collect();
    for run in &runs {
        deployment.wait_for(run, "STARTED");
    }
    assert_eq!(deployment.json(&["queue"])["total"], 0);
    deployment.let_go("go");
    for run in &runs {
        deployment.wait_for(run, "SUCCESS");
    }
}

#[test]
fn a_queue_holds_back_what_exceeds_its_limit() {
    let config = class("QueuedRunCoordinator").replace('}', ", config: {max_concurrent_runs: 1}}");
    let deployment = Deployment::start(&jobs(), &config);
    let first = deployment.launch("long", &[]);
    let second = deployment.launch("long", &[]);
    deployment.wait_for(&first, "STARTED");
    assert_eq!(deployment.status(&second), "QUEUED");
    let tags = deployment.json(&["run", "show", &second])["tags"].clone();
    assert!(tags["code_location"].is_null(), "{tags}");
    deployment.let_go("go");
    deployment.wait_for(&second, "SUCCESS");
}

#[test]
fn the_tagging_coordinator_stamps_the_location_over_what_was_given() {
    let config = class("CLTQueuedRunCoordinator").replace(
        '}',
        ", config: {tag_concurrency_limits: [{key: code_location, value: work, limit: 1}]}}",
    );
    let deployment = Deployment::start(&jobs(), &config);
    let first = deployment.launch("long", &["--tag", "code_location=elsewhere"]);
    let second = deployment.launch("long", &[]);
    deployment.wait_for(&first, "STARTED");
    for run in [&first, &second] {
        let shown = deployment.json(&["run", "show", run]);
        assert_eq!(shown["tags"]["code_location"], "work", "{shown}");
    }
    assert_eq!(deployment.status(&second), "QUEUED", "the stamped tag is what is counted");
    deployment.let_go("go");
    deployment.wait_for(&second, "SUCCESS");
}

/// Returns a file of one job for a code location; each run of it writes into the ledger when its
/// step begins and when it ends.
fn ledger_jobs(location: &str) -> String {
    let text = format!(
        "echo {location} 1 >> ledger; while [ ! -e go ]; do sleep 0.5; done; \
         echo {location} -1 >> ledger"
    );
    format!("location: {location}\njobs:\n  report: {{ops: {{write: {{shell: '{text}'}}}}}}\n")
}

/// Returns the most runs of each code location that the ledger has at one time.
fn most_at_a_time(ledger: &str) -> BTreeMap<&str, i32> {
    let (mut now, mut most) = (BTreeMap::new(), BTreeMap::new());
    for line in ledger.lines() {
        let (location, change) = line.split_once(' ').unwrap();
        let count: &mut i32 = now.entry(location).or_default();
        *count += change.parse::<i32>().unwrap();
        let highest = most.entry(location).or_insert(0);
        *highest = (*count).max(*highest);
    }
    most
}

#[test]
fn two_code_locations_keep_their_own_limits_over_sixty_runs() {
    let mut deployment = Deployment::new(
        &ledger_jobs("code-location-a"),
        r#"
run_coordinator:
  module: clt_queued_run_coordinator.coordinator
  class: CLTQueuedRunCoordinator
  config:
    max_concurrent_runs: 50
    dequeue_interval_seconds: 5
    dequeue_use_threads: true
    dequeue_num_workers: 4
    tag_concurrency_limits:
      - {key: code_location, value: code-location-a, limit: 10}
      - {key: code_location, value: code-location-b, limit: 20}
"#,
    );
    deployment.add("other.yaml", &ledger_jobs("code-location-b"));
    deployment.serve();
    let locations = ["code-location-a", "code-location-b"];
    let runs: Vec<String> =
        (0..60).map(|number| deployment.launch("report", &["-l", locations[number % 2]])).collect();
    wait_until("thirty runs have begun", || deployment.read("ledger").lines().count() == 30);
    let queue = deployment.json(&["queue", "--limit", "60"]);
    assert_eq!(queue["total"], 30);
    for entry in queue["entries"].as_array().unwrap() {
        let reasons = entry["explanation"]["reasons"].as_array().unwrap();
        let limits: Vec<_> = reasons.iter().map(|reason| &reason["limit"]["key"]).collect();
        assert_eq!(limits, ["code_location"], "{entry}");
    }
    deployment.let_go("go");
    for run in &runs {
        deployment.wait_for(run, "SUCCESS");
    }
    let ledger = deployment.read("ledger");
    assert_eq!(ledger.lines().count(), 120);
    assert_eq!(most_at_a_time(&ledger), BTreeMap::from([(locations[0], 10), (locations[1], 20)]));
}
