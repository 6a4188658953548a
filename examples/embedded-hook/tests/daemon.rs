//! The example is started as it is, and asked as any program can.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long anything may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

const JOBS: &str = "
jobs:
  finance_report: {ops: {write: {command: [echo, done]}}}
";

/// The example, killed when the test is over.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come to be");
        std::thread::yield_now();
    }
}

/// Asks the API; returns the status and the answer.
fn ask(home: &Path, line: &str, team: &str, body: &Value) -> (u16, Value) {
    let server = std::fs::read_to_string(home.join("server.json")).unwrap();
    let server: Value = serde_json::from_str(&server).unwrap();
    let address = server["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let token = std::fs::read_to_string(home.join("token")).unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Team: {team}\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        token.trim(),
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap())
}

#[test]
fn the_hook_of_the_example_tags_and_refuses_and_its_daemon_executes_runs() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().canonicalize().unwrap();
    let jobs = home.join("work.yaml");
    std::fs::write(&jobs, JOBS).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman-embedded-hook"));
    let daemon = Daemon(command.arg(&home).arg(&jobs).spawn().unwrap());
    wait_until("the daemon serves", || home.join("server.json").exists());

    let asked = json!({ "job": "finance_report" });
    let (status, refused) = ask(&home, "POST /api/v1/runs", "docs", &asked);
    assert_eq!((status, &refused["error"]["code"]), (422, &json!("rejected")), "{refused}");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.ends_with("`TagOwner` refuses this run: docs may not run finance_report"));

    let (status, run) = ask(&home, "POST /api/v1/runs", "finance", &asked);
    assert_eq!((status, &run["tags"]["owner"]), (201, &json!("finance")), "{run}");
    let shown = format!("GET /api/v1/runs/{}", run["id"].as_str().unwrap());
    let ended = || ask(&home, &shown, "", &Value::Null).1["status"] == "SUCCESS";
    wait_until("the run succeeds", ended);
    drop(daemon);
}
