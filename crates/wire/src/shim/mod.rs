//! The protocol between Pointsman and its Python package, which loads and executes code written for
//! Dagster: one JSON document in, JSON lines out.
//!
//! The words are ours: no class of Dagster is ever written or read here. Unknown keys are passed over.

mod coordinator;
mod definitions;
mod events;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use coordinator::{CoordinatorBase, CoordinatorLoaded, LoadCoordinator};
pub use definitions::{
    Asset, Backoff, Executor, Input, Job, JobPlan, LoadError, Loaded, Output, Partitions, Retries,
    Source, Step, StepKind,
};
pub use events::{Event, Head, Planned};

use crate::client::{ServerFile, TOKEN_FILE};

/// The version of the protocol that this code speaks.
pub const VERSION: u32 = 1;

/// How long code may take to be loaded, in seconds: that of a code location, and that of a step.
pub const LOAD_SECONDS: u64 = 180;

/// The exit code with which the package says that the user's code cannot be loaded.
pub const CANNOT_LOAD: i32 = 3;

/// What Python is to load.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// What it is.
    #[serde(flatten)]
    pub what: TargetKind,
    /// The one thing in it that counts; all definitions in it, if not set.
    pub attribute: Option<String>,
    /// The folder in which Python runs and from which modules are found, absolute.
    pub working_directory: PathBuf,
}

/// The kinds of things that Python loads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TargetKind {
    /// A file.
    File {
        /// Where it is, absolute.
        path: PathBuf,
    },
    /// A module, by its dotted name.
    Module {
        /// The name.
        module: String,
    },
    /// A package, by its dotted name.
    Package {
        /// The name.
        package: String,
    },
}

/// Asks what there is in a code location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Describe {
    /// [`VERSION`].
    pub version: u32,
    /// What to load.
    pub target: Target,
    /// The name of the code location.
    pub location: String,
}

/// Asks for the plan of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRun {
    /// [`VERSION`].
    pub version: u32,
    /// What to load.
    pub target: Target,
    /// The name of the code location.
    pub location: String,
    /// The job.
    pub job: String,
    /// The run's config: a map.
    pub run_config: serde_json::Value,
    /// The run's tags.
    pub tags: BTreeMap<String, String>,
    /// The assets that the run is for, each a key or a selection in Dagster's syntax; all of the job,
    /// if not set.
    pub asset_selection: Option<Vec<String>>,
    /// The ops that the run is for; all of the job, if not set.
    pub op_selection: Option<Vec<String>>,
    /// Where values are kept by the IO manager that the user has not replaced, absolute.
    pub storage: PathBuf,
    /// How dynamic partitions are asked for; they cannot be, if not set.
    pub instance: Option<Instance>,
}

/// Asks for one try of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecuteStep {
    /// [`VERSION`].
    pub version: u32,
    /// What to load.
    pub target: Target,
    /// The name of the code location.
    pub location: String,
    /// The run.
    pub run: Run,
    /// The key of the step; not set if it is to be the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The number of the try, from 1.
    pub r#try: u32,
    /// What is known of the steps before it.
    pub known: Known,
    /// Where values are kept by the IO manager that the user has not replaced, absolute.
    pub storage: PathBuf,
    /// How user code asks about other runs; it cannot, if not set.
    pub instance: Option<Instance>,
    /// Whether what user code logs, and what it raises, is written to standard error too.
    pub prints_events: bool,
}

/// How user code asks about other runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The address of the daemon.
    pub url: String,
    /// The file with its token, absolute.
    pub token_file: PathBuf,
}

impl Instance {
    /// Returns the daemon that runs in a home, if one does.
    pub fn of_home(home: &Path) -> Option<Self> {
        let server = ServerFile::of_home(home).ok()??;
        let url = server.url.trim_end_matches('/').to_owned();
        Some(Self { url, token_file: home.join(TOKEN_FILE) })
    }
}

/// The run of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Its job.
    pub job: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its config: a map.
    pub run_config: serde_json::Value,
    /// The first of the runs of which it is a retry.
    pub root_run_id: Option<String>,
    /// The run of which it is a retry.
    pub parent_run_id: Option<String>,
    /// The assets that it is for; all of the job, if not set.
    pub asset_selection: Option<Vec<String>>,
    /// The ops that it is for; all of the job, if not set.
    pub op_selection: Option<Vec<String>>,
}

/// What is known of the steps of a run when one of them starts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Known {
    /// The keys that dynamic outputs had, by step and output.
    pub dynamic: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// How often a step was tried again, by step.
    pub retries: BTreeMap<String, u32>,
    /// The outputs that the step's inputs can come from, by step: of a dynamic one its keys.
    pub outputs: BTreeMap<String, BTreeMap<String, Option<Vec<String>>>>,
}
