//! What is given wrongly: a clear error, the right exit code, and nothing has changed.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Deployment, text};

const JOBS: &str = "jobs: {nightly: {ops: {a: {command: ['true']}}}}\n";

#[test]
fn a_file_of_jobs_that_is_wrong_is_told_by_line_and_column_and_the_daemon_serves_all_the_same() {
    for (jobs, place, what) in [
        ("jobs:\n  a:\n    ops:\n      x: {command: 5}\n", "work.yaml:4:", "command"),
        ("jobs:\n  a:\n    ops:\n      x: {comand: [a]}\n", "work.yaml:4:", "comand"),
        ("jobs:\n  a:\n    ops:\n      x: {command: [a], pool: ' '}\n", "work.yaml:4:", "pool"),
        ("jobs:\n  a:\n    ops:\n      x: {command: [a], pools: {p: 0}}\n", "work.yaml:4:", "1"),
        (
            "jobs:\n  a:\n    ops:\n      x: {command: [a], after: y}\n      \
             y: {command: [a], after: x}\n",
            "work.yaml:",
            "x",
        ),
        ("jobs:\n  a:\n    ops:\n      x: {command: [a], after: z}\n", "work.yaml:4:", "z"),
        ("jobs: [\n", "work.yaml:", ""),
    ] {
        let deployment = Deployment::start(jobs, "");
        let told = deployment.ok(&["code-location", "list"]);
        assert!(told.contains("failed"), "{jobs}: {told}");
        assert!(told.contains(place) && told.contains(what), "{jobs}: {told}");
        assert_eq!(deployment.json(&["job", "list"])["jobs"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn a_file_of_jobs_that_is_no_text_is_refused_and_mended_by_a_reload() {
    let deployment = Deployment::new("", "");
    fs::write(deployment.path("work.yaml"), b"jobs:\n  a\xff: 1\n").unwrap();
    let mut deployment = deployment;
    deployment.serve();
    let told = deployment.ok(&["code-location", "list"]);
    assert!(told.contains("UTF-8"), "{told}");
    let output = deployment.cli(&["code-location", "reload"]);
    assert_eq!(output.status.code(), Some(1), "still wrong");
    fs::write(deployment.path("work.yaml"), JOBS).unwrap();
    deployment.ok(&["code-location", "reload"]);
    deployment.ok(&["job", "launch", "nightly", "--wait"]);
}

#[test]
fn a_launch_that_makes_no_sense_is_refused() {
    let deployment = Deployment::start(JOBS, "");
    let large = format!("big={}", "x".repeat(100_000));
    for (code, args, what) in [
        (1, &["nightli"][..], "nightly"),
        (1, &["nightly", "--location", "wrok"], "work"),
        (1, &["nightly", "--tag", &large], "65536"),
        (1, &["nightly", "--tag", "dagster/priority=99999999999"], "dagster/priority"),
        (2, &["nightly", "--priority", "99999999999"], "99999999999"),
        (2, &["nightly", "--priority", "high"], "high"),
        (2, &["nightly", "--tags", "{a: 1"], "JSON"),
        (2, &["nightly", "--tags", "[1]"], "JSON"),
        (2, &["nightly", "--tag", "team"], "key=value"),
        (2, &["nightly", "--config", "missing.yaml"], "missing.yaml"),
        (1, &["nightly", "--idempotency-key", ""], "idempotency key"),
    ] {
        let args = [&["job", "launch"], args].concat();
        let told = deployment.fails(code, &args);
        assert!(told.contains(what), "{what}: {told}");
    }
    assert_eq!(deployment.count(), 0);
}

#[test]
fn a_config_that_is_too_large_or_no_text_is_refused_before_it_is_sent() {
    let deployment = Deployment::start(JOBS, "");
    let large = format!("a: {}\n", "x".repeat(10 << 20));
    for (config, what) in [(large.as_bytes(), "1048576"), (&b"a: \xff\n"[..], "UTF-8")] {
        let mut command = deployment.command(&["job", "launch", "nightly", "--config", "-"]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may have seen enough before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(config);
        let output = child.wait_with_output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(what) && told.contains("\n  "), "{told}");
    }
    assert_eq!(deployment.count(), 0);
}

#[test]
fn a_request_that_makes_no_sense_is_refused_with_its_code() {
    let deployment = Deployment::start(JOBS, "");
    let large = format!(r#"{{"job": "nightly", "tags": {{"big": "{}"}}}}"#, "x".repeat(10 << 20));
    let medium = format!(r#"{{"job": "nightly", "tags": {{"big": "{}"}}}}"#, "x".repeat(100_000));
    for (body, status, code) in [
        (large.as_bytes(), 413, "too_large"),
        (medium.as_bytes(), 400, "bad_request"),
        (b"{\"job\": \"a\xff\"}", 400, "invalid_json"),
        (b"{\"job\": ", 400, "invalid_json"),
        (b"[]", 400, "bad_request"),
        (br#"{"job": 5}"#, 400, "bad_request"),
        (br#"{"job": "nightly", "tag": {}}"#, 400, "unknown_key"),
        (br#"{"job": "nightly", "tags": {"a": 1}}"#, 400, "bad_request"),
        (br#"{"job": "nightly", "priority": 1.5}"#, 400, "invalid_priority"),
        (br#"{"job": "nightly", "priority": 99999999999}"#, 400, "invalid_priority"),
        (br#"{"job": "nightly", "config": [1]}"#, 400, "bad_request"),
        (br#"{"job": "nightli"}"#, 404, "unknown_job"),
        (br#"{"job": "nightly", "location": "x"}"#, 404, "unknown_job"),
    ] {
        let shown = text(&body[..body.len().min(80)]);
        let (answered, answer) = deployment.http("POST", "/api/v1/runs", &[], body);
        assert_eq!(answered, status, "{shown}: {answer}");
        assert_eq!(answer["error"]["code"], code, "{shown}: {answer}");
    }
    assert_eq!(deployment.count(), 0);
    let (_, answer) = deployment.http("POST", "/api/v1/runs", &[], br#"{"job": "nightli"}"#);
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("`nightly`"), "a near name: {answer}");
}

#[test]
fn a_pool_limit_that_cannot_be_is_refused_and_the_limit_stays() {
    let deployment = Deployment::start(JOBS, "");
    deployment.ok(&["instance", "concurrency", "set", "db", "7"]);
    for (code, pool, limit) in [
        (1, "db", "1001"),
        (1, "db", "-1"),
        (1, "db", "many"),
        (1, "db", "1.5"),
        (1, " ", "3"),
        (1, "", "3"),
        (1, "two words", "3"),
    ] {
        let output = deployment.cli(&["instance", "concurrency", "set", pool, limit]);
        let told = text(&output.stderr) + &text(&output.stdout);
        let codes = [Some(code), Some(2)];
        assert!(codes.contains(&output.status.code()), "{pool:?} {limit}: {told}");
        assert!(!told.contains("panicked") && !told.is_empty(), "{pool:?} {limit}: {told}");
    }
    for (body, code) in [
        (&br#"{"limit": 1001}"#[..], "invalid_limit"),
        (br#"{"limit": -1}"#, "invalid_limit"),
        (br#"{"limit": "3"}"#, "bad_request"),
        (br#"{}"#, "bad_request"),
    ] {
        let (status, answer) = deployment.http("PUT", "/api/v1/pools/db/limit", &[], body);
        assert_eq!((status, &answer["error"]["code"]), (400, &Value::from(code)), "{answer}");
    }
    let path = "/api/v1/pools/%20/limit";
    let (status, answer) = deployment.http("PUT", path, &[], br#"{"limit": 3}"#);
    assert_eq!((status, &answer["error"]["code"]), (400, &Value::from("invalid_pool")));
    let pools = deployment.json(&["pool", "list"]);
    let pools = pools["pools"].as_array().unwrap();
    assert_eq!(pools.len(), 1, "{pools:?}");
    assert_eq!(pools[0]["limit"], 7);
}

#[test]
fn whoever_has_no_token_or_another_host_changes_nothing() {
    let deployment = Deployment::start(JOBS, "");
    let token = deployment.read("token");
    fs::write(deployment.path("token"), "0".repeat(64)).unwrap();
    let body = br#"{"job": "nightly"}"#;
    let (status, answer) = deployment.http("POST", "/api/v1/runs", &[], body);
    assert_eq!((status, &answer["error"]["code"]), (401, &Value::from("unauthorized")));
    let told = deployment.fails(1, &["job", "launch", "nightly"]);
    assert!(told.contains("token"), "{told}");
    fs::write(deployment.path("token"), token).unwrap();

    let origin = ["Origin: https://evil.example"];
    let (status, answer) = deployment.http("POST", "/api/v1/runs", &origin, body);
    assert_eq!((status, &answer["error"]["code"]), (403, &Value::from("forbidden_origin")));
    assert_eq!(deployment.count(), 0);
}
