//! Commands about many runs: which are meant, by id or by a query, and what is said of it.

use expect_test::expect;
use serde_json::{Value, json};

use crate::runs::{ID, run};
use crate::scripted::Server;

const CHANGES: &str = "POST /api/v1/run-changes";

fn answer(changed: &[&str], started: &[&str], is_preview: bool) -> Value {
    json!({ "matched": changed.len(), "changed": changed, "unchanged": [], "refused": [],
            "started": started, "is_started_cut": false, "is_preview": is_preview })
}

#[test]
fn runs_are_changed_by_id() {
    let server = Server::start();
    server.on(CHANGES, 200, &answer(&[ID], &[ID], false));
    let told = server.ok(&["run", "set-priority", "1b4e", "-5"]);
    expect![[r#"
        Changed 1 run (1b4e28ba)
        Started at once: 1 run (1b4e28ba)
    "#]]
    .assert_eq(&told);
    server.ok(&["run", "set-tags", "1b4e", "team=docs", "9f3c", "--remove", "old"]);
    server.ok(&["run", "hold", "1b4e", "9f3c"]);
    server.ok(&["run", "release", "1b4e", "--preview"]);
    expect![[r#"
        POST /api/v1/run-changes {"runs":["1b4e"],"change":{"priority":-5},"preview":false}
        POST /api/v1/run-changes {"runs":["1b4e","9f3c"],"change":{"set_tags":{"team":"docs"},"remove_tags":["old"]},"preview":false}
        POST /api/v1/run-changes {"runs":["1b4e","9f3c"],"change":"hold","preview":false}
        POST /api/v1/run-changes {"runs":["1b4e"],"change":"release","preview":true}
    "#]]
    .assert_eq(&(server.writes().join("\n") + "\n"));
}

#[test]
fn runs_are_changed_by_a_query_that_is_meant() {
    let server = Server::start();
    server.on(CHANGES, 200, &answer(&[ID], &[], true));
    let told = server.ok(&["run", "hold", "--job", "nightly", "--tag", "team=docs", "--preview"]);
    expect![[r#"
        Would change 1 run (1b4e28ba)
        No run would start because of it.
    "#]]
    .assert_eq(&told);
    let since = ["--in-progress", "--since", "2026-01-31", "--yes"];
    server.ok(&[&["run", "set-priority", "1"], &since[..]].concat());
    expect![[r#"
        POST /api/v1/run-changes {"query":{"status":["QUEUED"],"job":"nightly","tags":{"team":"docs"}},"change":"hold","preview":true}
        POST /api/v1/run-changes {"query":{"status":["STARTING","STARTED","CANCELING"],"since":"2026-01-31T00:00:00.000000Z"},"change":{"priority":1},"preview":false}
    "#]]
    .assert_eq(&(server.writes().join("\n") + "\n"));
}

#[test]
fn what_is_not_clear_is_refused_before_anything_is_asked() {
    let server = Server::start();
    let wrong: [&[&str]; 12] = [
        &["run", "hold"],
        &["run", "hold", "--queued"],
        &["run", "hold", "1b4e", "--queued"],
        &["run", "hold", "--preview", "--yes", "1b4e"],
        &["run", "set-priority", "5"],
        &["run", "set-priority", "1b4e", "high"],
        &["run", "set-tags", "1b4e"],
        &["run", "set-tags", "--queued", "--yes", "=x"],
        &["run", "hold", "--tag", "a=1", "--tag", "a=2", "--yes"],
        &["run", "cancel"],
        &["run", "delete", "--ended"],
        &["run", "delete", "1b4e", "--older-than", "3d"],
    ];
    for args in wrong {
        let done = server.run(args);
        assert_eq!(done.code, Some(2), "{args:?}: {}", done.stderr);
    }
    assert!(server.asked().is_empty(), "{:?}", server.asked());
}

#[test]
fn a_run_that_cannot_be_changed_is_told_and_the_exit_code_says_so() {
    let server = Server::start();
    let mut refused = answer(&[], &[], false);
    refused["matched"] = json!(1);
    refused["refused"] = json!([{ "run": ID, "reason": "it has ended" }]);
    server.on(CHANGES, 200, &refused);
    let done = server.run(&["run", "hold", "1b4e"]);
    assert_eq!(done.stdout, "Not changed: 1b4e28ba: it has ended\n");
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""));
    let done = server.run(&["run", "hold", "1b4e", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&done.stdout).unwrap(), refused);
    server.forget(CHANGES);
    server.on_error(CHANGES, 422, "too_many_runs", "the query means 10,001 runs", None);
    let done = server.run(&["run", "hold", "--queued", "--yes"]);
    assert!(done.stderr.contains("hint: narrow the query"), "{}", done.stderr);
}

fn server_with_ended_runs() -> Server {
    let server = Server::start();
    let path = "GET /api/v1/runs?status=SUCCESS%2CFAILURE%2CCANCELED&job=nightly&limit=500";
    let ended = |id: &str, at: &str| {
        let mut ended = run("SUCCESS");
        (ended["id"], ended["ended_at"]) = (json!(id), json!(at));
        ended
    };
    let runs = json!([ended(ID, "2026-01-31T12:00:00Z"), ended("young", "2999-01-31T12:00:00Z")]);
    server.on(path, 200, &json!({ "runs": runs, "next": null }));
    for id in [ID, "young"] {
        server.on_bytes(&format!("DELETE /api/v1/runs/{id}"), "application/json", Vec::new());
    }
    server
}

#[test]
fn ended_runs_are_deleted_by_a_query() {
    let server = server_with_ended_runs();
    let query = ["run", "delete", "--job", "nightly", "--older-than", "3d"];
    let told = server.ok(&[&query[..], &["--preview"]].concat());
    assert!(told.starts_with("Would delete 1 run:\nRUN "), "{told}");
    let told = server.ok(&[&query[..], &["--preview", "--json"]].concat());
    assert_eq!(
        serde_json::from_str::<Value>(&told).unwrap(),
        json!({ "is_preview": true, "runs": [ID] })
    );
    assert!(server.writes().is_empty());
    assert_eq!(server.ok(&[&query[..], &["--yes"]].concat()), "Deleted run 1b4e28ba.\n");
    assert_eq!(server.writes(), [format!("DELETE /api/v1/runs/{ID}")]);
}

#[test]
fn what_was_done_before_the_server_was_lost_is_told() {
    let server = Server::start();
    let ids = ["aaaa", "bbbb", "cccc"];
    let runs = ids.map(|id| {
        let mut run = run("SUCCESS");
        run["id"] = json!(id);
        run
    });
    let path = "GET /api/v1/runs?status=SUCCESS%2CFAILURE%2CCANCELED&limit=500";
    server.on(path, 200, &json!({ "runs": runs, "next": null }));
    server.on_bytes("DELETE /api/v1/runs/aaaa", "application/json", Vec::new());
    let delete = ["run", "delete", "--ended", "--yes"];
    let done = server.run(&delete);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), "Deleted run aaaa.\n"));
    let done = server.run(&[&delete[..], &["--json"]].concat());
    let told: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((done.code, &told[0]["is_deleted"]), (Some(1), &json!(true)));
    assert_eq!((&told[1]["id"], &told[1]["error"]["code"]), (&json!("bbbb"), &json!("bad_answer")));
    assert!(done.stderr.starts_with("error: "), "{}", done.stderr);
    assert!(!server.asked().iter().any(|asked| asked.contains("cccc")), "{:?}", server.asked());
}

#[test]
fn runs_are_canceled_by_a_query() {
    let server = Server::start();
    let path = "GET /api/v1/runs?status=QUEUED&limit=500";
    server.on(path, 200, &json!({ "runs": [run("QUEUED")], "next": null }));
    let canceled = json!({ "id": ID, "status": "CANCELED" });
    server.on(&format!("POST /api/v1/runs/{ID}/cancel"), 200, &canceled);
    assert_eq!(server.ok(&["run", "cancel", "--queued", "--yes"]), "Run 1b4e28ba is CANCELED.\n");
    server.on(
        "GET /api/v1/runs?status=STARTED&limit=500",
        200,
        &json!({ "runs": [], "next": null }),
    );
    assert_eq!(server.ok(&["run", "cancel", "--status", "started", "--yes"]), "No such runs.\n");
    assert_eq!(server.writes().len(), 1);
}
