//! Code that cannot be loaded: it is told, and hurts nobody else.

use std::fs;
use std::path::Path;
use std::time::Duration;

use definitions::{
    Deadlines, Listing, LocationState, Locations, Python, PythonHost, PythonLocation,
};
use model::Timestamp;
use wire::shim::{Target, TargetKind};

use crate::harness::{Deployment, wait_until};
use crate::python::{begin, definitions_of, interpreter, serve};

const YAML: &str = "jobs: {plain: {ops: {a: {command: ['true']}}}}\n";

#[test]
fn an_error_on_import_is_shown_with_its_traceback_and_the_last_good_jobs_stay() {
    let broken = "import json\n\ndef load():\n    return json.loads('{')\n\nload()\n";
    let daemon = serve("dev", broken, YAML);
    let shown = daemon.cli(&["code-location", "list"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("defs.py\", line 4, in load"), "{shown}");
    assert!(shown.contains("JSONDecodeError"), "{shown}");
    let plain = daemon.launch("plain", &[]);
    daemon.wait_for(&plain, "SUCCESS");

    fs::write(daemon.path("defs.py"), definitions_of("first")).unwrap();
    wait_until("the mended file is loaded", || daemon.ok(&["job", "list"]).contains("first"));
    fs::write(daemon.path("defs.py"), "import no_such_module\n").unwrap();
    wait_until("the broken file is told", || {
        daemon.ok(&["code-location", "list"]).contains("no_such_module")
    });
    assert!(daemon.ok(&["job", "list"]).contains("first"), "its last good jobs are gone");
    fs::write(daemon.path("defs.py"), definitions_of("second")).unwrap();
    let jobs = || daemon.ok(&["job", "list"]);
    wait_until("the new job is there", || jobs().contains("second") && !jobs().contains("first"));
}

/// Loads Python files of these texts with a short deadline; returns what is wrong in each.
fn problems_of(texts: &[(&str, &str)], interpreter: &Path, load: Duration) -> Vec<Option<String>> {
    let home = tempfile::tempdir().unwrap();
    let listings = texts.iter().map(|(name, text)| {
        let path = home.path().join(name);
        fs::write(&path, text).unwrap();
        let target = Target {
            what: TargetKind::File { path },
            attribute: None,
            working_directory: home.path().to_owned(),
        };
        Listing::Location(PythonLocation::new(target, None, Some(interpreter.to_owned())))
    });
    let listings = listings.collect();
    let guard = env!("CARGO_BIN_EXE_pointsman").into();
    let deadlines = Deadlines { load, ..Deadlines::default() };
    let environment = std::env::vars_os().collect();
    let host = PythonHost::new(home.path(), guard, environment, deadlines).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let python = Python { host, listings, runtime: runtime.handle().clone() };
    let locations = Locations::load_with_python([], python, Timestamp::EPOCH);
    let mut news = locations.changes();
    let all_come = news.wait_for(|_| locations.loading().is_empty());
    runtime.block_on(all_come).unwrap();
    let loaded = locations.locations();
    let problem = |name: &str| {
        let location = loaded.iter().find(|location| location.name.as_str() == name).unwrap();
        match &location.state {
            LocationState::Loaded => None,
            LocationState::Failed(problems) => Some(problems.to_string()),
            LocationState::Loading | LocationState::Gone => panic!("{name} is not loaded"),
        }
    };
    texts.iter().map(|(name, _)| problem(name)).collect()
}

#[test]
fn code_that_ends_the_process_prints_or_is_killed_is_told_and_hurts_no_other() {
    let noisy = format!("print('x' * 50_000_000)\n{}", definitions_of("noisy"));
    let threads =
        "import threading, time\nthreading.Thread(target=lambda: time.sleep(3600)).start()\n";
    let threads = format!("{threads}{}", definitions_of("threads"));
    let found = problems_of(
        &[
            (
                "exits.py",
                "import os, sys\nprint('about to exit')\nsys.stdout.flush()\nos._exit(7)\n",
            ),
            ("quiet.py", "import os\nos._exit(0)\n"),
            ("killed.py", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"),
            ("noisy.py", &noisy),
            ("threads.py", &threads),
            ("syntax.py", "def broken(:\n    pass\n"),
            ("empty.py", "\n"),
        ],
        &interpreter(),
        Duration::from_mins(3),
    );
    let [exits, quiet, killed, noisy, threads, syntax, empty] = found.try_into().unwrap();
    let exits: String = exits.unwrap();
    assert!(exits.contains("exit code 7") && exits.contains("about to exit"), "{exits}");
    let quiet = quiet.unwrap();
    assert!(quiet.contains("exit code 0; does the code end the process?"), "{quiet}");
    let killed = killed.unwrap();
    assert!(killed.contains("signal 9"), "{killed}");
    assert_eq!((noisy, threads), (None, None));
    let syntax = syntax.unwrap();
    assert!(syntax.contains("SyntaxError") && syntax.contains("line 1"), "{syntax}");
    assert!(empty.is_some(), "a file without definitions is no code location");
}

#[test]
fn code_that_hangs_on_import_is_ended_with_all_that_it_started() {
    let seconds = (1_000_000 + std::process::id()).to_string();
    let hangs = format!(
        "import subprocess, sys\nprint('waiting for ever')\nsys.stdout.flush()\n\
         subprocess.Popen(['sleep', '{seconds}']).wait()\n"
    );
    let deadline = Duration::from_secs(20);
    let found = problems_of(&[("hangs.py", &hangs)], &interpreter(), deadline);
    let hangs = found[0].as_deref().unwrap();
    assert!(hangs.contains("has not answered within 20 s"), "{hangs}");
    let sleeps_on = fs::read_dir("/proc").unwrap().flatten().any(|process| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).eq([b"sleep".as_slice(), seconds.as_bytes(), b""])
    });
    assert!(!sleeps_on, "what the code started is left");
}

#[test]
fn an_interpreter_without_dagster_or_none_at_all_says_what_to_do() {
    let text = [("defs.py", "")];
    let bare = problems_of(&text, Path::new("/usr/bin/python3"), Duration::from_mins(1));
    let bare = bare[0].as_deref().unwrap();
    assert!(bare.contains("Dagster") && bare.contains("pip install"), "{bare}");
    let none = problems_of(&text, Path::new("/no/such/python"), Duration::from_mins(1));
    let none = none[0].as_deref().unwrap();
    assert!(none.contains("/no/such/python") && none.contains("executable_path"), "{none}");
}

const BAD_STEPS: &str = r#"
import os, signal, sys, threading, time
import dagster as dg

@dg.op
def leaves():
    print("about to leave", flush=True)
    os._exit(7)

@dg.op
def killed():
    os.kill(os.getpid(), signal.SIGKILL)

@dg.op
def writes():
    sys.stdout.write("x" * 50_000_000 + "\n")

@dg.op
def threads():
    threading.Thread(target=lambda: time.sleep(3600), daemon=True).start()
    threading.Thread(target=lambda: print("from a thread")).start()

@dg.op
def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open("stubborn.began", "w").close()
    time.sleep(3600)

@dg.job
def bad():
    leaves()
    killed()
    writes()
    threads()

@dg.job
def stays():
    stubborn()

defs = dg.Definitions(jobs=[bad, stays])
"#;

#[test]
fn a_step_that_leaves_dies_floods_or_starts_threads_has_a_clear_end_and_hurts_no_other() {
    let mut daemon = Deployment::new(YAML, "");
    fs::write(daemon.path("bad.py"), BAD_STEPS).unwrap();
    fs::write(daemon.path("good.py"), definitions_of("good")).unwrap();
    begin(&mut daemon, "serve", &["-f", "bad.py", "-f", "good.py"]);
    let stays = daemon.launch("stays", &[]);
    daemon.wait_for_file("stubborn.began");
    let bad = daemon.launch("bad", &[]);
    let good = daemon.launch("good", &[]);
    daemon.wait_for(&bad, "FAILURE");
    daemon.wait_for(&good, "SUCCESS");
    let error = |step: &str| daemon.step(&bad, step)["error"].to_string();
    assert!(error("leaves").contains("exit code 7"), "{}", error("leaves"));
    assert!(error("killed").contains("signal 9"), "{}", error("killed"));
    let out = |step: &str| daemon.ok(&["run", "logs", &bad, "--step", step]);
    assert!(out("leaves").contains("about to leave"));
    for step in ["writes", "threads"] {
        assert_eq!(daemon.step(&bad, step)["status"], "SUCCEEDED", "{step}");
    }
    assert!(out("threads").contains("from a thread"));
    daemon.ok(&["run", "cancel", &stays]);
    daemon.wait_for(&stays, "CANCELED");
    daemon.wait_for_quiet();
}
