//! Claims: how steps ask for slots, get them and give them back.

use std::sync::Arc;

use model::{Claim, ClaimOrder, ClaimState, RunId, RunStatus, Step, StepId, StepKey};

use crate::event::{ClaimFacts, Refused};
use crate::image::{ClaimEntry, Image};
use crate::limit::{Asker, Limit, units_of};
use crate::lines::{Line, LineIx};
use crate::needs::{Extent, Gate, Needs, Wants};
use crate::queue::has_begun;

/// What is to be done with a line of claims.
enum Verdict {
    /// Its first claim gets its slots.
    Grant(ClaimOrder),
    /// A reservation lets only this later one through: its turn comes with that one's order.
    StandBack(ClaimOrder),
    /// Nobody in it may go while these gates are closed.
    Park(Vec<Gate>),
}

impl Image {
    /// Enters a step's claim; a step that has one already keeps it as it is.
    pub(crate) fn ask(&mut self, run: RunId, step: Step) -> Result<(), Refused> {
        let entry = self.entry(run)?;
        if entry.run.status != RunStatus::Started {
            return Err(Refused::NotBegun(entry.run.status));
        }
        if entry.claims.contains_key(&step.key) {
            return Ok(());
        }
        let order = ClaimOrder::new(entry.priority, step.priority, self.next_ask);
        let step_id = StepId { run, step: step.key };
        let claim = Claim { step: step_id, demand: step.demand, order, state: ClaimState::Pending };
        self.enter_claim(ClaimFacts { claim, passed_over_since: None })
    }

    /// Lets a claim in that is new to the image, waiting or granted.
    pub(crate) fn enter_claim(&mut self, facts: ClaimFacts) -> Result<(), Refused> {
        let ClaimFacts { claim, passed_over_since } = facts;
        let entry = self.entry(claim.step.run)?;
        if !has_begun(entry.run.status) {
            return Err(Refused::NotBegun(entry.run.status));
        }
        if entry.claims.contains_key(&claim.step.step) {
            return Err(Refused::ClaimExists(claim.step));
        }
        if self.claims.contains_key(&claim.order) {
            return Err(Refused::PlaceTaken(claim.step));
        }
        let entry = self.entry_mut(claim.step.run)?;
        entry.claims.insert(claim.step.step.clone(), claim.order);
        let (order, state) = (claim.order, claim.state);
        self.next_ask = self.next_ask.max(order.asked().saturating_add(1));
        let needs = self.limits.needs_of_claim(units_of(&claim.demand), &self.rules);
        let mut entry = ClaimEntry { claim, needs: Arc::new(needs), line: None };
        match state {
            ClaimState::Granted => self.count(&entry, Limit::add_granted),
            ClaimState::Pending => {
                self.count(&entry, Limit::add_pending);
                entry.line = Some(self.waiters.join(&entry.needs, order));
                if entry.claim.demand.is_wide() {
                    self.reservations.watch(&entry, passed_over_since);
                }
            }
        }
        self.claims.insert(order, entry);
        Ok(())
    }

    /// Frees the slots and withdraws the waiting claims of one step or of all steps of a run.
    pub(crate) fn free(&mut self, run: RunId, step: Option<&StepKey>) -> Result<(), Refused> {
        let claims = &mut self.entry_mut(run)?.claims;
        let freed: Vec<ClaimOrder> = match step {
            Some(step) => claims.remove(step).into_iter().collect(),
            None => std::mem::take(claims).into_values().collect(),
        };
        for order in freed {
            self.free_claim(order);
        }
        Ok(())
    }

    fn free_claim(&mut self, order: ClaimOrder) {
        let Some(mut entry) = self.claims.remove(&order) else {
            return;
        };
        match entry.line.take() {
            None => self.count(&entry, Limit::remove_granted),
            Some(line) => {
                self.waiters.leave(line, order);
                self.count(&entry, Limit::remove_pending);
                self.reservations.unwatch(&entry);
            }
        }
        self.forget_unused(&entry.needs);
    }

    /// Grants every waiting claim that may be granted, best first.
    pub(crate) fn settle(&mut self) -> Vec<StepId> {
        let mut granted = Vec::new();
        self.assign_reservations();
        while let Some(line) = self.waiters.best() {
            match self.judge(self.waiters.line(line)) {
                Verdict::Grant(order) => {
                    granted.extend(self.grant(line, order));
                    self.note_passed_over(order);
                    self.assign_reservations();
                }
                Verdict::StandBack(order) => self.waiters.make_ready(line, order),
                Verdict::Park(gates) => self.waiters.park(line, gates),
            }
        }
        granted
    }

    fn judge(&self, line: &Line<ClaimOrder>) -> Verdict {
        let closed = line.needs.blockers(Extent::Proof, |gate| self.has_room(gate, Asker::Claim));
        if !closed.is_empty() {
            return Verdict::Park(closed);
        }
        match self.first_unreserved(line) {
            Ok(order) if order == line.filed => Verdict::Grant(order),
            Ok(order) => Verdict::StandBack(order),
            Err(gate) => Verdict::Park(vec![gate]),
        }
    }

    fn grant(&mut self, line: LineIx, order: ClaimOrder) -> Option<StepId> {
        self.waiters.leave(line, order);
        let mut entry = self.claims.remove(&order)?;
        self.reservations.unwatch(&entry);
        entry.line = None;
        entry.claim.state = ClaimState::Granted;
        self.count(&entry, Limit::remove_pending);
        self.count(&entry, Limit::add_granted);
        let step = entry.claim.step.clone();
        self.claims.insert(order, entry);
        Some(step)
    }

    /// Returns the closed gates that keep a claim waiting. The decision and the explanation both
    /// ask here.
    pub(crate) fn claim_blockers(&self, order: ClaimOrder, needs: &Needs) -> Vec<Gate> {
        let mut blockers =
            needs.blockers(Extent::Everything, |gate| self.has_room(gate, Asker::Claim));
        blockers.extend(self.reserved_against(order, needs));
        blockers
    }

    /// Changes what one claim takes of each of its pools.
    fn count(&mut self, entry: &ClaimEntry, change: fn(&mut Limit, ClaimOrder, u64)) {
        for gate in &entry.needs.all {
            if let Wants::Units(slots) = gate.wants {
                self.change(gate.limit, |limit| {
                    change(limit, entry.claim.order, slots.into());
                });
            }
        }
    }
}
