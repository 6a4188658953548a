//! What all commands have come to: runs are admitted, launches released, the batch is made.

use model::RunId;

use crate::effects::{Ids, Moment, Settled};
use crate::pending::Pending;
use crate::state::State;

/// How many runs and lines of runs one call looks at, so that a commit has a bounded size; what is
/// left over is looked at by the next.
const ADMIT_BUDGET: u32 = 2000;

impl State {
    /// Lets runs start and returns what is to be written, and what is to be done when it is.
    ///
    /// The state is ahead of the store until that commit is made; if it is not, the state must be
    /// thrown away.
    pub fn settle(&mut self, now: Moment, ids: &mut impl Ids) -> Settled {
        self.now = now;
        let is_cut = self.admit(ids);
        let pending = std::mem::take(&mut self.pending);
        self.last_change = pending.events.last().map_or(self.last_change, |event| event.change);
        let (batch, effects) = Pending::into_batch(pending, |run: RunId| self.row(run));
        Settled { batch, effects, is_cut }
    }

    /// Admits runs until nothing more may start or the budget is used up; returns whether it was.
    fn admit(&mut self, ids: &mut impl Ids) -> bool {
        if self.is_recovering() {
            self.release_launches();
            return false;
        }
        loop {
            let is_cut = self.admit_queued(ids);
            let is_any_requeued = self.release_launches();
            if is_cut || !is_any_requeued {
                return is_cut;
            }
        }
    }

    /// Lets runs leave the queue, one by one, so that each tells the usage with which it did.
    fn admit_queued(&mut self, ids: &mut impl Ids) -> bool {
        for _ in 0..ADMIT_BUDGET {
            let admissions = self.image.admit(1);
            for admission in admissions.admitted {
                self.note_dequeued(admission.run);
                self.start_attempt(admission.run, admission.attempt, ids);
            }
            if !admissions.is_cut {
                return false;
            }
        }
        true
    }
}
