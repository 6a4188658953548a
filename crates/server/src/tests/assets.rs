//! What the code of a step tells, from the reports of its worker to whoever asks.

use serde_json::{Value, json};
use worker::folder::Folder;

use super::world::{NONCE, World};

/// What the code of step `greet` tells of asset `a/b`, with numbers as metadata.
fn made(number: u64, partition: Option<&str>) -> Value {
    json!({"at": 1_000_000 * number, "kind": "told", "step": "greet", "try": 1, "told": {
        "kind": "materialization", "asset_key": "a/b", "partition": partition,
        "metadata": [{"label": "n", "kind": "int", "value": number}], "tags": {"k": "v"}}})
}

async fn told(world: &World, reports: Value) -> String {
    let run = world.submit().await;
    let worker = world.worker(&run).await;
    let begin = json!({"nonce": NONCE, "protocol": 1});
    assert_eq!(world.work("begin", &worker, &begin).await.status, 200);
    let answer = world.work("report", &worker, &json!({"first": 1, "reports": reports})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    run
}

#[tokio::test]
async fn what_code_tells_is_an_event_of_its_run_and_of_its_asset() {
    let world = World::start().await;
    let check = json!({"at": 9, "kind": "told", "step": "greet", "try": 1, "told": {
        "kind": "check", "asset_key": "a/b", "check": "fresh", "passed": false, "severity": "WARN",
        "metadata": []}});
    let error = json!({"class": "E", "message": "no", "stack": "  File 1\n",
        "cause": {"class": "C", "message": "why", "cause": null}});
    let run = told(
        &world,
        json!([
            {"at": 1, "kind": "planned", "steps": ["greet", "load.all"]},
            {"at": 2, "kind": "started", "step": "greet", "try": 1},
            made(3, None), made(4, Some("p2")), made(5, Some("p1")), check,
            {"at": 9, "kind": "failed", "step": "greet", "try": 1, "error": "E: no", "details": error},
        ]),
    )
    .await;
    let events = world.get(&format!("/api/v1/runs/{run}/events?limit=100")).await.json();
    let events = events["events"].as_array().unwrap();
    let of_kind = |kind: &str| events.iter().filter(|one| one["kind"] == kind).collect::<Vec<_>>();
    let first = of_kind("ASSET_MATERIALIZATION")[0];
    assert_eq!(first["data"]["metadata"][0]["value"], 3, "{first}");
    assert_eq!(of_kind("ASSET_CHECK_EVALUATION")[0]["message"], "check fresh of a/b failed (WARN)");
    assert_eq!(of_kind("STEP_FAILURE")[0]["data"]["error"]["cause"]["message"], "why");

    let asked = "/api/v1/asset-events?asset=a%2Fb&kind=MATERIALIZATION&limit=2";
    let page = world.get(asked).await.json();
    let numbers = |page: &Value| -> Vec<u64> {
        let events = page["events"].as_array().unwrap().iter();
        events.map(|event| event["metadata"][0]["value"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers(&page), [5, 4], "{page}");
    let newest = &page["events"][0];
    assert_eq!(newest["at"], "1970-01-01T00:00:05.000000Z");
    assert_eq!((&newest["run"], &newest["tags"]), (&json!(run), &json!({"k": "v"})));
    let rest = world.get(&format!("{asked}&before={}", page["next"])).await.json();
    assert_eq!((numbers(&rest), &rest["next"]), (vec![3], &Value::Null));
    let of_partition = world.get(&format!("{asked}&partition=p2&order=oldest")).await.json();
    assert_eq!(numbers(&of_partition), [4]);
    let latest = "/api/v1/asset-events?asset=none&asset=a%2Fb&latest=true";
    assert_eq!(numbers(&world.get(latest).await.json()), [5]);
    let one = world.get(&format!("{latest}&partition=p2")).await.json();
    assert_eq!(numbers(&one), [4]);
    for alone in ["kind=CHECK", "partition=x", "check=x"] {
        let refused = world.get(&format!("/api/v1/asset-events?{alone}")).await;
        assert_eq!(refused.status, 400, "{alone}");
    }
    let of_run = world.get(&format!("/api/v1/asset-events?run={run}&kind=CHECK")).await.json();
    assert_eq!(of_run["events"][0]["severity"], "WARN", "{of_run}");
    let partitions = world.get("/api/v1/materialized-partitions?asset=a%2Fb").await.json();
    assert_eq!(partitions, json!({"partitions": ["p1", "p2"], "next": null}));
    world.stop().await;
}

#[tokio::test]
async fn what_a_step_has_logged_is_a_stream_of_its_own() {
    let world = World::start().await;
    let run = told(
        &world,
        json!([
            {"at": 1, "kind": "planned", "steps": ["greet", "load.all"]},
            {"at": 2, "kind": "started", "step": "greet", "try": 1},
        ]),
    )
    .await;
    let id = run.parse().unwrap();
    let folder = Folder::of(world.home.path(), id, model::Attempt::FIRST);
    std::fs::create_dir_all(folder.steps()).unwrap();
    let line = r#"{"kind":"log","at":1.5,"level":"INFO","message":"one"}"#;
    let answer = format!("{{\"kind\":\"started\",\"at\":1}}\n{line}\n");
    std::fs::write(folder.answer("greet", 1), &answer).unwrap();
    let files = world.get(&format!("/api/v1/runs/{run}/logs")).await.json();
    assert_eq!(files["files"][0]["stream"], "log", "{files}");
    let asked = format!("/api/v1/runs/{run}/logs?step=greet&stream=log");
    let page = world.get(&asked).await.json();
    let told: Value = serde_json::from_str(page["text"].as_str().unwrap()).unwrap();
    let expected = json!({"at": "1970-01-01T00:00:01.500000Z", "level": "INFO", "message": "one"});
    assert_eq!(told, expected);
    assert_eq!(page["next_offset"], answer.len());
    world.stop().await;
}
