//! What there is in a code location.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The answer to a request to load: one line.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Loaded {
    /// What there is.
    Definitions {
        /// The version of Dagster.
        dagster: String,
        /// The version of Python.
        python: String,
        /// The jobs.
        jobs: Vec<Job>,
        /// The assets.
        #[serde(default)]
        assets: Vec<Asset>,
        /// What the writer of the code should know although it was loaded.
        #[serde(default)]
        warnings: Vec<String>,
    },
    /// Why the code cannot be loaded.
    LoadError(LoadError),
}

/// Why code cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadError {
    /// The class of the exception.
    pub class: String,
    /// What the exception says.
    pub message: String,
    /// The frames of the user's code, as Python writes them.
    #[serde(default)]
    pub traceback: String,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Job {
    /// Names it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The tags of its runs.
    #[serde(default)]
    pub run_tags: BTreeMap<String, String>,
    /// Its plan when a run gives no config; none if a run must.
    pub plan: Option<JobPlan>,
    /// Why there is no plan.
    #[serde(default)]
    pub plan_error: Option<String>,
    /// The assets that it is for, if it is for assets.
    #[serde(default)]
    pub asset_keys: Option<Vec<String>>,
    /// Its partitions, if it has any.
    #[serde(default)]
    pub partitions: Option<Partitions>,
    /// Whether Dagster has made it, so that no user thinks of it.
    #[serde(default)]
    pub is_hidden: bool,
}

/// How something is partitioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partitions {
    /// `static`, `dynamic`, `time_window` or `multi`.
    pub kind: String,
    /// The first keys, as far as they are known.
    #[serde(default)]
    pub keys: Option<Vec<String>>,
}

/// The plan of a job.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct JobPlan {
    /// The steps.
    pub steps: Vec<Step>,
    /// What executes them.
    #[serde(default)]
    pub executor: Executor,
    /// Why they must run in one process, if they must.
    #[serde(default)]
    pub whole: Option<String>,
}

/// What executes the steps of a run.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Executor {
    /// `multiprocess`, `in_process` or `other`.
    #[serde(default)]
    pub kind: String,
    /// How many steps run at once.
    #[serde(default)]
    pub max_concurrent: Option<u32>,
    /// How many steps with a tag run at once, as Dagster writes it.
    #[serde(default)]
    pub tag_concurrency_limits: Vec<serde_json::Value>,
    /// Whether no step is ever tried again.
    #[serde(default)]
    pub are_retries_disabled: bool,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Step {
    /// Names it; `[?]` at its end stands for a key that is not known yet.
    pub key: String,
    /// When its key is known.
    pub kind: StepKind,
    /// The steps before it.
    #[serde(default)]
    pub after: Vec<String>,
    /// What it takes.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// What it gives.
    #[serde(default)]
    pub outputs: Vec<Output>,
    /// Its pool.
    #[serde(default)]
    pub pool: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Its priority; larger goes first.
    #[serde(default)]
    pub priority: i32,
    /// What happens when it fails.
    #[serde(default)]
    pub retries: Option<Retries>,
    /// The step whose dynamic output it is executed for, once for each key.
    #[serde(default)]
    pub mapped_over: Option<String>,
    /// The assets that it makes.
    #[serde(default)]
    pub asset_keys: Vec<String>,
}

/// When the key of a step is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// From the beginning.
    Compute,
    /// When the dynamic output is there for which it is executed.
    Mapped,
    /// From the beginning; what it takes is known when a dynamic output is there.
    Collect,
}

/// What a step takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Names it.
    pub name: String,
    /// The outputs of steps from which it comes; none if it comes from elsewhere.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// Whether it takes all that there is, so that some of its sources may give nothing.
    #[serde(default)]
    pub is_fan_in: bool,
}

/// An output of a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// The step.
    pub step: String,
    /// The output.
    pub output: String,
}

/// What a step gives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Output {
    /// Names it.
    pub name: String,
    /// Whether the step fails if it does not give it.
    #[serde(default)]
    pub is_required: bool,
    /// Whether it gives any number of values, each with a key.
    #[serde(default)]
    pub is_dynamic: bool,
}

/// How often and when a step is tried again.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Retries {
    /// How often after the first try.
    pub max_retries: u32,
    /// How long it waits, in seconds.
    #[serde(default)]
    pub delay_seconds: Option<f64>,
    /// How the delay grows.
    #[serde(default)]
    pub backoff: Option<Backoff>,
}

/// How a delay grows from try to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// It stays as it is.
    Constant,
    /// By as much each time.
    Linear,
    /// To the double each time.
    Exponential,
}

/// An asset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Asset {
    /// Names it, its parts joined by `/`.
    pub key: String,
    /// The group that it is in.
    #[serde(default)]
    pub group: Option<String>,
    /// What it is.
    #[serde(default)]
    pub description: Option<String>,
    /// The assets that it is made from.
    #[serde(default)]
    pub deps: Vec<String>,
    /// The pools of the steps that make it.
    #[serde(default)]
    pub pools: Vec<String>,
    /// The jobs that can make it.
    #[serde(default)]
    pub jobs: Vec<String>,
    /// Whether it is made here, and not only known.
    #[serde(default)]
    pub is_executable: bool,
    /// Its partitions, if it has any.
    #[serde(default)]
    pub partitions: Option<Partitions>,
    /// The checks on it.
    #[serde(default)]
    pub checks: Vec<String>,
}
