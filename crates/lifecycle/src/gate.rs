//! The begin gate, and what a worker is told: exactly one process of an attempt passes, and only
//! while nobody has ended the run.

use std::collections::BTreeSet;

use admission::Event;
use model::{ClaimState, EventKind, Nonce, RunId, RunStatus, StepKey};

use crate::command::{Dismissed, Refusal, Reply, Worker};
use crate::effects::Directions;
use crate::life::Active;
use crate::state::{Note, State};

impl State {
    pub(crate) fn begin(&mut self, worker: Worker, nonce: Nonce) -> Result<Reply, Refusal> {
        let run = worker.run;
        let active = self.known_worker(worker)?;
        if let Some(first) = active.nonce {
            if first != nonce {
                return Err(Dismissed::Superseded.into());
            }
            self.renew(run);
            return Ok(Reply::Done);
        }
        if self.run(run)?.status != RunStatus::Starting || !self.apply(Event::Begin { run }) {
            return Err(Dismissed::Canceled.into());
        }
        let (at, elapsed) = (self.at(), self.now.elapsed);
        let max_runtime = self.max_runtime_of(run);
        if let Some(active) = self.active_mut(run) {
            active.nonce = Some(nonce);
            active.started_at = Some(at);
            active.times.start_until = None;
            active.times.run_until = max_runtime.map(|bound| elapsed.saturating_add(bound));
        }
        self.note(run, Note::new(EventKind::RunStart, ""));
        self.renew(run);
        Ok(Reply::Done)
    }

    pub(crate) fn poll(&mut self, worker: Worker) -> Result<Reply, Refusal> {
        self.known_worker(worker)?;
        self.renew(worker.run);
        Ok(Reply::Directions(self.directions(worker.run)))
    }

    /// Returns what a worker should know now.
    fn directions(&self, run: RunId) -> Directions {
        let claims = self.image.claims_of(run);
        let granted = claims.filter(|claim| claim.state == ClaimState::Granted);
        let mut granted: BTreeSet<StepKey> = granted.map(|claim| claim.step.step.clone()).collect();
        let active = self.active(run);
        granted.extend(active.iter().flat_map(|active| &active.granted_without_slots).cloned());
        let cancel = active.and_then(|active| active.cancel);
        Directions { granted: granted.into_iter().collect(), cancel }
    }

    /// Returns the attempt of a worker that still has a part in its run.
    pub(crate) fn known_worker(&self, worker: Worker) -> Result<&Active, Dismissed> {
        let life = self.lives.get(&worker.run).ok_or(Dismissed::Ended)?;
        let active = life.active.as_deref().ok_or(Dismissed::Superseded)?;
        if active.attempt != worker.attempt {
            return Err(Dismissed::Superseded);
        }
        match active.token {
            None => Err(Dismissed::Canceled),
            Some(token) if token == worker.token => Ok(active),
            Some(_) => Err(Dismissed::WrongToken),
        }
    }
}
