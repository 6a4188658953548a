//! How runs are ended and deleted, wherever they are.

use std::fs;

use crate::harness::{Deployment, held, signal, wait_until, worker_of};

const ONE_RUN: &str = "concurrency: {runs: {max_concurrent_runs: 1}}\n";

fn jobs() -> String {
    format!(
        "jobs:\n  long: {{ops: {{a: {{shell: '{}'}}}}}}\n  \
         pooled:\n    ops:\n      a: {{shell: 'touch pooled.began', pool: db}}\n      \
         b: {{command: ['true']}}\n  \
         stubborn: {{ops: {{a: {{shell: 'trap \"\" TERM; touch stubborn.began; while :; do sleep 0.1; done'}}}}}}\n",
        held("long", "go")
    )
}

#[test]
fn a_queued_run_is_canceled_at_once_and_can_be_deleted() {
    let deployment = Deployment::start(&jobs(), ONE_RUN);
    let first = deployment.launch("long", &[]);
    deployment.wait_for(&first, "STARTED");
    let (second, third) = (deployment.launch("long", &[]), deployment.launch("long", &[]));
    let told = deployment.ok(&["run", "cancel", &second]);
    assert!(told.contains("CANCELED"), "{told}");
    assert_eq!(deployment.status(&second), "CANCELED");
    let again = deployment.fails(1, &["run", "cancel", &second]);
    assert!(again.contains("ended"), "{again}");

    // Deleted: one in the queue and one that has ended, but none in progress.
    deployment.ok(&["run", "delete", &second, &third]);
    let refused = deployment.fails(1, &["run", "delete", &first]);
    assert!(refused.contains("cancel"), "{refused}");
    deployment.fails(1, &["run", "show", &second]);
    deployment.fails(1, &["run", "show", &third]);
    assert_eq!(deployment.count(), 1);
    assert_eq!(deployment.json(&["queue"])["total"], 0);

    deployment.let_go("go");
    deployment.wait_for(&first, "SUCCESS");
    deployment.wait_for_quiet();
    deployment.ok(&["run", "delete", &first]);
    assert_eq!(deployment.count(), 0);
    let folder = deployment.path("runs").join(&first);
    wait_until("its folder is gone with it", || !folder.exists());
}

#[test]
fn whoever_watches_a_queued_run_is_told_when_it_is_deleted() {
    let deployment = Deployment::start(&jobs(), ONE_RUN);
    let first = deployment.launch("long", &[]);
    deployment.wait_for(&first, "STARTED");
    let second = deployment.launch("long", &[]);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| deployment.cli(&["run", "watch", &second]));
        // Whether it is deleted before or after the watch began, the watch ends.
        deployment.ok(&["run", "delete", &second]);
        assert_eq!(watching.join().unwrap().status.code(), Some(1));
    });
    deployment.let_go("go");
    deployment.wait_for(&first, "SUCCESS");
    deployment.wait_for_quiet();
}

#[test]
fn a_run_that_waits_for_slots_is_canceled_without_having_run_its_step() {
    let deployment = Deployment::start(&jobs(), "");
    deployment.ok(&["instance", "concurrency", "set", "db", "0"]);
    let run = deployment.launch("pooled", &[]);
    deployment.wait_for_step(&run, "a", "WAITING_FOR_SLOTS");
    deployment.ok(&["run", "cancel", &run]);
    deployment.wait_for(&run, "CANCELED");
    deployment.wait_for_quiet();
    assert_eq!(deployment.step(&run, "a")["status"], "CANCELED");
    assert!(!deployment.path("pooled.began").exists());
    let pool = deployment.ok(&["pool", "show", "db"]);
    assert!(!pool.contains(&run[..8]), "{pool}");
}

#[test]
fn a_step_that_ignores_the_request_to_end_is_killed() {
    let deployment = Deployment::start(&jobs(), "");
    let run = deployment.launch("stubborn", &[]);
    deployment.wait_for_file("stubborn.began");
    let told = deployment.ok(&["run", "cancel", &run]);
    assert!(told.contains("CANCELING"), "{told}");
    deployment.wait_for(&run, "CANCELED");
    deployment.wait_for_quiet();
}

#[test]
fn a_forced_cancel_ends_a_run_at_once_and_its_processes_after_it() {
    let deployment = Deployment::start(&jobs(), ONE_RUN);
    let run = deployment.launch("stubborn", &[]);
    deployment.wait_for_file("stubborn.began");
    let told = deployment.ok(&["run", "cancel", "--force", &run]);
    assert!(told.contains("CANCELED"), "{told}");
    assert_eq!(deployment.status(&run), "CANCELED");
    deployment.wait_for_quiet();
    assert_eq!(deployment.status(&run), "CANCELED");
    assert_eq!(deployment.step(&run, "a")["status"], "CANCELED");
}

#[test]
fn a_worker_whose_folder_was_deleted_ends_its_steps_and_itself() {
    let mut deployment = Deployment::start(&jobs(), "");
    deployment.launch("long", &[]);
    deployment.wait_for_file("long.began");
    deployment.kill();
    fs::remove_dir_all(deployment.path("runs")).unwrap();
    deployment.wait_for_quiet();
}

#[test]
fn a_worker_that_is_told_to_end_does_so_without_a_daemon() {
    let mut deployment = Deployment::start(&jobs(), "");
    let run = deployment.launch("long", &[]);
    deployment.wait_for_file("long.began");
    deployment.kill();
    signal(worker_of(&run), "TERM");
    deployment.wait_for_quiet();
    deployment.serve();
    deployment.wait_for(&run, "FAILURE");
}
