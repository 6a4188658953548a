//! What steps get, in which order they run, and what is told of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use wire::plan::{EnvValue, PlanStep};

use crate::world::{World, pooled, retried, step, until};

#[test]
fn three_steps_run_in_the_order_of_their_dependencies_and_their_output_is_kept() {
    let mut world = World::new(vec![
        step("c", &["a", "b"], "echo third; cat order; echo c >> order"),
        step("a", &[], "echo first; echo to the other side >&2; echo a >> order"),
        step("b", &["a"], "echo second; echo b >> order"),
    ]);
    let told = world.run();
    assert_eq!(
        told,
        [
            "planned c a b",
            "a started 1",
            "first pass done",
            "a succeeded 1",
            "b started 1",
            "b succeeded 1",
            "c started 1",
            "c succeeded 1",
            "ended Succeeded",
        ]
    );
    assert_eq!(world.output("a", 1), "first\n");
    assert_eq!(world.output("c", 1), "third\na\nb\n");
    assert_eq!(fs::read_to_string(world.folder.err("a", 1)).unwrap(), "to the other side\n");
    assert_eq!(fs::metadata(world.folder.spool()).unwrap().len(), 0, "all was received");
    let times: Vec<i64> = world.daemon.known().reports.iter().map(|report| report.at).collect();
    assert!(times.is_sorted() && times[0] > 1_700_000_000_000_000, "{times:?}");
}

#[test]
fn a_step_with_pools_waits_until_it_is_granted() {
    let mut world = World::new(vec![
        pooled(step("a", &[], "echo a >> order")),
        step("b", &[], "echo b >> order"),
        pooled(step("c", &["b"], "echo c >> order")),
    ]);
    world.launch();
    world.daemon.wait_for_report("c asked");
    assert_eq!(fs::read_to_string(world.file("order")).unwrap(), "b\n");
    assert_eq!(
        world.daemon.known().told()[..4],
        ["planned a b c", "a asked", "b started 1", "first pass done"]
    );
    world.daemon.grant("c");
    world.daemon.wait_for_report("c succeeded 1");
    world.daemon.grant("a");
    let told = world.finish();
    assert_eq!(told.last().map(String::as_str), Some("ended Succeeded"));
    assert_eq!(fs::read_to_string(world.file("order")).unwrap(), "b\nc\na\n");
}

#[test]
fn a_step_that_fails_asks_again_after_its_delay_and_runs_once_for_each_grant() {
    let script = "echo $POINTSMAN_TRY >> tries; test $POINTSMAN_TRY -eq 4";
    let mut world = World::new(vec![retried(pooled(step("a", &[], script)), 3, 1)]);
    world.daemon.known().grants_at_once = true;
    let told = world.run();
    let mut expected = vec!["planned a".to_owned(), "a asked".to_owned()];
    expected.push("first pass done".to_owned());
    for number in 1..=3 {
        expected.push(format!("a started {number}"));
        expected.push(format!("a retries {number}: exit code 1"));
        expected.push("a asked".to_owned());
    }
    expected.extend(["a started 4", "a succeeded 4", "ended Succeeded"].map(str::to_owned));
    assert_eq!(told, expected);
    assert_eq!(fs::read_to_string(world.file("tries")).unwrap(), "1\n2\n3\n4\n");
}

#[test]
fn a_step_that_runs_too_long_is_ended_and_those_behind_it_are_skipped() {
    let slow = PlanStep { timeout_ms: Some(100), ..step("a", &[], "sleep 1000") };
    let told = World::new(vec![slow, step("b", &["a"], "true")]).run();
    assert_eq!(
        told[3..],
        [
            "a failed 1: timed out after 0.1 s",
            "b skipped: step `a` before it failed",
            "ended Failed { by_step: true, error: \"step `a` failed: timed out after 0.1 s\" }",
        ]
    );
}

#[test]
fn config_and_tags_reach_the_command() {
    let script = "echo $POINTSMAN_RUN_ID $POINTSMAN_JOB $POINTSMAN_STEP $POINTSMAN_ATTEMPT; \
                  echo $POINTSMAN_TAGS; echo $POINTSMAN_CONFIG; cat $POINTSMAN_CONFIG_FILE; \
                  echo; echo $SOME_SECRET";
    let config = json!({"rows": 3});
    let mut world = World::with(vec![step("x/y", &[], script)], &[("team", "docs")], config);
    world.run();
    assert_eq!(
        world.output("x/y", 1),
        "1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10 nightly x/y 1\n\
         {\"team\":\"docs\"}\n{\"rows\":3}\n{\"rows\":3}\n\n"
    );
    let mode = fs::metadata(world.folder.config()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_large_config_reaches_the_command_by_its_file_alone() {
    let script = "echo ${POINTSMAN_CONFIG-absent}; wc -c < $POINTSMAN_CONFIG_FILE";
    let config = json!("x".repeat(1_000_000));
    let mut world = World::with(vec![step("a", &[], script)], &[], config);
    world.run();
    assert_eq!(world.output("a", 1), "absent\n1000002\n");
}

#[test]
fn a_variable_that_is_not_set_fails_the_step_before_it_runs_and_it_is_not_tried_again() {
    let env = |from: &str| [("KEY".to_owned(), EnvValue::From(from.to_owned()))].into();
    let missing = PlanStep { env: env("UNSET_VARIABLE"), ..step("a", &[], "touch ran") };
    let there = PlanStep { env: env("SOME_SECRET"), ..step("b", &[], "echo $KEY") };
    let mut world = World::new(vec![retried(missing, 9, 0), there]);
    let told = world.run();
    let failed = told.iter().find(|told| told.starts_with("a failed 1:")).unwrap();
    assert!(failed.contains("the step wants the variable `UNSET_VARIABLE` (as `KEY`)"), "{failed}");
    assert!(!world.file("ran").exists());
    assert_eq!(world.output("b", 1), "of the daemon\n");
}

#[test]
fn a_command_that_is_not_found_fails_its_step_and_says_so() {
    let command = vec!["no-such-program".to_owned()];
    let told = World::new(vec![PlanStep { command, ..step("a", &[], "") }]).run();
    let failed = told.iter().find(|told| told.starts_with("a failed 1:")).unwrap();
    assert!(failed.contains("failed to start `no-such-program`"), "{failed}");
}

#[test]
fn what_is_kept_of_the_output_is_bounded() {
    let script = "yes | head -c 5000000; yes | head -c 5000000 >&2";
    let mut world = World::new(vec![step("a", &[], script)]);
    world.max_output = 1000;
    assert_eq!(world.run().last().map(String::as_str), Some("ended Succeeded"));
    for file in [world.folder.out("a", 1), world.folder.err("a", 1)] {
        let length = fs::metadata(file).unwrap().len();
        assert!((1000..2000).contains(&length), "{length}");
    }
}

#[test]
fn a_hundred_steps_run_beside_one_another() {
    let go = until("go");
    let mut world = World::new((0..100).map(|n| step(&format!("s{n}"), &[], &go)).collect());
    world.launch();
    world.daemon.wait_for("the first pass", |known| known.told().len() == 102);
    world.touch("go");
    let told = world.finish();
    assert_eq!(told.iter().filter(|told| told.ends_with("succeeded 1")).count(), 100);
}
