//! One step in the walk: what the plan says of it, and where it is.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use model::Timestamp;
use wire::plan::{PlanStep, RetryPolicy};
use wire::told::Error;

use super::outputs::{Gave, Input};
use crate::graph::StepIndex;

/// The order of ready steps: larger priorities stand first, then the order of the definition.
pub(super) type Place = (Reverse<i32>, StepIndex);

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Some step before it has not succeeded yet.
    WaitingForDependencies,
    /// It goes on as soon as the limits inside the run let it, and holds nothing.
    Ready,
    /// It has asked for its slots and holds nothing.
    WaitingForSlots {
        /// The number of the report with which it asked, if it has asked before; else 0. A grant
        /// that is older than that is none of its own.
        since: u64,
    },
    /// A try of it runs.
    Running {
        /// Whether the try ran too long and is being ended.
        is_late: bool,
    },
    /// It waits until it is ready again, and holds nothing.
    UpForRetry,
    /// It succeeded, failed, was skipped or was canceled.
    Over,
}

/// A step.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) key: String,
    pub(super) pools: BTreeMap<String, u32>,
    pub(super) priority: i32,
    retries: Option<RetryPolicy>,
    pub(super) timeout: Option<Duration>,
    /// Those that wait for it, each once.
    pub(super) dependents: Vec<StepIndex>,
    /// Those that it waits for, each once.
    pub(super) before: Vec<StepIndex>,
    /// How many steps before it are not over yet.
    pub(super) missing: usize,
    /// What it takes from steps before it, as far as that is known.
    pub(super) inputs: Vec<Input>,
    /// Which of its outputs have any number of values.
    pub(super) dynamic_outputs: Vec<String>,
    /// The step for each value of whose output it is executed: then it is a template, and never run.
    pub(super) mapped_over: Option<StepIndex>,
    /// Its place in the plan, or that of its template.
    pub(super) origin: StepIndex,
    /// What it gave.
    pub(super) gave: Gave,
    /// How many tries have begun.
    pub(super) tries: u32,
    /// Whether it has ever asked for slots.
    pub(super) has_asked: bool,
    pub(super) state: State,
    pub(super) deadline: Option<Timestamp>,
    /// What went wrong in its latest try, as its code has raised it, until that is told.
    pub(super) details: Option<Box<Error>>,
}

impl Step {
    /// Takes a step of a plan with its links.
    pub(super) fn new(origin: StepIndex, plan: &PlanStep, links: super::links::Links) -> Self {
        Self {
            key: plan.key.clone(),
            pools: plan.pools.clone(),
            priority: plan.priority,
            retries: plan.retries.clone(),
            timeout: plan.timeout_ms.map(Duration::from_millis),
            dependents: links.dependents,
            missing: links.before.len(),
            before: links.before,
            inputs: links.inputs,
            dynamic_outputs: links.dynamic_outputs,
            mapped_over: links.mapped_over,
            origin,
            gave: Gave::Unknown,
            tries: 0,
            has_asked: false,
            state: State::WaitingForDependencies,
            deadline: None,
            details: None,
        }
    }

    /// Returns the step for one value where this is a template; it is linked with nothing yet.
    pub(super) fn for_key(&self, key: String) -> Self {
        Self {
            key,
            pools: self.pools.clone(),
            priority: self.priority,
            retries: self.retries.clone(),
            timeout: self.timeout,
            dependents: Vec::new(),
            before: Vec::new(),
            missing: 0,
            inputs: Vec::new(),
            dynamic_outputs: self.dynamic_outputs.clone(),
            mapped_over: None,
            origin: self.origin,
            gave: Gave::Unknown,
            tries: 0,
            has_asked: false,
            state: State::WaitingForDependencies,
            deadline: None,
            details: None,
        }
    }

    /// Whether it only stands for steps that are found while the run goes on.
    pub(super) fn is_template(&self) -> bool {
        self.mapped_over.is_some()
    }

    /// Where it stands among ready steps.
    pub(super) fn place(&self, index: StepIndex) -> Place {
        (Reverse(self.priority), index)
    }

    /// How long it waits after its latest try failed; `None` if that was the last one.
    pub(super) fn delay_before_retry(&self) -> Option<Duration> {
        let policy = self.retries.as_ref()?;
        policy.delay_after(self.tries).map(Duration::from_millis)
    }
}
