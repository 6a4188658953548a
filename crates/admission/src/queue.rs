//! The queue: how runs enter, move and leave, and which of them are admitted.

use std::cmp::Reverse;
use std::sync::Arc;

use model::{Attempt, RunId, RunStatus, RunTransition, Tags};

use crate::event::{Admission, Admissions, Refused, RunFacts};
use crate::image::{Image, QueueOrder};
use crate::limit::{Asker, Demands};
use crate::lines::LineIx;
use crate::needs::{Extent, Gate, Needs, Wants};
use crate::runs::{Entry, RunIx};

impl Image {
    /// Admits the runs that may start, best first, and charges every limit that they need. At most
    /// `budget` runs and lines of runs are looked at; if that was not enough, call again: what was
    /// not looked at is not forgotten.
    pub fn admit(&mut self, budget: u32) -> Admissions {
        let mut decided = Admissions::default();
        for _ in 0..budget {
            let Some(line) = self.next_line() else {
                return decided;
            };
            let blockers = self.run_blockers(&self.queue.line(line).needs, Extent::Proof);
            if blockers.is_empty() {
                decided.admitted.extend(self.admit_first(line));
            } else {
                self.queue.park(line, blockers);
            }
        }
        decided.is_cut = self.next_line().is_some();
        decided
    }

    /// Returns the line whose first run comes next, if any run may start at all.
    fn next_line(&self) -> Option<LineIx> {
        if self.has_run_room() { self.queue.best() } else { None }
    }

    pub(crate) fn has_run_room(&self) -> bool {
        let run_total = &self.limits[self.limits.run_total];
        run_total.room(Asker::Run, &self.rules.settings.pools).has(1)
    }

    /// Returns the closed gates that hold back a run with these needs. The decision and the
    /// explanation both ask here.
    pub(crate) fn run_blockers(&self, needs: &Needs, extent: Extent) -> Vec<Gate> {
        needs.blockers(extent, |gate| self.has_room(gate, Asker::Run))
    }

    pub(crate) fn has_room(&self, gate: Gate, asker: Asker) -> bool {
        match gate.wants {
            Wants::Units(units) => {
                self.limits[gate.limit].room(asker, &self.rules.settings.pools).has(units)
            }
            Wants::NoReservation => true,
        }
    }

    fn admit_first(&mut self, line: LineIx) -> Option<Admission> {
        let order = self.queue.line(line).first();
        let entry = &mut self.runs[order.at];
        entry.run.status = entry.run.status.after(RunTransition::Dequeue).ok()?;
        let attempt = entry.run.attempt.map_or(Attempt::FIRST, Attempt::next);
        entry.run.attempt = Some(attempt);
        entry.line = None;
        entry.is_first_pass_done = false;
        let (run, needs) = (entry.run.id, entry.needs.clone());
        self.queue.leave(line, order);
        self.charge_run(order, &needs, Charge::Take);
        self.charge_roots(order, &needs, Charge::Take);
        Some(Admission { run, attempt })
    }

    /// Lets a run in that is new to the image.
    pub(crate) fn enter(&mut self, facts: RunFacts) -> Result<(), Refused> {
        let run = &facts.run;
        if run.status != RunStatus::Queued && !run.status.is_in_progress() {
            return Err(Refused::NotLive(run.status));
        }
        if facts.is_held && run.status != RunStatus::Queued {
            return Err(Refused::NotQueued(run.status));
        }
        if facts.is_first_pass_done && !has_begun(run.status) {
            return Err(Refused::NotBegun(run.status));
        }
        let ix = self.runs.insert(facts)?;
        self.put_in(ix);
        Ok(())
    }

    /// Takes a run out for good, with all its claims.
    pub(crate) fn remove(&mut self, run: RunId) -> Result<(), Refused> {
        let ix = self.runs.find(run)?;
        self.free(run, None)?;
        self.take_out(ix);
        self.runs.remove(ix);
        Ok(())
    }

    /// Changes a run in a way that may change what it needs or where it stands.
    pub(crate) fn move_run(
        &mut self,
        run: RunId,
        change: impl FnOnce(&mut Entry),
    ) -> Result<(), Refused> {
        let ix = self.runs.find(run)?;
        self.take_out(ix);
        change(&mut self.runs[ix]);
        self.put_in(ix);
        Ok(())
    }

    pub(crate) fn retag(&mut self, run: RunId, tags: Tags) -> Result<(), Refused> {
        self.move_run(run, |entry| {
            entry.priority = tags.priority().unwrap_or_default();
            entry.run.tags = tags;
        })
    }

    pub(crate) fn hold(&mut self, run: RunId) -> Result<(), Refused> {
        let status = self.entry(run)?.run.status;
        if status != RunStatus::Queued {
            return Err(Refused::NotQueued(status));
        }
        self.move_run(run, |entry| entry.is_held = true)
    }

    pub(crate) fn requeue(&mut self, run: RunId) -> Result<(), Refused> {
        let status = self.entry(run)?.run.status.after(RunTransition::Requeue)?;
        self.free(run, None)?;
        self.move_run(run, |entry| {
            entry.run.status = status;
            entry.is_first_pass_done = false;
        })
    }

    pub(crate) fn cancel(&mut self, run: RunId) -> Result<(), Refused> {
        let status = self.entry(run)?.run.status.after(RunTransition::Cancel)?;
        if status.is_terminal() {
            return self.remove(run);
        }
        self.entry_mut(run)?.run.status = status;
        Ok(())
    }

    pub(crate) fn begin(&mut self, run: RunId) -> Result<(), Refused> {
        let entry = self.entry_mut(run)?;
        entry.run.status = entry.run.status.after(RunTransition::Begin)?;
        Ok(())
    }

    pub(crate) fn finish_first_pass(&mut self, run: RunId) -> Result<(), Refused> {
        let ix = self.runs.find(run)?;
        let entry = &mut self.runs[ix];
        if !has_begun(entry.run.status) {
            return Err(Refused::NotBegun(entry.run.status));
        }
        if !entry.is_first_pass_done {
            entry.is_first_pass_done = true;
            let needs = entry.needs.clone();
            self.charge_roots(self.order(ix), &needs, Charge::GiveBack);
        }
        Ok(())
    }

    pub(crate) fn order(&self, at: RunIx) -> QueueOrder {
        let entry = &self.runs[at];
        QueueOrder { priority: Reverse(entry.priority), seq: entry.run.seq, at }
    }

    /// Puts a run where it belongs: into the line of its needs, or among those in progress.
    fn put_in(&mut self, ix: RunIx) {
        let (order, entry) = (self.order(ix), &mut self.runs[ix]);
        let demands = Demands::of(&entry.run, entry.is_held, &self.rules);
        let needs = Arc::new(self.limits.needs_of_run(demands, &self.rules));
        if entry.run.status == RunStatus::Queued {
            let line = self.queue.join(&needs, order);
            entry.needs = self.queue.line(line).needs.clone();
            entry.line = Some(line);
            return;
        }
        entry.needs = needs.clone();
        let is_first_pass_done = entry.is_first_pass_done;
        self.charge_run(order, &needs, Charge::Take);
        if !is_first_pass_done {
            self.charge_roots(order, &needs, Charge::Take);
        }
    }

    /// Takes a run from where it stands; its claims stay.
    fn take_out(&mut self, ix: RunIx) {
        let (order, entry) = (self.order(ix), &mut self.runs[ix]);
        let (needs, is_first_pass_done) = (entry.needs.clone(), entry.is_first_pass_done);
        if let Some(line) = entry.line.take() {
            self.queue.leave(line, order);
        } else {
            self.charge_run(order, &needs, Charge::GiveBack);
            if !is_first_pass_done {
                self.charge_roots(order, &needs, Charge::GiveBack);
            }
        }
        self.forget_unused(&needs);
    }

    fn charge_run(&mut self, order: QueueOrder, needs: &Needs, charge: Charge) {
        for &limit in &needs.runs {
            self.change(limit, |limit| match charge {
                Charge::Take => {
                    limit.usage.runs += 1;
                    limit.runs.insert(order.seq);
                }
                Charge::GiveBack => {
                    limit.usage.runs -= 1;
                    limit.runs.remove(&order.seq);
                }
            });
        }
    }

    fn charge_roots(&mut self, order: QueueOrder, needs: &Needs, charge: Charge) {
        for &(limit, slots) in &needs.roots {
            self.change(limit, |limit| match charge {
                Charge::Take => {
                    limit.usage.roots += slots;
                    limit.roots.insert(order.seq, slots);
                }
                Charge::GiveBack => {
                    limit.usage.roots -= slots;
                    limit.roots.remove(&order.seq);
                }
            });
        }
    }
}

/// Returns whether a worker of a run in this status has passed the begin gate.
pub(crate) fn has_begun(status: RunStatus) -> bool {
    matches!(status, RunStatus::Started | RunStatus::Canceling)
}

/// Whether usage rises or falls.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Charge {
    Take,
    GiveBack,
}
