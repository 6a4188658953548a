//! What happens in a step, and what the plan of one run is.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::definitions::{JobPlan, LoadError};
use crate::told::Error;

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

/// What every line of an answer has.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Head {
    /// What it tells.
    pub kind: String,
    /// When, in seconds since 1970.
    #[serde(default)]
    pub at: Option<f64>,
    /// Of which step, if the answer is about a whole run.
    #[serde(default)]
    pub step: Option<String>,
}

/// A line of an answer that says how a step ended. What else is told is a [`Told`](crate::told::Told).
/// Exactly one line says how the step ended, and it is the last one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
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
        error: Option<Error>,
    },
    /// It failed.
    Failed {
        /// What went wrong.
        error: Error,
    },
    /// The whole run ended well.
    RunSucceeded,
    /// The whole run failed.
    RunFailed {
        /// What went wrong.
        error: Error,
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
