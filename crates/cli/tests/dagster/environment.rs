//! Which variables of the daemon reach code.

use std::fs;
use std::path::Path;

use crate::harness::{Deployment, wait_until};
use crate::python::{interpreter, log_of};

const CODE: &str = r#"
import os
import dagster as dg

def names():
    return ",".join(sorted(name for name in os.environ if name.startswith("CODE_")))

@dg.op
def tell(context):
    context.log.info(f"executed with {names()} and {os.environ['PATH']}")

@dg.job(tags={"loaded_with": names()})
def telling():
    tell()

defs = dg.Definitions(jobs=[telling])
"#;

#[test]
fn code_and_its_steps_get_only_the_variables_that_are_named() {
    let jobs = "jobs: {a: {ops: {a: {command: ['true']}}}}\n";
    let mut deployment = Deployment::new(jobs, "env: {inherit: [CODE_A, CODE_UNSET]}\n");
    fs::write(deployment.path("defs.py"), CODE).unwrap();
    let python = interpreter();
    let venv = python.parent().and_then(Path::parent).unwrap();
    let environment = [("VIRTUAL_ENV", venv.to_str().unwrap()), ("CODE_A", "1"), ("CODE_B", "2")];
    deployment.begin_with("serve", &["-f", "defs.py"], &environment);
    wait_until("the code is loaded", || deployment.ok(&["job", "list"]).contains("telling"));
    let run = deployment.launch("telling", &[]);
    assert_eq!(deployment.json(&["run", "show", &run])["tags"]["loaded_with"], "CODE_A");
    deployment.wait_for(&run, "SUCCESS");
    let log = log_of(&deployment, &run, "tell");
    assert!(log.contains("executed with CODE_A and /"), "{log}");
    fs::write(deployment.path("pointsman.yaml"), "env: {inherit: [CODE_B]}\n").unwrap();
    deployment.ok(&["config", "reload"]);
    let shown = deployment.ok(&["instance", "show"]);
    assert!(shown.contains("in force after a restart of the server: env.inherit"), "{shown}");
}
