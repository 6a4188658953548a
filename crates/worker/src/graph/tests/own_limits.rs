//! The limits inside a run, by hand.

use serde_json::json;

use super::*;

fn tagged(step: PlanStep, key: &str, value: &str) -> PlanStep {
    PlanStep { tags: BTreeMap::from([(key.to_owned(), value.to_owned())]), ..step }
}

fn limited(executor: serde_json::Value, steps: Vec<PlanStep>) -> Graph {
    let executor = serde_json::from_value(executor).unwrap();
    let plan = Plan { executor, ..plan(steps) };
    Graph::new(&plan, NonZeroUsize::new(100).unwrap()).unwrap()
}

fn sequence(steps: Vec<PlanStep>) -> Graph {
    limited(json!({"max_concurrent": 1, "in_process": true}), steps)
}

fn each() -> serde_json::Value {
    json!({"applyLimitPerUniqueValue": true})
}

fn done(graph: &mut Graph, step: StepIndex, seconds: i64) -> String {
    told(&graph.exited(first(step), Ending::Succeeded, at(seconds)))
}

/// Returns the steps that start at once, in words.
fn started_at_once(limit: &serde_json::Value, values: &[&str]) -> Vec<StepIndex> {
    let steps = values.iter().enumerate().map(|(index, value)| match *value {
        "-" => step(&index.to_string(), &[]),
        value => tagged(step(&index.to_string(), &[]), "k", value),
    });
    let mut graph = limited(json!({"tag_concurrency_limits": [limit]}), steps.collect());
    graph.begin(at(0)).starts.iter().map(|start| start.step).collect()
}

#[test]
fn each_form_of_a_tag_limit_counts_its_own_steps() {
    let values = ["x", "x", "y", "y", "-", "-", ""];
    for (limit, starts) in [
        (json!({"key": "k", "limit": 1}), vec![0, 4, 5]),
        (json!({"key": "k", "limit": 3}), vec![0, 1, 2, 4, 5]),
        (json!({"key": "k", "value": "x", "limit": 1}), vec![0, 2, 3, 4, 5, 6]),
        (json!({"key": "k", "value": "", "limit": 1}), vec![0, 1, 2, 3, 4, 5, 6]),
        (json!({"key": "k", "value": each(), "limit": 1}), vec![0, 2, 4, 5, 6]),
        (json!({"key": "other", "limit": 1}), vec![0, 1, 2, 3, 4, 5, 6]),
    ] {
        assert_eq!(started_at_once(&limit, &values), starts, "{limit}");
    }
}

#[test]
fn steps_in_sequence_go_by_priority_and_then_as_they_are_defined() {
    let urgent = PlanStep { priority: 1, ..step("c", &[]) };
    let mut graph = sequence(vec![step("a", &[]), step("b", &["a"]), urgent, step("d", &[])]);
    assert_eq!(told(&graph.begin(at(0))), "planned a b c d, c started 1, first pass done");
    assert_eq!(done(&mut graph, 2, 1), "c succeeded 1, a started 1");
    assert_eq!(done(&mut graph, 0, 2), "a succeeded 1, b started 1");
    assert_eq!(done(&mut graph, 1, 3), "b succeeded 1, d started 1");
    assert_eq!(done(&mut graph, 3, 4), "d succeeded 1, ended Succeeded");
}

#[test]
fn oddity_9_a_step_that_waits_for_slots_leaves_its_place_to_others() {
    let mut graph = sequence(vec![pooled("a", &[]), step("b", &[])]);
    let todo = graph.begin(at(0)); // The second of three reports is the question.
    assert_eq!(told(&todo), "planned a b, a asked, first pass done");
    assert_eq!(graph.awaited(), 2);
    assert_eq!(graph.granted(&[], 1, at(0)), Todo::default());
    assert_eq!(told(&graph.granted(&[], 2, at(0))), "b started 1");
}

#[test]
fn a_step_that_gets_its_slots_at_once_goes_before_the_next_in_the_order() {
    let mut graph = sequence(vec![pooled("a", &[]), step("b", &[])]);
    graph.begin(at(0));
    assert_eq!(told(&graph.granted(&["a".to_owned()], 2, at(0))), "a started 1");
    assert_eq!(done(&mut graph, 0, 1), "a succeeded 1, b started 1");
}

#[test]
fn a_limit_by_tag_keeps_the_place_of_a_step_that_has_asked() {
    let steps = vec![tagged(pooled("a", &[]), "k", "x"), tagged(step("b", &[]), "k", "x")];
    let mut graph = limited(json!({"tag_concurrency_limits": [{"key": "k", "limit": 1}]}), steps);
    assert_eq!(told(&graph.begin(at(0))), "planned a b, a asked, first pass done");
    assert_eq!(told(&graph.granted(&["a".to_owned()], 2, at(0))), "a started 1");
}

#[test]
fn a_daemon_that_is_away_holds_nobody_up_for_long() {
    let steps = vec![pooled("a", &[]), pooled("b", &[]), pooled("c", &[]), step("d", &[])];
    let mut graph = sequence(steps);
    assert_eq!(told(&graph.begin(at(0))), "planned a b c d, a asked, first pass done");
    assert_eq!(graph.next_deadline(), Some(at(1)));
    assert_eq!(told(&graph.passed(at(1))), "b asked, c asked, d started 1");
    assert_eq!(graph.next_deadline(), None);
}

#[test]
fn a_granted_step_that_has_no_place_gives_its_slots_back_and_asks_again_when_there_is_one() {
    let mut graph = sequence(vec![pooled("a", &[]), step("b", &[]), step("c", &["b"])]);
    graph.begin(at(0));
    graph.granted(&[], 2, at(0)); // The fourth report: b starts.
    let keys = ["a".to_owned()];
    assert_eq!(told(&graph.granted(&keys, 4, at(1))), "a gave back");
    assert_eq!(graph.granted(&keys, 5, at(1)), Todo::default());
    assert_eq!(done(&mut graph, 1, 2), "b succeeded 1, a asked"); // The seventh.
    assert_eq!(graph.awaited(), 7);
    assert_eq!(graph.granted(&keys, 6, at(3)), Todo::default(), "those slots are given back");
    assert_eq!(told(&graph.granted(&keys, 7, at(3))), "a started 1");
    assert_eq!(done(&mut graph, 0, 4), "a succeeded 1, c started 1");
}

#[test]
fn of_several_granted_at_once_the_best_start_and_the_others_hold_nothing() {
    let urgent = PlanStep { priority: 1, ..pooled("c", &[]) };
    let mut graph = sequence(vec![pooled("a", &[]), pooled("b", &[]), urgent]);
    assert_eq!(told(&graph.begin(at(0))), "planned a b c, c asked, first pass done");
    assert_eq!(told(&graph.granted(&[], 2, at(0))), "a asked");
    assert_eq!(told(&graph.granted(&[], 4, at(0))), "b asked");
    let all = ["a", "b", "c"].map(str::to_owned);
    assert_eq!(told(&graph.granted(&all, 5, at(1))), "c started 1, a gave back, b gave back");
    assert_eq!(done(&mut graph, 2, 2), "c succeeded 1, a asked");
}

#[test]
fn the_stricter_of_two_limits_on_the_same_steps_counts() {
    let twice = json!([{"key": "k", "limit": 2}, {"key": "k", "limit": 1}]);
    let steps = ["a", "b"].map(|key| tagged(step(key, &[]), "k", "x")).to_vec();
    let mut graph = limited(json!({"tag_concurrency_limits": twice}), steps);
    assert_eq!(graph.begin(at(0)).starts, [first(0)]);
}

#[test]
fn a_step_that_a_limit_holds_back_is_canceled_with_its_run() {
    let mut graph = sequence(vec![step("a", &[]), step("b", &[])]);
    graph.begin(at(0));
    assert_eq!(told(&graph.halt(Halt::Cancel, at(1))), "b canceled");
    assert_eq!(done(&mut graph, 0, 2), "a canceled, ended Canceled");
}
