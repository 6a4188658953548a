//! Which steps of a run its own limits hold back, and who has their places.
//!
//! Worked out of the plan and the stored steps when somebody asks: the worker decides it, and tells
//! only what follows from it. So this may speak of a place that is being given away at the moment.

use std::collections::BTreeMap;

use model::{StepRow, StepStatus, Timestamp};
use wire::plan::{Executor, OwnLimit, Plan, PlanStep};

/// How many of those who have the places of a limit are named.
const NAMED_STEPS: usize = 3;

/// Returns the steps that wait for nothing but limits inside their run, each with a sentence for each
/// such limit.
pub(crate) fn held_back(
    plan: &Plan,
    rows: &[StepRow],
    now: Timestamp,
) -> BTreeMap<String, Vec<String>> {
    if plan.executor.is_default() {
        return BTreeMap::new();
    }
    let rows: BTreeMap<&str, &StepRow> = rows.iter().map(|row| (row.key().as_str(), row)).collect();
    let holders = holders(plan, &rows);
    let ready = plan.steps.iter().filter(|step| is_ready(step, &rows, now));
    let sentences = ready.map(|step| (step.key.clone(), sentences(&plan.executor, step, &holders)));
    sentences.filter(|(_, sentences)| !sentences.is_empty()).collect()
}

/// Returns the steps that run, by the limits that they use up.
fn holders<'p>(
    plan: &'p Plan,
    rows: &BTreeMap<&str, &StepRow>,
) -> BTreeMap<OwnLimit, Vec<&'p str>> {
    let mut holders: BTreeMap<OwnLimit, Vec<&str>> = BTreeMap::new();
    for step in &plan.steps {
        if rows.get(&*step.key).is_some_and(|row| row.status == StepStatus::Running) {
            for (limit, _) in plan.executor.limits_of(&step.tags) {
                holders.entry(limit).or_default().push(&step.key);
            }
        }
    }
    holders
}

/// Whether a step could ask for its slots or start, as far as the others and its delay go.
fn is_ready(step: &PlanStep, rows: &BTreeMap<&str, &StepRow>, now: Timestamp) -> bool {
    let has_succeeded =
        |key: &String| rows.get(&**key).is_some_and(|row| row.status == StepStatus::Succeeded);
    rows.get(&*step.key).is_some_and(|row| match row.status {
        StepStatus::WaitingForDependencies => step.after.iter().all(has_succeeded),
        StepStatus::UpForRetry => row.retry_at.is_none_or(|retry_at| retry_at <= now),
        StepStatus::WaitingForSlots
        | StepStatus::Running
        | StepStatus::Succeeded
        | StepStatus::Failed
        | StepStatus::Skipped
        | StepStatus::Canceled => false,
    })
}

fn sentences(
    executor: &Executor,
    step: &PlanStep,
    holders: &BTreeMap<OwnLimit, Vec<&str>>,
) -> Vec<String> {
    let mut sentences = Vec::new();
    for (limit, most) in executor.limits_of(&step.tags) {
        let taken = holders.get(&limit).map(Vec::as_slice).unwrap_or_default();
        if taken.len() as u64 >= u64::from(most.get()) {
            sentences.push(format!(
                "waits for the run's own limit {limit} ({} of {most} taken by {})",
                taken.len(),
                named(taken)
            ));
        }
    }
    sentences
}

fn named(steps: &[&str]) -> String {
    let word = if steps.len() == 1 { "step" } else { "steps" };
    let named = steps[..steps.len().min(NAMED_STEPS)].join(", ");
    match steps.len().saturating_sub(NAMED_STEPS) {
        0 => format!("{word} {named}"),
        more => format!("{word} {named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use model::{RunId, StepId, StepKey};
    use serde_json::json;

    use super::*;

    fn plan(executor: &serde_json::Value, steps: &[(&str, &[&str], &str)]) -> Plan {
        let steps = steps.iter().map(|(key, after, value)| {
            json!({"key": key, "command": ["x"], "cwd": "/", "after": after, "tags": {"db": value}})
        });
        let steps = steps.collect::<Vec<_>>();
        serde_json::from_value(
            json!({"job": "a", "location": "b", "steps": steps, "executor": executor}),
        )
        .unwrap()
    }

    fn row(key: &str, status: StepStatus, retry_at: Option<Timestamp>) -> StepRow {
        StepRow {
            id: StepId { run: RunId::from_u128(1), step: StepKey::new(key).unwrap() },
            position: 0,
            status,
            try_number: 0,
            waiting_since: None,
            started_at: None,
            ended_at: None,
            retry_at,
            error: None,
        }
    }

    fn told(plan: &Plan, rows: &[StepRow]) -> Vec<String> {
        let held = held_back(plan, rows, Timestamp::from_micros(10));
        let lines = held.iter().map(|(key, sentences)| format!("{key} {}", sentences.join("; ")));
        lines.collect()
    }

    #[test]
    fn a_ready_step_names_every_full_limit_and_who_has_its_places() {
        use StepStatus::{Running, Succeeded, UpForRetry, WaitingForDependencies, WaitingForSlots};
        let executor = json!({"max_concurrent": 4, "tag_concurrency_limits": [
            {"key": "db", "value": "big", "limit": 1},
            {"key": "db", "value": {"applyLimitPerUniqueValue": true}, "limit": 1},
            {"key": "db", "limit": 4}]});
        let steps: &[(&str, &[&str], &str)] = &[
            ("a", &[], "big"),
            ("b", &[], "b"),
            ("c", &[], "c"),
            ("later", &["a"], "big"),
            ("next", &["done"], "big"),
            ("done", &[], "big"),
            ("again", &[], "b"),
            ("soon", &[], "b"),
            ("slots", &[], "b"),
            ("free", &["done"], "free"),
        ];
        let mut rows = vec![
            row("a", Running, None),
            row("b", Running, None),
            row("c", Running, None),
            row("later", WaitingForDependencies, None),
            row("next", WaitingForDependencies, None),
            row("done", Succeeded, None),
            row("again", UpForRetry, Some(Timestamp::from_micros(10))),
            row("soon", UpForRetry, Some(Timestamp::from_micros(11))),
            row("slots", WaitingForSlots, None),
            row("free", WaitingForDependencies, None),
        ];
        let plan = plan(&executor, steps);
        assert_eq!(
            told(&plan, &rows),
            [
                "again waits for the run's own limit db=b, each value apart (1 of 1 taken by step b)",
                "next waits for the run's own limit db=big (1 of 1 taken by step a); \
                 waits for the run's own limit db=big, each value apart (1 of 1 taken by step a)",
            ]
        );
        rows[7].status = Running;
        assert_eq!(
            told(&plan, &rows)[1],
            "free waits for the run's own limit max_concurrent (4 of 4 taken by steps a, b, c and 1 \
             more); waits for the run's own limit db (4 of 4 taken by steps a, b, c and 1 more)"
        );
    }

    #[test]
    fn a_run_without_limits_of_its_own_holds_nothing_back() {
        let plan = plan(&json!({}), &[("a", &[], "x")]);
        let waits = row("a", StepStatus::WaitingForDependencies, None);
        assert_eq!(told(&plan, &[waits]), Vec::<String>::new());
    }
}
