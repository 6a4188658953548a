//! `pointsman run`.

use expect_test::expect;
use serde_json::{Value, json};

use crate::scripted::Server;

/// The id of the run that the server has.
pub(crate) const ID: &str = "1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10";

/// A run in all its detail.
pub(crate) fn run(status: &str) -> Value {
    json!({
        "id": ID, "job": "nightly", "location": "etl", "deployment": { "name": "prod", "kind": "full" },
        "status": status, "priority": 3, "tags": { "team": "docs" }, "sequence": 7, "attempt": null,
        "is_held": false, "is_suspect": false, "submitted_at": "2026-01-31T12:00:00.000000Z",
        "starting_at": null, "started_at": null, "canceling_at": null, "ended_at": null, "failure": null,
        "config": null, "steps": [], "explanation": null, "sentences": [], "from_a_newer_server": true,
    })
}

pub(crate) fn event(number: u64, kind: &str, message: &str) -> Value {
    json!({ "change": number, "run": ID, "number": number,
            "at": format!("2026-01-31T12:00:0{number}.000000Z"), "kind": kind, "attempt": null,
            "step": null, "message": message, "data": null })
}

/// The question of `run show` for what the run has told of assets.
const TOLD: &str =
    "GET /api/v1/asset-events?run=1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10&order=oldest&limit=20";

/// An explanation with one limit that blocks.
pub(crate) fn blocked(limit: &Value, remedy: &Value) -> Value {
    json!({ "state": "blocked", "reasons": [{
        "limit": limit, "capacity": 1, "usage": { "runs": 1, "granted": 1, "pending": 0, "roots": 0 },
        "counts_slots": limit["kind"] == "pool", "wanted": 1,
        "holders": [{ "run": "9f3c77aa-2fa1-4e1d-8c2a-6f5c3a9d7e10", "part": "run", "step": null, "units": 1 }],
        "more_holders": 0, "reserved_by": null, "ahead": { "count": 2, "is_exact": true }, "remedy": remedy,
    }] })
}

fn server_with_run(status: &str) -> Server {
    let server = Server::start();
    server.on(&format!("GET /api/v1/runs/{ID}"), 200, &run(status));
    server.on("GET /api/v1/runs/1b4e", 200, &run(status));
    server
}

/// Cuts out how long ago something was, which grows.
fn without_ages(text: &str) -> String {
    let cut = |line: &str| match line.split_once(" (") {
        Some((before, after)) if after.ends_with(" ago)") => before.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(|line| cut(line) + "\n").collect()
}

#[test]
fn runs_are_listed_page_by_page_as_they_were_filtered() {
    let server = Server::start();
    let first = "GET /api/v1/runs?status=QUEUED%2CSTARTED&job=nightly&tag=team%3Ddocs&limit=500";
    let page = |count: usize, next: Option<&str>| json!({ "runs": vec![run("QUEUED"); count], "next": next });
    server.on(first, 200, &page(500, Some("c7")));
    server.on(&first.replace("&limit=500", "&before=c7&limit=2"), 200, &page(2, Some("c8")));
    let args = [
        "run",
        "list",
        "--status",
        "queued,STARTED",
        "--job",
        "nightly",
        "--tag",
        "team=docs",
        "--limit",
        "502",
    ];
    let text = server.ok(&args);
    assert_eq!(text.lines().count(), 504);
    let header = text.lines().next().unwrap();
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>(),
        ["RUN", "JOB", "STATUS", "PRIORITY", "SUBMITTED", "TOOK", "TAGS"]
    );
    assert!(text.lines().nth(1).unwrap().starts_with("1b4e28ba  nightly  QUEUED  3"), "{text}");
    let more = "There are older runs: --limit shows more, --before c8 those.\n";
    assert!(text.ends_with(more), "{text}");
    let json: Value = serde_json::from_str(&server.ok(&[&args[..], &["--json"]].concat())).unwrap();
    assert_eq!((json["runs"].as_array().unwrap().len(), &json["next"]), (502, &json!("c8")));
}

#[test]
fn a_run_is_shown_with_its_steps_and_why_it_waits() {
    let server = Server::start();
    let mut queued = run("QUEUED");
    let tag = json!({ "kind": "tag", "key": "team", "value": "docs", "scope": "value" });
    queued["explanation"] = blocked(&tag, &json!({ "kind": "raise_to", "number": 2 }));
    queued["sentences"] = json!(["tag team=docs: 1 of 1 in progress, held by run 9f3c77aa."]);
    queued["steps"] = json!([{ "key": "load", "status": "UP_FOR_RETRY", "try": 1, "waiting_since": null,
        "started_at": "2026-01-31T12:00:00.000000Z", "ended_at": "2026-01-31T12:01:05.000000Z",
        "retry_at": null, "error": "exit code 7" }]);
    server.on("GET /api/v1/runs/1b4e", 200, &queued);
    server.on(TOLD, 200, &json!({ "events": [], "next": null }));
    expect![[r#"
        run        1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10
        job        nightly (etl)
        status     QUEUED
        priority   3
        tags       team=docs
        submitted  2026-01-31T12:00:00.000000Z
          - tag team=docs: 1 of 1 in progress, held by run 9f3c77aa.

        STEP  STATUS        TRY  TOOK    ABOUT
        load  up for retry  1    1m 05s  exit code 7
    "#]]
    .assert_eq(&without_ages(&server.ok(&["run", "show", "1b4e"])));
}

#[test]
fn a_prefix_of_several_runs_is_told() {
    let server = Server::start();
    let message = "several runs have an id that begins with `1b`";
    server.on_error("GET /api/v1/runs/1b", 409, "ambiguous_prefix", message, None);
    for args in [&["run", "show", "1b"][..], &["run", "why", "1b"], &["run", "cancel", "1b"]] {
        let done = server.run(args);
        assert_eq!(done.stderr, format!("error: {message}\nhint: give more digits of the id\n"));
        assert_eq!(done.code, Some(1));
    }
    assert!(server.writes().is_empty());
}

#[test]
fn why_names_every_limit_and_the_command_that_is_the_way_out() {
    let server = server_with_run("QUEUED");
    let pool = blocked(
        &json!({ "kind": "pool", "pool": "team/db" }),
        &json!({ "kind": "raise_to", "number": 2 }),
    );
    let why = json!({ "run": ID, "status": "QUEUED", "explanation": pool,
        "sentences": ["pool team/db: 1 wanted of 1. Way out: raise the limit of pool team/db to 2."], "steps": [] });
    server.on(&format!("GET /api/v1/runs/{ID}/why"), 200, &why);
    expect![[r#"
        Run 1b4e28ba is QUEUED, blocked by one limit:
          - pool team/db: 1 wanted of 1. Way out: raise the limit of pool team/db to 2.
            $ pointsman instance concurrency set team/db 2
    "#]]
    .assert_eq(&server.ok(&["run", "why", "1b4e"]));
}

#[test]
fn why_names_the_steps_that_wait_while_a_run_is_in_progress() {
    let server = server_with_run("STARTED");
    let pool = blocked(
        &json!({ "kind": "pool", "pool": "db" }),
        &json!({ "kind": "want_at_most", "units": 1 }),
    );
    let why = |steps: Value| {
        json!({ "run": ID, "status": "STARTED", "explanation": { "state": "holding", "reasons": [] },
                "sentences": [], "steps": steps })
    };
    let waiting = json!([{ "step": "load", "explanation": pool, "sentences": ["pool db: full."] }]);
    let path = format!("GET /api/v1/runs/{ID}/why");
    server.on(&path, 200, &why(waiting)).on(&path, 200, &why(json!([])));
    expect![[r#"
        Run 1b4e28ba is STARTED; these steps wait for slots:
        load
          - pool db: full.
    "#]]
    .assert_eq(&server.ok(&["run", "why", "1b4e"]));
    expect![[r#"
        Run 1b4e28ba is STARTED; none of its steps waits for slots.
    "#]]
    .assert_eq(&server.ok(&["run", "why", "1b4e"]));
}

#[test]
fn why_names_the_steps_that_limits_inside_their_run_hold_back() {
    let server = server_with_run("STARTED");
    let sentence = "waits for the run's own limit max_concurrent (1 of 1 taken by step load)";
    let why = json!({ "run": ID, "status": "STARTED", "explanation": { "state": "holding", "reasons": [] },
        "sentences": [], "steps": [], "held_back": [{ "step": "check", "sentences": [sentence] }] });
    server.on(&format!("GET /api/v1/runs/{ID}/why"), 200, &why);
    expect![[r#"
        Run 1b4e28ba is STARTED; these steps wait for limits inside the run:
        check
          - waits for the run's own limit max_concurrent (1 of 1 taken by step load)
    "#]]
    .assert_eq(&server.ok(&["run", "why", "1b4e"]));
}

#[test]
fn a_run_that_is_watched_is_told_event_by_event_in_json() {
    let server = server_with_run("SUCCESS");
    let path = format!("GET /api/v1/runs/{ID}/events?after");
    server.on_bytes("GET /api/v1/changes", "text/event-stream", Vec::new());
    server.on(
        &format!("{path}=0&limit=500"),
        200,
        &json!({ "events": [event(1, "RUN_ENQUEUED", "")], "next": 1 }),
    );
    server.on(
        &format!("{path}=1&limit=500"),
        200,
        &json!({ "events": [event(2, "RUN_SUCCESS", "")], "next": null }),
    );
    server.on(&format!("{path}=2&limit=500"), 200, &json!({ "events": [], "next": null }));
    let text = server.ok(&["run", "watch", "1b4e", "--json"]);
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events, [event(1, "RUN_ENQUEUED", ""), event(2, "RUN_SUCCESS", "")]);
}

#[test]
fn a_stream_of_changes_that_breaks_is_opened_again_and_nothing_is_missed() {
    let server = Server::start();
    let run_path = format!("GET /api/v1/runs/{ID}");
    let events = format!("{run_path}/events?after");
    let page = |events: Value| json!({ "events": events, "next": null });
    let mut waiting = run("QUEUED");
    waiting["sentences"] = json!(["tag team: 1 of 1 in progress."]);
    server
        .on_bytes("GET /api/v1/changes", "text/event-stream", Vec::new())
        .on_error("GET /api/v1/changes", 503, "unavailable", "recovering", None)
        .on_bytes("GET /api/v1/changes", "text/event-stream", Vec::new())
        .on("GET /api/v1/runs/1b4e", 200, &run("QUEUED"))
        .on(&run_path, 200, &waiting)
        .on(&run_path, 200, &run("CANCELED"))
        .on(&format!("{events}=0&limit=500"), 200, &page(json!([event(1, "RUN_ENQUEUED", "")])))
        .on(&format!("{events}=1&limit=500"), 200, &page(json!([event(2, "RUN_CANCELED", "")])))
        .on(&format!("{events}=2&limit=500"), 200, &page(json!([])));
    let done = server.run(&["run", "watch", "1b4e"]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""));
    expect![[r#"
        12:00:01.000  RUN_ENQUEUED
                      waits: tag team: 1 of 1 in progress.
        12:00:02.000  RUN_CANCELED
        Run 1b4e28ba ended: CANCELED
    "#]]
    .assert_eq(&done.stdout);
    let streams = server.asked().iter().filter(|line| line.contains("/changes")).count();
    assert_eq!(streams, 3);
}

#[test]
fn the_logs_of_all_steps_have_headings_and_those_of_one_have_none() {
    let server = server_with_run("SUCCESS");
    let file = |step: &str, stream: &str, bytes: u64| json!({ "step": step, "try": 1, "stream": stream, "bytes": bytes });
    let files = json!({ "files": [file("load", "stdout", 6), file("load", "stderr", 3), file("a/b", "stdout", 2)] });
    let path = format!("GET /api/v1/runs/{ID}/logs");
    let page =
        |text: &str, next: u64| json!({ "text": text, "next_offset": next, "is_complete": true });
    server
        .on(&path, 200, &files)
        .on(&format!("{path}?step=load&stream=stdout&offset=0&try=1"), 200, &page("one\n", 4))
        .on(&format!("{path}?step=load&stream=stdout&offset=4&try=1"), 200, &page("2\n", 6))
        .on(&format!("{path}?step=load&stream=stdout&offset=6&try=1"), 200, &page("", 6))
        .on(&format!("{path}?step=load&stream=stderr&offset=0&try=1"), 200, &page("no\n", 3))
        .on(&format!("{path}?step=a%2Fb&stream=stdout&offset=0&try=1"), 200, &page("x\n", 2))
        .on(&format!("{path}?step=a%2Fb&stream=stdout&offset=2&try=1"), 200, &page("", 2));
    expect![[r#"
        ==> load (try 1) <==
        one
        2
        ==> a/b (try 1) <==
        x
    "#]]
    .assert_eq(&server.ok(&["run", "logs", "1b4e"]));
    assert_eq!(server.ok(&["run", "logs", "1b4e", "--step", "load", "--follow"]), "one\n2\n");
    assert_eq!(server.ok(&["run", "logs", "1b4e", "--step", "load", "--stderr"]), "no\n");
    let json: Value = serde_json::from_str(&server.ok(&["run", "logs", "1b4e", "--json"])).unwrap();
    assert_eq!(
        json["logs"][0],
        json!({ "step": "load", "try": 1, "stream": "stdout", "text": "one\n2\n" })
    );
}

#[test]
fn where_nothing_was_written_to_standard_output_the_other_logs_are_named() {
    let server = server_with_run("FAILURE");
    let file = |stream: &str, bytes: u64| json!({ "step": "load", "try": 1, "stream": stream, "bytes": bytes });
    let files = json!({ "files": [file("stdout", 0), file("stderr", 3), file("log", 0)] });
    server.on(&format!("GET /api/v1/runs/{ID}/logs"), 200, &files);
    let done = server.run(&["run", "logs", "1b4e"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), ""));
    let hint = "hint: nothing here; something is in `pointsman run logs 1b4e28ba --stderr`\n";
    assert_eq!(done.stderr, hint);
}

#[test]
fn each_run_is_canceled_whatever_becomes_of_the_others() {
    let server = server_with_run("STARTED");
    server.on_error("GET /api/v1/runs/ffff", 404, "unknown_run", "there is no run `ffff`", None);
    let path = format!("POST /api/v1/runs/{ID}/cancel");
    server.on(&path, 200, &json!({ "id": ID, "status": "CANCELING" }));
    let done = server.run(&["run", "cancel", "ffff", "1b4e"]);
    assert_eq!(done.stdout, "Run 1b4e28ba is CANCELING.\n");
    assert!(done.stderr.starts_with("error: there is no run `ffff`\n"), "{}", done.stderr);
    assert_eq!(done.code, Some(1));
    server.ok(&["run", "cancel", "--force", "1b4e", "--json"]);
    assert_eq!(
        server.writes(),
        [format!("{path} {{\"force\":false}}"), format!("{path} {{\"force\":true}}")]
    );
}

#[test]
fn a_run_is_deleted_and_one_in_progress_is_not() {
    let server = server_with_run("SUCCESS");
    let path = format!("DELETE /api/v1/runs/{ID}");
    server.on_bytes(&path, "application/json", Vec::new());
    server.on_error(&path, 409, "run_in_progress", "run 1b4e28ba is STARTED", None);
    assert_eq!(server.ok(&["run", "delete", "1b4e"]), "Deleted run 1b4e28ba.\n");
    let done = server.run(&["run", "delete", "1b4e"]);
    assert_eq!(
        done.stderr,
        "error: run 1b4e28ba is STARTED\nhint: cancel it first with `pointsman run cancel`\n"
    );
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""));
}

#[test]
fn tables_of_runs_leave_out_tags_that_tell_nothing_unless_they_are_asked_for() {
    let server = Server::start();
    let mut tagged = run("QUEUED");
    tagged["tags"] =
        json!({ "dagster/code_location": "etl", "dagster/priority": "3", "team": "docs" });
    let page = json!({ "runs": [tagged], "next": null });
    server.on("GET /api/v1/runs?limit=20", 200, &page).on("GET /api/v1/runs/1b4e", 200, &tagged);
    server.on(TOLD, 200, &json!({ "events": [], "next": null }));
    let row = |text: String| text.lines().nth(1).unwrap().to_owned();
    let short = row(server.ok(&["run", "list"]));
    assert!(short.ends_with("  team=docs") && !short.contains("dagster/"), "{short}");
    let all = "dagster/code_location=etl, dagster/priority=3, team=docs";
    assert!(row(server.ok(&["run", "list", "--all-tags"])).ends_with(all));
    assert!(server.ok(&["run", "show", "1b4e"]).contains(all), "one run has the room for them");
}
