//! A job as it is loaded, and what a submission of it becomes.
//!
//! Everything that is the same for all runs of a job is made once, when it is loaded: many runs may
//! be submitted in a second.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{CodeLocation, Demand, JobName, PlanHash, PoolName, RunPools, Slots, Tags};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use thiserror::Error;
use wire::plan::{DagsterPlan, Executor, Plan, PlanStep};
use wire::shim::Partitions;

use crate::python::{PythonLocation, RunRequest};

/// A job of a code location.
#[derive(Debug)]
pub struct Job {
    /// Names it inside its code location.
    pub name: JobName,
    /// The code location.
    pub location: CodeLocation,
    /// What it is for, if the file says it.
    pub description: Option<String>,
    /// The tags of each of its runs, as far as the submitter gives no others.
    pub tags: Tags,
    /// The config of each of its runs, as far as the submitter gives no other: a map, or null.
    pub config: Json,
    /// Its steps.
    pub plan: Plan,
    /// What each of its runs uses of the pools.
    pub pools: RunPools,
    /// What else is known of it if it is written for Dagster.
    pub python: Option<PythonJob>,
    plan_text: Arc<str>,
    plan_hash: PlanHash,
    config_text: Arc<str>,
}

/// What else is known of a job that is written for Dagster.
#[derive(Debug, Clone)]
pub struct PythonJob {
    /// Where it comes from.
    pub location: Arc<PythonLocation>,
    /// Why it has no plan until a run gives its config.
    pub no_plan: Option<String>,
    /// The assets that it is for, if it is for assets.
    pub asset_keys: Option<Vec<String>>,
    /// Its partitions, if it has any.
    pub partitions: Option<Partitions>,
    /// Whether Dagster has made it, so that it is not listed.
    pub is_hidden: bool,
}

/// What a run of a job is submitted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSubmission {
    /// The job's tags and the submitter's.
    pub tags: Tags,
    /// The job's config and the submitter's, as JSON: a map, or `null`.
    pub config: Arc<str>,
    /// The plan as JSON, shared by all runs of the job.
    pub plan: Arc<str>,
    /// The SHA-256 of the plan.
    pub plan_hash: PlanHash,
    /// What the run uses of the pools.
    pub pools: RunPools,
}

/// Says why a run cannot be submitted so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SubmissionError {
    /// The config is not a map.
    #[error("the config of a run must be a JSON object, as in {{\"day\": 1}}; found {0}")]
    ConfigIsNoMap(&'static str),
    /// A part of the job is asked for, and its steps know no parts.
    #[error("assets and ops can be selected of jobs that are written for Dagster only")]
    NoSelection,
    /// Dagster says that it makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The code location could not be asked; later it may be.
    #[error("the run could not be planned: {0}")]
    NotPlanned(String),
}

impl SubmissionError {
    /// Says that a config is not a map but this.
    pub(crate) fn no_map(found: &Json) -> Self {
        Self::ConfigIsNoMap(kind_of(found))
    }
}

/// What a file says of a job.
#[derive(Debug)]
pub(crate) struct JobText {
    pub(crate) name: JobName,
    pub(crate) location: CodeLocation,
    pub(crate) description: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) config: Json,
    pub(crate) steps: Vec<PlanStep>,
    pub(crate) executor: Executor,
    pub(crate) dagster: Option<DagsterPlan>,
    pub(crate) python: Option<PythonJob>,
}

impl Job {
    /// Makes all that is shared by the runs of a job.
    ///
    /// # Errors
    /// The plan cannot be written as JSON: a path in it is not Unicode.
    pub(crate) fn new(text: JobText) -> Result<Self, serde_json::Error> {
        let JobText { name, location, description, tags, config, steps, executor, .. } = text;
        let (dagster, python) = (text.dagster, text.python);
        let pools = pools_of(&steps);
        let (job, at) = (name.to_string(), location.to_string());
        let plan = Plan { job, location: at, steps, executor, dagster };
        let plan_text: Arc<str> = serde_json::to_string(&plan)?.into();
        let plan_hash = PlanHash(Sha256::digest(plan_text.as_bytes()).into());
        let config_text = config.to_string().into();
        Ok(Self {
            name,
            location,
            description,
            tags,
            config,
            plan,
            pools,
            python,
            plan_text,
            plan_hash,
            config_text,
        })
    }

    /// Whether it is not listed.
    pub fn is_hidden(&self) -> bool {
        self.python.as_ref().is_some_and(|python| python.is_hidden)
    }

    /// Whether Dagster must plan a run that is asked for so: then finding out what it is submitted with
    /// takes a moment.
    pub fn needs_plan(&self, asked: &RunRequest) -> bool {
        self.python.as_ref().is_some_and(|python| python.no_plan.is_some() || !asked.is_plain())
    }

    /// Merges what the submitter gives over what the job has: the submitter's tags win, and so do
    /// the keys of their config at its top level; what stands below a key is not merged. A config
    /// of null is none. What Dagster must plan is not for this: [`crate::Locations::submission`].
    ///
    /// # Errors
    /// [`SubmissionError::ConfigIsNoMap`] if there is a config that is not a map.
    pub fn submission(
        &self,
        tags: &BTreeMap<String, String>,
        config: Option<&Json>,
    ) -> Result<JobSubmission, SubmissionError> {
        Ok(JobSubmission {
            tags: self.merged_tags(tags),
            config: self.merged_config(config)?,
            plan: Arc::clone(&self.plan_text),
            plan_hash: self.plan_hash,
            pools: self.pools.clone(),
        })
    }

    /// Returns what every run of the job is submitted with for which nothing else is asked.
    pub(crate) fn plain_submission(self) -> JobSubmission {
        JobSubmission {
            tags: self.tags,
            config: self.config_text,
            plan: self.plan_text,
            plan_hash: self.plan_hash,
            pools: self.pools,
        }
    }

    fn merged_tags(&self, given: &BTreeMap<String, String>) -> Tags {
        if given.is_empty() {
            return self.tags.clone();
        }
        let given = given.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        self.tags.iter().chain(given).collect()
    }

    fn merged_config(&self, given: Option<&Json>) -> Result<Arc<str>, SubmissionError> {
        let given = match given {
            None | Some(Json::Null) => return Ok(Arc::clone(&self.config_text)),
            Some(Json::Object(given)) => given,
            Some(other) => return Err(SubmissionError::no_map(other)),
        };
        let mut merged = self.config.as_object().cloned().unwrap_or_default();
        merged.extend(given.iter().map(|(key, value)| (key.clone(), value.clone())));
        Ok(Json::Object(merged).to_string().into())
    }
}

fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a map",
    }
}

/// Returns what a run with these steps uses of the pools.
fn pools_of(steps: &[PlanStep]) -> RunPools {
    let (roots, later): (Vec<&PlanStep>, Vec<&PlanStep>) =
        steps.iter().partition(|step| step.after.is_empty());
    let later = later.into_iter().flat_map(demand_of).map(|(pool, _)| pool);
    RunPools::new(roots.into_iter().map(|step| demand_of(step).collect::<Demand>()), later)
}

fn demand_of(step: &PlanStep) -> impl Iterator<Item = (PoolName, Slots)> {
    step.pools
        .iter()
        .filter_map(|(pool, slots)| Some((PoolName::new(pool).ok()?, Slots::new(*slots)?)))
}
