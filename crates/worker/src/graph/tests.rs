//! The walk, first by hand, then on random graphs whose steps end as they like.

mod outputs;
mod own_limits;
mod random;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use wire::plan::{Backoff, Executor, PlanStep, RetryPolicy};

use super::*;

/// A step without anything, `cat` for short.
pub(crate) fn step(key: &str, after: &[&str]) -> PlanStep {
    PlanStep {
        key: key.to_owned(),
        command: vec!["/bin/true".to_owned()],
        env: BTreeMap::new(),
        cwd: "/".into(),
        after: after.iter().map(|key| (*key).to_owned()).collect(),
        pools: BTreeMap::new(),
        priority: 0,
        tags: BTreeMap::new(),
        retries: None,
        timeout_ms: None,
    }
}

fn pooled(key: &str, after: &[&str]) -> PlanStep {
    PlanStep { pools: BTreeMap::from([("db".to_owned(), 1)]), ..step(key, after) }
}

fn retried(step: PlanStep, max_retries: u32, delay_ms: u64) -> PlanStep {
    let retries = RetryPolicy { max_retries, delay_ms, backoff: Backoff::Constant };
    PlanStep { retries: Some(retries), ..step }
}

pub(super) fn plan(steps: Vec<PlanStep>) -> Plan {
    let executor = Executor::default();
    Plan { job: "job".to_owned(), location: "here".to_owned(), steps, executor, dagster: None }
}

fn graph(steps: Vec<PlanStep>) -> Graph {
    bounded(steps, 100)
}

fn bounded(steps: Vec<PlanStep>, max_running: usize) -> Graph {
    Graph::new(&plan(steps), NonZeroUsize::new(max_running).unwrap()).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn first(step: StepIndex) -> Try {
    Try { step, number: 1 }
}

fn failed() -> Ending {
    Ending::Failed("exit code 1".to_owned())
}

/// Writes what is to be told, one word for each report.
fn told(todo: &Todo) -> String {
    let words: Vec<String> = todo.reports.iter().map(|report| word(&report.kind)).collect();
    words.join(", ")
}

fn word(kind: &ReportKind) -> String {
    match kind {
        ReportKind::Planned { steps } => format!("planned {}", steps.join(" ")),
        ReportKind::Asked { step, .. } => format!("{step} asked"),
        ReportKind::GaveBack { step } => format!("{step} gave back"),
        ReportKind::FirstPassDone => "first pass done".to_owned(),
        ReportKind::Started { step, r#try } => format!("{step} started {try}"),
        ReportKind::Succeeded { step, r#try } => format!("{step} succeeded {try}"),
        ReportKind::UpForRetry { step, r#try, error, retry_at, .. } => {
            format!("{step} failed {try} ({error}) until {}", retry_at / 1_000_000)
        }
        ReportKind::Failed { step, r#try, error, .. } => format!("{step} failed {try} ({error})"),
        ReportKind::Skipped { step, reason } => format!("{step} skipped ({reason})"),
        ReportKind::Told { step, r#try, told, .. } => format!("{step} told {try}: {told:?}"),
        ReportKind::Canceled { step } => format!("{step} canceled"),
        ReportKind::Ended { outcome } => format!("ended {outcome:?}"),
    }
}

#[test]
fn a_step_starts_when_all_before_it_have_succeeded() {
    let mut graph = graph(vec![step("c", &["a", "b"]), step("a", &[]), step("b", &[])]);
    let todo = graph.begin(at(0));
    assert_eq!(told(&todo), "planned c a b, a started 1, b started 1, first pass done");
    assert_eq!(todo.starts, [first(1), first(2)]);
    assert_eq!(told(&graph.exited(first(2), Ending::Succeeded, at(1))), "b succeeded 1");
    let todo = graph.exited(first(1), Ending::Succeeded, at(2));
    assert_eq!(told(&todo), "a succeeded 1, c started 1");
    let todo = graph.exited(first(0), Ending::Succeeded, at(3));
    assert_eq!(told(&todo), "c succeeded 1, ended Succeeded");
    assert!(graph.has_ended());
}

#[test]
fn a_run_without_steps_succeeds_at_once() {
    assert_eq!(told(&graph(vec![]).begin(at(0))), "first pass done, ended Succeeded");
}

#[test]
fn larger_priorities_go_first_then_the_order_of_the_definition() {
    let with = |key: &str, priority| PlanStep { priority, ..step(key, &[]) };
    let mut graph = graph(vec![with("a", -1), with("b", 0), with("c", 5), with("d", 0)]);
    let todo = graph.begin(at(0));
    assert_eq!(todo.starts, [first(2), first(1), first(3), first(0)]);
}

#[test]
fn no_more_steps_run_at_once_than_the_worker_may() {
    let mut graph = bounded(vec![step("a", &[]), step("b", &[]), step("c", &[])], 2);
    let todo = graph.begin(at(0));
    assert_eq!(told(&todo), "planned a b c, a started 1, b started 1, first pass done");
    let todo = graph.exited(first(0), failed(), at(2));
    assert_eq!(told(&todo), "a failed 1 (exit code 1), c started 1");
    assert_eq!(told(&graph.halt(Halt::Cancel, at(3))), "");
    assert_eq!(graph.exited(first(2), failed(), at(4)).starts, []);
    graph.exited(first(1), failed(), at(4));
    assert!(graph.has_ended());
}

#[test]
fn a_failed_step_skips_all_behind_it_and_names_itself() {
    let steps = vec![step("a", &[]), step("b", &["a"]), step("c", &["b", "a"]), step("d", &[])];
    let mut graph = graph(steps);
    graph.begin(at(0));
    let todo = graph.exited(first(0), failed(), at(1));
    assert_eq!(
        told(&todo),
        "a failed 1 (exit code 1), b skipped (step `a` before it failed), \
         c skipped (step `a` before it failed)"
    );
    let todo = graph.exited(first(3), Ending::Succeeded, at(2));
    assert_eq!(
        told(&todo),
        "d succeeded 1, ended Failed { by_step: true, error: \"step `a` failed: exit code 1\" }"
    );
}

#[test]
fn a_step_skipped_behind_a_skipped_one_says_so() {
    let mut graph = graph(vec![step("a", &[]), step("b", &["a"]), step("c", &["b"])]);
    graph.begin(at(0));
    let todo = graph.exited(first(0), failed(), at(1));
    assert!(told(&todo).contains("c skipped (step `b` before it was skipped)"), "{}", told(&todo));
}

#[test]
fn a_step_with_pools_starts_when_it_is_granted() {
    let mut graph = graph(vec![pooled("a", &[]), step("b", &[])]);
    let todo = graph.begin(at(0));
    assert_eq!(told(&todo), "planned a b, a asked, b started 1, first pass done");
    assert_eq!(todo.starts, [first(1)]);
    let keys = ["a".to_owned(), "b".to_owned(), "nobody".to_owned()];
    let todo = graph.granted(&keys, 0, at(1));
    assert_eq!((told(&todo), todo.starts), ("a started 1".to_owned(), vec![first(0)]));
    assert_eq!(graph.granted(&keys, 4, at(1)), Todo::default());
}

#[test]
fn a_step_that_failed_asks_again_and_an_older_grant_does_not_start_it() {
    let mut graph = graph(vec![retried(pooled("a", &[]), 1, 10_000)]);
    graph.begin(at(0)); // Three reports.
    let keys = ["a".to_owned()];
    graph.granted(&keys, 0, at(0)); // The fourth.
    assert_eq!(graph.awaited(), 0);
    let todo = graph.exited(first(0), failed(), at(5));
    assert_eq!(told(&todo), "a failed 1 (exit code 1) until 15");
    assert_eq!(graph.next_deadline(), Some(at(15)));
    assert_eq!(graph.passed(at(14)), Todo::default());
    assert_eq!(told(&graph.passed(at(15))), "a asked"); // The sixth.
    assert_eq!(graph.awaited(), 6);
    assert_eq!(graph.granted(&keys, 5, at(16)), Todo::default());
    assert_eq!(graph.granted(&keys, 6, at(16)).starts, [Try { step: 0, number: 2 }]);
    let todo = graph.exited(Try { step: 0, number: 2 }, failed(), at(17));
    assert!(told(&todo).starts_with("a failed 2 (exit code 1), ended"), "{}", told(&todo));
}

#[test]
fn a_try_that_runs_too_long_is_ended_and_counts_as_failed_even_if_it_exits_well() {
    let slow = PlanStep { timeout_ms: Some(2_000), ..step("a", &[]) };
    let mut graph = graph(vec![retried(slow, 1, 0)]);
    graph.begin(at(0));
    assert_eq!(graph.next_deadline(), Some(at(2)));
    assert_eq!(graph.passed(at(2)), Todo { ends: vec![0], ..Todo::default() });
    assert_eq!(graph.next_deadline(), None);
    let todo = graph.exited(first(0), Ending::Succeeded, at(3));
    assert_eq!(told(&todo), "a failed 1 (timed out after 2 s) until 3");
    assert_eq!(graph.passed(at(3)).starts, [Try { step: 0, number: 2 }]);
}

#[test]
fn a_step_that_cannot_be_started_is_not_tried_again() {
    let mut graph = graph(vec![retried(step("a", &[]), 5, 0)]);
    graph.begin(at(0));
    let todo = graph.exited(first(0), Ending::Unstartable("no X".to_owned()), at(1));
    assert!(told(&todo).starts_with("a failed 1 (no X), ended"), "{}", told(&todo));
}

#[test]
fn a_cancel_withdraws_what_waits_and_ends_what_runs() {
    let waiting = retried(step("d", &[]), 1, 60_000);
    let mut graph = graph(vec![step("a", &[]), pooled("b", &[]), step("c", &["a"]), waiting]);
    graph.begin(at(0));
    graph.exited(first(3), failed(), at(1));
    let todo = graph.halt(Halt::Cancel, at(2));
    assert_eq!(told(&todo), "b canceled, c canceled, d canceled");
    assert_eq!(todo.ends, [0]);
    assert_eq!(graph.next_deadline(), None);
    assert_eq!(graph.granted(&["b".to_owned()], 9, at(3)), Todo::default());
    assert_eq!(graph.halt(Halt::Cancel, at(3)), Todo::default());
    let todo = graph.exited(first(0), Ending::Succeeded, at(4));
    assert_eq!(told(&todo), "a canceled, ended Canceled");
}

#[test]
fn a_cancel_after_the_end_changes_nothing() {
    let mut graph = graph(vec![step("a", &[])]);
    graph.begin(at(0));
    graph.exited(first(0), Ending::Succeeded, at(1));
    assert_eq!(graph.halt(Halt::Cancel, at(2)), Todo::default());
}

#[test]
fn a_worker_that_fails_says_that_it_was_not_a_step() {
    let mut graph = graph(vec![step("a", &[])]);
    graph.begin(at(0));
    graph.halt(Halt::Fail("disk full".to_owned()), at(1));
    let todo = graph.exited(first(0), failed(), at(2));
    assert_eq!(told(&todo), "a canceled, ended Failed { by_step: false, error: \"disk full\" }");
}

#[test]
fn a_plan_that_could_never_end_is_refused() {
    let error = |steps| Graph::new(&plan(steps), NonZeroUsize::MIN).unwrap_err();
    assert_eq!(
        error(vec![step("a", &[]), step("b", &["c"]), step("c", &["b"])]),
        PlanError::Circle("b".to_owned())
    );
    assert_eq!(
        error(vec![PlanStep { command: vec![], ..step("a", &[]) }]),
        PlanError::NoCommand("a".to_owned())
    );
    assert_eq!(
        error(vec![step("a", &["x"])]),
        PlanError::UnknownStep { step: "a".to_owned(), after: "x".to_owned() }
    );
    assert_eq!(error(vec![step("a", &[]), step("a", &[])]), PlanError::TwoSteps("a".to_owned()));
}
