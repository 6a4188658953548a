//! Files of jobs that are saved while they are served.

use std::fs;

use crate::harness::{Deployment, wait_until};

const BEFORE: &str = "jobs: {before: {ops: {a: {command: ['true']}}}}\n";
const AFTER: &str = "jobs: {after: {ops: {a: {command: ['true']}}}}\n";

fn has_job(deployment: &Deployment, name: &str) -> bool {
    let jobs = deployment.json(&["job", "list"]);
    jobs["jobs"].as_array().unwrap().iter().any(|job| job["name"] == name)
}

#[test]
fn a_saved_file_is_loaded_and_a_broken_one_keeps_the_jobs_from_before() {
    let mut deployment = Deployment::new(BEFORE, "");
    deployment.develop();
    assert!(has_job(&deployment, "before"));
    // A queue of saves in a row, as editors do: the last one counts.
    fs::write(deployment.path("work.yaml"), "").unwrap();
    fs::write(deployment.path("work.yaml"), AFTER).unwrap();
    wait_until("the new job is there", || has_job(&deployment, "after"));
    assert!(!has_job(&deployment, "before"));

    let broken = AFTER.replace("command", "comand");
    fs::write(deployment.path("work.yaml"), broken).unwrap();
    wait_until("the problem is shown", || {
        deployment.ok(&["code-location", "list"]).contains("comand")
    });
    deployment.ok(&["job", "launch", "after", "--wait"]);

    // Saved under another name and moved over it, as other editors do.
    fs::write(deployment.path("work.yaml.new"), BEFORE).unwrap();
    fs::rename(deployment.path("work.yaml.new"), deployment.path("work.yaml")).unwrap();
    wait_until("the old job is back", || has_job(&deployment, "before"));
    assert!(!deployment.ok(&["code-location", "list"]).contains("comand"));
    let told = deployment.read("daemon.log");
    assert!(told.contains("comand"), "the terminal tells it too: {told}");
}

#[test]
fn a_served_file_is_loaded_when_somebody_asks_for_it() {
    let deployment = Deployment::start(BEFORE, "");
    fs::write(deployment.path("work.yaml"), AFTER).unwrap();
    assert!(has_job(&deployment, "before"));
    deployment.ok(&["code-location", "reload"]);
    assert!(has_job(&deployment, "after") && !has_job(&deployment, "before"));
}
