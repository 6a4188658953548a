//! The examples in `examples/dagster`, unchanged.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::Deployment;
use crate::python::{begin, log_of};

const YAML: &str = "jobs: {a: {ops: {a: {command: ['true']}}}}\n";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/dagster")
}

fn example() -> Deployment {
    let mut deployment = Deployment::new(YAML, "");
    let file = folder().join("definitions.py");
    begin(&mut deployment, "serve", &["-f", file.to_str().unwrap()]);
    deployment
}

/// Serves a copy of the project `warehouse`, whose files lie in `made` beside it.
fn warehouse() -> Deployment {
    let mut deployment = Deployment::new(YAML, "");
    fs::create_dir(deployment.path("warehouse")).unwrap();
    for file in fs::read_dir(folder().join("warehouse")).unwrap().flatten() {
        if file.path().extension().is_some_and(|ending| ending == "py") {
            fs::copy(file.path(), deployment.path("warehouse").join(file.file_name())).unwrap();
        }
    }
    fs::write(deployment.path(".env"), "WAREHOUSE_FOLDER=made\n").unwrap();
    begin(&mut deployment, "serve", &["-m", "warehouse.definitions"]);
    deployment
}

/// Returns from when to when these steps of runs that have ended were executed, the earliest first.
fn spans(deployment: &Deployment, steps: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut spans: Vec<(String, String)> = Vec::new();
    for (run, key) in steps {
        let step = deployment.step(run, key);
        let instant = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
        // All are written with as many digits, so their order is that of their texts.
        let (start, end) = (instant("started_at"), instant("ended_at"));
        assert!(!start.is_empty() && start < end, "{step}");
        spans.push((start, end));
    }
    spans.sort();
    spans
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
    let again = example.launch("refresh", &[]);
    let totals = example.launch("totals", &[]);
    let urgent = example.json(&["run", "show", &example.launch("urgent", &[])]);
    assert_eq!(urgent["priority"], 10, "{urgent}");
    example.wait_for(&refresh, "SUCCESS");
    example.wait_for(&again, "SUCCESS");
    example.wait_for(&totals, "SUCCESS");
    let users = [
        (&*refresh, "orders"),
        (&*refresh, "customers"),
        (&*again, "orders"),
        (&*again, "customers"),
        (&*totals, "total.load_numbers"),
    ];
    let spans = spans(&example, &users);
    for pair in spans.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "two steps were in the pool of one slot: {spans:?}");
    }
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

#[test]
fn a_job_does_nothing_while_another_run_of_it_is_in_progress() {
    let example = example();
    let config = r#"{"ops": {"copy_slowly": {"config": {"seconds": 3600}}}}"#;
    fs::write(example.path("hour.json"), config).unwrap();
    let first = example.launch("one_at_a_time", &["--config", "hour.json"]);
    example.wait_for_step(&first, "copy_slowly", "RUNNING");
    let second = example.launch("one_at_a_time", &[]);
    example.wait_for(&second, "SUCCESS");
    assert_eq!(example.step(&second, "copy_slowly")["status"], "SKIPPED");
    let log = log_of(&example, &second, "nobody_else");
    assert!(log.contains(&format!("another run is in progress: {first}")), "{log}");
    example.ok(&["run", "cancel", &first]);
    example.wait_for(&first, "CANCELED");
    let third = example.launch("one_at_a_time", &[]);
    example.wait_for(&third, "SUCCESS");
    assert_eq!(example.step(&third, "copy_slowly")["status"], "SUCCEEDED");
}

#[test]
fn a_project_of_a_hundred_assets_is_shown_and_made_in_part_and_as_a_whole() {
    let project = warehouse();
    let listed = project.json(&["asset", "list"]);
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    for asset in listed["assets"].as_array().unwrap() {
        *groups.entry(asset["group"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!((groups.len(), groups.values().sum::<usize>()), (10, 100), "{groups:?}");
    assert!(groups.values().all(|assets| *assets == 10), "{groups:?}");
    let summary = project.json(&["asset", "show", "sales/summary"]);
    let deps = ["accounts", "events", "items", "notes"].map(|name| format!("sales/clean_{name}"));
    assert_eq!(summary["deps"], Value::from(deps.to_vec()), "{summary}");
    assert_eq!(summary["partitions"], "time_window", "{summary}");
    let shown = project.ok(&["code-location", "show", "warehouse.definitions"]);
    assert!(shown.contains("job `everything` runs in one process"), "{shown}");

    let some = ["asset", "materialize", "sales/notes", "sales/clean_notes", "--wait"];
    let day = ["--partition", "2026-01-05"];
    assert!(project.ok(&[&some[..], &day].concat()).contains("SUCCESS"));
    assert!(project.path("made/sales/clean_notes/2026-01-05.json").is_file());
    assert!(!project.path("made/sales/summary").exists());
    let all = project.launch("everything", &["--tag", "dagster/partition=2026-01-06"]);
    project.wait_for(&all, "SUCCESS");
    for (group, _) in groups {
        let name = if ["people", "suppliers"].contains(&group) { ".md" } else { "/2026-01-06.md" };
        let report = project.read(&format!("made/{group}/report{name}"));
        assert!(report.contains("events: 10"), "{group}: {report:?}");
    }
}
