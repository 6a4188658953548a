//! `pointsman doctor` against servers that are in a bad way.

use expect_test::expect;
use serde_json::{Value, json};

use crate::instance::instance;
use crate::runs::{ID, blocked, run};
use crate::scripted::{Done, Server, pointsman};

/// Looks at a server by its address alone.
fn doctor(server: &Server) -> Done {
    let home = tempfile::tempdir().unwrap();
    let args = ["doctor", "--url", &server.url];
    let mut done: Done = pointsman(home.path(), &args).output().unwrap().into();
    done.stdout = done.stdout.replace(&server.url, "URL");
    done
}

fn server(instance: &Value, locations: &Value, entries: &Value, suspect: bool) -> Server {
    let server = Server::start();
    let mut started = run("STARTED");
    started["is_suspect"] = json!(suspect);
    server
        .on("GET /healthz", 200, &json!({ "status": "ok" }))
        .on("GET /api/v1/instance", 200, instance)
        .on("GET /api/v1/code-locations?limit=500", 200, &json!({ "code_locations": locations }))
        .on("GET /api/v1/pools?limit=500", 200, &json!({ "pools": [] }))
        .on(
            "GET /api/v1/queue?limit=500",
            200,
            &json!({ "entries": entries, "total": 3, "next": null }),
        )
        .on(
            "GET /api/v1/runs?status=STARTING%2CSTARTED%2CCANCELING&limit=500",
            200,
            &json!({ "runs": [started], "next": null }),
        );
    server
}

fn entry(waiting_since: &str, explanation: &Value) -> Value {
    json!({ "position": 1, "run": ID, "job": "nightly", "priority": 0, "waiting_since": waiting_since,
            "explanation": explanation, "sentences": [] })
}

#[test]
fn what_blocks_for_ever_is_told_with_its_remedy() {
    let now = "2999-01-31T12:00:00.000000Z";
    let mut too_wide = blocked(
        &json!({ "kind": "pool", "pool": "db" }),
        &json!({ "kind": "want_at_most", "units": 1 }),
    );
    too_wide["reasons"][0]["wanted"] = json!(3);
    let paused = blocked(
        &json!({ "kind": "code_location", "location": "etl" }),
        &json!({ "kind": "resume", "at": now }),
    );
    let held = blocked(&json!({ "kind": "hold" }), &json!({ "kind": "release" }));
    let problem = json!({ "message": "line 3: no such key\nmore", "at": now });
    let mut instance =
        instance(&json!({ "path": "/srv/p.yaml", "loaded_at": now, "problem": problem,
                                         "needs_restart": ["server.port"] }));
    instance["rules"]["max_concurrent_runs"] = json!(0);
    instance["rules"]["tag_concurrency_limits"][0]["limit"] = json!(0);
    let locations = json!([{ "name": "etl", "path": "etl.yaml", "is_loaded": false,
        "state": "failed", "since": "2026-01-01T00:00:00Z", "loading_since": null, "jobs": [],
                             "problems": "etl.yaml:1:1: it is empty\nmore" }]);
    let entries = json!([
        entry("2026-01-01T12:00:00.000000Z", &held),
        entry(now, &held),
        entry(now, &paused),
        entry(now, &too_wide)
    ]);
    let done = doctor(&server(&instance, &locations, &entries, true));
    let age = done.stdout.lines().find_map(|line| line.split_once("up to ")?.1.split_once(": "));
    let told = done.stdout.replace(age.unwrap().0, "AGE");
    expect![[r#"
        ok       server          answers at URL
        problem  in force        the file is not in force, what was before is: line 3: no such key
                                 -> mend it (`pointsman config check`), then `pointsman config reload`
        warning  in force        changed in the file, but not in force: server.port
                                 -> start the server again
        problem  code locations  etl is not loaded: etl.yaml:1:1: it is empty
                                 -> `pointsman code-location list` tells all; mend it, then `pointsman code-location reload`
        warning  limits          `max_concurrent_runs` is 0 and lets no run through
                                 -> raise it in the configuration, unless it is meant
        warning  limits          the limit on the tag `team` is 0 and lets no run through
                                 -> raise it in the configuration, unless it is meant
        problem  limits          run 1b4e28ba wants 3 slots of pool db at once, whose limit is 1
                                 -> pointsman instance concurrency set db 3
        warning  holds           held, and waiting for up to AGE: 1b4e28ba
                                 -> `pointsman run release ID` lets them go, `pointsman run cancel ID` ends them
        warning  code locations  etl could not be reached and is paused until 2999-01-31T12:00:00.000000Z: its runs wait
                                 -> `pointsman code-location list`
        warning  workers         nothing was heard of the workers of: 1b4e28ba
                                 -> they count until they are known to be gone; `pointsman run cancel --force ID` gives up
        3 problems, 6 warnings.
    "#]].assert_eq(&told);
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""));
}

#[test]
fn a_server_of_another_version_is_a_warning() {
    let mut instance = instance(&json!({ "path": "/srv/p.yaml", "problem": null,
        "loaded_at": "2026-01-31T12:00:00.000000Z", "needs_restart": [] }));
    instance["version"] = json!("0.0.9");
    let locations = json!([{ "name": "etl", "path": "etl.yaml", "is_loaded": true,
        "state": "loaded", "since": "2026-01-01T00:00:00Z", "loading_since": null, "jobs": ["a"],
                             "problems": null }]);
    let done = doctor(&server(&instance, &locations, &json!([]), false));
    assert!(done.stdout.contains("is version 0.0.9, and this is"), "{}", done.stdout);
    assert!(done.stdout.contains("ok       in force        /srv/p.yaml\n"), "{}", done.stdout);
    assert!(done.stdout.ends_with("0 problems, 1 warning.\n"), "{}", done.stdout);
    assert_eq!(done.code, Some(0));
}

#[test]
fn something_else_that_answers_is_told() {
    let server = Server::start();
    server.on_bytes("GET /healthz", "text/html", b"<h1>It works!</h1>".to_vec());
    let done = doctor(&server);
    expect![[r#"
        problem  server  something else answers at URL
                         -> name the right address in --url or POINTSMAN_URL
        1 problem, 0 warnings.
    "#]]
    .assert_eq(&done.stdout);
    let url = server.url.clone();
    drop(server);
    let home = tempfile::tempdir().unwrap();
    let done: Done =
        pointsman(home.path(), &["doctor", "--json", "--url", &url]).output().unwrap().into();
    let told: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((done.code, &told["verdict"]), (Some(1), &json!("problem")));
    let done: Done =
        pointsman(home.path(), &["doctor", "--url", "nonsense"]).output().unwrap().into();
    assert!(done.stdout.contains("problem  server  nonsense: "), "{}", done.stdout);
}
