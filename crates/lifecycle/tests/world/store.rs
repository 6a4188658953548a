//! A store of rows that takes batches as a real one would and refuses whatever is no good batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lifecycle::Recovered;
use model::{
    Batch, Change, Claim, CodeLocation, PoolLimit, PoolName, Run, RunId, RunLife, RunStatus, Seq,
    StepId, StepRow, Submission, Timestamp,
};

#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) runs: BTreeMap<RunId, Row>,
    pub(crate) steps: BTreeMap<StepId, StepRow>,
    pub(crate) claims: BTreeMap<StepId, Claim>,
    pub(crate) pool_limits: BTreeMap<PoolName, PoolLimit>,
    pub(crate) pauses: BTreeMap<CodeLocation, Timestamp>,
    pub(crate) keys: BTreeMap<Arc<str>, ([u8; 32], RunId)>,
    pub(crate) last_change: Change,
    pub(crate) last_seq: Option<Seq>,
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) run: Run,
    pub(crate) life: RunLife,
    pub(crate) submission: Arc<Submission>,
}

pub(crate) fn must(is_so: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(what()) }
}

impl Store {
    /// Writes a batch, its parts in their order.
    pub(crate) fn commit(&mut self, batch: &Batch) -> Result<(), String> {
        each_row_is_in_a_part_once(batch)?;
        for new in &batch.new_runs {
            must(!self.runs.contains_key(&new.run.id), || format!("{} is there", new.run.id))?;
            must(Some(new.run.seq) > self.last_seq, || format!("{} is no new place", new.run.seq))?;
            self.last_seq = Some(new.run.seq);
            let (mut run, life) = (new.run.clone(), new.life.clone());
            (run.status, run.attempt) = (life.status, life.attempt);
            if let Some(known) = &new.submission.idempotency {
                let known = (known.key.clone(), (known.request_hash, run.id));
                must(self.keys.insert(known.0, known.1).is_none(), || "a key twice".to_owned())?;
            }
            self.runs.insert(run.id, Row { run, life, submission: new.submission.clone() });
        }
        for change in &batch.changed_runs {
            let row = self.runs.get_mut(&change.run);
            let row = row.ok_or_else(|| format!("there is no {} to change", change.run))?;
            let before = row.life.status;
            must(!before.is_terminal(), || format!("{} is {before}, for ever", change.run))?;
            row.life = change.life.clone();
            row.run.tags = change.tags.clone().unwrap_or(row.run.tags.clone());
            (row.run.status, row.run.attempt) = (row.life.status, row.life.attempt);
        }
        for step in &batch.steps {
            must(self.runs.contains_key(&step.id.run), || format!("{} without run", step.id))?;
            self.steps.insert(step.id.clone(), step.clone());
        }
        for claim in &batch.claims {
            must(self.steps.contains_key(&claim.step), || format!("claim without {}", claim.step))?;
            self.claims.insert(claim.step.clone(), claim.clone());
        }
        for step in &batch.freed {
            self.claims.remove(step);
        }
        self.write_settings(batch);
        for run in &batch.deleted_runs {
            must(self.runs.remove(run).is_some(), || format!("there is no {run} to delete"))?;
            self.steps.retain(|step, _| step.run != *run);
            self.claims.retain(|step, _| step.run != *run);
        }
        for event in &batch.events {
            must(event.change == self.last_change.next(), || format!("a gap before {event:?}"))?;
            self.last_change = event.change;
        }
        Ok(())
    }

    fn write_settings(&mut self, batch: &Batch) {
        for (pool, limit) in &batch.pool_limits {
            match limit {
                Some(limit) => self.pool_limits.insert(pool.clone(), *limit),
                None => self.pool_limits.remove(pool),
            };
        }
        for (location, until) in &batch.pauses {
            match until {
                Some(until) => self.pauses.insert(location.clone(), *until),
                None => self.pauses.remove(location),
            };
        }
    }

    /// Returns everything from which the state is built again.
    pub(crate) fn recovered(&self) -> Recovered {
        let open = self.runs.values().filter(|row| !row.life.status.is_terminal());
        let mut runs: Vec<_> = open.map(|row| (row.run.clone(), row.life.clone())).collect();
        runs.sort_by_key(|(run, _)| run.seq);
        let in_progress = |step: &&StepRow| self.status(step.id.run).is_in_progress();
        Recovered {
            runs,
            steps: self.steps.values().filter(in_progress).cloned().collect(),
            claims: self.claims.values().cloned().collect(),
            pool_limits: self.pool_limits.iter().map(|(pool, n)| (pool.clone(), *n)).collect(),
            pauses: self.pauses.iter().map(|(location, at)| (location.clone(), *at)).collect(),
            last_change: self.last_change,
            last_seq: self.last_seq,
        }
    }

    /// Returns the status of a run that is there.
    pub(crate) fn status(&self, run: RunId) -> RunStatus {
        self.runs[&run].life.status
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Row> {
        self.runs.values().filter(|row| !row.life.status.is_terminal())
    }

    pub(crate) fn in_progress(&self) -> impl Iterator<Item = &Row> {
        self.runs.values().filter(|row| row.life.status.is_in_progress())
    }
}

fn each_row_is_in_a_part_once(batch: &Batch) -> Result<(), String> {
    fn once<T: Ord>(part: &str, keys: impl Iterator<Item = T>) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        let mut keys = keys;
        must(keys.all(|key| seen.insert(key)), || format!("a row is twice among the {part}"))
    }
    let new = batch.new_runs.iter().map(|new| new.run.id);
    once("runs", new.chain(batch.changed_runs.iter().map(|change| change.run)))?;
    once("steps", batch.steps.iter().map(|step| &step.id))?;
    once("claims", batch.claims.iter().map(|claim| &claim.step).chain(&batch.freed))?;
    once("pools", batch.pool_limits.iter().map(|(pool, _)| pool))?;
    once("pauses", batch.pauses.iter().map(|(location, _)| location))?;
    once("partitions", batch.partitions.iter().map(|(partition, _)| partition))?;
    once("deleted runs", batch.deleted_runs.iter())
}
