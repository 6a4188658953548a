//! Jobs: what can be launched.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::plan::{PlanStep, RetryPolicy};

/// `GET /api/v1/jobs`: a page of the jobs of all code locations, by location and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Jobs {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// What to give as `after` for the next page; `null` if this is the last one.
    pub next: Option<String>,
}

/// A job, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// The code location that defines it.
    pub location: String,
    /// What it is for.
    pub description: Option<String>,
    /// The tags that its runs get.
    pub tags: BTreeMap<String, String>,
    /// How many steps it has.
    pub step_count: u64,
    /// The pools that its steps use, by name.
    pub pools: Vec<String>,
}

/// `GET /api/v1/jobs/{job}`: all about one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobDetail {
    /// What lists show.
    #[serde(flatten)]
    pub job: Job,
    /// The config that its runs get unless they bring their own; `null` if there is none.
    pub config: serde_json::Value,
    /// Its steps, in the order of their definition.
    pub steps: Vec<JobStep>,
}

/// A step of a job. The values of its variables are not told: they may be secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobStep {
    /// Its key.
    pub key: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The steps before it.
    pub after: Vec<String>,
    /// The slots that it wants, by pool.
    pub pools: BTreeMap<String, u32>,
    /// Its own priority.
    pub priority: i32,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it is tried again.
    pub retries: Option<RetryPolicy>,
    /// How long one try may take; `null` for no bound.
    pub timeout_seconds: Option<f64>,
    /// The names of the variables that it sets.
    pub env: Vec<String>,
}

impl From<&PlanStep> for JobStep {
    fn from(step: &PlanStep) -> Self {
        Self {
            key: step.key.clone(),
            command: step.command.clone(),
            after: step.after.clone(),
            pools: step.pools.clone(),
            priority: step.priority,
            tags: step.tags.clone(),
            retries: step.retries.clone(),
            timeout_seconds: step.timeout_ms.map(seconds),
            env: step.env.keys().cloned().collect(),
        }
    }
}

fn seconds(millis: u64) -> f64 {
    std::time::Duration::from_millis(millis).as_secs_f64()
}
