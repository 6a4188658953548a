//! Steps that are forked: their runs end as those of cold ones do, whatever is killed, and no older code is
//! ever executed.

use std::fs;

use serde_json::Value;

use crate::harness::{Deployment, guard_of, signal, wait_until};
use crate::python::begin;

/// Takes down how each process was started, which its parent tells.
const TOLD: &str = r#"
import os, random, signal, subprocess, sys, time
import dagster as dg

def tell(name):
    with open(f"/proc/{os.getppid()}/cmdline") as parent:
        how = "forked" if "\0serve" in parent.read() else "cold"
    with open(f"{name}.how", "a") as file:
        file.write(f"{how} {os.getpid()}\n")
    return how

def hold(name):
    tell(name)
    while not os.path.exists(f"{name}.go"):
        time.sleep(0.05)
"#;

/// A job with all that a run hangs on.
const MIXED: &str = r#"
@dg.op
def source():
    return 20

@dg.op(out=dg.DynamicOut())
def fan(start):
    for number in (1, 2):
        yield dg.DynamicOutput(start + number, mapping_key=f"k{number}")

@dg.op
def double(value):
    return 2 * value

@dg.op
def joined(context, values):
    context.log.info(f"joined {sorted(values)}")
    print(tell("joined-" + os.environ["POINTSMAN_RUN_ID"]))

@dg.op
def again(context):
    if context.retry_number < 2:
        raise dg.RetryRequested(max_retries=3, seconds_to_wait=0)

@dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
def dies(context):
    if os.environ["POINTSMAN_TRY"] == "1":
        os._exit(3)

@dg.op
def raises():
    raise ValueError("no such thing")

@dg.op
def after(value):
    pass

@dg.job
def mixed():
    joined(fan(source()).map(double).collect())
    again()
    dies()
    after(raises())
"#;

/// Jobs that wait, and one whose config is worked out when it is planned.
const HELD: &str = r#"
@dg.op
def held():
    hold("held")

@dg.job
def holds():
    held()

@dg.op
def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    tell("stubborn")
    while True:
        time.sleep(1)

@dg.job
def ignores():
    stubborn()

@dg.op(config_schema={"size": int})
def sized(context):
    print("size", context.op_config["size"])

@dg.config_mapping(config_schema={"size": int})
def simple(given):
    tell(sys.argv[1])
    return {"ops": {"sized": {"config": {"size": 2 * given["size"]}}}}

@dg.job(config=simple)
def mapped():
    sized()

defs = dg.Definitions(jobs=[holds, ignores, mapped])
"#;

const YAML: &str = "jobs: {plain: {ops: {a: {command: ['true']}}}}\n";

/// Starts a daemon whose steps are forked.
fn forking(python: &str) -> Deployment {
    let mut deployment = Deployment::new(YAML, "steps: forked\n");
    fs::write(deployment.path("defs.py"), python).unwrap();
    begin(&mut deployment, "serve", &["-f", "defs.py"]);
    deployment
}

/// How a process was started that has told it, and which it is.
fn told(deployment: &Deployment, name: &str) -> (String, u32) {
    wait_until(&format!("{name} tells"), || {
        deployment.read(&format!("{name}.how")).ends_with('\n')
    });
    let text = deployment.read(&format!("{name}.how"));
    let (how, pid) = text.lines().last().unwrap().split_once(' ').unwrap();
    (how.to_owned(), pid.parse().unwrap())
}

/// The server of the only code location that forks.
fn server_of(deployment: &Deployment, forked: u32) -> u32 {
    let parent = |pid: u32| -> u32 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let server = parent(parent(forked));
    let line = fs::read_to_string(format!("/proc/{server}/cmdline")).unwrap();
    assert!(line.contains("serve"), "{line} of {}", deployment.home().display());
    server
}

/// How the steps of a run ended, without what differs from run to run.
fn ends(deployment: &Deployment, run: &str) -> Vec<(String, String, u64, String)> {
    let shown = deployment.json(&["run", "show", run]);
    let steps = shown["steps"].as_array().unwrap();
    let end = |step: &Value| {
        let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
        let error = step["error"].to_string();
        (text("key"), text("status"), step["try"].as_u64().unwrap_or_default(), error)
    };
    steps.iter().map(end).collect()
}

#[test]
fn a_run_of_forked_steps_ends_as_one_of_cold_ones() {
    let mut daemon = Deployment::new(YAML, "");
    fs::write(daemon.path("defs.py"), format!("{TOLD}{MIXED}")).unwrap();
    let entry = |name| format!("  - python_file: {{relative_path: defs.py, location_name: {name}");
    let workspace =
        format!("load_from:\n{}}}\n{}, steps: forked}}\n", entry("each"), entry("forks"));
    fs::write(daemon.path("workspace.yaml"), workspace).unwrap();
    begin(&mut daemon, "serve", &["-w", "workspace.yaml"]);
    let runs = ["each", "forks"].map(|name| daemon.launch("mixed", &["--location", name]));
    for run in &runs {
        for key in ["source", "fan", "joined", "again", "dies"] {
            daemon.wait_for_step(run, key, "SUCCEEDED");
        }
        daemon.wait_for(run, "FAILURE");
    }
    let [cold, forked] = [&runs[0], &runs[1]].map(|run| ends(&daemon, run));
    assert_eq!(cold, forked);
    let status = |key: &str| {
        let (_, status, r#try, error) = forked.iter().find(|(of, ..)| of == key).unwrap();
        (status.clone(), *r#try, error.clone())
    };
    assert_eq!(status("double[k2]").0, "SUCCEEDED", "{forked:?}");
    assert_eq!(status("again").1, 3, "{forked:?}");
    assert_eq!(status("after").0, "SKIPPED", "{forked:?}");
    assert!(status("raises").2.contains("ValueError: no such thing"), "{forked:?}");
    for (run, how) in [(&runs[0], "cold\n"), (&runs[1], "forked\n")] {
        assert_eq!(daemon.ok(&["run", "logs", run, "--step", "joined"]), how);
        let log = daemon.ok(&["run", "logs", run, "--step", "joined", "--stderr"]);
        assert!(log.contains("joined [42, 44]"), "{log}");
    }
}

#[test]
fn code_that_starts_a_thread_is_executed_cold_and_its_location_says_so() {
    let thread =
        "import threading\nthreading.Thread(target=time.sleep, args=[1000], daemon=True).start()\n";
    let daemon = forking(&format!("{TOLD}{thread}{HELD}"));
    let shown = daemon.ok(&["code-location", "show", "defs.py"]);
    assert!(shown.contains("its steps are started cold: it has 2 threads"), "{shown}");
    let run = daemon.launch("holds", &[]);
    assert_eq!(told(&daemon, "held").0, "cold");
    daemon.let_go("held.go");
    daemon.wait_for(&run, "SUCCESS");
}

#[test]
fn a_cancel_a_killed_step_and_a_killed_guard_end_a_forked_run_and_all_of_it() {
    let daemon = forking(&format!("{TOLD}{HELD}"));
    let run = daemon.launch("holds", &[]);
    let (how, step) = told(&daemon, "held");
    assert_eq!(how, "forked");
    signal(step, "KILL");
    daemon.wait_for(&run, "FAILURE");
    let error = daemon.step(&run, "held")["error"].to_string();
    assert!(error.contains("signal 9"), "{error}");

    fs::remove_file(daemon.path("held.how")).unwrap();
    let run = daemon.launch("holds", &[]);
    told(&daemon, "held");
    signal(guard_of(&run), "KILL");
    daemon.wait_for(&run, "FAILURE");
    let error = daemon.step(&run, "held")["error"].to_string();
    assert!(error.contains("its guard was killed"), "{error}");

    // It heeds no SIGTERM, and leaves a process that has left its session.
    let run = daemon.launch("ignores", &[]);
    let (how, step) = told(&daemon, "stubborn");
    assert_eq!(how, "forked");
    daemon.ok(&["run", "cancel", &run]);
    daemon.wait_for(&run, "CANCELED");
    assert!(!fs::exists(format!("/proc/{step}")).unwrap());
    let is_left = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with(b"sleep")
    };
    assert!(!crate::harness::processes_of(daemon.home()).iter().any(is_left));
}

#[test]
fn a_server_that_is_killed_hurts_no_step_and_is_started_again() {
    let daemon = forking(&format!("{TOLD}{HELD}"));
    let first = daemon.launch("holds", &[]);
    let (_, step) = told(&daemon, "held");
    signal(server_of(&daemon, step), "KILL");
    daemon.let_go("held.go");
    daemon.wait_for(&first, "SUCCESS");
    let mut runs = 0;
    wait_until("steps are forked again", || {
        runs += 1;
        let run = daemon.launch("holds", &[]);
        daemon.wait_for(&run, "SUCCESS");
        told(&daemon, "held").0 == "forked"
    });
    assert_eq!(daemon.read("held.how").lines().count(), 1 + runs);
}

#[test]
fn a_forked_step_outlives_its_daemon_and_is_found_again() {
    let mut daemon = forking(&format!("{TOLD}{HELD}"));
    let run = daemon.launch("holds", &[]);
    assert_eq!(told(&daemon, "held").0, "forked");
    daemon.kill();
    begin(&mut daemon, "serve", &["-f", "defs.py"]);
    assert_eq!(daemon.status(&run), "STARTED");
    daemon.let_go("held.go");
    daemon.wait_for(&run, "SUCCESS");
    assert_eq!(daemon.read("held.how").lines().count(), 1, "it was executed again");
    let next = daemon.launch("holds", &[]);
    daemon.wait_for(&next, "SUCCESS");
    assert_eq!(told(&daemon, "held").0, "forked");
    daemon.stop();
    daemon.wait_for_quiet();
}

#[test]
fn code_that_was_changed_is_never_executed_as_it_was() {
    let code = |says: &str| format!("{TOLD}{}", HELD.replace("hold(\"held\")", says));
    let daemon = forking(&code("print('one', tell('held'))"));
    let said = || {
        let run = daemon.launch("holds", &[]);
        daemon.wait_for(&run, "SUCCESS");
        daemon.ok(&["run", "logs", &run, "--step", "held"])
    };
    assert_eq!(said(), "one forked\n");
    fs::write(daemon.path("defs.py"), code("print('another', tell('held'))")).unwrap();
    assert_eq!(said(), "another cold\n");
    wait_until("steps are forked again", || {
        let said = said();
        assert!(said.starts_with("another "), "{said}");
        said == "another forked\n"
    });
}

#[test]
fn plans_are_made_by_forks_too() {
    let daemon = forking(&format!("{TOLD}{HELD}"));
    fs::write(daemon.path("size.json"), r#"{"size": 21}"#).unwrap();
    let run = daemon.launch("mapped", &["--config", "size.json"]);
    daemon.wait_for(&run, "SUCCESS");
    assert_eq!(daemon.ok(&["run", "logs", &run, "--step", "sized"]), "size 42\n");
    for process in ["plan", "step"] {
        assert_eq!(told(&daemon, process).0, "forked");
    }
    let refused = daemon.fails(1, &["job", "launch", "mapped"]);
    assert!(refused.contains("size"), "{refused}");
}

#[test]
fn code_that_cannot_be_loaded_is_told_as_without_a_server() {
    for (code, words) in [
        ("print('so far')\nimport no_such_module\n", ["no_such_module", "line 2"]),
        ("import os\nprint('so far', flush=True)\nos._exit(7)\n", ["exit code 7", "so far"]),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", ["signal 9", "ended"]),
    ] {
        let daemon = forking(code);
        let shown = daemon.cli(&["code-location", "list"]);
        let shown = String::from_utf8(shown.stdout).unwrap();
        for words in words {
            assert!(shown.contains(words), "{shown}");
        }
    }
}
