//! Slots that somebody gives back for a step that goes on: nothing is ended, nobody asks again.

use admission::Event;
use model::{
    ClaimState, Demand, EventKind, Granularity, RunId, RunStatus, StepId, StepKey, StepStatus,
};

use crate::command::{Refusal, Reply};
use crate::state::{Note, State};

impl State {
    /// Frees what one step of a run holds, or all its steps; what waits for slots goes on waiting.
    pub(crate) fn free_slots(
        &mut self,
        run: RunId,
        step: Option<&StepKey>,
    ) -> Result<Reply, Refusal> {
        self.run(run)?;
        if self.settings().pools.granularity == Granularity::Run {
            return Err(Refusal::SlotsOfRun(run));
        }
        let held = self.image.claims_of(run).filter(|claim| {
            claim.state == ClaimState::Granted
                && !claim.demand.is_empty()
                && step.is_none_or(|step| claim.step.step == *step)
        });
        let held: Vec<(StepId, Demand)> =
            held.map(|claim| (claim.step.clone(), claim.demand.clone())).collect();
        for (id, demand) in &held {
            self.apply(Event::Free { run, step: Some(id.step.clone()) });
            self.keep_claim(id);
            let message = in_words(demand);
            self.note(run, Note::of_step(EventKind::SlotsFreed, &id.step, message));
            self.grant_without_slots(run, &id.step);
        }
        Ok(Reply::Freed(held.into_iter().map(|(id, demand)| (id.step, demand)).collect()))
    }

    /// A step that waited when it got its slots may not know yet that it may start; it is told so
    /// until it is heard of.
    fn grant_without_slots(&mut self, run: RunId, step: &StepKey) {
        let Some(active) = self.active_mut(run) else { return };
        if active.steps.get(step).is_some_and(|row| row.status == StepStatus::WaitingForSlots) {
            active.granted_without_slots.insert(step.clone());
        }
    }

    /// Finds after a restart the steps of which that is so: they wait, and for nothing.
    pub(crate) fn find_granted_without_slots(&mut self, run: RunId) {
        let is_started = self.image.run(run).is_some_and(|run| run.status == RunStatus::Started);
        let Some(active) = self.active(run).filter(|_| is_started) else { return };
        let waiting = active.steps.values().filter(|row| row.status == StepStatus::WaitingForSlots);
        let granted = waiting.filter(|row| self.image.claim(&row.id).is_none());
        let granted = granted.map(|row| row.id.step.clone()).collect();
        if let Some(active) = self.active_mut(run) {
            active.granted_without_slots = granted;
        }
    }
}

fn in_words(demand: &Demand) -> String {
    let pools = demand.iter().map(|(pool, slots)| format!("{pool}: {slots}"));
    pools.collect::<Vec<_>>().join(", ")
}
