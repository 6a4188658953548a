//! The links between the steps of a plan, and whether the plan can be walked to its end.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;
use wire::plan::Plan;

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
    /// How many it waits for.
    pub(super) before: usize,
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
            links[index].before += 1;
        }
    }
    match in_a_circle(&links) {
        Some(step) => Err(PlanError::Circle(plan.steps[step].key.clone())),
        None => Ok(links),
    }
}

/// Finds the first step that would never be ready.
fn in_a_circle(links: &[Links]) -> Option<StepIndex> {
    let mut missing: Vec<usize> = links.iter().map(|link| link.before).collect();
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
