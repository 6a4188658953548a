//! The links between the steps of a plan, and whether the plan can be walked to its end.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;
use wire::plan::{Plan, StepLinks};

use super::outputs::Input;
use crate::graph::StepIndex;

/// Why a plan cannot be walked. A code location checks its jobs, so this speaks of a plan that was
/// damaged or made by something else.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Two steps have one key.
    #[error("the plan has two steps `{0}`")]
    TwoSteps(String),
    /// A step waits for one that is not there.
    #[error("step `{step}` of the plan waits for `{after}`, which is no step of it")]
    UnknownStep {
        /// The step that waits.
        step: String,
        /// What it waits for.
        after: String,
    },
    /// A step has no program to start.
    #[error("step `{0}` of the plan has no command")]
    NoCommand(String),
    /// Steps wait for one another in a circle.
    #[error("the steps of the plan wait for one another in a circle, step `{0}` among them")]
    Circle(String),
}

/// What hangs on a step, and on how many others it hangs itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    /// Those that wait for it, each once.
    pub(super) dependents: Vec<StepIndex>,
    /// Those that it waits for, each once.
    pub(super) before: Vec<StepIndex>,
    /// What it takes from them.
    pub(super) inputs: Vec<Input>,
    /// Which of its outputs have any number of values.
    pub(super) dynamic_outputs: Vec<String>,
    /// The step for each value of whose output it is executed.
    pub(super) mapped_over: Option<StepIndex>,
}

/// Finds the place of every key; each step has one of its own, and a command.
pub(super) fn by_key(plan: &Plan) -> Result<BTreeMap<String, StepIndex>, PlanError> {
    let mut by_key = BTreeMap::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if by_key.insert(step.key.clone(), index).is_some() {
            return Err(PlanError::TwoSteps(step.key.clone()));
        }
        if step.command.is_empty() {
            return Err(PlanError::NoCommand(step.key.clone()));
        }
    }
    Ok(by_key)
}

/// Links the steps. A step that names another one twice waits for it once.
pub(super) fn dependents(
    plan: &Plan,
    by_key: &BTreeMap<String, StepIndex>,
) -> Result<Vec<Links>, PlanError> {
    let mut links = vec![Links::default(); plan.steps.len()];
    for (index, step) in plan.steps.iter().enumerate() {
        for after in step.after.iter().collect::<BTreeSet<_>>() {
            let Some(before) = by_key.get(after) else {
                let (step, after) = (step.key.clone(), after.clone());
                return Err(PlanError::UnknownStep { step, after });
            };
            links[*before].dependents.push(index);
            links[index].before.push(*before);
        }
    }
    if let Some(dagster) = &plan.dagster {
        for (key, of_step) in &dagster.links {
            let Some(step) = by_key.get(key) else { continue };
            add(&mut links[*step], of_step, by_key);
        }
    }
    match in_a_circle(&links) {
        Some(step) => Err(PlanError::Circle(plan.steps[step].key.clone())),
        None => Ok(links),
    }
}

/// Adds what a step takes and gives. A source that is no step of the plan gives nothing to wait for.
fn add(links: &mut Links, given: &StepLinks, by_key: &BTreeMap<String, StepIndex>) {
    let input = |input: &wire::shim::Input| Input {
        sources: input
            .sources
            .iter()
            .filter_map(|source| Some((*by_key.get(&source.step)?, source.output.clone())))
            .collect(),
        is_fan_in: input.is_fan_in,
    };
    links.inputs = given.inputs.iter().map(input).collect();
    links.dynamic_outputs.clone_from(&given.dynamic_outputs);
    links.mapped_over = given.mapped_over.as_ref().and_then(|fan| by_key.get(fan).copied());
}

/// Finds the first step that would never be ready.
fn in_a_circle(links: &[Links]) -> Option<StepIndex> {
    let mut missing: Vec<usize> = links.iter().map(|link| link.before.len()).collect();
    let mut ready: Vec<StepIndex> = (0..links.len()).filter(|step| missing[*step] == 0).collect();
    while let Some(step) = ready.pop() {
        for dependent in &links[step].dependents {
            missing[*dependent] -= 1;
            if missing[*dependent] == 0 {
                ready.push(*dependent);
            }
        }
    }
    missing.iter().position(|count| *count > 0)
}
