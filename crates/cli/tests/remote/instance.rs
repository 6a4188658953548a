//! `pointsman instance show`, `instance concurrency free`, `config reload` and `top --once`.

use expect_test::expect;
use serde_json::{Value, json};

use crate::runs::{ID, blocked, run};
use crate::scripted::Server;

pub(crate) fn instance(configuration: &Value) -> Value {
    let limits = json!([{ "key": "team", "value": null, "is_per_unique_value": true, "limit": 1 }]);
    let pools = json!({ "granularity": "op", "default_limit": 3, "op_granularity_run_buffer": 0,
                        "is_queue_blocking": true });
    json!({ "version": env!("CARGO_PKG_VERSION"), "epoch": 7, "started_at": "2999-01-31T12:00:00.000000Z",
            "is_recovering": false, "in_progress": 1, "queued": 1200, "configuration": configuration,
            "rules": { "max_concurrent_runs": 10, "max_concurrent_runs_all_branch_deployments": null,
                       "tag_concurrency_limits": limits, "pools": pools } })
}

fn configuration(problem: &Value) -> Value {
    json!({ "path": "/srv/pointsman.yaml", "loaded_at": "2999-01-31T12:00:00.000000Z",
            "problem": problem, "needs_restart": ["server.port"] })
}

/// A server with one run in progress, one that waits and one pool.
pub(crate) fn server_at_work() -> Server {
    let server = Server::start();
    let tag = json!({ "kind": "tag", "key": "team", "value": "docs", "scope": "each_value" });
    let entry = json!({ "position": 1, "run": ID, "job": "nightly", "priority": -1,
        "waiting_since": "2999-01-31T12:00:00.000000Z", "sentences": [],
        "explanation": blocked(&tag, &json!({ "kind": "raise_to", "number": 2 })) });
    let usage = json!({ "runs": 4, "granted": 1, "pending": 0, "roots": 0 });
    let pool = json!({ "pool": "db", "limit": 5, "capacity": 5, "usage": usage });
    let mut started = run("STARTED");
    started["started_at"] = json!("2999-01-31T12:00:00.000000Z");
    server.on("GET /api/v1/instance", 200, &instance(&Value::Null));
    server.on(
        "GET /api/v1/runs?status=STARTING%2CSTARTED%2CCANCELING&limit=200",
        200,
        &json!({ "runs": [started], "next": null }),
    );
    let queue = json!({ "entries": [entry], "total": 1200, "next": "c1" });
    server.on("GET /api/v1/queue?limit=200", 200, &queue);
    server.on("GET /api/v1/pools", 200, &json!({ "pools": [pool] }));
    server.on_bytes("GET /api/v1/changes", "text/event-stream", Vec::new());
    server
}

#[test]
fn the_instance_is_shown_with_its_rules_and_where_they_come_from() {
    let server = Server::start();
    let problem =
        json!({ "message": "line 3: no such key\nsecond", "at": "2999-01-31T12:00:00.000000Z" });
    server.on("GET /api/v1/instance", 200, &instance(&configuration(&problem)));
    let told = server
        .ok(&["instance", "show"])
        .replace(&server.url, "URL")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION");
    expect![[r#"
        server          URL (version VERSION, epoch 7)
        state           running, up 0s
        in progress     1 of 10
        queued          1200
        pools           held by steps, default limit 3
        configuration   /srv/pointsman.yaml
        in force since  2999-01-31T12:00:00.000000Z (0s ago)
        Changed in the file, in force after a restart of the server: server.port
        The file as it is now is not in force (0s ago):
          line 3: no such key
          second

        TAG   COUNTS                    LIMIT
        team  runs of each value apart  1
    "#]]
    .assert_eq(&told);
    assert_eq!(
        server
            .ok(&["instance", "status"])
            .replace(&server.url, "URL")
            .replace(env!("CARGO_PKG_VERSION"), "VERSION"),
        told
    );
}

#[test]
fn a_configuration_is_reloaded_and_one_that_is_not_in_force_is_told() {
    let server = Server::start();
    let path = "POST /api/v1/configuration/reload";
    server.on(path, 200, &configuration(&Value::Null));
    let message = "/srv/pointsman.yaml:3: there is no key `limt`";
    server.on_error(path, 422, "invalid_configuration", message, None);
    assert!(server.ok(&["config", "reload"]).starts_with("configuration   /srv/pointsman.yaml\n"));
    let done = server.run(&["config", "reload"]);
    assert_eq!((done.code, done.stderr), (Some(1), format!("error: {message}\n")));
}

#[test]
fn the_slots_of_a_run_are_freed() {
    let server = Server::start();
    server.on("GET /api/v1/runs/1b4e", 200, &run("STARTED"));
    let freed = json!({ "freed": [{ "step": "load", "pools": { "db": 2, "disk": 1 } }] });
    let path = format!("POST /api/v1/runs/{ID}/free-slots");
    server.on(&path, 200, &freed).on(&path, 200, &json!({ "freed": [] }));
    let free = ["instance", "concurrency", "free", "1b4e"];
    assert_eq!(server.ok(&free), "Freed load (db: 2, disk: 1)\n");
    assert_eq!(server.ok(&[&free[..], &["--step", "load"]].concat()), "Nothing was held.\n");
    assert_eq!(server.writes(), [format!("{path} {{}}"), format!("{path} {{\"step\":\"load\"}}")]);
}

#[test]
fn top_prints_one_frame_where_there_is_no_terminal() {
    let server = server_at_work();
    let told = server
        .ok(&["top"])
        .replace(&server.url, "URL")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION");
    expect![[r#"
        pointsman VERSION at URL, up 0s

        IN PROGRESS 1 of 10
        RUN       JOB      STATUS   PRIORITY  FOR  TAGS
        1b4e28ba  nightly  STARTED  3         0s   team=docs

        QUEUE 1200
        #  RUN       JOB      PRIORITY  WAITING  REASON             HELD BY
        1  1b4e28ba  nightly  -1        0s       tag team=docs 1/1  9f3c77aa

        POOLS 1
        POOL  LIMIT  OCCUPIED  WAITING
        db    5      1         0
    "#]]
    .assert_eq(&told);
    assert_eq!(
        server
            .ok(&["top", "--once"])
            .replace(&server.url, "URL")
            .replace(env!("CARGO_PKG_VERSION"), "VERSION"),
        told
    );
    let json: Value = serde_json::from_str(&server.ok(&["top", "--json"])).unwrap();
    assert_eq!(json["in_progress"][0]["id"], ID);
    assert_eq!(json["queue"]["total"], 1200);
    assert_eq!(json["pools"][0]["pool"], "db");
    assert_eq!(json["instance"]["epoch"], 7);
}

#[test]
fn colours_are_forced_and_forbidden() {
    let server = server_at_work();
    assert!(server.ok(&["top", "--color", "always"]).contains("\u{1b}[36mSTARTED\u{1b}[0m"));
    assert!(!server.ok(&["top", "--color", "never"]).contains('\u{1b}'));
}
