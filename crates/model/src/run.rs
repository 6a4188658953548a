//! One execution of a job.

use crate::id::{Attempt, CodeLocation, DeploymentName, JobName, RunId, Seq};
use crate::pool::RunPools;
use crate::status::RunStatus;
use crate::tags::Tags;

/// A run: what the decisions need to know about one execution of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Identifies it for ever.
    pub id: RunId,
    /// Its place in the order of submission.
    pub seq: Seq,
    /// The job that it executes.
    pub job: JobName,
    /// Where the job's definition comes from.
    pub location: CodeLocation,
    /// The deployment that it belongs to.
    pub deployment: Deployment,
    /// Its tags, the priority among them.
    pub tags: Tags,
    /// What it uses of the pools.
    pub pools: RunPools,
    /// Where it is in its life.
    pub status: RunStatus,
    /// The latest attempt; none before the run was first dequeued.
    pub attempt: Option<Attempt>,
}

/// The deployment that a run belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deployment {
    /// Its name.
    pub name: DeploymentName,
    /// Whether it is a branch deployment.
    pub kind: DeploymentKind,
}

/// Whether a deployment is one that a branch of the code has for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeploymentKind {
    /// A lasting deployment such as `prod`.
    Full,
    /// A short-lived deployment of one branch; all of them share one cap on runs in progress.
    Branch,
}

impl Default for Deployment {
    /// Returns the deployment of a run that names none: the full deployment `prod`.
    fn default() -> Self {
        Self { name: DeploymentName::prod(), kind: DeploymentKind::Full }
    }
}
