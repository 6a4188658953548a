//! The example in `examples/dagster`, unchanged.

use std::path::Path;

use crate::harness::Deployment;
use crate::python::{begin, log_of};

fn example() -> Deployment {
    let mut deployment = Deployment::new("jobs: {a: {ops: {a: {command: ['true']}}}}\n", "");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/dagster");
    let file = folder.join("definitions.py");
    begin(&mut deployment, "serve", &["-f", file.to_str().unwrap()]);
    deployment
}

#[test]
fn assets_are_made_by_processes_that_hand_their_values_on() {
    let example = example();
    let jobs = example.ok(&["job", "list"]);
    for job in ["refresh", "totals", "urgent", "ordinary", "measure_files"] {
        assert!(jobs.contains(job), "{jobs}");
    }
    assert!(!jobs.contains("__ASSET_JOB"), "a job that Dagster makes is listed: {jobs}");
    example.ok(&["instance", "concurrency", "set", "warehouse", "1"]);
    let refresh = example.launch("refresh", &[]);
    let totals = example.launch("totals", &[]);
    let urgent = example.json(&["run", "show", &example.launch("urgent", &[])]);
    assert_eq!(urgent["priority"], 10, "{urgent}");
    example.wait_for(&refresh, "SUCCESS");
    example.wait_for(&totals, "SUCCESS");
    let log = log_of(&example, &refresh, "report");
    assert!(log.contains("INFO 6 orders of 2 customers"), "{log}");
    assert_eq!(example.step(&totals, "total.add_up")["status"], "SUCCEEDED");
}

#[test]
fn a_graph_is_run_whose_shape_is_found_on_the_way() {
    let example = example();
    let run = example.launch("measure_files", &[]);
    example.wait_for(&run, "SUCCESS");
    let step = |key: &str| example.step(&run, key);
    assert_eq!(step("measure[a]")["try"], 1);
    assert_eq!(step("measure[b]")["try"], 2, "{}", step("measure[b]"));
    assert_eq!(
        step("measure[?]"),
        serde_json::Value::default(),
        "a placeholder is shown as a step"
    );
    let log = log_of(&example, &run, "keep");
    assert!(log.contains(&format!("kept {}", 97 + 98 + 99)), "{log}");
    let split = step("split");
    assert_eq!(split["status"], "SKIPPED", "{split}");
    assert!(split["error"].as_str().unwrap().contains("gave no output `large`"), "{split}");
}
