//! What code written for Dagster tells: events of its run and of its assets.

use serde_json::Value;

use crate::harness::{Deployment, signal, wait_until};
use crate::python::{begin, serve};

const CODE: &str = r##"
import os, time
import dagster as dg

KINDS = {
    "text": dg.MetadataValue.text("hello"),
    "url": dg.MetadataValue.url("https://example.com"),
    "path": dg.MetadataValue.path("/srv/x"),
    "json": dg.MetadataValue.json({"a": [1, 2]}),
    "markdown": dg.MetadataValue.md("# title"),
    "float": 1.5,
    "int": 42,
    "bool": True,
    "table": dg.MetadataValue.table(
        records=[dg.TableRecord({"a": 1}), dg.TableRecord({"a": 2})],
    ),
    "asset": dg.MetadataValue.asset(dg.AssetKey(["sales", "orders"])),
    "nothing": dg.MetadataValue.null(),
}

@dg.asset(key_prefix="sales")
def orders(context):
    context.log.debug("looking")
    context.log.info("making orders")
    context.log.warning("few orders")
    context.log_event(dg.AssetObservation(asset_key=context.asset_key, metadata={"seen": 7}))
    return dg.MaterializeResult(metadata=KINDS)

@dg.asset_check(asset=orders)
def is_fresh():
    return dg.AssetCheckResult(passed=True, metadata={"age": 3})

@dg.asset_check(asset=orders)
def is_large():
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)

@dg.asset_check(asset=orders)
def is_right():
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.ERROR)

@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["one", "two", "three"]))
def parted(context):
    context.add_output_metadata({"of": context.partition_key})

@dg.op
def raises():
    try:
        {}["key"]
    except KeyError as error:
        raise ValueError("no such thing") from error

@dg.job
def fails():
    raises()

@dg.op
def many(context):
    for number in range(3000):
        context.log_event(dg.AssetMaterialization("many", metadata={"n": number}))

@dg.job
def tells_much():
    many()

@dg.op
def held(context):
    context.log_event(dg.AssetMaterialization("held", metadata={"n": 1}))
    open("held.began", "w").close()
    while not os.path.exists("held.go"):
        time.sleep(0.05)
    context.log_event(dg.AssetMaterialization("held", metadata={"n": 2}))

@dg.job
def holds():
    held()

@dg.job(executor_def=dg.in_process_executor)
def whole():
    raises()

defs = dg.Definitions(
    assets=[orders, parted],
    asset_checks=[is_fresh, is_large, is_right],
    jobs=[fails, tells_much, holds, whole],
)
"##;

const YAML: &str = "jobs: {plain: {ops: {a: {command: ['true']}}}}\n";

fn events(daemon: &Deployment, run: &str, kind: &str) -> Vec<Value> {
    let all = daemon.json(&["run", "events", run]);
    let all = all["events"].as_array().unwrap().iter();
    all.filter(|event| event["kind"] == kind).cloned().collect()
}

#[test]
fn an_asset_is_made_with_metadata_of_every_kind_and_checks_and_log_lines() {
    let daemon = serve("serve", CODE, YAML);
    daemon.ok(&["asset", "materialize", "sales/orders", "--wait"]);
    let shown = daemon.json(&["asset", "show", "sales/orders"]);
    let made = &shown["latest_materialization"];
    let value = |label: &str| {
        let entries = made["metadata"].as_array().unwrap().iter();
        let found = entries.into_iter().find(|entry| entry["label"] == label).unwrap();
        (found["kind"].as_str().unwrap().to_owned(), found["value"].to_string())
    };
    for (label, kind, text) in [
        ("text", "text", "\"hello\""),
        ("url", "url", "\"https://example.com\""),
        ("path", "path", "\"/srv/x\""),
        ("json", "json", r#"{"a":[1,2]}"#),
        ("markdown", "markdown", "\"# title\""),
        ("float", "float", "1.5"),
        ("int", "int", "42"),
        ("bool", "bool", "true"),
        ("asset", "asset", "\"sales/orders\""),
        ("nothing", "null", "null"),
    ] {
        assert_eq!(value(label), (kind.to_owned(), text.to_owned()), "{made}");
    }
    assert_eq!(value("table").0, "table");
    let run = made["run"].as_str().unwrap();
    assert_eq!(events(&daemon, run, "ASSET_OBSERVATION")[0]["data"]["metadata"][0]["value"], 7);
    let results: Vec<String> = shown["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| {
            let latest = &check["latest"];
            format!("{} {} {}", check["name"], latest["passed"], latest["severity"])
        })
        .collect();
    let expected =
        [r#""is_fresh" true "ERROR""#, r#""is_large" false "WARN""#, r#""is_right" false "ERROR""#];
    assert_eq!(results, expected);
    let text = daemon.ok(&["asset", "show", "sales/orders"]);
    for line in ["  int: 42", "a table of 2 rows with a", "check is_large: failed (WARN)"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(daemon.ok(&["run", "show", run]).contains("made sales/orders"));
    let log = daemon.ok(&["run", "logs", run, "--log", "--level", "warning"]);
    assert!(log.contains("few orders") && !log.contains("making orders"), "{log}");
    assert!(daemon.ok(&["run", "logs", run, "--log"]).contains("making orders"));
}

#[test]
fn partitions_that_were_made_are_known() {
    let daemon = serve("serve", CODE, YAML);
    for partition in ["two", "one"] {
        daemon.ok(&["asset", "materialize", "parted", "--partition", partition, "--wait"]);
    }
    let text = daemon.ok(&["asset", "show", "parted"]);
    assert!(text.contains("2: one, two") && text.contains("  partition one"), "{text}");
    assert!(daemon.ok(&["asset", "list"]).contains(" ago"));
}

#[test]
fn a_failure_is_told_with_its_chain_of_causes_also_inside_a_whole_run() {
    let daemon = serve("serve", CODE, YAML);
    for job in ["fails", "whole"] {
        let run = daemon.launch(job, &[]);
        daemon.wait_for(&run, "FAILURE");
        let failed = events(&daemon, &run, "STEP_FAILURE");
        let told = failed.iter().find(|event| event["step"] == "raises").unwrap();
        let text = told["data"]["error"].to_string();
        for words in ["ValueError", "no such thing", "KeyError", "in raises"] {
            assert!(text.contains(words), "{job}: {text}");
        }
        assert!(daemon.ok(&["run", "events", &run]).contains("The cause of that:"));
    }
}

#[test]
fn a_step_that_tells_thousands_of_things_is_told_whole_and_once() {
    let daemon = serve("serve", CODE, YAML);
    let run = daemon.launch("tells_much", &[]);
    daemon.wait_for(&run, "SUCCESS");
    let made = events(&daemon, &run, "ASSET_MATERIALIZATION");
    let numbers = made.iter().map(|event| event["data"]["metadata"][0]["value"].as_u64().unwrap());
    assert!(numbers.eq(0..3000), "{}", made.len());
}

#[test]
fn a_daemon_that_is_killed_meanwhile_is_told_everything_once() {
    let mut daemon = serve("serve", CODE, YAML);
    let run = daemon.launch("holds", &[]);
    daemon.wait_for_file("held.began");
    wait_until("the first event is told while the step runs", || {
        events(&daemon, &run, "ASSET_MATERIALIZATION").len() == 1
    });
    signal(daemon.pid().unwrap(), "KILL");
    daemon.kill();
    daemon.let_go("held.go");
    begin(&mut daemon, "serve", &["-f", "defs.py"]);
    daemon.wait_for(&run, "SUCCESS");
    let made = events(&daemon, &run, "ASSET_MATERIALIZATION");
    let numbers: Vec<_> =
        made.iter().map(|event| event["data"]["metadata"][0]["value"].clone()).collect();
    assert_eq!(numbers, [1, 2]);
}
