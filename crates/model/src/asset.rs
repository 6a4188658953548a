//! What is told of assets: what a run did to one, and what a check found of it.

use std::sync::Arc;

use crate::id::{CodeLocation, JobName, RunId, StepKey};
use crate::life::{Change, words};
use crate::time::Timestamp;

/// The kinds of events of assets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssetEventKind {
    /// The asset was made.
    Materialization,
    /// Something was noticed of the asset.
    Observation,
    /// A check of the asset was evaluated.
    Check,
}

words!(AssetEventKind {
    Materialization => "MATERIALIZATION",
    Observation => "OBSERVATION",
    Check => "CHECK",
});

/// Something that was told of an asset. It outlives its run as long as it is the latest of its asset,
/// kind, partition and check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetEvent {
    /// Its place among all changes: that of the event of the run which tells the same.
    pub change: Change,
    /// What.
    pub kind: AssetEventKind,
    /// The key of the asset, its parts joined by `/`.
    pub asset: String,
    /// The partition of the asset.
    pub partition: Option<String>,
    /// The name of the check, of a check.
    pub check: Option<String>,
    /// Whether the check has passed, of a check.
    pub passed: Option<bool>,
    /// How bad it is if the check has not passed, of a check, in Dagster's word.
    pub severity: Option<String>,
    /// The run that told it.
    pub run: RunId,
    /// The job of the run.
    pub job: JobName,
    /// The code location of the job.
    pub location: CodeLocation,
    /// The step that told it.
    pub step: StepKey,
    /// When it happened, by the clock of the worker.
    pub at: Timestamp,
    /// All of it as a JSON object: that of the event of the run.
    pub data: Arc<str>,
}
