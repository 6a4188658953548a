//! Daemons that stop and die, workers that die: what goes on, and what is found again.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::harness::{Deployment, guard_of, held, signal, signal_all, wait_until, worker_of};

fn jobs() -> String {
    let step = format!("echo once >> log; {}", held("long", "go"));
    format!(
        "jobs:\n  long:\n    tags: {{team: docs}}\n    ops: {{a: {{shell: '{step}', pool: db}}}}\n"
    )
}

const ONE_PER_TEAM: &str =
    "concurrency: {runs: {tag_concurrency_limits: [{key: team, limit: 1}]}}\n";

#[test]
fn a_run_goes_on_when_the_daemon_stops_and_is_found_again() {
    let mut deployment = Deployment::start(&jobs(), ONE_PER_TEAM);
    let run = deployment.launch("long", &[]);
    deployment.wait_for_file("long.began");
    let next = deployment.launch("long", &[]);
    assert_eq!(deployment.stop().code(), Some(0));
    assert!(!deployment.path("server.json").exists(), "nothing says that it serves");
    let told = deployment.fails(3, &["run", "list"]);
    assert!(told.contains("pointsman dev") || told.contains("pointsman serve"), "{told}");
    worker_of(&run);

    deployment.serve();
    assert_eq!(deployment.status(&run), "STARTED");
    assert_eq!(deployment.status(&next), "QUEUED", "the limit still counts the run");
    deployment.let_go("go");
    deployment.wait_for(&run, "SUCCESS");
    deployment.wait_for(&next, "SUCCESS");
    assert_eq!(deployment.read("log"), "once\nonce\n", "one for each run");
}

#[test]
fn whoever_watches_a_run_finds_the_server_again_at_another_address() {
    let mut deployment = Deployment::start(&jobs(), "");
    let run = deployment.launch("long", &[]);
    deployment.wait_for_file("long.began");
    let mut watching = deployment.command(&["run", "watch", &run]);
    let mut watching = watching.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(watching.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(told.any(|line| line.contains("STEP_START")), "it watches");
    let before = deployment.json(&["instance", "show"])["started_at"].clone();
    deployment.kill();
    deployment.serve();
    assert_ne!(deployment.json(&["instance", "show"])["started_at"], before);
    deployment.let_go("go");
    let rest: Vec<String> = told.collect();
    assert!(rest.last().is_some_and(|line| line.ends_with("ended: SUCCESS")), "{rest:?}");
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}

#[test]
fn a_run_that_ends_while_no_daemon_is_there_is_reported_later() {
    let mut deployment = Deployment::start(&jobs(), "");
    let run = deployment.launch("long", &[]);
    deployment.wait_for_file("long.began");
    deployment.kill();
    deployment.let_go("go");
    // The step ends, its worker keeps the report for the daemon.
    let output = deployment.path("runs").join(&run).join("1/steps/a.1.out");
    wait_until("the step has ended", || {
        std::fs::read_to_string(&output).is_ok_and(|text| text.contains("done"))
    });
    deployment.serve();
    deployment.wait_for(&run, "SUCCESS");
    assert_eq!(deployment.read("log"), "once\n");
    deployment.wait_for_quiet();
}

#[test]
fn a_killed_worker_fails_its_run_soon_and_takes_its_steps_along() {
    let deployment = Deployment::start(&jobs(), ONE_PER_TEAM);
    deployment.ok(&["instance", "concurrency", "set", "db", "1"]);
    let run = deployment.launch("long", &[]);
    deployment.wait_for_file("long.began");
    let next = deployment.launch("long", &[]);
    signal(worker_of(&run), "KILL");
    deployment.wait_for(&run, "FAILURE");
    let shown = deployment.json(&["run", "show", &run]);
    assert_eq!(shown["failure"]["reason"], "UNEXPECTED_TERMINATION", "{shown}");
    // What it held is free: the next one starts and takes the slot.
    deployment.wait_for_step(&next, "a", "RUNNING");
    deployment.let_go("go");
    deployment.wait_for(&next, "SUCCESS");
    deployment.wait_for_quiet();
}

#[test]
fn a_step_that_outlives_its_worker_and_its_guard_counts_until_it_is_gone() {
    let stubborn = jobs().replace("'echo", "'trap \"\" TERM; echo");
    let deployment = Deployment::start(&stubborn, ONE_PER_TEAM);
    let run = deployment.launch("long", &[]);
    deployment.wait_for_file("long.began");
    let next = deployment.launch("long", &[]);
    signal_all(&[worker_of(&run), guard_of(&run)], "KILL");
    wait_until("it is noticed", || deployment.json(&["run", "show", &run])["is_suspect"] == true);
    assert_eq!(deployment.status(&run), "STARTED");
    assert_eq!(deployment.status(&next), "QUEUED", "the step still runs, so its run counts");
    deployment.wait_for(&run, "FAILURE");
    let shown = deployment.json(&["run", "show", &run]);
    assert_eq!(shown["failure"]["reason"], "UNEXPECTED_TERMINATION", "{shown}");
    assert_eq!(shown["is_suspect"], false, "{shown}");
    deployment.let_go("go");
    deployment.wait_for(&next, "SUCCESS");
    deployment.wait_for_quiet();
}

#[test]
fn a_worker_that_died_while_no_daemon_was_there_is_noticed_at_the_start() {
    let mut deployment = Deployment::start(&jobs(), "");
    let run = deployment.launch("long", &[]);
    deployment.wait_for_file("long.began");
    deployment.kill();
    signal(worker_of(&run), "KILL");
    deployment.serve();
    deployment.wait_for(&run, "FAILURE");
    deployment.wait_for_quiet();
}
