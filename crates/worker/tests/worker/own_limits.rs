//! The limits inside a run, kept among real processes.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use wire::plan::PlanStep;

use crate::world::{World, pooled, step, until};

/// A step that runs until it is let go by a file, with one tag.
fn held(key: &str, tag: Option<&str>) -> PlanStep {
    let tags = tag.map(|value| ("database".to_owned(), value.to_owned()));
    let tags: BTreeMap<String, String> = tags.into_iter().collect();
    PlanStep { tags, ..step(key, &[], &until(&format!("go-{key}"))) }
}

/// Runs steps under one limit by tag: `at_once` start together; when `a` has ended, `then` starts.
fn check(limit: &Value, at_once: &[&str], then: &str) {
    let steps = vec![
        held("a", Some("big")),
        held("b", Some("big")),
        held("c", Some("small")),
        held("d", None),
    ];
    let mut world = World::limited(json!({"tag_concurrency_limits": [limit]}), steps);
    world.launch();
    world.daemon.wait_for_report("first pass done");
    let mut first = vec!["planned a b c d".to_owned()];
    first.extend(at_once.iter().map(|key| format!("{key} started 1")));
    first.push("first pass done".to_owned());
    assert_eq!(world.daemon.known().told(), first, "{limit}");
    world.touch("go-a");
    world.daemon.wait_for_report(&format!("{then} started 1"));
    first.extend(["a succeeded 1".to_owned(), format!("{then} started 1")]);
    assert_eq!(world.daemon.known().told(), first, "{limit}");
    for key in ["b", "c", "d"] {
        world.touch(&format!("go-{key}"));
    }
    let told = world.finish();
    assert_eq!(told.last().map(String::as_str), Some("ended Succeeded"), "{limit}");
}

#[test]
fn limits_on_a_key_on_a_value_and_on_each_value_let_through_what_they_say() {
    let each = json!({"applyLimitPerUniqueValue": true});
    check(&json!({"key": "database", "limit": 2}), &["a", "b", "d"], "c");
    check(&json!({"key": "database", "value": "big", "limit": 1}), &["a", "c", "d"], "b");
    check(&json!({"key": "database", "value": each, "limit": 1}), &["a", "c", "d"], "b");
}

#[test]
fn a_sequence_runs_one_process_at_a_time_by_priority_and_then_as_it_is_defined() {
    let alone = "mkdir alone || exit 1; sleep 0.05; rmdir alone";
    let urgent = PlanStep { priority: 1, ..step("c", &[], alone) };
    let steps =
        vec![step("a", &[], alone), step("b", &["a"], alone), urgent, step("d", &[], alone)];
    let mut world = World::limited(json!({"max_concurrent": 1, "in_process": true}), steps);
    let told = world.run();
    let mut expected = vec!["planned a b c d", "c started 1", "first pass done", "c succeeded 1"];
    expected.extend(["a started 1", "a succeeded 1", "b started 1", "b succeeded 1"]);
    expected.extend(["d started 1", "d succeeded 1", "ended Succeeded"]);
    assert_eq!(told, expected);
}

#[test]
fn a_step_that_waits_for_slots_leaves_its_place_and_gives_slots_back_that_come_too_late() {
    let steps = vec![
        pooled(step("a", &[], "echo a >> order")),
        step("b", &[], &format!("echo b >> order; {}", until("go-b"))),
        step("c", &["b"], "echo c >> order"),
    ];
    let mut world = World::limited(json!({"max_concurrent": 1}), steps);
    world.launch();
    world.daemon.wait_for_report("b started 1");
    world.daemon.grant("a");
    world.daemon.wait_for_report("a gave back");
    world.touch("go-b");
    world.daemon.wait_for("a second question", |known| {
        known.told().iter().filter(|told| *told == "a asked").count() == 2
    });
    world.daemon.grant("a");
    let told = world.finish();
    let gave_back = told.iter().position(|told| told == "a gave back").unwrap();
    assert_eq!(told[..gave_back], ["planned a b c", "a asked", "first pass done", "b started 1"]);
    assert_eq!(told[gave_back + 1..gave_back + 3], ["b succeeded 1", "a asked"]);
    assert_eq!(told.last().map(String::as_str), Some("ended Succeeded"));
    let order = fs::read_to_string(world.file("order")).unwrap();
    assert_eq!(order.lines().collect::<String>().len(), 3, "{order}");
}

#[test]
fn a_step_whose_slots_are_free_goes_before_those_behind_it() {
    let steps = vec![
        pooled(step("a", &[], "echo a >> order")),
        step("b", &[], "echo b >> order"),
        pooled(step("c", &[], "echo c >> order")),
    ];
    let mut world = World::limited(json!({"max_concurrent": 1}), steps);
    world.daemon.known().grants_at_once = true;
    world.run();
    assert_eq!(fs::read_to_string(world.file("order")).unwrap(), "a\nb\nc\n");
}
