//! Leases and deadlines: who was not heard of for too long, and what the launcher sees of them.
//!
//! A lapsed lease proves nothing: the attempt is suspect, still counts for every limit, and the
//! launcher is asked again and again until it says that nothing of it lives.

use std::time::Duration;

use admission::Event;
use model::{
    Attempt, CancelCause, EventKind, Failure, FailureReason, RunId, RunStatus, RunTransition,
};

use crate::command::{Reply, Sight};
use crate::effects::Effect;
use crate::life::Active;
use crate::rules::Rules;
use crate::state::{Note, State};

/// The tag that says how many seconds a run may run, and its older name (Dagster's).
const RUNTIME_TAGS: [&str; 2] = ["dagster/max_runtime", "dagster/max_runtime_seconds"];

impl State {
    /// A worker was heard of: its attempt is believed to live for another lease.
    pub(crate) fn renew(&mut self, run: RunId) {
        let until = self.now.elapsed.saturating_add(self.rules.lease);
        self.recovering.remove(&run);
        let Some(active) = self.active_mut(run) else { return };
        active.times.lease_until = Some(until);
        active.times.old_looks = active.times.open_looks;
        if !active.is_condemned() {
            active.times.next_look = None;
        }
        if std::mem::take(&mut active.is_suspect) {
            self.note(run, Note::new(EventKind::RunFound, ""));
        }
        self.file_deadline(run);
    }

    /// The launcher has done its part: from now on the worker is to be heard of. An attempt that
    /// still waits for its launch has no lease, as nothing of it could be found yet.
    pub(crate) fn begin_lease(&mut self, run: RunId) {
        let until = self.now.elapsed.saturating_add(self.rules.lease);
        let Some(active) = self.active_mut(run) else { return };
        if active.token.is_some() {
            active.times.lease_until = Some(until);
        }
        self.file_deadline(run);
    }

    /// Looks after an attempt that is believed to live. One without a lease either waits for its
    /// launch, so that it would be missed by every look, or is looked after already.
    pub(crate) fn missed(&mut self, run: RunId, attempt: Attempt) -> Reply {
        let is_believed =
            |active: &Active| active.attempt == attempt && active.times.lease_until.is_some();
        if self.active(run).is_some_and(is_believed) {
            self.look_soon(run);
        }
        Reply::Done
    }

    /// Has the launcher asked about an attempt at once, and again after a while.
    pub(crate) fn look_soon(&mut self, run: RunId) {
        let elapsed = self.now.elapsed;
        let Some(active) = self.active_mut(run) else { return };
        let attempt = active.attempt;
        active.times.next_look =
            Some((elapsed.saturating_add(Rules::FIRST_LOOK), 2 * Rules::FIRST_LOOK));
        self.look(run, attempt);
        self.file_deadline(run);
    }

    fn look(&mut self, run: RunId, attempt: Attempt) {
        if let Some(active) = self.active_mut(run) {
            active.times.open_looks = active.times.open_looks.saturating_add(1);
        }
        self.effect(Effect::Observe { run, attempt });
    }

    /// Takes note that a look was answered. Returns whether the worker was heard of after that look
    /// was asked for: then it may have been made before the worker could be seen at all.
    fn is_old_look(&mut self, run: RunId) -> bool {
        let Some(active) = self.active_mut(run) else { return false };
        let times = &mut active.times;
        let is_old = times.old_looks > 0;
        times.open_looks = times.open_looks.saturating_sub(1);
        times.old_looks = times.old_looks.saturating_sub(1);
        is_old
    }

    pub(crate) fn observed(&mut self, run: RunId, attempt: Attempt, sight: Sight) -> Reply {
        let Some(active) = self.active(run).filter(|active| active.attempt == attempt) else {
            return Reply::Done;
        };
        let (has_begun, is_condemned) = (active.has_begun(), active.is_condemned());
        self.recovering.remove(&run);
        let is_old = self.is_old_look(run);
        match sight {
            Sight::Remains | Sight::Gone if is_old => self.look_soon(run),
            // What was sent to end it may be lost, and is safe to repeat.
            Sight::Alive if is_condemned => {
                let grace = self.rules.grace;
                self.effect(Effect::Terminate { run, attempt, grace });
            }
            Sight::Alive | Sight::Unknown => {}
            Sight::Remains => self.worker_gone(run, attempt),
            Sight::Gone if has_begun => self.worker_lost(run),
            Sight::Gone => match self.image.run(run).map(|run| run.status) {
                Some(RunStatus::Canceling) => self.conclude_canceled(run),
                _ => self.start_lost(run),
            },
        }
        Reply::Done
    }

    /// A worker is proven dead while processes of its steps live on: they are ended, and the attempt
    /// counts until they are.
    fn worker_gone(&mut self, run: RunId, attempt: Attempt) {
        let grace = self.rules.grace;
        self.effect(Effect::Terminate { run, attempt, grace });
        let next = (self.now.elapsed.saturating_add(Rules::FIRST_LOOK), 2 * Rules::FIRST_LOOK);
        let Some(active) = self.active_mut(run) else { return };
        active.times.lease_until = None;
        if !std::mem::replace(&mut active.is_suspect, true) {
            active.times.next_look = Some(next);
            let message = "its worker is gone, but processes of its steps are not";
            self.note(run, Note::new(EventKind::RunSuspect, message));
        }
        self.file_deadline(run);
    }

    /// An attempt that had begun is proven dead before it said that it ended.
    fn worker_lost(&mut self, run: RunId) {
        if self.image.run(run).is_some_and(|run| run.status == RunStatus::Canceling) {
            return self.conclude_canceled(run);
        }
        let reason = FailureReason::UnexpectedTermination;
        let message = "its worker was gone before the run had ended".to_owned();
        self.end(run, RunTransition::Fail, Some(Failure { reason, message }));
    }

    /// Lets everything happen that was to happen by now.
    pub(crate) fn tick(&mut self) -> Reply {
        self.apply(Event::TimePassed { now: self.at() });
        while let Some((at, run)) = self.deadlines.first().copied() {
            if at > self.now.elapsed {
                break;
            }
            self.deadlines.remove(&(at, run));
            if let Some(active) = self.active_mut(run) {
                active.times.filed = None;
            }
            self.meet_deadline(run);
            self.file_deadline(run);
        }
        Reply::Done
    }

    fn meet_deadline(&mut self, run: RunId) {
        let (elapsed, grace) = (self.now.elapsed, self.rules.grace);
        let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= elapsed);
        let is_in_doubt = self.is_in_doubt(run);
        let Some(active) = self.active_mut(run) else { return };
        let (attempt, times) = (active.attempt, active.times);
        if is_due(times.start_until) {
            active.times.start_until = None;
            self.effect(Effect::Terminate { run, attempt, grace });
            let message = "it did not begin in time".to_owned();
            return self.fail_to_start(run, FailureReason::StartTimeout, message);
        }
        if is_due(times.run_until) {
            active.times.run_until = None;
            self.wish_to_end(run, CancelCause::MaxRuntime);
        } else if is_due(times.kill_at) {
            active.times.kill_at = None;
            self.effect(Effect::Terminate { run, attempt, grace });
            self.look_soon(run);
        } else if is_due(times.lease_until) {
            active.times.lease_until = None;
            active.is_suspect = true;
            let message = "its worker was not heard of for the length of a lease";
            self.note(run, Note::new(EventKind::RunSuspect, message));
            self.look_soon(run);
        } else if let Some((_, pause)) = times.next_look.filter(|(at, _)| *at <= elapsed) {
            let next = (elapsed.saturating_add(pause), (2 * pause).min(Rules::LAST_LOOK));
            active.times.next_look = is_in_doubt.then_some(next);
            self.look(run, attempt);
        }
    }

    /// Returns whether the launcher is to be asked about an attempt until it has proven its death:
    /// others are looked at twice when there is a hint, and then their lease decides.
    fn is_in_doubt(&self, run: RunId) -> bool {
        self.recovering.contains(&run)
            || self.active(run).is_some_and(|active| active.is_suspect || active.is_condemned())
    }

    /// Files the earliest deadline of a run in place of the one that was filed.
    pub(crate) fn file_deadline(&mut self, run: RunId) {
        let Some(active) = self.lives.get_mut(&run).and_then(|life| life.active.as_deref_mut())
        else {
            return;
        };
        let next = active.times.earliest();
        let before = std::mem::replace(&mut active.times.filed, next);
        if before == next {
            return;
        }
        if let Some(before) = before {
            self.deadlines.remove(&(before, run));
        }
        self.deadlines.extend(next.map(|next| (next, run)));
    }

    pub(crate) fn unfile_deadline(&mut self, run: RunId) {
        if let Some(filed) = self.active(run).and_then(|active| active.times.filed) {
            self.deadlines.remove(&(filed, run));
        }
    }

    /// Returns how long a run may run. A tag that says no number of seconds leaves the bound of the
    /// deployment in force.
    pub(crate) fn max_runtime_of(&self, run: RunId) -> Option<Duration> {
        let tags = self.image.run(run).map(|run| &run.tags);
        let told = tags.filter(|_| self.rules.heeds_runtime_tags).and_then(|tags| {
            let told = RUNTIME_TAGS.iter().find_map(|key| tags.get(key))?;
            let seconds: f64 = told.trim().parse().ok()?;
            (seconds > 0.0).then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
        });
        told.or(self.rules.max_runtime)
    }
}
