//! What one commit writes: the rows that a step of the loop changes, all or nothing.

use std::sync::Arc;

use crate::asset::AssetEvent;
use crate::id::{CodeLocation, PoolName, RunId, StepKey};
use crate::life::{LifeEvent, RunLife};
use crate::partition::{DynamicPartition, Presence};
use crate::pool::PoolLimit;
use crate::run::Run;
use crate::status::StepStatus;
use crate::step::{Claim, StepId};
use crate::tags::Tags;
use crate::time::Timestamp;

/// The number of a leadership: a commit made under an older one than the latest is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// One commit. The parts are written in the order of the fields; of one row there is at most one
/// change in each part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Runs that were not there before.
    pub new_runs: Vec<NewRun>,
    /// Runs that were there before and have changed.
    pub changed_runs: Vec<RunChange>,
    /// Steps that are new or have changed.
    pub steps: Vec<StepRow>,
    /// Claims that are new or have changed.
    pub claims: Vec<Claim>,
    /// Claims that are no more.
    pub freed: Vec<StepId>,
    /// The limits that pools have of their own from now on; `None` is none.
    pub pool_limits: Vec<(PoolName, Option<PoolLimit>)>,
    /// Until when code locations are paused; `None` is not any more.
    pub pauses: Vec<(CodeLocation, Option<Timestamp>)>,
    /// Dynamic partitions that are there, or no longer, from now on; new ones in their order.
    pub partitions: Vec<(DynamicPartition, Presence)>,
    /// Runs whose record is deleted with all that belongs to it.
    pub deleted_runs: Vec<RunId>,
    /// What happened, in the order of its change numbers, which follow the last ones stored without
    /// a gap.
    pub events: Vec<LifeEvent>,
    /// What was told of assets, in the order of its change numbers; each is that of one of the events,
    /// which has the same data.
    pub asset_events: Vec<AssetEvent>,
}

impl Batch {
    /// Returns whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A run with everything that is stored of it when it is submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// What the decisions know of it. Its status and attempt stand in `life`.
    pub run: Run,
    /// What else was submitted.
    pub submission: Arc<Submission>,
    /// The part that changes.
    pub life: RunLife,
}

/// The part of a submission that no decision looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The plan of the job, as JSON.
    pub plan: Arc<str>,
    /// Identifies the plan: equal plans are stored once.
    pub plan_hash: PlanHash,
    /// The config of the run, as JSON; `null` if it has none.
    pub config: Arc<str>,
    /// The submitter's own key for it, if it has one: submitted again, it is the same run.
    pub idempotency: Option<IdempotencyKey>,
}

/// A key by which a submission is known again, with what was submitted under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key.
    pub key: Arc<str>,
    /// The SHA-256 of the request: another request under the same key is refused.
    pub request_hash: [u8; 32],
}

/// The SHA-256 of a plan's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanHash(pub [u8; 32]);

/// A run that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunChange {
    /// Which run.
    pub run: RunId,
    /// The part that changes, as it is now.
    pub life: RunLife,
    /// All its tags, if they have changed; its priority is what they say.
    pub tags: Option<Tags>,
}

/// A step of a run, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    /// Which step.
    pub id: StepId,
    /// Where it stands among the steps of its run, from 0.
    pub position: u32,
    /// Where it is in its life.
    pub status: StepStatus,
    /// The number of its latest try; 0 before the first.
    pub try_number: u32,
    /// When it began to wait for slots, last.
    pub waiting_since: Option<Timestamp>,
    /// When its latest try began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it is tried again, while it is up for retry.
    pub retry_at: Option<Timestamp>,
    /// What went wrong in its latest try, or why it was skipped.
    pub error: Option<String>,
}

impl StepRow {
    /// Returns the step's name inside its run.
    pub fn key(&self) -> &StepKey {
        &self.id.step
    }
}
