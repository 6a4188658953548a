//! What the commands since the last commit have changed, until it is made into one batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    AssetEvent, Batch, Change, Claim, CodeLocation, DynamicPartition, EventKind, LifeEvent, NewRun,
    PoolLimit, PoolName, Presence, Run, RunChange, RunId, RunLife, StepId, StepRow, Submission,
    Timestamp,
};

use crate::effects::Effect;

/// Changes that are not written yet; of each row the latest.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// The runs that the store does not have yet, in the order of their submission.
    pub(crate) new: Vec<(RunId, Arc<Submission>)>,
    pub(crate) new_ids: BTreeSet<RunId>,
    /// The idempotency keys among them.
    pub(crate) keys: BTreeMap<Arc<str>, ([u8; 32], RunId)>,
    /// The runs whose row has changed.
    pub(crate) touched: BTreeSet<RunId>,
    /// Those among them whose tags have changed.
    pub(crate) retagged: BTreeSet<RunId>,
    /// The last rows of those that have ended.
    pub(crate) ended: BTreeMap<RunId, (Run, RunLife)>,
    pub(crate) steps: BTreeMap<StepId, StepRow>,
    /// `None` is freed.
    pub(crate) claims: BTreeMap<StepId, Option<Claim>>,
    pub(crate) pool_limits: BTreeMap<PoolName, Option<PoolLimit>>,
    pub(crate) pauses: BTreeMap<CodeLocation, Option<Timestamp>>,
    /// In the order in which they were changed; of one, the last change counts.
    pub(crate) partitions: Vec<(DynamicPartition, Presence)>,
    pub(crate) deleted: BTreeSet<RunId>,
    pub(crate) events: Vec<LifeEvent>,
    /// What of them was told of assets.
    pub(crate) asset_events: Vec<AssetEvent>,
    pub(crate) effects: Vec<Effect>,
}

impl Pending {
    /// Makes the batch; `row` gives the run and its life of one that has not ended.
    pub(crate) fn into_batch(
        mut self,
        row: impl Fn(RunId) -> Option<(Run, RunLife)>,
    ) -> (Batch, Vec<Effect>) {
        let mut row = |run: RunId| self.ended.remove(&run).or_else(|| row(run));
        let mut batch = Batch::default();
        for (run, submission) in self.new {
            if let Some((run, life)) = row(run) {
                batch.new_runs.push(NewRun { run, submission, life });
            }
        }
        for run in self.touched.difference(&self.new_ids) {
            if let Some((now, life)) = row(*run) {
                let tags = self.retagged.contains(run).then_some(now.tags);
                batch.changed_runs.push(RunChange { run: *run, life, tags });
            }
        }
        batch.steps = self.steps.into_values().collect();
        for (step, claim) in self.claims {
            match claim {
                Some(claim) => batch.claims.push(claim),
                None => batch.freed.push(step),
            }
        }
        batch.pool_limits = self.pool_limits.into_iter().collect();
        batch.pauses = self.pauses.into_iter().collect();
        batch.partitions = last_of_each(self.partitions);
        for event in &mut self.events {
            let is_last = event.kind == EventKind::RunDeleted;
            event.run = event.run.filter(|(run, _)| is_last || !self.deleted.contains(run));
        }
        batch.deleted_runs = self.deleted.into_iter().collect();
        batch.events = self.events;
        batch.asset_events = self.asset_events;
        (batch, self.effects)
    }

    /// Returns the number of the change that an event of now gets.
    pub(crate) fn next_change(&self, last_written: Change) -> Change {
        self.events.last().map_or(last_written, |event| event.change).next()
    }
}

/// Leaves the last change of each partition, in their order.
fn last_of_each(changes: Vec<(DynamicPartition, Presence)>) -> Vec<(DynamicPartition, Presence)> {
    let mut seen = BTreeSet::new();
    let is_last = |(partition, _): &(DynamicPartition, _)| seen.insert(partition.clone());
    let mut kept: Vec<_> = changes.into_iter().rev().filter(is_last).collect();
    kept.reverse();
    kept
}
