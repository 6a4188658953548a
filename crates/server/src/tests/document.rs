//! The document of the API against the server that runs: every operation is carried out and refused,
//! and every answer is held to what the document says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coordinator::Options;
use coordinator::hooks::{Chain, Existing, RejectRule, Source, SubmissionHook, TagRule};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use wire::api::ErrorCode;
use worker::folder::Folder;

use super::raw::{Answer, PATIENCE, ask};
use super::world::World;
use crate::ReloadConfiguration;
use crate::openapi::document;

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// Asks a server and holds its answers to the document.
struct Auditor<'w> {
    world: &'w World,
    document: Value,
    /// Whether an operation has succeeded and has been refused, by its method and its address.
    seen: BTreeMap<(String, String), (bool, bool)>,
}

impl<'w> Auditor<'w> {
    fn new(world: &'w World) -> Self {
        let document = document();
        let mut seen = BTreeMap::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                seen.insert((method.to_uppercase(), path.clone()), (false, false));
            }
        }
        Self { world, document, seen }
    }

    fn operation(&self, method: &str, path: &str) -> &Value {
        let operation = &self.document["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "the document has no {method} {path}");
        operation
    }

    /// Holds a value to a schema of the document.
    fn hold(&self, schema: &Value, value: &Value, what: &str) {
        let wrong = wrong_with(&self.document, schema.clone(), value);
        assert!(wrong.is_empty(), "{what}: {}\n{value:#}", wrong.join("\n"));
    }

    fn hold_answer(&mut self, method: &str, path: &str, answer: &Answer) {
        let what = format!("{method} {path} {}", answer.status);
        let responses = &self.operation(method, path)["responses"];
        let told = &responses[answer.status.to_string()];
        assert!(told.is_object(), "{what} is not in the document: {}", answer.body);
        let head = answer.head.to_lowercase();
        let kind = head.lines().find_map(|line| line.strip_prefix("content-type: "));
        match told["content"].as_object().and_then(|content| content.iter().next()) {
            None => assert_eq!((kind, answer.body.as_str()), (None, ""), "{what}"),
            Some((expected, content)) => {
                assert_eq!(kind, Some(expected.as_str()), "{what}");
                if expected == "application/json" {
                    self.hold(&content["schema"], &answer.json(), &what);
                }
            }
        }
        let seen = self.seen.get_mut(&(method.to_owned(), path.to_owned())).unwrap();
        if answer.status < 400 { seen.0 = true } else { seen.1 = true }
    }

    /// Carries out an operation. `parts` stand in the place of the parts of its address in their
    /// order; what is left over stands behind it.
    async fn ask(&mut self, line: &str, parts: &[&str], body: Value) -> Answer {
        self.ask_with(line, parts, "", body).await
    }

    async fn ask_with(&mut self, line: &str, parts: &[&str], headers: &str, body: Value) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let mut filled = path.to_owned();
        let mut parts = parts.iter();
        while let (Some(begin), Some(end)) = (filled.find('{'), filled.find('}')) {
            filled.replace_range(begin..=end, parts.next().unwrap());
        }
        filled.extend(parts.copied());
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let line = format!("{method} {filled}");
        let answer = self.world.ask_raw(&line, headers, text.as_bytes()).await;
        self.hold_answer(method, path, &answer);
        let told = &self.operation(method, path)["requestBody"]["content"]["application/json"];
        if answer.status < 400 && told.is_object() {
            self.hold(&told["schema"], &body, &format!("the body of {line}"));
        }
        answer
    }

    /// Asks and expects a status.
    async fn expect(&mut self, line: &str, parts: &[&str], body: Value, status: u16) -> Value {
        let answer = self.ask(line, parts, body).await;
        assert_eq!(answer.status, status, "{line} {parts:?}: {}", answer.body);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Has every operation refused for what stands before all routes.
    async fn refuse_all(&mut self) {
        let operations: Vec<_> = self.seen.keys().cloned().collect();
        for (method, path) in operations {
            let line = format!("{method} {}", path.replace(['{', '}'], ""));
            let foreign = ask(self.world.address, &line, "Host: evil.example\r\n", b"").await;
            assert_eq!(foreign.status, 421);
            self.hold_answer(&method, &path, &foreign);
            // The stream has no end.
            if path == "/api/v1/changes" {
                continue;
            }
            let stranger = ask(self.world.address, &line, &self.world.host(), b"").await;
            let needs_token = self.operation(&method, &path)["security"].is_array();
            assert_eq!(stranger.status == 401, needs_token, "{line}");
            if needs_token {
                self.hold_answer(&method, &path, &stranger);
                let other = "Origin: http://evil.example\r\n";
                let answer = self.world.ask_raw(&line, other, b"").await;
                assert_eq!(answer.status, 403);
                self.hold_answer(&method, &path, &answer);
            }
        }
    }
}

/// Says how a value is not as a schema of a document says.
pub(super) fn wrong_with(document: &Value, mut schema: Value, value: &Value) -> Vec<String> {
    schema["components"] = document["components"].clone();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let told =
        |error: jsonschema::ValidationError<'_>| format!("{error} at {}", error.instance_path);
    validator.iter_errors(value).map(told).collect()
}

/// Follows the changes and holds the first one to the shape that the document gives.
async fn follow(auditor: &mut Auditor<'_>) {
    let (world, path) = (auditor.world, "/api/v1/changes");
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let request = format!("GET {path}?after=0 HTTP/1.1\r\n{}\r\n", world.host());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut block = [0; 4096];
    let event = loop {
        let count = timeout(PATIENCE, stream.read(&mut block)).await.unwrap().unwrap();
        assert!(count > 0, "the stream ended: {text}");
        text += &String::from_utf8_lossy(&block[..count]);
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        if let Some(data) = whole.lines().find_map(|line| line.strip_prefix("data: ")) {
            break serde_json::from_str(data).unwrap();
        }
    };
    let head = text.split_once("\r\n\r\n").unwrap().0.to_owned();
    let answer = Answer { status: 200, head, body: String::new() };
    auditor.hold_answer("GET", path, &answer);
    let response = &auditor.operation("GET", path)["responses"]["200"];
    let schema = response["content"]["text/event-stream"]["schema"]["contentSchema"].clone();
    auditor.hold(&schema, &event, "an event");
}

#[tokio::test]
async fn every_answer_is_as_the_document_says() {
    let mut world = World::start().await;
    let mut reloads = std::mem::replace(&mut world.reloads, mpsc::channel(1).1);
    tokio::spawn(async move {
        // The first time all is well, after that nothing is.
        let mut outcome = Ok(());
        while let Some(ReloadConfiguration(reply)) = reloads.recv().await {
            reply.send(outcome).unwrap();
            outcome = Err("line 1: no".to_owned());
        }
    });
    let mut auditor = Auditor::new(&world);
    let audit = &mut auditor;
    audit.refuse_all().await;

    for path in ["/healthz", "/api/v1/instance", "/api/v1/openapi.json"] {
        audit.expect(&format!("GET {path}"), &[], Value::Null, 200).await;
    }
    for path in ["/api/v1/instance", "/api/v1/openapi.json"] {
        audit.expect(&format!("GET {path}"), &["?x=1"], Value::Null, 400).await;
    }

    // Runs: one in progress, one that waits for it, one that is canceled, one that is deleted.
    let submit = "POST /api/v1/runs";
    let full = json!({"job": "hello", "location": "etl", "tags": {"a": "b"}, "config": {"day": 2},
        "priority": 3, "deployment": {"name": "x", "kind": "branch"},
        "run_id": "abcd0000-0000-4000-8000-000000000001"});
    let key = "Idempotency-Key: k\r\n";
    for (key, body, status) in [
        (key, &full, 201),
        (key, &full, 200),
        (key, &json!({"job": "hello"}), 409),
        ("", &full, 409),
        ("", &json!({"job": "hello"}), 201),
        ("", &json!({"job": "hello"}), 201),
        ("", &json!({"job": "hello", "run_id": "abcd0000-0000-4000-8000-000000000002"}), 201),
        ("", &json!({"job": "none"}), 404),
        ("", &json!({"job": "hello", "priority": 1_u64 << 40}), 400),
        ("", &json!({"job": "hello", "x": 1}), 400),
        ("", &json!([]), 400),
        ("", &json!({"job": "x".repeat(2 << 20)}), 413),
    ] {
        let answer = audit.ask_with(submit, &[], key, body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
    let runs =
        audit.expect("GET /api/v1/runs", &["?limit=3&tag=team=docs"], Value::Null, 200).await;
    let ids: Vec<String> = runs["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["id"].as_str().unwrap().to_owned())
        .collect();
    let [queued, canceled, started] = ids.as_slice() else { panic!("{ids:?}") };
    let (queued, canceled, started) = (queued.as_str(), canceled.as_str(), started.as_str());
    let first = "abcd0000-0000-4000-8000-000000000001";
    world.finish(first).await;
    world.worker(started).await;
    let list = audit.expect("GET /api/v1/runs", &["?status=SUCCESS"], Value::Null, 200).await;
    assert_eq!(list["runs"][0]["id"], first);
    audit.expect("GET /api/v1/runs", &["?status=x"], Value::Null, 400).await;

    let at_run = |rest: &str| format!("GET /api/v1/runs/{{run}}{rest}");
    for rest in ["", "/why", "/steps", "/events", "/logs"] {
        for run in [first, queued] {
            audit.expect(&at_run(rest), &[run], Value::Null, 200).await;
        }
        audit.expect(&at_run(rest), &[NOBODY], Value::Null, 404).await;
        audit.expect(&at_run(rest), &["abcd"], Value::Null, 409).await;
        audit.expect(&at_run(rest), &["%ff"], Value::Null, 400).await;
        audit.expect(&at_run(rest), &[first, "?x=1"], Value::Null, 400).await;
    }
    audit.expect(&at_run("/logs"), &[first, "?step=greet"], Value::Null, 200).await;
    audit.expect(&at_run("/logs"), &[first, "?step=none"], Value::Null, 404).await;
    audit.expect("GET /api/v1/queue", &["?limit=1"], Value::Null, 200).await;
    audit.expect("GET /api/v1/queue", &["?after=x"], Value::Null, 400).await;

    let cancel = "POST /api/v1/runs/{run}/cancel";
    audit.expect(cancel, &[canceled], json!({}), 200).await;
    audit.expect(cancel, &[canceled], json!({"force": true}), 409).await;
    audit.expect(cancel, &[canceled], json!({"force": 1}), 400).await;
    audit.expect(cancel, &[NOBODY], json!({}), 404).await;
    let delete = "DELETE /api/v1/runs/{run}";
    audit.expect(delete, &[canceled], Value::Null, 204).await;
    audit.expect(delete, &[canceled], Value::Null, 404).await;

    change(audit, queued, started).await;
    limits_and_jobs(audit).await;
    follow(audit).await;
    audit.expect("GET /api/v1/changes", &["?after=x"], Value::Null, 400).await;
    // Only code that is written for Dagster defines assets, and there is none here.
    let asset = ("GET".to_owned(), "/api/v1/assets/{location}/{asset}".to_owned());
    assert_eq!(auditor.seen.remove(&asset), Some((false, true)));
    let open: Vec<_> = auditor.seen.iter().filter(|(_, seen)| **seen != (true, true)).collect();
    assert!(open.is_empty(), "not both carried out and refused: {open:?}");
    world.stop().await;
}

/// Changes runs, slots and the configuration.
async fn change(audit: &mut Auditor<'_>, queued: &str, started: &str) {
    let line = "POST /api/v1/run-changes";
    for (body, status) in [
        (json!({"query": {"status": ["QUEUED"], "job": "hello"}, "change": "hold"}), 200),
        (json!({"runs": [queued], "change": "release", "preview": true}), 200),
        (json!({"runs": [queued, started], "change": {"priority": -7}}), 200),
        (json!({"runs": [started], "change": {"set_tags": {"k": "v"}, "remove_tags": ["a"]}}), 200),
        (json!({"runs": [started], "change": {"priority": 1_u64 << 40}}), 400),
        (json!({"runs": [started], "query": {}, "change": "hold"}), 400),
        (json!({"runs": [started], "change": "x"}), 400),
        (json!({"runs": [NOBODY], "change": "hold"}), 404),
        (json!({"runs": vec!["x"; 10_001], "change": "hold"}), 422),
    ] {
        audit.expect(line, &[], body, status).await;
    }
    let free = "POST /api/v1/runs/{run}/free-slots";
    audit.expect(free, &[started], json!({}), 200).await;
    audit.expect(free, &[started], json!({"x": 1}), 400).await;
    audit.expect(free, &[NOBODY], json!({}), 404).await;
    let reload = "POST /api/v1/configuration/reload";
    audit.expect(reload, &[], json!({}), 200).await;
    audit.expect(reload, &[], json!({}), 422).await;
}

/// Asks for pools, jobs and code locations, and changes them.
async fn limits_and_jobs(audit: &mut Auditor<'_>) {
    let limit = "/api/v1/pools/{pool}/limit";
    audit.expect(&format!("PUT {limit}"), &["db%2Fmain"], json!({"limit": 2}), 200).await;
    audit.expect(&format!("PUT {limit}"), &["db%2Fmain"], json!({"limit": -2}), 400).await;
    audit.expect(&format!("PUT {limit}"), &["%20"], json!({"limit": 2}), 400).await;
    audit.expect("GET /api/v1/pools", &[], Value::Null, 200).await;
    audit.expect("GET /api/v1/pools", &["?limit=0"], Value::Null, 400).await;
    audit.expect("GET /api/v1/pools/{pool}", &["db%2Fmain"], Value::Null, 200).await;
    audit.expect("GET /api/v1/pools/{pool}", &["%20"], Value::Null, 400).await;
    audit.expect(&format!("DELETE {limit}"), &["db%2Fmain"], Value::Null, 200).await;

    let set = "/api/v1/dynamic-partitions/{name}";
    for (body, status) in [
        (json!({"add": ["acme", "b c"], "remove": ["x"]}), 200),
        (json!({"add": ["acme"], "remove": ["acme"]}), 400),
        (json!({"add": ["a\nb"]}), 400),
        (json!({"keys": []}), 400),
    ] {
        audit.expect(&format!("POST {set}"), &["customers"], body, status).await;
    }
    audit.expect("GET /api/v1/dynamic-partitions", &[], Value::Null, 200).await;
    audit.expect(&format!("GET {set}"), &["customers", "?limit=1"], Value::Null, 200).await;
    audit.expect(&format!("GET {set}"), &["customers", "?key=acme"], Value::Null, 200).await;
    audit.expect(&format!("GET {set}"), &["a...b"], Value::Null, 400).await;

    audit.expect("GET /api/v1/jobs", &[], Value::Null, 200).await;
    audit.expect("GET /api/v1/jobs", &["?after=x"], Value::Null, 400).await;
    audit.expect("GET /api/v1/jobs/{job}", &["hello", "?location=etl"], Value::Null, 200).await;
    audit.expect("GET /api/v1/jobs/{job}", &["none"], Value::Null, 404).await;
    audit.expect("GET /api/v1/assets", &[], Value::Null, 200).await;
    audit.expect("GET /api/v1/assets", &["?after=x"], Value::Null, 400).await;
    let asset = "GET /api/v1/assets/{location}/{asset}";
    audit.expect(asset, &["etl", "sales%2Forders"], Value::Null, 404).await;
    let events = "GET /api/v1/asset-events";
    audit.expect(events, &["?asset=a&asset=b&latest=true"], Value::Null, 200).await;
    for wrong in ["?asset=a&asset=b", "?latest=true", "?kind=x", "?limit=1001", "?run=x", "?x=1"] {
        audit.expect(events, &[wrong], Value::Null, 400).await;
    }
    let partitions = "GET /api/v1/materialized-partitions";
    audit.expect(partitions, &["?asset=a"], Value::Null, 200).await;
    audit.expect(partitions, &[""], Value::Null, 400).await;
    audit.expect("GET /api/v1/code-locations", &[], Value::Null, 200).await;
    std::fs::write(audit.world.home.path().join("etl.yaml"), "jobs: {hello: {}}").unwrap();
    let reload = "POST /api/v1/code-locations/reload";
    let failed = audit.expect(reload, &[], json!({}), 200).await;
    assert_eq!(failed["code_locations"][0]["is_loaded"], false);
    audit.expect(reload, &[], json!({"location": "etl"}), 200).await;
    audit.expect(reload, &[], json!({"location": "none"}), 404).await;
    audit.expect(reload, &[], json!({"x": 1}), 400).await;
}

#[tokio::test]
async fn what_hooks_refuse_and_what_was_removed_is_in_the_document() {
    let world = World::start().await;
    let mut auditor = Auditor::new(&world);
    let (submit, hello) = ("POST /api/v1/runs", json!({"job": "hello"}));
    let run = auditor.expect(submit, &[], hello.clone(), 201).await["id"].clone();
    let run = run.as_str().unwrap();
    world.finish(run).await;
    let home = world.home.path().canonicalize().unwrap();
    let folder = Folder::of(&home, run.parse().unwrap(), model::Attempt::FIRST);
    std::fs::remove_dir_all(folder.path()).unwrap();
    auditor.expect("GET /api/v1/runs/{run}/logs", &[run], Value::Null, 410).await;

    let user = Source::User { default: Some("nobody".to_owned()) };
    let tag = TagRule {
        name: "user".to_owned(),
        key: "user".to_owned(),
        source: user,
        existing: Existing::Overwritten,
    };
    // Only Pointsman sets this tag, so that the hook fails.
    let location = TagRule { key: "dagster/code_location".to_owned(), ..tag.clone() };
    let reject = RejectRule { name: "no".to_owned(), reason: "not today".to_owned() };
    let hooks: [(Arc<dyn SubmissionHook>, u16); 3] =
        [(Arc::new(tag), 201), (Arc::new(location), 502), (Arc::new(reject), 422)];
    for (hook, status) in hooks {
        let chain = Arc::new(Chain::new(vec![hook]));
        let options = Options { hooks: chain, ..(*world.handle.options()).clone() };
        world.handle.configure(options).await.unwrap();
        let header = "X-Pointsman-User: me\r\n";
        let answer = auditor.ask_with(submit, &[], header, hello.clone()).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        if status == 201 {
            assert_eq!(answer.json()["tags"]["user"], "me");
        }
    }
    world.stop().await;
}

#[test]
fn every_code_is_a_refusal_of_some_operation() {
    let mut told = BTreeSet::new();
    walk(&document()["paths"], &mut |object| {
        let codes = object.get("code").and_then(|code| code["enum"].as_array());
        told.extend(codes.into_iter().flatten().map(|code| code.as_str().unwrap().to_owned()));
    });
    let known = ErrorCode::ALL.iter().map(|code| code.as_str().to_owned());
    // What is no method of an address is no operation.
    let known = known.filter(|code| code != ErrorCode::MethodNotAllowed.as_str());
    assert_eq!(told, known.collect());
}

/// Calls a function for every object of a document.
fn walk(value: &Value, see: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    if let Some(object) = value.as_object() {
        see(object);
        object.values().for_each(|value| walk(value, see));
    }
    value.as_array().into_iter().flatten().for_each(|value| walk(value, see));
}

/// Returns whether it is said what a property means; where one may be `null`, it stands one deeper.
fn is_described(property: &Value) -> bool {
    let mut parts = property["oneOf"].as_array().into_iter().flatten();
    property["description"].is_string() || parts.any(is_described)
}

#[test]
fn the_document_is_whole_and_says_what_everything_means() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let shapes = document["components"]["schemas"].as_object().unwrap();
    let mut used = BTreeSet::new();
    walk(&document, &mut |object| {
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            used.insert(reference.strip_prefix("#/components/schemas/").unwrap().to_owned());
        }
    });
    let defined: BTreeSet<String> = shapes.keys().cloned().collect();
    assert_eq!(used, defined);
    for (name, shape) in shapes {
        walk(shape, &mut |object| {
            let properties = object.get("properties").and_then(Value::as_object);
            for (key, property) in properties.into_iter().flatten() {
                let is_tag = key == "kind" && name != "Event" && name != "Deployment";
                assert!(is_tag || is_described(property), "{name}.{key}: {property}");
            }
        });
    }
    let mut ids = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        assert!(!path.starts_with("/worker"), "{path}");
        for (method, operation) in methods.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{what}");
            assert_eq!(operation["security"].is_array(), method != "get", "{what}");
            let parameters = operation["parameters"].as_array().unwrap();
            let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
            let parts: Vec<String> =
                in_path.map(|part| format!("{{{}}}", part["name"].as_str().unwrap())).collect();
            assert_eq!(parts.len(), path.matches('{').count(), "{what}");
            assert!(parts.iter().all(|part| path.contains(part)), "{what}: {parts:?}");
            for parameter in parameters {
                assert!(parameter["description"].is_string(), "{what}: {parameter}");
            }
        }
    }
}
