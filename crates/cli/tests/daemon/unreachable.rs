//! Code locations whose file is gone when a run would start.

use std::fs;

use crate::harness::{Deployment, held, wait_until};

const CONFIG: &str = "run_queue:
  max_concurrent_runs: 1
  max_user_code_failure_retries: RETRIES
  user_code_failure_retry_delay: 1
";

fn jobs() -> String {
    format!("jobs:\n  long: {{ops: {{a: {{shell: '{}'}}}}}}\n", held("long", "go"))
}

/// A run in progress, one behind it, and no file of jobs any more.
fn without_file(retries: u32) -> (Deployment, String, String) {
    let config = CONFIG.replace("RETRIES", &retries.to_string());
    let deployment = Deployment::start(&jobs(), &config);
    let first = deployment.launch("long", &[]);
    deployment.wait_for(&first, "STARTED");
    let second = deployment.launch("long", &[]);
    fs::remove_file(deployment.path("work.yaml")).unwrap();
    (deployment, first, second)
}

#[test]
fn a_run_whose_location_stays_away_fails_after_its_retries() {
    let (deployment, first, second) = without_file(2);
    deployment.let_go("go");
    deployment.wait_for(&first, "SUCCESS");
    deployment.wait_for(&second, "FAILURE");
    let shown = deployment.json(&["run", "show", &second]);
    let message = shown["failure"]["message"].as_str().unwrap();
    assert!(message.contains("work"), "{shown}");
    assert_eq!(shown["attempt"], 3, "one and two more: {shown}");
    deployment.wait_for_quiet();
}

#[test]
fn a_run_whose_location_returns_goes_on() {
    let (deployment, first, second) = without_file(1000);
    deployment.let_go("go");
    deployment.wait_for(&first, "SUCCESS");
    wait_until("the run was tried", || {
        let shown = deployment.json(&["run", "show", &second]);
        shown["attempt"].as_u64().is_some_and(|attempt| attempt >= 1)
    });
    wait_until("the run is back in the queue and says why", || {
        let why = deployment.ok(&["run", "why", &second]);
        why.contains("QUEUED") && why.contains("work")
    });
    fs::write(deployment.path("work.yaml"), jobs()).unwrap();
    deployment.wait_for(&second, "SUCCESS");
}
