//! What a run does: its steps, what they see, their retries and bounds.

use crate::harness::Deployment;

#[test]
fn a_run_executes_its_steps_in_order_and_keeps_their_output() {
    let jobs = r#"
jobs:
  etl:
    tags: {team: docs, owner: me}
    config: {day: 1, tables: [a, b]}
    ops:
      load: {shell: 'cat *.done > order; echo load >> order; echo loading >&2', after: [left, right]}
      left: {command: [sh, -c, 'echo "tags $POINTSMAN_TAGS"; echo left > 1.done']}
      right:
        shell: |
          echo "config $POINTSMAN_CONFIG"
          test "$(cat "$POINTSMAN_CONFIG_FILE")" = "$POINTSMAN_CONFIG" && echo the file says the same
          echo "$POINTSMAN_JOB $POINTSMAN_STEP $POINTSMAN_ATTEMPT $POINTSMAN_TRY $MODE"
          echo right > 2.done
        env: {MODE: fast}
"#;
    let deployment = Deployment::start(jobs, "");
    let launch = ["job", "launch", "etl", "--tag", "team=core", "--wait"];
    let told = deployment.ok(&launch);
    assert!(told.contains("SUCCESS"), "{told}");
    let run = deployment.json(&["run", "list"])["runs"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(deployment.status(&run), "SUCCESS");
    assert_eq!(deployment.read("order"), "left\nright\nload\n");

    let logs = deployment.ok(&["run", "logs", &run]);
    assert!(logs.contains(r#""owner":"me""#), "{logs}");
    assert!(logs.contains(r#""team":"core""#), "a tag of the launch wins: {logs}");
    let config = r#"{"day":1,"tables":["a","b"]}"#;
    assert!(logs.contains(&format!("config {config}")), "{logs}");
    assert!(logs.contains("the file says the same"), "{logs}");
    assert!(logs.contains("etl right 1 1 fast"), "{logs}");
    let errors = deployment.ok(&["run", "logs", &run, "--step", "load", "--stderr"]);
    assert_eq!(errors, "loading\n");
    deployment.wait_for_quiet();
}

#[test]
fn waiting_for_a_launch_tells_by_the_exit_code_how_the_run_ended() {
    let jobs = "
jobs:
  good: {ops: {a: {command: ['true']}}}
  bad:
    ops:
      a: {shell: 'echo no disk >&2; exit 3'}
      b: {command: ['true'], after: a}
";
    let deployment = Deployment::start(jobs, "");
    deployment.ok(&["job", "launch", "good", "--wait"]);
    let output = deployment.cli(&["job", "launch", "bad", "--wait"]);
    assert_eq!(output.status.code(), Some(1));
    let run = deployment.json(&["run", "list", "--status", "FAILURE"]);
    let id = run["runs"][0]["id"].as_str().unwrap();
    assert_eq!(run["runs"][0]["failure"]["reason"], "STEP_FAILURE");
    assert_eq!(deployment.step(id, "a")["status"], "FAILED");
    assert_eq!(deployment.step(id, "b")["status"], "SKIPPED");
    let shown = deployment.ok(&["run", "show", id]);
    assert!(shown.contains("exit code 3") || shown.contains("with 3"), "{shown}");
}

#[test]
fn a_step_that_fails_is_tried_again_after_its_delay() {
    let jobs = "
jobs:
  flaky:
    ops:
      a:
        shell: 'date +%s%N >> tries; test $POINTSMAN_TRY -eq 3'
        retries: {max_retries: 2, delay_seconds: 0.3}
  hopeless:
    ops: {a: {shell: 'echo try >> hopeless; exit 1', retries: 1}}
";
    let deployment = Deployment::start(jobs, "");
    let run = deployment.launch("flaky", &[]);
    deployment.wait_for(&run, "SUCCESS");
    assert_eq!(deployment.step(&run, "a")["try"], 3);
    let tries = deployment.read("tries");
    let tries: Vec<u64> = tries.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(tries.len(), 3);
    assert!(tries.windows(2).all(|pair| pair[1] - pair[0] >= 300_000_000), "{tries:?}");

    let run = deployment.launch("hopeless", &[]);
    deployment.wait_for(&run, "FAILURE");
    assert_eq!(deployment.read("hopeless"), "try\ntry\n");
}

#[test]
fn a_step_that_takes_too_long_is_ended_with_all_that_it_started() {
    let jobs = "
jobs:
  slow: {ops: {a: {shell: 'sleep 1000 & echo waiting; sleep 1000', timeout_seconds: 0.5}}}
";
    let deployment = Deployment::start(jobs, "");
    let run = deployment.launch("slow", &[]);
    deployment.wait_for(&run, "FAILURE");
    let step = deployment.step(&run, "a");
    assert_eq!(step["status"], "FAILED");
    let error = step["error"].as_str().unwrap();
    assert!(error.contains("0.5"), "{error}");
    deployment.wait_for_quiet();
}

#[test]
fn a_run_that_exceeds_its_runtime_fails_and_frees_what_it_held() {
    let jobs = "
jobs:
  slow: {ops: {a: {shell: 'touch began; sleep 1000'}}}
";
    let config = "run_monitoring: {enabled: true}\n";
    let deployment = Deployment::start(jobs, config);
    let run = deployment.launch("slow", &["--tag", "dagster/max_runtime=1"]);
    deployment.wait_for(&run, "FAILURE");
    let shown = deployment.json(&["run", "show", &run]);
    assert_eq!(shown["failure"]["reason"], "MAX_RUNTIME", "{shown}");
    deployment.wait_for_quiet();
}
