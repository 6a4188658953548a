//! The steps of a plan of Dagster's as steps of ours: each is a process of Python's own.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use model::PoolName;
use thiserror::Error;
use wire::plan::{
    Backoff, DagsterPlan, EnvValue, Executor, PlanStep, RetryPolicy, StepLinks, StepTagLimit,
};
use wire::shim::{self, JobPlan};

use super::PythonLocation;
use crate::read::{MAX_OPS, MAX_RETRIES, MAX_SECONDS};

/// With what the steps of a code location are executed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tools<'a> {
    pub(super) location: &'a PythonLocation,
    pub(super) interpreter: &'a Path,
    /// From where Python imports modules.
    pub(super) python_path: &'a OsStr,
    /// The socket of the server whose forks execute them, if they are forked.
    pub(super) fork: Option<&'a Path>,
    /// The variables that they get of the worker's; all, if not set.
    pub(super) inherited_env: Option<&'a [String]>,
}

/// Which part of a job a run is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// These assets; all, if not set.
    pub assets: Option<Vec<String>>,
    /// These ops; all, if not set.
    pub ops: Option<Vec<String>>,
}

/// Why a job cannot be executed here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum StepsError {
    /// It has none, or too many.
    #[error("it has {0} steps; a job has between 1 and {MAX_OPS}")]
    Count(usize),
    /// The limits of its executor are none.
    #[error("the limits of its executor cannot be read: {0}")]
    Limits(String),
    /// A path is not Unicode.
    #[error("the path {0} is not Unicode")]
    Path(String),
}

/// What the plan of a job comes to.
pub(super) struct Planned {
    pub(super) steps: Vec<PlanStep>,
    pub(super) executor: Executor,
    pub(super) dagster: DagsterPlan,
}

/// Makes the steps of a plan.
pub(super) fn steps(
    job: &str,
    plan: &JobPlan,
    selection: &Selection,
    tools: Tools<'_>,
) -> Result<Planned, StepsError> {
    if plan.steps.is_empty() || plan.steps.len() > MAX_OPS {
        return Err(StepsError::Count(plan.steps.len()));
    }
    if plan.whole.is_some() {
        return whole(job, plan, selection, tools);
    }
    let steps: Result<Vec<PlanStep>, StepsError> =
        plan.steps.iter().map(|planned| step(planned, &plan.executor, tools)).collect();
    let links = plan.steps.iter().map(|step| {
        let dynamic = step.outputs.iter().filter(|output| output.is_dynamic);
        let links = StepLinks {
            inputs: step.inputs.clone(),
            dynamic_outputs: dynamic.map(|output| output.name.clone()).collect(),
            mapped_over: step.mapped_over.clone(),
        };
        (step.key.clone(), links)
    });
    let dagster = DagsterPlan {
        target: tools.location.target.clone(),
        asset_selection: selection.assets.clone(),
        op_selection: selection.ops.clone(),
        fork: tools.fork.map(Path::to_owned),
        inherited_env: tools.inherited_env.map(<[String]>::to_vec),
        is_whole: false,
        links: links.collect(),
    };
    Ok(Planned { steps: steps?, executor: executor(&plan.executor)?, dagster })
}

/// Makes one step of all, which holds all their pools: what it runs cannot be split.
fn whole(
    job: &str,
    plan: &JobPlan,
    selection: &Selection,
    tools: Tools<'_>,
) -> Result<Planned, StepsError> {
    let pools = plan.steps.iter().filter_map(|step| PoolName::new(step.pool.as_deref()?).ok());
    let dagster = DagsterPlan {
        target: tools.location.target.clone(),
        asset_selection: selection.assets.clone(),
        op_selection: selection.ops.clone(),
        fork: tools.fork.map(Path::to_owned),
        inherited_env: tools.inherited_env.map(<[String]>::to_vec),
        is_whole: true,
        links: BTreeMap::new(),
    };
    let step = PlanStep {
        key: job.to_owned(),
        command: command("run", tools)?,
        env: environment(tools)?,
        cwd: tools.location.target.working_directory.clone(),
        after: Vec::new(),
        pools: pools.map(|pool| (pool.to_string(), 1)).collect(),
        priority: 0,
        tags: BTreeMap::new(),
        retries: None,
        timeout_ms: None,
    };
    Ok(Planned { steps: vec![step], executor: Executor::default(), dagster })
}

fn command(verb: &str, tools: Tools<'_>) -> Result<Vec<String>, StepsError> {
    let arguments = ["-m", "pointsman.dagster", verb].map(str::to_owned);
    Ok([text(tools.interpreter.as_os_str())?].into_iter().chain(arguments).collect())
}

fn environment(tools: Tools<'_>) -> Result<BTreeMap<String, EnvValue>, StepsError> {
    Ok(BTreeMap::from([("PYTHONPATH".to_owned(), EnvValue::Text(text(tools.python_path)?))]))
}

/// What bounds the steps of one run, as Dagster's executors do: without a number, the multiprocess one
/// runs as many as there are processors, and the one within a process runs one.
fn executor(given: &shim::Executor) -> Result<Executor, StepsError> {
    let in_process = given.kind == "in_process";
    let processors = || u32::try_from(std::thread::available_parallelism().ok()?.get()).ok();
    let most = match (given.max_concurrent.filter(|most| *most > 0), in_process) {
        (_, true) => Some(1),
        (Some(most), false) => Some(most),
        (None, false) => processors(),
    };
    let limits = given.tag_concurrency_limits.iter().cloned();
    let limits: Result<Vec<StepTagLimit>, _> = limits.map(serde_json::from_value).collect();
    Ok(Executor {
        max_concurrent: most.and_then(NonZeroU32::new),
        tag_concurrency_limits: limits.map_err(|error| StepsError::Limits(error.to_string()))?,
        in_process,
    })
}

fn step(
    planned: &shim::Step,
    executor: &shim::Executor,
    tools: Tools<'_>,
) -> Result<PlanStep, StepsError> {
    let policy = planned.retries.as_ref().filter(|_| !executor.are_retries_disabled);
    let pool = planned.pool.as_deref().and_then(|pool| PoolName::new(pool).ok());
    Ok(PlanStep {
        key: planned.key.clone(),
        command: command("step", tools)?,
        env: environment(tools)?,
        cwd: tools.location.target.working_directory.clone(),
        after: planned.after.clone(),
        pools: pool.into_iter().map(|pool| (pool.to_string(), 1)).collect(),
        priority: planned.priority,
        tags: planned.tags.clone(),
        retries: policy.map(retries),
        timeout_ms: None,
    })
}

fn text(path: &OsStr) -> Result<String, StepsError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| StepsError::Path(path.display().to_string()))
}

/// Dagster itself says when a step that raised is tried again; this is for one whose process died.
fn retries(given: &shim::Retries) -> RetryPolicy {
    let delay = Duration::try_from_secs_f64(given.delay_seconds.unwrap_or(0.0));
    let longest = Duration::from_secs(MAX_SECONDS.into());
    let delay = delay.unwrap_or_default().min(longest);
    RetryPolicy {
        max_retries: given.max_retries.min(MAX_RETRIES),
        delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
        backoff: match given.backoff {
            None | Some(shim::Backoff::Constant) => Backoff::Constant,
            Some(shim::Backoff::Linear) => Backoff::Linear,
            Some(shim::Backoff::Exponential) => Backoff::Exponential,
        },
    }
}
