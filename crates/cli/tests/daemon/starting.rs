//! Daemons that must not start.

use std::net::TcpListener;

use crate::harness::Deployment;

const JOBS: &str = "jobs: {hello: {ops: {a: {command: ['true']}}}}\n";

#[test]
fn a_second_daemon_of_a_home_is_refused_and_told_who_is_the_first() {
    let mut deployment = Deployment::start(JOBS, "");
    let told = deployment.fails(1, &["serve", "--port", "0", "work.yaml"]);
    assert!(told.contains(&deployment.pid().unwrap().to_string()), "{told}");
    // The first goes on as before.
    deployment.ok(&["job", "launch", "hello", "--wait"]);
    assert_eq!(deployment.stop().code(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let deployment = Deployment::new(JOBS, "");
    let told = deployment.fails(1, &["serve", "--port", &port, "work.yaml"]);
    assert!(told.contains(&port) && told.contains("--port"), "{told}");
    assert!(!deployment.path("server.json").exists());
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    let deployment = Deployment::new(JOBS, "");
    let told = deployment.fails(1, &["serve", "--host", "0.0.0.0", "--port", "0", "work.yaml"]);
    assert!(told.contains("0.0.0.0") && told.contains("127.0.0.1"), "{told}");

    let deployment = Deployment::new(JOBS, "server: {host: 0.0.0.0}\n");
    let told = deployment.fails(1, &["serve", "--port", "0", "work.yaml"]);
    assert!(told.contains("0.0.0.0"), "{told}");
}

#[test]
fn a_configuration_that_is_wrong_is_told_line_by_line() {
    let config = "run_queue: {max_concurrent_runs: '3'}\nsurprise: 1\n";
    let deployment = Deployment::new(JOBS, config);
    let told = deployment.fails(1, &["serve", "--port", "0", "work.yaml"]);
    assert!(told.contains("pointsman.yaml:1:") && told.contains("pointsman.yaml:2:1"), "{told}");
    assert!(!deployment.path("pointsman.db").exists(), "nothing was made");
}

#[test]
fn the_address_that_a_killed_daemon_left_is_not_heeded() {
    let mut deployment = Deployment::start(JOBS, "");
    deployment.kill();
    assert!(deployment.path("server.json").exists());
    let told = deployment.fails(3, &["run", "list"]);
    assert!(told.contains("no server runs"), "{told}");
}
