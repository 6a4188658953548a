//! The interpreter with Dagster, and daemons that use it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Deployment, wait_until};

/// Where `./test` makes a virtual environment with Dagster, below the folder of the workspace.
const MADE_BY_TEST: &str = "target/dagster-venv/bin/python";

/// A job of one step.
const DEFINITIONS: &str = "
import dagster as dg

@dg.op
def work():
    pass

@dg.job
def NAME():
    work()
";

/// Returns the text of a file with a job of this name.
pub(crate) fn definitions_of(job: &str) -> String {
    DEFINITIONS.replace("NAME", job)
}

/// Returns the interpreter.
pub(crate) fn interpreter() -> PathBuf {
    if let Some(named) = std::env::var_os("POINTSMAN_TEST_PYTHON") {
        return named.into();
    }
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(MADE_BY_TEST);
    assert!(
        made.exists(),
        "there is no Python with Dagster: run ./test once, which makes {MADE_BY_TEST}, or name one \
         by POINTSMAN_TEST_PYTHON"
    );
    made
}

/// Starts a daemon that serves a Python file of this text, beside jobs as commands.
pub(crate) fn serve(subcommand: &str, python: &str, yaml: &str) -> Deployment {
    let mut deployment = Deployment::new(yaml, "");
    fs::write(deployment.path("defs.py"), python).unwrap();
    begin(&mut deployment, subcommand, &["-f", "defs.py"]);
    deployment
}

/// Starts the daemon of a deployment with these further arguments, and waits until all code is loaded.
pub(crate) fn begin(deployment: &mut Deployment, subcommand: &str, more: &[&str]) {
    begin_to_load(deployment, subcommand, more);
    wait_until("all code is loaded", || {
        let shown = deployment.json(&["code-location", "list"]);
        let locations = shown["code_locations"].as_array().unwrap();
        locations.iter().all(|location| location["loading_since"].is_null())
    });
}

/// Starts the daemon of a deployment with these further arguments, and does not wait for its code.
pub(crate) fn begin_to_load(deployment: &mut Deployment, subcommand: &str, more: &[&str]) {
    let python = interpreter();
    let environment = python.parent().and_then(Path::parent).unwrap();
    deployment.begin_with(subcommand, more, &[("VIRTUAL_ENV", environment.to_str().unwrap())]);
}

/// Returns the standard error of a try of a step, where what it logs stands.
pub(crate) fn log_of(deployment: &Deployment, run: &str, step: &str) -> String {
    deployment.ok(&["run", "logs", run, "--step", step, "--stderr"])
}
