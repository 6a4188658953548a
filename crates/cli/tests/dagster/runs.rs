//! Runs of Dagster jobs: pools, config, partitions, selections, retries, cancels and crashes.

use std::fs;

use crate::harness::{Deployment, signal, wait_until};
use crate::python::{log_of, serve};

/// Jobs whose steps tell that they run, and go on until they are let.
const HELD: &str = r#"
import os, signal, time
import dagster as dg

def hold(name):
    open(f"{name}.began", "w").close()
    while not os.path.exists(f"{name}.go"):
        time.sleep(0.05)

@dg.op(pool="db", config_schema={"name": str})
def held(context):
    print("printed by", context.op_config["name"])
    hold(context.op_config["name"])

@dg.job
def hold_pool():
    held()

@dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
def crash(context):
    if not os.path.exists("crashed"):
        open("crashed", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)

@dg.job
def crashes():
    crash()

@dg.op
def raises():
    try:
        {}["key"]
    except KeyError as error:
        raise ValueError("no such thing") from error

@dg.op
def after(value):
    pass

@dg.job
def fails():
    after(raises())

parts = dg.StaticPartitionsDefinition(["one", "two"])

@dg.asset(partitions_def=parts)
def first(context):
    context.log.info(f"partition {context.partition_key}")
    return context.partition_key

@dg.asset(partitions_def=parts)
def second(context, first):
    context.log.info(f"got {first}")

made = dg.define_asset_job("made", [first, second], partitions_def=parts)
defs = dg.Definitions(assets=[first, second], jobs=[made, hold_pool, crashes, fails])
"#;

const YAML: &str = "jobs: {plain: {ops: {a: {command: ['true']}}}}\n";

fn config(name: &str) -> String {
    format!(r#"{{"ops": {{"held": {{"config": {{"name": "{name}"}}}}}}}}"#)
}

#[test]
fn a_pool_holds_across_runs_and_a_cancel_ends_the_code() {
    let daemon = serve("serve", HELD, YAML);
    daemon.ok(&["instance", "concurrency", "set", "db", "1"]);
    for name in ["a", "b"] {
        fs::write(daemon.path(&format!("{name}.json")), config(name)).unwrap();
    }
    let first = daemon.launch("hold_pool", &["--config", "a.json"]);
    daemon.wait_for_file("a.began");
    let second = daemon.launch("hold_pool", &["--config", "b.json"]);
    wait_until("the pool holds the second run back", || {
        daemon.ok(&["run", "why", &second]).contains("pool db")
    });
    assert!(!daemon.path("b.began").exists());
    daemon.ok(&["run", "cancel", &first]);
    daemon.wait_for(&first, "CANCELED");
    daemon.wait_for_file("b.began");
    daemon.let_go("b.go");
    daemon.wait_for(&second, "SUCCESS");
    assert!(daemon.ok(&["run", "logs", &second, "--step", "held"]).contains("printed by b"));
}

#[test]
fn config_that_dagster_refuses_is_refused_in_its_words() {
    let daemon = serve("serve", HELD, YAML);
    let missing = daemon.fails(1, &["job", "launch", "hold_pool"]);
    assert!(missing.contains("Missing required config entry \"ops\""), "{missing}");
    fs::write(daemon.path("wrong.json"), config("a").replace("\"a\"", "1")).unwrap();
    let wrong = daemon.fails(1, &["job", "launch", "hold_pool", "--config", "wrong.json"]);
    assert!(wrong.contains("path root:ops:held:config:name"), "{wrong}");
    assert_eq!(daemon.count(), 0);
}

#[test]
fn a_process_that_dies_is_tried_again_and_one_that_raises_tells_why() {
    let daemon = serve("serve", HELD, YAML);
    let crashes = daemon.launch("crashes", &[]);
    let fails = daemon.launch("fails", &[]);
    daemon.wait_for(&crashes, "SUCCESS");
    assert_eq!(daemon.step(&crashes, "crash")["try"], 2);
    daemon.wait_for(&fails, "FAILURE");
    let error = daemon.step(&fails, "raises")["error"].to_string();
    for words in ["ValueError: no such thing", "caused by KeyError"] {
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(daemon.step(&fails, "after")["status"], "SKIPPED");
    let log = log_of(&daemon, &fails, "raises");
    assert!(log.contains("raise ValueError"), "the traceback is not in the log: {log}");
}

#[test]
fn a_run_for_a_partition_is_one_for_a_tag() {
    let daemon = serve("serve", HELD, YAML);
    let run = daemon.launch("made", &["--tag", "dagster/partition=two"]);
    daemon.wait_for(&run, "SUCCESS");
    assert!(log_of(&daemon, &run, "first").contains("partition two"));
    assert!(log_of(&daemon, &run, "second").contains("got two"));
    let unknown = daemon.fails(1, &["job", "launch", "made", "--tag", "dagster/partition=three"]);
    assert!(unknown.contains("three"), "{unknown}");
    let unnamed = daemon.fails(2, &["asset", "materialize", "first"]);
    assert!(unnamed.contains("has partitions, and none is named"), "{unnamed}");
    let selection = ["asset", "materialize", "--select", "first+"];
    let unnamed = daemon.fails(1, &selection);
    assert!(unnamed.contains("the asset first has partitions"), "{unnamed}");
    let of_one = daemon.ok(&[&selection[..], &["--partition", "one", "--wait"]].concat());
    assert!(of_one.contains("SUCCESS") && of_one.contains("second"), "{of_one}");
}

#[test]
fn a_daemon_that_is_killed_finds_its_steps_again() {
    let mut daemon = serve("serve", HELD, YAML);
    fs::write(daemon.path("a.json"), config("a")).unwrap();
    let run = daemon.launch("hold_pool", &["--config", "a.json"]);
    daemon.wait_for_file("a.began");
    let pid = daemon.pid().unwrap();
    signal(pid, "KILL");
    daemon.kill();
    crate::python::begin(&mut daemon, "serve", &["-f", "defs.py"]);
    daemon.let_go("a.go");
    daemon.wait_for(&run, "SUCCESS");
    wait_until("its work is told", || daemon.step(&run, "held")["try"] == 1);
}

#[test]
fn a_workspace_and_files_of_jobs_stand_side_by_side_in_a_folder() {
    let mut daemon = Deployment::new(YAML, "");
    fs::create_dir(daemon.path("team")).unwrap();
    fs::write(daemon.path("team/__init__.py"), "").unwrap();
    fs::write(daemon.path("team/jobs.py"), HELD.replace("hold_pool", "of_team")).unwrap();
    fs::write(daemon.path("defs.py"), HELD).unwrap();
    let workspace = "
load_from:
  - python_module: {module_name: team.jobs, location_name: team, working_directory: .}
  - python_file: {relative_path: defs.py, attribute: defs}
";
    fs::write(daemon.path("workspace.yaml"), workspace).unwrap();
    crate::python::begin(&mut daemon, "serve", &["-w", "workspace.yaml"]);
    let shown = daemon.json(&["code-location", "list"]);
    let locations = shown["code_locations"].as_array().unwrap();
    let names: Vec<&str> = locations.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["defs.py:defs", "team", "work"], "{shown}");
    assert!(locations.iter().all(|one| one["is_loaded"] == true), "{shown}");
    let ambiguous = daemon.fails(1, &["job", "launch", "fails"]);
    assert!(ambiguous.contains("several code locations have a job `fails`"), "{ambiguous}");
    let run = daemon.launch("crashes", &["-l", "team"]);
    daemon.wait_for(&run, "SUCCESS");
}
