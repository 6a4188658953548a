//! The plan of one run whose config, partition or selection matters: Dagster itself makes it and says
//! what is wrong with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Tags;
use serde_json::Value as Json;
use wire::shim::{Instance, PlanRun, Planned, VERSION};

use super::PythonHost;
use super::host::AskError;
use super::steps::{Selection, Tools, steps};
use crate::job::{Job, JobSubmission, JobText, PythonJob, SubmissionError};

/// What a run is asked for with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunRequest {
    /// Tags that are set over those of the job.
    pub tags: BTreeMap<String, String>,
    /// The config of the run.
    pub config: Option<Json>,
    /// The part of the job that it is for.
    pub selection: Selection,
}

/// Tags that say which partition a run is for: its config may depend on that.
const PARTITION_TAGS: &str = "dagster/partition";

impl RunRequest {
    /// Whether a run that is asked for so is like every other one of its job.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.config, None | Some(Json::Null))
            && self.selection == Selection::default()
            && !self.tags.keys().any(|key| key.starts_with(PARTITION_TAGS))
    }
}

/// Has one run planned.
pub(crate) fn plan(
    host: &PythonHost,
    job: &Job,
    python: &PythonJob,
    asked: &RunRequest,
) -> Result<JobSubmission, SubmissionError> {
    let run_config = match &asked.config {
        None | Some(Json::Null) => Json::Object(serde_json::Map::new()),
        Some(config @ Json::Object(_)) => config.clone(),
        Some(other) => return Err(SubmissionError::no_map(other)),
    };
    let given = asked.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let tags: Tags = job.tags.iter().chain(given).collect();
    let location = &python.location;
    let request = PlanRun {
        version: VERSION,
        target: location.target.clone(),
        location: location.name.to_string(),
        job: job.name.to_string(),
        run_config: run_config.clone(),
        tags: tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        asset_selection: asked.selection.assets.clone(),
        op_selection: asked.selection.ops.clone(),
        storage: host.home().to_owned(),
        instance: Instance::of_home(host.home()),
    };
    let asked_of_python = host.ask(location, "plan", &request, host.deadlines().plan, None);
    let (planned, run_tags, config, assets) = match asked_of_python.answer {
        Ok(Planned::Plan { plan, run_tags, run_config: said, asset_selection }) => {
            (plan, run_tags, said.unwrap_or(run_config), asset_selection)
        }
        Ok(Planned::Invalid { message }) => return Err(SubmissionError::Invalid(message)),
        Ok(Planned::LoadError(error)) => {
            let message = format!("{}: {}", error.class, error.message);
            return Err(SubmissionError::NotPlanned(format!(
                "the code cannot be loaded: {message}"
            )));
        }
        Err(error) => return Err(not_planned(&error, &asked_of_python.printed)),
    };
    let interpreter = host.interpreter(location);
    let python_path = host.python_path();
    let inherited_env = host.inherited_env();
    let tools =
        Tools { location, interpreter: &interpreter, python_path: &python_path, inherited_env };
    // Steps are told the keys: what a selection means may be another thing when they run.
    let selection = Selection { assets, ops: asked.selection.ops.clone() };
    let steps = steps(job.name.as_str(), &planned, &selection, tools)
        .map_err(|error| SubmissionError::Invalid(error.to_string()))?;
    // What the job says loses against what its partition says, and that against the submitter.
    let said = run_tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let given = asked.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let text = JobText {
        name: job.name.clone(),
        location: job.location.clone(),
        description: None,
        tags: job.tags.iter().chain(said).chain(given).collect(),
        config,
        steps: steps.steps,
        executor: steps.executor,
        dagster: Some(steps.dagster),
        python: Some(PythonJob { location: Arc::clone(location), ..python.clone() }),
    };
    let job = Job::new(text).map_err(|error| SubmissionError::Invalid(error.to_string()))?;
    Ok(job.plain_submission())
}

fn not_planned(error: &AskError, printed: &str) -> SubmissionError {
    let printed = match printed.lines().last() {
        Some(line) => format!(" (it printed last: {line})"),
        None => String::new(),
    };
    SubmissionError::NotPlanned(format!("{error}{printed}"))
}
