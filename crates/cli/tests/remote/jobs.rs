//! `pointsman job`, and `code-location`.

use expect_test::expect;
use serde_json::{Value, json};

use crate::runs::{ID, event, run};
use crate::scripted::Server;

fn nightly() -> Value {
    json!({ "name": "nightly", "location": "etl", "description": "Loads it all.\nAt night.",
            "tags": { "team": "docs" }, "step_count": 2, "pools": ["db"] })
}

#[test]
fn jobs_are_listed() {
    let server = Server::start();
    server.on("GET /api/v1/jobs?limit=500", 200, &json!({ "jobs": [nightly()] }));
    expect![[r#"
        JOB      LOCATION  STEPS  POOLS  DESCRIPTION
        nightly  etl       2      db     Loads it all.
    "#]]
    .assert_eq(&server.ok(&["job", "list"]));
    let json: Value = serde_json::from_str(&server.ok(&["job", "list", "--json"])).unwrap();
    assert_eq!(json, json!({ "jobs": [nightly()], "next": null }));
    // A read shows the token to nobody.
    assert!(server.header("authorization").is_empty());
}

#[test]
fn every_page_of_a_list_is_read() {
    let server = Server::start();
    let page = |job: &str, next: Value| {
        let mut entry = nightly();
        entry["name"] = json!(job);
        json!({ "jobs": [entry], "next": next })
    };
    server.on("GET /api/v1/jobs?limit=500", 200, &page("first", json!("[\"etl\",\"first\"]")));
    let second = "GET /api/v1/jobs?after=%5B%22etl%22%2C%22first%22%5D&limit=500";
    server.on(second, 200, &page("second", Value::Null));
    let told = server.ok(&["job", "list"]);
    assert!(told.contains("first") && told.contains("second"), "{told}");
}

#[test]
fn a_job_is_shown_with_its_steps() {
    let server = Server::start();
    let mut job = nightly();
    job["config"] = json!({ "day": 1 });
    job["steps"] = json!([{ "key": "load", "command": ["./load", "all"], "after": [], "pools": { "db": 2 },
        "priority": 0, "tags": {}, "retries": { "max_retries": 3, "delay_ms": 100, "backoff": "constant" },
        "timeout_seconds": 1.5, "env": ["DB"] }]);
    server.on("GET /api/v1/jobs/nightly?location=etl", 200, &job);
    expect![[r#"
        job          nightly
        location     etl
        description  Loads it all.�At night.
        tags         team=docs
        config       {"day":1}

        STEP  AFTER  POOLS  RETRIES  TIMEOUT  COMMAND
        load         db: 2  3        1.5s     ./load all
    "#]]
    .assert_eq(&server.ok(&["job", "show", "nightly", "-l", "etl"]));
}

#[test]
fn a_job_that_is_not_there_is_told_with_the_command_that_lists_them() {
    let server = Server::start();
    // The server's own hint is for those who speak HTTP.
    let for_http = Some("`GET /api/v1/jobs` lists the jobs");
    let hint = "`pointsman job list` shows the jobs, `pointsman code-location list` what is wrong with \
                their files";
    let message = "there is no job `nigthly`; did you mean `nightly`?";
    server.on_error("GET /api/v1/jobs/nigthly", 404, "unknown_job", message, for_http);
    server.on_error("POST /api/v1/runs", 404, "unknown_job", "there is no job `x`", None);
    let done = server.run(&["job", "show", "nigthly"]);
    assert_eq!(done.stderr, format!("error: {message}\nhint: {hint}\n"));
    let done = server.run(&["job", "launch", "x", "--json"]);
    assert_eq!(done.code, Some(1));
    let told: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(
        told["error"],
        json!({ "code": "unknown_job", "message": "there is no job `x`",
        "hint": hint })
    );
}

#[test]
fn a_launch_sends_what_it_was_given() {
    let server = Server::start();
    server.on("POST /api/v1/runs", 201, &run("QUEUED")).on(
        "POST /api/v1/runs",
        200,
        &run("QUEUED"),
    );
    let config = server.home.path().join("config.yaml");
    std::fs::write(&config, "ops:\n  load: {rows: 10}\n").unwrap();
    let config = config.display().to_string();
    let args = [
        "job",
        "launch",
        "-j",
        "nightly",
        "-l",
        "etl",
        "--tags",
        r#"{"team": "a", "n": 1}"#,
        "--tag",
        "team=docs",
        "--priority",
        "-3",
        "--config",
        &config,
        "--idempotency-key",
        "k1",
        "--run-id",
        ID,
    ];
    assert_eq!(server.ok(&args), format!("Launched run {ID}.\n"));
    assert_eq!(server.ok(&args), format!("Run {ID} was launched before under this key.\n"));
    let sent = r#"POST /api/v1/runs {"job":"nightly","location":"etl","tags":{"n":"1","team":"docs"},"config":{"ops":{"load":{"rows":10}}},"priority":-3,"run_id":"1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10"}"#;
    assert_eq!(server.writes(), [sent, sent]);
    assert_eq!(server.header("idempotency-key"), ["k1", "k1"]);
}

#[test]
fn of_several_files_of_config_the_later_wins_and_ops_are_selected() {
    let server = Server::start();
    server.on("POST /api/v1/runs", 201, &run("QUEUED"));
    let file = |name: &str, text: &str| {
        let path = server.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let all = file("all.yaml", "ops: {load: {config: {rows: 1, table: a}}}\n");
    let tonight = file("tonight.json", r#"{"ops": {"load": {"config": {"rows": 2}}}}"#);
    let list = file("list.yaml", "[1]\n");
    let launch = |more: &[&str]| server.run(&[&["job", "launch", "-j", "nightly"], more].concat());
    assert_eq!(launch(&["-c", &all, "-c", &tonight, "-o", "*load,check"]).code, Some(0));
    assert_eq!(launch(&["--config-json", r#"{"ops": {}}"#]).code, Some(0));
    let sent = [
        r#"POST /api/v1/runs {"job":"nightly","config":{"ops":{"load":{"config":{"rows":2,"table":"a"}}}},"op_selection":["*load","check"]}"#,
        r#"POST /api/v1/runs {"job":"nightly","config":{"ops":{}}}"#,
    ];
    assert_eq!(server.writes(), sent);
    for wrong in [
        &["-c", &all, "-c", &list][..],
        &["-c", &all, "--config-json", "{}"],
        &["--config-json", "[1]"],
        &["--config-json", "{"],
    ] {
        assert_eq!(launch(wrong).code, Some(2), "{wrong:?}");
    }
    assert_eq!(server.writes().len(), 2);
}

#[test]
fn a_config_that_cannot_be_read_launches_nothing() {
    let server = Server::start();
    let config = server.home.path().join("config.yaml");
    std::fs::write(&config, "{a: ").unwrap();
    for path in [config.display().to_string(), "no-such-file.yaml".to_owned()] {
        let done = server.run(&["job", "launch", "nightly", "--config", &path]);
        assert_eq!(done.code, Some(2), "{}", done.stderr);
    }
    assert!(server.writes().is_empty());
}

/// A server on which a run is launched that ends after its events came by the stream of changes.
fn server_of_a_run_that_ends(status: &str, last: &str) -> Server {
    let server = Server::start();
    let path = format!("GET /api/v1/runs/{ID}");
    let events = |events: Value| json!({ "events": events, "next": null });
    let change = format!("id: 2\nevent: RUN_START\ndata: {}\n\n", event(2, "RUN_START", ""));
    let mut ended = run(status);
    ended["ended_at"] = json!("2026-01-31T12:00:09.000000Z");
    server
        .on("POST /api/v1/runs", 201, &run("QUEUED"))
        .on_bytes("GET /api/v1/changes", "text/event-stream", change.into_bytes())
        .on(&path, 200, &run("STARTED"))
        .on(&path, 200, &ended)
        .on(
            &format!("{path}/events?after=0&limit=500"),
            200,
            &events(json!([event(1, "RUN_ENQUEUED", "")])),
        )
        .on(
            &format!("{path}/events?after=1&limit=500"),
            200,
            &events(json!([event(2, "RUN_START", "it runs")])),
        )
        .on(&format!("{path}/events?after=2&limit=500"), 200, &events(json!([event(3, last, "")])));
    server
}

#[test]
fn a_launch_that_waits_tells_every_event_and_exits_as_the_run_ended() {
    let server = server_of_a_run_that_ends("SUCCESS", "RUN_SUCCESS");
    expect![[r#"
        Launched run 1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10.
        12:00:01.000  RUN_ENQUEUED
        12:00:02.000  RUN_START           it runs
        12:00:03.000  RUN_SUCCESS
        Run 1b4e28ba ended: SUCCESS
    "#]]
    .assert_eq(&server.ok(&["job", "launch", "nightly", "--wait"]));
    let server = server_of_a_run_that_ends("FAILURE", "RUN_FAILURE");
    let done = server.run(&["job", "launch", "nightly", "--wait", "--json"]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""));
    let told: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(told["status"], "FAILURE");
}

#[test]
fn a_job_whose_steps_depend_on_its_config_says_so() {
    let server = Server::start();
    let job = json!({ "name": "fanout", "location": "etl", "description": null, "tags": {},
                      "step_count": 0, "pools": [] });
    let list = json!({ "jobs": [job], "next": null });
    server.on("GET /api/v1/jobs?limit=500", 200, &list);
    assert!(server.ok(&["job", "list"]).contains("fanout  etl       ?"));
    let mut detail = job;
    detail["config"] = Value::Null;
    detail["steps"] = json!([]);
    server.on("GET /api/v1/jobs/fanout", 200, &detail);
    assert!(server.ok(&["job", "show", "fanout"]).contains("steps are not known yet"));
}

#[test]
fn what_is_wrong_in_a_code_location_is_told() {
    let server = Server::start();
    let location = |name: &str, problems: Value| {
        json!({ "name": name, "path": format!("jobs/{name}.yaml"), "is_loaded": problems.is_null(),
                "state": if problems.is_null() { "loaded" } else { "failed" },
                "since": "2999-01-01T00:00:00Z", "loading_since": null,
                "jobs": ["nightly"], "problems": problems })
    };
    let locations = json!({ "code_locations": [location("etl", Value::Null), location("ml", json!("ml.yaml:1:1: no"))] });
    server.on("GET /api/v1/code-locations?limit=500", 200, &locations);
    server.on("POST /api/v1/code-locations/reload", 200, &locations);
    expect![[r#"
        LOCATION  STATE   SINCE   JOBS  FILE
        etl       loaded  0s ago  1     jobs/etl.yaml
        ml        failed  0s ago  1     jobs/ml.yaml

        ml.yaml:1:1: no
    "#]]
    .assert_eq(&server.ok(&["code-location", "list"]));
    assert_eq!(server.run(&["code-location", "reload"]).code, Some(1));
}
