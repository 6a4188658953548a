//! Steps that are code written for Dagster: what Python is asked for one try. What it answers is read in
//! `crate::answer`.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use wire::plan::{DagsterPlan, PlanStep};
use wire::shim::{ExecuteStep, Instance, Known, Run, VERSION};
use wire::worker::Assignment;

use crate::graph::{Graph, StepIndex, Try};

/// What all steps of a run share.
#[derive(Debug, Clone)]
pub(crate) struct DagsterRun {
    plan: DagsterPlan,
    location: String,
    run: Run,
    home: PathBuf,
}

impl DagsterRun {
    /// Takes what is to be executed, if it is code written for Dagster; values that pass from step to
    /// step are kept below the home folder.
    pub(crate) fn of(given: &Assignment, run: &str, home: &Path) -> Option<Self> {
        let plan = given.plan.dagster.clone()?;
        let run_config = if given.config.is_null() {
            Json::Object(serde_json::Map::new())
        } else {
            given.config.clone()
        };
        let run = Run {
            id: run.to_owned(),
            job: given.plan.job.clone(),
            tags: given.tags.clone(),
            run_config,
            root_run_id: None,
            parent_run_id: None,
            asset_selection: plan.asset_selection.clone(),
            op_selection: plan.op_selection.clone(),
        };
        let location = given.plan.location.clone();
        Some(Self { plan, location, run, home: home.to_owned() })
    }

    /// Writes the request for one try of a step.
    pub(crate) fn request(&self, step: &PlanStep, start: Try, graph: &Graph) -> String {
        let tried = start.number.saturating_sub(1);
        let request = ExecuteStep {
            version: VERSION,
            target: self.plan.target.clone(),
            location: self.location.clone(),
            run: self.run.clone(),
            step: (!self.plan.is_whole).then(|| step.key.clone()),
            r#try: start.number,
            known: Known {
                dynamic: graph.dynamic_keys(),
                retries: [(step.key.clone(), tried)].into_iter().filter(|_| tried > 0).collect(),
                outputs: graph.outputs_before(start.step),
            },
            storage: self.home.clone(),
            instance: Instance::of_home(&self.home),
            prints_events: true,
        };
        // It has text keys only, and so can always be written.
        serde_json::to_string(&request).unwrap_or_default()
    }
}

/// The step that a try is of, as its graph knows it.
pub(crate) fn step_of(graph: &Graph, steps: &[PlanStep], step: StepIndex) -> PlanStep {
    PlanStep { key: graph.key(step).to_owned(), ..steps[graph.origin(step)].clone() }
}
