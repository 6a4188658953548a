//! `pointsman queue`, `pool`, `partition` and `instance concurrency`.

use expect_test::expect;
use serde_json::{Value, json};

use crate::runs::{ID, blocked};
use crate::scripted::Server;

fn server(granularity: &str) -> Server {
    let server = Server::start();
    let rules = json!({ "max_concurrent_runs": 10, "max_concurrent_runs_all_branch_deployments": null,
        "tag_concurrency_limits": [], "pools": { "granularity": granularity, "default_limit": 3,
        "op_granularity_run_buffer": 0, "is_queue_blocking": true } });
    let instance = json!({ "version": "0.1.0", "epoch": 1, "started_at": "2026-01-31T12:00:00.000000Z",
        "is_recovering": false, "in_progress": 0, "queued": 0, "rules": rules });
    server.on("GET /api/v1/instance", 200, &instance);
    server
}

fn pool(name: &str, limit: Option<u32>, capacity: Option<u32>) -> Value {
    json!({ "pool": name, "limit": limit, "capacity": capacity,
            "usage": { "runs": 4, "granted": 1, "pending": 2, "roots": 0 } })
}

fn pools() -> Value {
    json!({ "pools": [pool("db", Some(5), Some(5)), pool("gpu", None, Some(3)), pool("x", None, None)] })
}

#[test]
fn the_queue_tells_who_waits_for_what() {
    let server = Server::start();
    let tag = json!({ "kind": "tag", "key": "team", "value": "docs", "scope": "value" });
    let entry = |position: u64, explanation: Value| {
        json!({ "position": position, "run": ID, "job": "nightly", "priority": -1,
                "waiting_since": "2999-01-31T12:00:00.000000Z", "explanation": explanation, "sentences": [] })
    };
    let entries = json!([
        entry(1, blocked(&tag, &json!({ "kind": "raise_to", "number": 2 }))),
        entry(2, json!({ "state": "eligible", "reasons": [] }))
    ]);
    let page = json!({ "entries": entries, "total": 1200, "next": "c2" });
    server.on("GET /api/v1/queue?limit=2", 200, &page);
    expect![[r#"
        #  RUN       JOB      PRIORITY  WAITING  REASON             HELD BY
        1  1b4e28ba  nightly  -1        0s       tag team=docs 1/1  9f3c77aa
        2  1b4e28ba  nightly  -1        0s       its turn
        2 of 1200 queued runs; --limit shows more.
    "#]]
    .assert_eq(&server.ok(&["queue", "--limit", "2"]));
}

#[test]
fn limits_are_told_in_dagsters_words() {
    let server = server("op");
    let mut detail = pool("db", Some(5), Some(5));
    detail["claims"] = json!([]);
    detail["runs"] = json!([]);
    server.on("GET /api/v1/pools?limit=500", 200, &pools()).on(
        "GET /api/v1/pools/db",
        200,
        &detail,
    );
    assert_eq!(
        server.ok(&["instance", "concurrency", "get", "db"]),
        "\"db\": 1 / 5 slots occupied\n"
    );
    expect![[r#"
        Concurrency limits:
        "db": 1 / 5 slots occupied
        "gpu": 1 / 3 slots occupied
    "#]]
    .assert_eq(&server.ok(&["instance", "concurrency", "get", "--all"]));
}

#[test]
fn without_limits_the_way_to_set_one_is_told() {
    let server = server("op");
    server.on("GET /api/v1/pools?limit=500", 200, &json!({ "pools": [] }));
    expect![[r#"
        No concurrency limits set. Run `pointsman instance concurrency set <key> <limit>` to set limits.
    "#]]
    .assert_eq(&server.ok(&["instance", "concurrency", "get", "--all"]));
}

#[test]
fn limits_are_set_and_deleted_whatever_the_name_of_the_pool() {
    let server = Server::start();
    let path = "/api/v1/pools/team%2Fdb%3F%C3%A9/limit";
    server.on(&format!("PUT {path}"), 200, &pool("team/db?é", Some(5), Some(5)));
    server.on(&format!("DELETE {path}"), 200, &pool("team/db?é", None, None));
    let concurrency = |args: &[&str]| server.ok(&[&["instance", "concurrency"], args].concat());
    assert_eq!(
        concurrency(&["set", "team/db?é", "5"]),
        "Set concurrency limit for team/db?é to 5.\n"
    );
    assert_eq!(concurrency(&["delete", "team/db?é"]), "Deleted concurrency limit for team/db?é.\n");
    assert_eq!(server.writes(), [format!("PUT {path} {{\"limit\":5}}"), format!("DELETE {path}")]);
}

#[test]
fn pools_are_listed_by_what_holds_their_slots() {
    let of_steps = server("op");
    of_steps.on("GET /api/v1/pools?limit=500", 200, &pools());
    expect![[r#"
        POOL  LIMIT        OCCUPIED  WAITING
        db    5            1         2
        gpu   3 (default)  1         2
        x     unlimited    1         2
    "#]]
    .assert_eq(&of_steps.ok(&["pool", "list"]));
    let of_runs = server("run");
    of_runs.on("GET /api/v1/pools?limit=500", 200, &pools());
    assert!(of_runs.ok(&["pool", "list"]).contains("db    5            4 "));
}

#[test]
fn a_pool_is_shown_with_those_who_hold_and_those_who_wait() {
    let server = server("op");
    let claim = |step: &str, state: &str| json!({ "run": ID, "step": step, "slots": 1, "state": state, "priority": 0 });
    let mut detail = pool("db", Some(5), Some(5));
    detail["claims"] = json!([claim("load", "granted"), claim("save", "pending")]);
    detail["runs"] = json!([]);
    server.on("GET /api/v1/pools/db", 200, &detail);
    expect![[r#"
        pool      db
        limit     5
        occupied  1
        waiting   2

        RUN       STEP  SLOTS  STATE  PRIORITY
        1b4e28ba  load  1      holds  0
        1b4e28ba  save  1      waits  0
    "#]]
    .assert_eq(&server.ok(&["pool", "show", "db"]));
}

#[test]
fn dynamic_partitions_are_listed_added_and_removed() {
    let server = Server::start();
    let path = "/api/v1/dynamic-partitions";
    let sets = json!([{ "name": "customers", "count": 12 }, { "name": "of regions", "count": 1 }]);
    server
        .on(
            &format!("GET {path}?limit=500"),
            200,
            &json!({ "dynamic_partitions": sets, "next": null }),
        )
        .on(
            &format!("GET {path}/of%20regions?limit=500"),
            200,
            &json!({ "name": "of regions", "partitions": ["north\u{1b}", "a b"], "next": null }),
        )
        .on(
            &format!("POST {path}/customers"),
            200,
            &json!({ "name": "customers", "added": ["acme"], "removed": ["acme"] }),
        );
    expect![[r#"
        NAME        PARTITIONS
        customers   12
        of regions  1
    "#]]
    .assert_eq(&server.ok(&["partition", "list"]));
    let keys = server.ok(&["partition", "list", "of regions"]);
    assert!(keys.starts_with("north") && !keys.contains('\u{1b}'), "{keys:?}");
    assert!(keys.ends_with("\na b\n"), "{keys:?}");
    expect![[r#"
        Added acme.
        initech was there already.
    "#]]
    .assert_eq(&server.ok(&["partition", "add", "customers", "acme", "initech"]));
    expect![[r#"
        Removed acme.
    "#]]
    .assert_eq(&server.ok(&["partition", "remove", "customers", "acme"]));
    assert_eq!(
        server.writes(),
        [
            format!("POST {path}/customers {{\"add\":[\"acme\",\"initech\"],\"remove\":[]}}"),
            format!("POST {path}/customers {{\"add\":[],\"remove\":[\"acme\"]}}"),
        ]
    );
}

#[test]
fn a_pool_that_nothing_names_is_told_to_be_none() {
    let server = server("op");
    let mut idle = pool("bd", None, None);
    idle["usage"] = json!({ "runs": 0, "granted": 0, "pending": 0, "roots": 0 });
    idle["claims"] = json!([]);
    idle["runs"] = json!([]);
    server.on("GET /api/v1/pools/bd", 200, &idle);
    let job = |pools: Value| {
        json!({ "jobs": [{ "name": "nightly", "location": "etl", "description": null, "tags": {},
                           "step_count": 1, "pools": pools }] })
    };
    server.on("GET /api/v1/jobs?limit=500", 200, &job(json!(["db"])));
    server.on("GET /api/v1/assets?limit=500", 200, &json!({ "assets": [], "next": null }));
    let told = server.ok(&["pool", "show", "bd"]);
    assert!(told.contains("No job, asset or limit names the pool `bd`."), "{told}");
    server.forget("GET /api/v1/jobs?limit=500");
    server.on("GET /api/v1/jobs?limit=500", 200, &job(json!(["bd"])));
    let told = server.ok(&["pool", "show", "bd"]);
    assert!(told.ends_with("waiting   0\n"), "{told}");
}
