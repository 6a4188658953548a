//! Steps that give outputs: branches that are not taken, and steps that are found on the way.

use wire::plan::{DagsterPlan, StepLinks};
use wire::shim::{Input, Source, Target, TargetKind};

use super::*;
use crate::graph::Outputs;

/// A step with what it takes: `from.output`, several for a fan-in.
struct Sketch {
    key: &'static str,
    takes: &'static [&'static [(&'static str, &'static str)]],
    mapped_over: Option<&'static str>,
    dynamic: &'static [&'static str],
}

const PLAIN: Sketch = Sketch { key: "", takes: &[], mapped_over: None, dynamic: &[] };

fn sketched(steps: &[Sketch]) -> Graph {
    let plan_steps = steps.iter().map(|sketch| {
        let after: Vec<&str> =
            sketch.takes.iter().flat_map(|input| input.iter()).map(|(from, _)| *from).collect();
        step(sketch.key, &after)
    });
    let links = steps.iter().map(|sketch| {
        let input = |sources: &&[(&str, &str)]| Input {
            name: "in".to_owned(),
            sources: sources
                .iter()
                .map(|(step, output)| Source {
                    step: (*step).to_owned(),
                    output: (*output).to_owned(),
                })
                .collect(),
            is_fan_in: sources.len() > 1 || sources.iter().any(|(from, _)| from.ends_with("[?]")),
        };
        let is_fan_in_of_own = sketch.mapped_over.is_some();
        let inputs = sketch.takes.iter().map(input);
        let inputs =
            inputs.map(|input| Input { is_fan_in: input.is_fan_in && !is_fan_in_of_own, ..input });
        let links = StepLinks {
            inputs: inputs.collect(),
            dynamic_outputs: sketch.dynamic.iter().map(|name| (*name).to_owned()).collect(),
            mapped_over: sketch.mapped_over.map(str::to_owned),
        };
        (sketch.key.to_owned(), links)
    });
    linked(plan_steps.collect(), links.collect())
}

fn linked(steps: Vec<PlanStep>, links: BTreeMap<String, StepLinks>) -> Graph {
    let what = TargetKind::Module { module: "m".to_owned() };
    let dagster = DagsterPlan {
        target: Target { what, attribute: None, working_directory: "/".into() },
        asset_selection: None,
        op_selection: None,
        fork: None,
        inherited_env: None,
        is_whole: false,
        links,
    };
    let plan = Plan { dagster: Some(dagster), ..plan(steps) };
    Graph::new(&plan, NonZeroUsize::MIN.saturating_add(9)).unwrap()
}

fn gave(outputs: &[(&str, Option<&[&str]>)]) -> Ending {
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
    let outputs = outputs.iter().map(|(name, of)| ((*name).to_owned(), of.map(keys)));
    Ending::Gave(outputs.collect::<Outputs>())
}

#[test]
fn a_step_whose_input_was_not_given_is_skipped_and_so_is_what_hangs_on_it() {
    let mut graph = sketched(&[
        Sketch { key: "branch", ..PLAIN },
        Sketch { key: "left", takes: &[&[("branch", "l")]], ..PLAIN },
        Sketch { key: "right", takes: &[&[("branch", "r")]], ..PLAIN },
        Sketch { key: "after", takes: &[&[("right", "o")]], ..PLAIN },
        Sketch { key: "any", takes: &[&[("left", "o"), ("right", "o")]], ..PLAIN },
    ]);
    graph.begin(at(0));
    let todo = graph.exited(first(0), gave(&[("l", None)]), at(1));
    assert_eq!(
        told(&todo),
        "branch succeeded 1, right skipped (step `branch` before it gave no output `r`), \
         after skipped (step `right` before it was skipped), left started 1"
    );
    let todo = graph.exited(first(1), gave(&[("o", None)]), at(2));
    assert_eq!(told(&todo), "left succeeded 1, any started 1", "something comes of the fan-in");
    let todo = graph.exited(first(4), gave(&[]), at(3));
    assert_eq!(told(&todo), "any succeeded 1, ended Succeeded", "a skip is no failure");
}

fn fan() -> Graph {
    sketched(&[
        Sketch { key: "fan", dynamic: &["o"], ..PLAIN },
        Sketch { key: "one[?]", takes: &[&[("fan", "o")]], mapped_over: Some("fan"), ..PLAIN },
        Sketch { key: "two[?]", takes: &[&[("one[?]", "o")]], mapped_over: Some("fan"), ..PLAIN },
        Sketch { key: "all", takes: &[&[("two[?]", "o")]], ..PLAIN },
    ])
}

#[test]
fn steps_come_into_being_for_each_value_of_a_dynamic_output() {
    let mut graph = fan();
    assert_eq!(told(&graph.begin(at(0))), "planned fan all, fan started 1, first pass done");
    let todo = graph.exited(first(0), gave(&[("o", Some(&["x", "y"]))]), at(1));
    assert_eq!(
        told(&todo),
        "fan succeeded 1, planned one[x] one[y] two[x] two[y], one[x] started 1, one[y] started 1"
    );
    let keys = graph.dynamic_keys();
    assert_eq!(keys["fan"]["o"], ["x", "y"]);
    let [x, y] = [todo.starts[0], todo.starts[1]];
    assert_eq!((graph.key(x.step), graph.origin(x.step)), ("one[x]", 1));
    let todo = graph.exited(x, gave(&[("o", None)]), at(2));
    assert_eq!(told(&todo), "one[x] succeeded 1, two[x] started 1");
    graph.exited(todo.starts[0], gave(&[("o", None)]), at(3));
    let todo = graph.exited(y, gave(&[("o", None)]), at(4));
    let todo = graph.exited(todo.starts[0], gave(&[("o", None)]), at(5));
    assert_eq!(told(&todo), "two[y] succeeded 1, all started 1");
    let before = graph.outputs_before(todo.starts[0].step);
    assert_eq!(before.keys().collect::<Vec<_>>(), ["two[x]", "two[y]"]);
    assert_eq!(
        told(&graph.exited(todo.starts[0], gave(&[]), at(6))),
        "all succeeded 1, ended Succeeded"
    );
}

#[test]
fn a_dynamic_output_without_values_lets_who_takes_all_of_them_go_on() {
    let mut graph = fan();
    graph.begin(at(0));
    let todo = graph.exited(first(0), gave(&[]), at(1));
    assert_eq!(told(&todo), "fan succeeded 1, all started 1");
    assert_eq!(graph.dynamic_keys()["fan"]["o"], [""; 0]);
}

#[test]
fn what_hangs_on_a_dynamic_output_ends_with_the_step_that_failed_to_give_it() {
    let mut graph = fan();
    graph.begin(at(0));
    let todo = graph.exited(first(0), Ending::Final("no".to_owned()), at(1));
    assert!(told(&todo).starts_with("fan failed 1 (no), all skipped"), "{}", told(&todo));
    assert!(graph.has_ended());
    let mut graph = fan();
    graph.begin(at(0));
    let todo = graph.halt(Halt::Cancel, at(1));
    assert!(!told(&todo).contains("[?]"), "{}", told(&todo));
}

#[test]
fn one_failed_step_of_several_for_values_skips_who_takes_all_of_them() {
    let mut graph = fan();
    graph.begin(at(0));
    let todo = graph.exited(first(0), gave(&[("o", Some(&["x", "y"]))]), at(1));
    let [x, y] = [todo.starts[0], todo.starts[1]];
    let failed = told(&graph.exited(x, Ending::Final("no".to_owned()), at(2)));
    assert!(failed.contains("two[x] skipped") && failed.contains("all skipped"), "{failed}");
    let todo = graph.exited(y, gave(&[("o", None)]), at(3));
    assert_eq!(told(&todo), "one[y] succeeded 1, two[y] started 1", "the others go on");
}

#[test]
fn a_step_is_tried_again_when_it_asks_for_it_whatever_the_plan_says() {
    let mut graph = sketched(&[Sketch { key: "a", ..PLAIN }]);
    graph.begin(at(0));
    let again = Ending::Again("later".to_owned(), std::time::Duration::from_secs(5));
    let todo = graph.exited(first(0), again, at(1));
    assert_eq!(told(&todo), "a failed 1 (later) until 6");
    assert_eq!(told(&graph.passed(at(6))), "a started 2");
}

#[test]
fn more_steps_than_a_run_can_have_fail_who_asks_for_them() {
    let mut graph = fan();
    graph.begin(at(0));
    let keys: Vec<String> = (0..6_000).map(|key| key.to_string()).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let todo = graph.exited(first(0), gave(&[("o", Some(&keys))]), at(1));
    assert!(told(&todo).contains("fan failed 1 (it gave values for 12000 further steps"));
}

#[test]
fn a_row_of_as_many_steps_as_a_run_may_have_is_skipped() {
    const ROW: usize = 10_000;
    let key = |number: usize| format!("s{number}");
    let steps = (1..ROW).map(|number| step(&key(number), &[&key(number - 1)]));
    let steps = std::iter::once(step("s0", &[])).chain(steps).collect();
    let links = (1..ROW).map(|number| {
        let source = Source { step: key(number - 1), output: "o".to_owned() };
        let input = Input { name: "in".to_owned(), sources: vec![source], is_fan_in: false };
        let links = StepLinks { inputs: vec![input], dynamic_outputs: vec![], mapped_over: None };
        (key(number), links)
    });
    let mut graph = linked(steps, links.collect());
    graph.begin(at(0));
    let todo = graph.exited(first(0), gave(&[]), at(1));
    // All the others, and before them the success, behind them the end.
    assert_eq!(todo.reports.len(), ROW + 1);
    assert!(graph.has_ended());
}
