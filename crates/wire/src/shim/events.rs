//! What happens in a step, and what the plan of one run is.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::definitions::{JobPlan, LoadError};

/// The answer to a request for a plan: one line.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Planned {
    /// The plan.
    Plan {
        /// The plan.
        plan: JobPlan,
        /// The tags that the job gives the run beside those that were asked for.
        #[serde(default)]
        run_tags: BTreeMap<String, String>,
        /// The config that the run has: what was given, or what its partition says.
        #[serde(default)]
        run_config: Option<serde_json::Value>,
        /// The keys that the asked selection of assets means; not set if none was asked for.
        #[serde(default)]
        asset_selection: Option<Vec<String>>,
    },
    /// The run makes no sense.
    Invalid {
        /// Why, in Dagster's words.
        message: String,
    },
    /// The code cannot be loaded any more.
    LoadError(LoadError),
}

/// Something that happens in a step: one line of an answer. Exactly one line says how the step ended,
/// and it is the last one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// It gave an output.
    Output {
        /// The output.
        name: String,
        /// The key of this value of a dynamic output.
        #[serde(default)]
        mapping_key: Option<String>,
    },
    /// It ended well.
    Succeeded,
    /// It found that it has nothing to do.
    Skipped,
    /// It failed and is to be tried again.
    UpForRetry {
        /// How long to wait before that; at once, if not set.
        #[serde(default)]
        seconds_to_wait: Option<f64>,
        /// What went wrong.
        #[serde(default)]
        error: Option<Failure>,
    },
    /// It failed.
    Failed {
        /// What went wrong.
        error: Failure,
    },
    /// The whole run ended well.
    RunSucceeded,
    /// The whole run failed.
    RunFailed {
        /// What went wrong.
        error: Failure,
    },
    /// The code cannot be loaded.
    LoadError(LoadError),
    /// The request cannot be understood.
    BadRequest {
        /// Why.
        message: String,
    },
    /// Something that matters to nobody here.
    #[serde(other)]
    Other,
}

/// What went wrong in user code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Failure {
    /// The class of the exception.
    #[serde(default)]
    pub class: Option<String>,
    /// What the exception says.
    pub message: String,
    /// What caused it.
    #[serde(default)]
    pub cause: Option<Box<Failure>>,
}
