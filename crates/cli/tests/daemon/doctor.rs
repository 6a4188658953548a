//! `pointsman doctor` on real homes, with and without a daemon.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::{Deployment, text};

const JOBS: &str = "jobs:\n  quick: {ops: {a: {command: ['true']}}}\n";

/// Returns what a check found: its verdict and its message. The first that is not well, if there are
/// several.
fn found(deployment: &Deployment, check: &str) -> (String, String) {
    let output = deployment.cli(&["doctor", "--json"]);
    let told: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let is_problem = told["verdict"] == "problem";
    assert_eq!(output.status.code(), Some(i32::from(is_problem)), "{told}");
    let checks = told["checks"].as_array().unwrap();
    let mut of_kind: Vec<&Value> = checks.iter().filter(|found| found["check"] == check).collect();
    of_kind.sort_by_key(|found| found["verdict"] == "ok");
    let first = of_kind.first().unwrap_or_else(|| panic!("no {check}: {told}"));
    assert!(first["verdict"] == "ok" || first["remedy"].is_string(), "{first}");
    let word = |key: &str| first[key].as_str().unwrap().to_owned();
    (word("verdict"), word("message"))
}

fn check(deployment: &Deployment, check: &str, verdict: &str, message: &str) {
    let (is, told) = found(deployment, check);
    assert!(is == verdict && told.contains(message), "{check}: {is}: {told}");
}

#[test]
fn nothing_is_wrong_with_a_server_that_is_well() {
    let deployment = Deployment::start(JOBS, "");
    deployment.ok(&["job", "launch", "quick", "--wait"]);
    let told = deployment.ok(&["doctor"]);
    // Of the machine something may be worth a warning.
    assert!(!told.lines().any(|line| line.starts_with("problem")), "{told}");
    check(&deployment, "server", "ok", "answers at http://127.0.0.1:");
    check(&deployment, "database", "ok", "as it must be");
    check(&deployment, "code locations", "ok", "all are loaded");
}

#[test]
fn a_server_that_was_killed_is_told_and_what_it_left_behind() {
    let mut deployment = Deployment::new(JOBS, "");
    check(&deployment, "server", "problem", "no server runs");
    deployment.serve();
    deployment.kill();
    check(&deployment, "server", "problem", "no server runs");
    check(&deployment, "address", "warning", "server.json is left of process");
    check(&deployment, "database", "ok", "as it must be");
    fs::write(deployment.path("server.json"), "{").unwrap();
    check(&deployment, "address", "warning", "it is damaged");
}

#[test]
fn a_home_that_is_not_there_is_told_and_not_made() {
    let deployment = Deployment::new(JOBS, "");
    let home = deployment.path("absent");
    // The usual home is another one, and what its file says is not meant.
    std::fs::create_dir(deployment.path(".pointsman")).unwrap();
    std::fs::write(deployment.path(".pointsman/pointsman.yaml"), "nonsense: 1\n").unwrap();
    let mut doctor = deployment.command(&["doctor"]);
    doctor.arg("--home").arg(&home).env("HOME", deployment.home()).env_remove("POINTSMAN_HOME");
    let told = text(&doctor.output().unwrap().stdout);
    assert!(told.contains("is not there") && told.contains("pointsman dev"), "{told}");
    assert!(told.contains("no file: the defaults"), "{told}");
    assert!(!home.exists());
}

#[test]
fn permissions_that_are_too_wide_are_told() {
    let deployment = Deployment::start(JOBS, "");
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(deployment.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("token", 0o644);
    check(&deployment, "token", "problem", "mode 644");
    mode("token", 0o600);
    mode("", 0o755);
    check(&deployment, "home", "warning", "mode 755");
    mode("", 0o700);
    let token = deployment.read("token");
    fs::write(deployment.path("token"), "secret").unwrap();
    let (verdict, message) = found(&deployment, "token");
    assert!(verdict == "problem" && !message.contains("secret"), "{message}");
    fs::write(deployment.path("token"), token).unwrap();
    check(&deployment, "token", "ok", "");
}

#[test]
fn a_port_that_is_taken_is_told_and_by_whom() {
    let program = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = |port: u16| format!("server: {{port: {port}}}");
    let port = program.local_addr().unwrap().port();
    let deployment = Deployment::new(JOBS, &config(port));
    // One that takes connections and says nothing is asked in vain.
    let silent = std::thread::scope(|scope| {
        scope.spawn(|| {
            for connection in program.incoming().flatten().take(1) {
                drop(connection);
            }
        });
        found(&deployment, "port")
    });
    assert!(silent.0 == "problem" && silent.1.contains("another program"), "{silent:?}");
    let other = Deployment::start(JOBS, "");
    let server: Value = serde_json::from_str(&other.read("server.json")).unwrap();
    let port = server["url"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    fs::write(deployment.path("pointsman.yaml"), config(port)).unwrap();
    check(&deployment, "port", "problem", "another home");
}

#[test]
fn mistakes_in_the_configuration_and_in_jobs_are_told_with_their_place() {
    let deployment = Deployment::start(JOBS, "");
    fs::write(deployment.path("pointsman.yaml"), "concurrency:\n  runs: {max_concurent_runs: 1}\n")
        .unwrap();
    check(&deployment, "configuration", "problem", "pointsman.yaml:2: ");
    fs::write(deployment.path("pointsman.yaml"), "concurrency: {runs: {max_concurrent_runs: 0}}")
        .unwrap();
    check(&deployment, "configuration", "ok", "can be used");
    fs::write(deployment.path("work.yaml"), "jobs: [").unwrap();
    deployment.fails(1, &["code-location", "reload"]);
    check(&deployment, "code locations", "problem", "work is not loaded");
}

#[test]
fn a_limit_of_0_is_told_without_a_server_too() {
    let deployment = Deployment::new(JOBS, "concurrency: {runs: {max_concurrent_runs: 0}}");
    check(&deployment, "limits", "warning", "`max_concurrent_runs` is 0");
}

#[test]
fn a_pool_that_was_closed_is_told_also_while_nobody_waits_for_it() {
    let deployment = Deployment::start(JOBS, "");
    deployment.ok(&["instance", "concurrency", "set", "db", "0"]);
    check(&deployment, "limits", "warning", "the limit of pool db is 0");
    deployment.ok(&["instance", "concurrency", "set", "db", "1"]);
    check(&deployment, "limits", "ok", "none blocks");
}

#[test]
fn a_step_that_wants_more_slots_than_there_are_is_told_with_the_command_that_helps() {
    let jobs = "jobs:\n  wide:\n    ops:\n      free: {command: ['true']}\n      \
                a: {command: ['true'], pools: {db: 3}}\n";
    let deployment = Deployment::start(jobs, "");
    deployment.ok(&["instance", "concurrency", "set", "db", "2"]);
    let run = deployment.launch("wide", &[]);
    deployment.wait_for_step(&run, "a", "WAITING_FOR_SLOTS");
    check(&deployment, "limits", "problem", "waits for 3 slots of pool db, whose limit is 2");
    deployment.ok(&["instance", "concurrency", "set", "db", "3"]);
    deployment.wait_for(&run, "SUCCESS");
    check(&deployment, "limits", "ok", "none blocks");
}

#[test]
fn a_damaged_database_is_told_and_left_as_it_is() {
    let mut deployment = Deployment::start(JOBS, "");
    deployment.stop();
    let path = deployment.path("pointsman.db");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 4096;
    bytes[last..].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    let (verdict, _) = found(&deployment, "database");
    assert_eq!(verdict, "problem");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
