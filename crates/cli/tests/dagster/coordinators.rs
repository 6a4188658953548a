//! Run coordinator classes of Dagster's kind, asked about every run that is submitted.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Deployment, held, processes_of, signal, text, wait_until};
use crate::python::{begin, interpreter};

fn jobs() -> String {
    format!("jobs:\n  long: {{ops: {{a: {{shell: '{}'}}}}}}\n", held("long", "go"))
}

/// A file of the examples.
fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/coordinators");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// A deployment whose configuration names classes of these modules, not started.
fn deployment(config: &str, modules: &[(&str, &str)]) -> Deployment {
    let deployment = Deployment::new(&jobs(), config);
    for (name, text) in modules {
        fs::write(deployment.path(name), text).unwrap();
    }
    deployment
}

fn started(config: &str, modules: &[(&str, &str)]) -> Deployment {
    let mut deployment = deployment(config, modules);
    begin(&mut deployment, "serve", &[]);
    deployment
}

fn attribution() -> Deployment {
    let file = example("attribution.py");
    started(&example("attribution.yaml"), &[("attribution.py", &file)])
}

fn tags(deployment: &Deployment, run: &str) -> Value {
    deployment.json(&["run", "show", run])["tags"].clone()
}

/// The header with a token that says who it is.
fn token(name: &str) -> String {
    let claims = match name {
        "ann" => "eyJlbWFpbCI6ICJhbm5AYWNtZS5jb20ifQ",
        _ => "eyJlbWFpbCI6ICJiZW5AYWNtZS5jb20ifQ",
    };
    format!("X-Id-Token=e30.{claims}.signature")
}

/// The process of the class.
fn process_of_class(deployment: &Deployment) -> u32 {
    let is_it = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        text(&line).contains("pointsman.dagster\0coordinator")
    };
    let mut processes = processes_of(deployment.home()).into_iter();
    processes.find(is_it).unwrap()
}

/// Returns whether a process has ended, reaped or not.
fn has_ended(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.starts_with(" Z"))
}

#[test]
fn a_header_becomes_a_tag_by_a_class_and_the_limit_in_its_config_holds() {
    let deployment = attribution();
    let launch = |name: &str| deployment.launch("long", &["-H", &token(name)]);
    let (first, second, other) = (launch("ann"), launch("ann"), launch("ben"));
    for run in [&first, &other] {
        deployment.wait_for(run, "STARTED");
    }
    assert_eq!(tags(&deployment, &second)["submitted_by"], "ann@acme.com");
    assert_eq!(deployment.status(&second), "QUEUED");
    let why = deployment.ok(&["run", "why", &second]);
    assert!(why.contains("submitted_by"), "{why}");
    let refused = deployment.fails(1, &["job", "launch", "long"]);
    let reason = "the submission hook `run_coordinator: attribution.Attribution` refuses this run: \
                  PermissionError: sign in first: the request has no X-Id-Token";
    assert!(refused.contains(reason), "{refused}");
    assert_eq!(deployment.count(), 3);
    let shown = deployment.ok(&["instance", "show"]);
    assert!(shown.contains("attribution.Attribution"), "{shown}");
    deployment.let_go("go");
    deployment.wait_for(&second, "SUCCESS");
}

#[test]
fn a_class_whose_process_is_killed_is_loaded_again() {
    let deployment = attribution();
    let launch = || deployment.launch("long", &["-H", &token("ann")]);
    launch();
    let first = process_of_class(&deployment);
    signal(first, "KILL");
    wait_until("the process has ended", || has_ended(first));
    assert_eq!(tags(&deployment, &launch())["submitted_by"], "ann@acme.com");
    assert_ne!(process_of_class(&deployment), first);
    deployment.let_go("go");
}

/// Classes that cannot be used, with what is said of them.
const BAD: [(&str, &str, &str); 5] = [
    ("import no_such_module", "{}", "import no_such_module"),
    ("raise RuntimeError('no database')", "{}", "RuntimeError: no database"),
    (
        "from dagster._core.run_coordinator import RunCoordinator\n\
         class Bad(RunCoordinator):\n    pass",
        "{}",
        "abstract",
    ),
    ("class Bad:\n    pass", "{}", "bad.Bad is no subclass of Dagster's RunCoordinator"),
    (
        "from dagster import QueuedRunCoordinator\nclass Bad(QueuedRunCoordinator):\n    pass",
        "{color: blue}",
        "Received unexpected config entry \"color\"",
    ),
];

#[test]
fn a_daemon_does_not_start_with_a_class_that_cannot_be_used() {
    let python = interpreter();
    let environment = python.parent().and_then(Path::parent).unwrap();
    for (module, config, why) in BAD {
        let config = format!("run_coordinator: {{module: bad, class: Bad, config: {config}}}\n");
        let mut deployment = deployment(&config, &[("bad.py", module)]);
        let venv = [("VIRTUAL_ENV", environment.to_str().unwrap())];
        deployment.spawn_with("serve", &[], &venv);
        wait_until("the daemon has ended", || deployment.pid().is_none());
        let told = deployment.read("daemon.log");
        assert!(told.contains("`run_coordinator: bad.Bad` cannot be used"), "{told}");
        assert!(told.contains(why), "{told}");
        assert!(!told.contains("dagster/_core") && !told.contains("importlib"), "{told}");
    }
}

#[test]
fn a_class_that_cannot_be_used_is_not_put_in_force() {
    let mut deployment = attribution();
    deployment.launch("long", &["-H", &token("ann")]);
    fs::write(deployment.path("bad.py"), "def broken(:\n").unwrap();
    let good = deployment.read("pointsman.yaml");
    let bad = "run_coordinator: {module: bad, class: Bad}\n";
    fs::write(deployment.path("pointsman.yaml"), bad).unwrap();
    let told = deployment.fails(1, &["config", "reload"]);
    assert!(told.contains("bad.py") && told.contains("SyntaxError"), "{told}");
    let run = deployment.launch("long", &["-H", &token("ben")]);
    assert_eq!(tags(&deployment, &run)["submitted_by"], "ben@acme.com");
    let first = process_of_class(&deployment);
    fs::write(deployment.path("pointsman.yaml"), good).unwrap();
    deployment.ok(&["config", "reload"]);
    assert_eq!(process_of_class(&deployment), first, "a class that stays is not loaded again");
    deployment.let_go("go");
    assert!(deployment.stop().success());
    assert!(!Path::new(&format!("/proc/{first}")).exists(), "the process of the class is left");
}

const AT_ONCE: &str = "
from dagster._core.run_coordinator import DefaultRunCoordinator

class AtOnce(DefaultRunCoordinator):
    def submit_run(self, context):
        self._instance.add_run_tags(context.dagster_run.run_id, {'seen': 'yes'})
        return super().submit_run(context)
";

#[test]
fn a_class_that_extends_the_default_coordinator_launches_at_once() {
    let config = "run_coordinator: {module: at_once, class: AtOnce}\n";
    let deployment = started(config, &[("at_once.py", AT_ONCE)]);
    // More than the ten that a queue lets through unless told otherwise.
    let runs: Vec<String> = (0..12).map(|_| deployment.launch("long", &[])).collect();
    for run in &runs {
        deployment.wait_for(run, "STARTED");
    }
    assert_eq!(tags(&deployment, &runs[0])["seen"], "yes");
    fs::write(deployment.path("pointsman.yaml"), format!("{config}history: {{runs_days: 9}}\n"))
        .unwrap();
    deployment.ok(&["config", "reload"]);
    deployment.wait_for(&deployment.launch("long", &[]), "STARTED");
    deployment.let_go("go");
}

const HOOK: &str = "
import os
from dagster import DagsterRunStatus, QueuedRunCoordinator, RunsFilter

class Quota(QueuedRunCoordinator):
    def submit_run(self, context):
        run = context.dagster_run
        told = {'seen_team': run.tags['team'], 'job_seen': run.job_name}
        told['names'] = ','.join(sorted(key for key in os.environ if key.startswith('COORD_')))
        filters = RunsFilter(job_name='long', statuses=[DagsterRunStatus.STARTED])
        if self._instance.get_runs_count(filters):
            raise RuntimeError('one is running')
        self._instance.add_run_tags(run.run_id, told)
        return super().submit_run(context)
";

#[test]
fn a_class_among_the_hooks_sees_earlier_tags_asks_for_runs_and_gets_the_environment_named() {
    let config = "
env: {inherit: [COORD_A]}
submission_hooks:
  - tag: {key: team, from: constant, value: docs}
  - {module: quota, class: Quota}
";
    let mut deployment = deployment(config, &[("quota.py", HOOK)]);
    let python = interpreter();
    let venv = python.parent().and_then(Path::parent).unwrap();
    let environment = [("VIRTUAL_ENV", venv.to_str().unwrap()), ("COORD_A", "1"), ("COORD_B", "2")];
    deployment.begin_with("serve", &[], &environment);
    let first = deployment.launch("long", &[]);
    let tags = tags(&deployment, &first);
    assert_eq!((&tags["seen_team"], &tags["job_seen"]), (&"docs".into(), &"long".into()));
    assert_eq!(tags["names"], "COORD_A");
    deployment.wait_for(&first, "STARTED");
    let told = deployment.fails(1, &["job", "launch", "long"]);
    assert!(told.contains("RuntimeError: one is running"), "{told}");
    deployment.let_go("go");
}
