//! The plan of a job: its steps with everything that is needed to run them.
//!
//! A plan is made by the code location when a run is submitted, stored with the run, and handed to
//! its worker when that begins: a run executes what it was when it was submitted, whatever happened
//! to the file since.

mod executor;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::executor::{Executor, OwnLimit, StepMatch, StepTagLimit};
use crate::shim::{Input, Target};

/// The steps of a job, in the order of their definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The job.
    pub job: String,
    /// The code location that defines it.
    pub location: String,
    /// Its steps; every name in `after` is the key of another one, and there is no cycle.
    pub steps: Vec<PlanStep>,
    /// How many of them run at once.
    #[serde(default, skip_serializing_if = "Executor::is_default")]
    pub executor: Executor,
    /// What else its steps need, if they are code written for Dagster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dagster: Option<DagsterPlan>,
}

/// What the steps of a plan need beside their commands if they are code written for Dagster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DagsterPlan {
    /// What Python loads.
    pub target: Target,
    /// The assets that the run is for; all of the job, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_selection: Option<Vec<String>>,
    /// The ops that the run is for; all of the job, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op_selection: Option<Vec<String>>,
    /// The socket of the server whose forks execute the steps; each is started cold, if not set or if
    /// there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<PathBuf>,
    /// The variables of the worker that its steps get, beside those that Python itself needs; all of
    /// them, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited_env: Option<Vec<String>>,
    /// Whether its one step is the whole run, because its steps cannot be processes of their own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_whole: bool,
    /// What each step takes, and when its key is known, by the key of the step.
    pub links: BTreeMap<String, StepLinks>,
}

/// How a step hangs on others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepLinks {
    /// What it takes from steps before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// Which of its outputs have any number of values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dynamic_outputs: Vec<String>,
    /// The step whose dynamic output it is executed for, once for each key: `[?]` at the end of its
    /// own key stands for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapped_over: Option<String>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStep {
    /// Names it inside its run.
    pub key: String,
    /// The program and its arguments, never a shell's line: `["/bin/sh", "-c", text]` says so.
    pub command: Vec<String>,
    /// The variables that it names, beside PATH, HOME, LANG, TZ and those that tell it about its
    /// run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, EnvValue>,
    /// The folder in which it runs, absolute.
    pub cwd: PathBuf,
    /// The steps that must have succeeded before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// The slots that it wants, by pool, each at least 1; all or nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pools: BTreeMap<String, u32>,
    /// Its own priority, added to that of its run; larger goes first.
    #[serde(default)]
    pub priority: i32,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What happens when it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<RetryPolicy>,
    /// How long one try may take, in milliseconds; no bound, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvValue {
    /// This text.
    Text(String),
    /// The value that the variable of this name has where the worker runs. A step whose variable
    /// is not set there fails before it starts.
    From(String),
}

/// How often and when a step that failed is tried again (Dagster's `RetryPolicy`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetryPolicy {
    /// How often it is tried again after the first try.
    pub max_retries: u32,
    /// How long it waits before it is tried again, in milliseconds.
    pub delay_ms: u64,
    /// How the delay grows from try to try.
    #[serde(default)]
    pub backoff: Backoff,
}

/// How a delay grows from try to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// It stays as it is.
    #[default]
    Constant,
    /// The delay times the number of the try that failed.
    Linear,
    /// The delay times 1, 3, 7, 15 and so on: two to the power of the try's number, less one.
    Exponential,
}

impl RetryPolicy {
    /// Returns how long to wait after try `failed_try`, numbered from 1, in milliseconds; `None` if
    /// there is no further try.
    pub fn delay_after(&self, failed_try: u32) -> Option<u64> {
        if failed_try > self.max_retries {
            return None;
        }
        let factor = match self.backoff {
            Backoff::Constant => 1,
            Backoff::Linear => u64::from(failed_try),
            Backoff::Exponential => {
                1_u64.checked_shl(failed_try).map_or(u64::MAX, |power| power.saturating_sub(1))
            }
        };
        Some(self.delay_ms.saturating_mul(factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_grows_as_its_backoff_says() {
        let delays = |backoff| {
            let policy = RetryPolicy { max_retries: 3, delay_ms: 100, backoff };
            (1..=4).map(|failed| policy.delay_after(failed)).collect::<Vec<_>>()
        };
        assert_eq!(delays(Backoff::Constant), [Some(100), Some(100), Some(100), None]);
        assert_eq!(delays(Backoff::Linear), [Some(100), Some(200), Some(300), None]);
        assert_eq!(delays(Backoff::Exponential), [Some(100), Some(300), Some(700), None]);
    }

    #[test]
    fn a_plan_without_an_executor_bounds_nothing_and_is_written_as_before() {
        let text = r#"{"job":"a","location":"b","steps":[]}"#;
        let plan: Plan = serde_json::from_str(text).unwrap();
        assert_eq!(plan.executor, Executor::default());
        assert_eq!(serde_json::to_string(&plan).unwrap(), text);
    }

    #[test]
    fn a_delay_never_overflows() {
        let policy = RetryPolicy {
            max_retries: u32::MAX,
            delay_ms: u64::MAX,
            backoff: Backoff::Exponential,
        };
        assert_eq!(policy.delay_after(64), Some(u64::MAX));
        assert_eq!(policy.delay_after(u32::MAX), Some(u64::MAX));
    }
}
