//! Pools: limits that are set while the daemon runs, and the steps that wait for slots.

use crate::harness::{Deployment, held, wait_until};

fn jobs() -> String {
    format!(
        "jobs:\n  load:\n    ops: {{a: {{shell: '{}', pool: db}}}}\n  \
         other:\n    ops:\n      free: {{command: ['true']}}\n      \
         a: {{shell: 'touch other.began', pool: db}}\n",
        held("load", "go")
    )
}

#[test]
fn a_step_waits_for_a_slot_and_goes_when_the_limit_is_deleted() {
    let deployment = Deployment::start(&jobs(), "");
    deployment.ok(&["instance", "concurrency", "set", "db", "1"]);
    let got = deployment.ok(&["instance", "concurrency", "get", "db"]);
    assert!(got.contains('1'), "{got}");
    let first = deployment.launch("load", &[]);
    deployment.wait_for_file("load.began");
    let second = deployment.launch("other", &[]);
    deployment.wait_for_step(&second, "a", "WAITING_FOR_SLOTS");
    deployment.wait_for_step(&second, "free", "SUCCEEDED");

    let why = deployment.ok(&["run", "why", &second]);
    assert!(why.contains("db") && why.contains(&first[..8]), "{why}");
    assert!(why.contains("pointsman instance concurrency set db 2"), "{why}");
    let pool = deployment.ok(&["pool", "show", "db"]);
    assert!(pool.contains(&first[..8]) && pool.contains(&second[..8]), "{pool}");
    assert!(!deployment.path("other.began").exists());

    deployment.ok(&["instance", "concurrency", "delete", "db"]);
    deployment.wait_for(&second, "SUCCESS");
    assert_eq!(deployment.status(&first), "STARTED");
    deployment.let_go("go");
    deployment.wait_for(&first, "SUCCESS");
}

#[test]
fn a_run_waits_in_the_queue_for_the_pool_of_its_only_step() {
    let deployment = Deployment::start(&jobs(), "");
    deployment.ok(&["instance", "concurrency", "set", "db", "1"]);
    let first = deployment.launch("load", &[]);
    deployment.wait_for_file("load.began");
    let second = deployment.launch("load", &[]);
    assert_eq!(deployment.status(&second), "QUEUED");
    let why = deployment.ok(&["run", "why", &second]);
    assert!(why.contains("db"), "{why}");
    // Two slots: it starts beside the first.
    deployment.ok(&["instance", "concurrency", "set", "db", "2"]);
    deployment.wait_for(&second, "STARTED");
    assert_eq!(deployment.status(&first), "STARTED");
    deployment.let_go("go");
    deployment.wait_for(&second, "SUCCESS");
    deployment.wait_for(&first, "SUCCESS");
    wait_until("the pool is free", || {
        deployment.json(&["pool", "show", "db"])["claims"].as_array().is_none_or(Vec::is_empty)
    });
}
