//! Code locations while they are being loaded: nobody waits for another's.

use std::fs;

use serde_json::Value;

use crate::harness::{Deployment, held, wait_until};
use crate::python::{begin, begin_to_load, definitions_of};

const YAML: &str = "jobs: {plain: {ops: {a: {command: ['true']}}}}\n";

/// Says that it has begun to be imported, and waits until a file is there; the daemon runs in the home.
const WAITS: &str = "
import os, pathlib, time
pathlib.Path('import.began').touch()
while not os.path.exists('go'):
    time.sleep(0.05)
";

fn location(deployment: &Deployment, name: &str) -> Value {
    let shown = deployment.json(&["code-location", "list"]);
    let locations = shown["code_locations"].as_array().unwrap();
    locations.iter().find(|location| location["name"] == name).cloned().unwrap_or_default()
}

fn wait_for_state(deployment: &Deployment, name: &str, state: &str) {
    wait_until(&format!("{name} is {state}"), || {
        let location = location(deployment, name);
        location["state"] == state && location["loading_since"].is_null()
    });
}

#[test]
fn a_location_that_hangs_delays_neither_the_start_nor_the_others() {
    let mut deployment = Deployment::new(YAML, "");
    fs::write(deployment.path("good.py"), definitions_of("good")).unwrap();
    let hangs = format!("{WAITS}{}", definitions_of("late"));
    fs::write(deployment.path("hangs.py"), hangs).unwrap();
    begin_to_load(&mut deployment, "dev", &["-f", "good.py", "-f", "hangs.py"]);
    let plain = deployment.launch("plain", &[]);
    deployment.wait_for_file("import.began");
    wait_for_state(&deployment, "good.py", "loaded");
    let good = deployment.launch("good", &[]);
    deployment.wait_for(&plain, "SUCCESS");
    deployment.wait_for(&good, "SUCCESS");
    assert_eq!(location(&deployment, "hangs.py")["state"], "loading");
    let told = deployment.read("daemon.log");
    assert!(told.contains("hangs.py: loading") && told.contains("good.py: 1 job"), "{told}");

    fs::write(deployment.path("good.py"), definitions_of("better")).unwrap();
    wait_until("what was saved is loaded", || deployment.ok(&["job", "list"]).contains("better"));
    let reloaded = deployment.ok(&["code-location", "reload", "good.py"]);
    assert!(reloaded.contains("good.py: loaded") && !reloaded.contains("hangs.py"), "{reloaded}");

    // Saved, it is loaded anew at once: nobody waits for the import that hangs.
    fs::write(deployment.path("hangs.py"), definitions_of("mended")).unwrap();
    wait_for_state(&deployment, "hangs.py", "loaded");
    assert!(deployment.ok(&["job", "list"]).contains("mended"));
    deployment.wait_for_quiet();
    assert!(
        deployment.fails(1, &["code-location", "reload", "none.py"]).contains("no code location")
    );
}

#[test]
fn a_launch_waits_for_code_that_is_being_loaded() {
    let mut deployment = Deployment::new(YAML, "");
    // It waits when Dagster is imported: what is left then is done in a moment.
    let text = format!("{}{WAITS}", definitions_of("task"));
    fs::write(deployment.path("defs.py"), text).unwrap();
    begin_to_load(&mut deployment, "serve", &["-f", "defs.py"]);
    deployment.wait_for_file("import.began");
    let listed = deployment.ok(&["code-location", "show", "defs.py"]);
    assert!(listed.contains("loading since"), "{listed}");
    let run = std::thread::scope(|scope| {
        let launching = scope.spawn(|| deployment.launch("task", &[]));
        deployment.let_go("go");
        launching.join().unwrap()
    });
    deployment.wait_for(&run, "SUCCESS");
}

#[test]
fn runs_wait_for_their_location_when_the_daemon_is_started_again() {
    let config = "run_queue: {max_concurrent_runs: 1, max_user_code_failure_retries: 1}\n";
    let yaml = format!("jobs: {{long: {{ops: {{a: {{shell: '{}'}}}}}}}}\n", held("long", "end"));
    let mut deployment = Deployment::new(&yaml, config);
    fs::write(deployment.path("defs.py"), definitions_of("task")).unwrap();
    begin(&mut deployment, "serve", &["-f", "defs.py"]);
    let long = deployment.launch("long", &[]);
    deployment.wait_for(&long, "STARTED");
    let queued = deployment.launch("task", &[]);
    deployment.stop();
    fs::write(deployment.path("defs.py"), format!("{WAITS}{}", definitions_of("task"))).unwrap();
    begin_to_load(&mut deployment, "serve", &["-f", "defs.py"]);
    deployment.let_go("end");
    deployment.wait_for(&long, "SUCCESS");
    deployment.wait_for_file("import.began");
    let why = deployment.ok(&["run", "why", &queued]);
    assert!(why.contains("defs.py is being loaded"), "{why}");
    assert_eq!(deployment.status(&queued), "QUEUED");
    deployment.let_go("go");
    deployment.wait_for(&queued, "SUCCESS");
    assert_eq!(deployment.json(&["run", "show", &queued])["attempt"], 1);
}

#[test]
fn a_workspace_file_that_is_saved_brings_and_takes_locations() {
    let mut deployment = Deployment::new(YAML, "");
    for name in ["one", "two"] {
        fs::write(deployment.path(&format!("{name}.py")), definitions_of(name)).unwrap();
    }
    let write = |deployment: &Deployment, text: &str| {
        fs::write(deployment.path("workspace.yaml"), text).unwrap();
    };
    write(&deployment, "load_from: [python_file: one.py]\n");
    begin(&mut deployment, "dev", &["-w", "workspace.yaml"]);
    let one = location(&deployment, "one.py");
    assert_eq!(one["state"], "loaded", "{one}");

    write(&deployment, "load_from: [python_file: one.py, python_file: two.py]\n");
    wait_for_state(&deployment, "two.py", "loaded");
    assert_eq!(location(&deployment, "one.py")["since"], one["since"], "it was not loaded again");

    write(&deployment, "load_from: [python_fil: one.py]\n");
    wait_for_state(&deployment, "workspace", "failed");
    let shown = deployment.ok(&["code-location", "list"]);
    assert!(shown.contains("did you mean `python_file`"), "{shown}");
    assert!(deployment.ok(&["job", "list"]).contains("two"), "what was there stays");

    write(&deployment, "load_from: [python_file: two.py]\n");
    wait_for_state(&deployment, "one.py", "gone");
    assert_eq!(location(&deployment, "workspace"), Value::Null);
    assert!(!deployment.ok(&["job", "list"]).contains("one.py"));
}
