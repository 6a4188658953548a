//! What is said before the first run that is offered to a coordinator class: which class it is, and
//! what became of loading it. The runs themselves are offered in the words of submission hooks.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Instance, LoadError};

/// Asks for a run coordinator class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadCoordinator {
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// The Python module.
    pub module: String,
    /// The class in it.
    pub class: String,
    /// What it is configured with: a map.
    pub config: serde_json::Value,
    /// Folders in which modules are looked for, after the one that Python runs in.
    pub search: Vec<PathBuf>,
    /// The folder that the class takes for that of Dagster's storage, absolute.
    pub storage: PathBuf,
    /// How the class asks about other runs; it cannot, if not set.
    pub instance: Option<Instance>,
}

/// What became of loading the class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CoordinatorLoaded {
    /// It is ready to be asked about runs.
    Coordinator {
        /// What it does with runs.
        base: CoordinatorBase,
        /// The version of Dagster.
        dagster: String,
    },
    /// It cannot be loaded or configured.
    LoadError(LoadError),
    /// The package does not understand what it was asked.
    BadRequest {
        /// Why.
        message: String,
    },
}

/// Which of Dagster's coordinators a class extends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoordinatorBase {
    /// `QueuedRunCoordinator`.
    Queued,
    /// `DefaultRunCoordinator`, which launches at once.
    Immediate,
    /// Neither: it is a coordinator of its own.
    Other,
}
