//! The coordinators: with a queue, with a queue and a stamped tag, without a queue.

use crate::harness::{Deployment, held};

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
