//! Ends: cancel wishes, force, deletion, and the one way in which every run ends.

use admission::Event;
use model::{
    CancelCause, ClaimState, EventKind, Failure, FailureReason, RunId, RunStatus, RunTransition,
    StepStatus, StepTransition,
};

use crate::command::{CancelMode, Refusal, Reply};
use crate::effects::Effect;
use crate::state::{Note, State};
use crate::steps::shorten;

impl State {
    pub(crate) fn cancel(&mut self, run: RunId, mode: CancelMode) -> Result<Reply, Refusal> {
        let status = self.run(run)?.status;
        match (mode, status) {
            (CancelMode::Force, _) => {
                let grace = self.rules.grace;
                let attempt = self.active(run).map(|active| active.attempt);
                self.end(run, RunTransition::ForceCancel, None);
                if let Some(attempt) = attempt {
                    self.effect(Effect::Terminate { run, attempt, grace });
                }
                Ok(Reply::Status(RunStatus::Canceled))
            }
            (CancelMode::Wish, RunStatus::Queued) => {
                self.end(run, RunTransition::Cancel, None);
                Ok(Reply::Status(RunStatus::Canceled))
            }
            (CancelMode::Wish, RunStatus::Canceling) => Ok(Reply::Status(status)),
            (CancelMode::Wish, _) => {
                self.wish_to_end(run, CancelCause::Asked);
                Ok(Reply::Status(RunStatus::Canceling))
            }
        }
    }

    /// Tells a run in progress to end. One that has not begun loses its token: nobody begins it any
    /// more, and it ends when the launcher says that nothing of it lives.
    pub(crate) fn wish_to_end(&mut self, run: RunId, cause: CancelCause) {
        let (at, elapsed, rules) = (self.at(), self.now.elapsed, self.rules);
        if !self.apply(Event::Cancel { run }) {
            return;
        }
        let Some(active) = self.active_mut(run) else { return };
        active.cancel = Some(cause);
        active.canceling_at = Some(at);
        active.times.start_until = None;
        active.times.run_until = None;
        let (attempt, has_begun) = (active.attempt, active.has_begun());
        if has_begun {
            active.times.kill_at = Some(elapsed.saturating_add(rules.cancel_timeout));
        } else {
            active.token = None;
            active.times.lease_until = None;
        }
        self.withdraw_waiting_claims(run);
        let message = match cause {
            CancelCause::Asked => "",
            CancelCause::MaxRuntime => "it ran longer than it may",
        };
        self.note(run, Note::new(EventKind::RunCanceling, message));
        if has_begun {
            self.file_deadline(run);
        } else {
            self.effect(Effect::Terminate { run, attempt, grace: rules.grace });
            self.look_soon(run);
        }
        self.effect(Effect::Wake { run });
    }

    /// While a run is being canceled nothing is granted to it any more; what it holds it keeps.
    fn withdraw_waiting_claims(&mut self, run: RunId) {
        let claims = self.image.claims_of(run);
        let waiting = claims.filter(|claim| claim.state == ClaimState::Pending);
        for id in waiting.map(|claim| claim.step.clone()).collect::<Vec<_>>() {
            self.apply(Event::Free { run, step: Some(id.step.clone()) });
            self.keep_claim(&id);
        }
    }

    /// Ends a run that was told to end and of which nothing lives any more.
    pub(crate) fn conclude_canceled(&mut self, run: RunId) {
        match self.active(run).and_then(|active| active.cancel) {
            Some(CancelCause::MaxRuntime) => {
                let reason = FailureReason::MaxRuntime;
                let message = "it ran longer than it may".to_owned();
                self.end(run, RunTransition::Fail, Some(Failure { reason, message }));
            }
            Some(CancelCause::Asked) | None => self.end(run, RunTransition::ConfirmCancel, None),
        }
    }

    /// Ends a run: the one place where that happens. Everything that it holds is free in the same
    /// commit. A transition that the life cycle does not have is passed over.
    pub(crate) fn end(&mut self, run: RunId, how: RunTransition, failure: Option<Failure>) {
        let Some(mut last) = self.image.run(run).cloned() else { return };
        let Ok(status) = last.status.after(how) else { return };
        let kind = match status {
            RunStatus::Success => EventKind::RunSuccess,
            RunStatus::Canceled => EventKind::RunCanceled,
            RunStatus::Failure => EventKind::RunFailure,
            RunStatus::NotStarted
            | RunStatus::Queued
            | RunStatus::Starting
            | RunStatus::Started
            | RunStatus::Canceling
            | RunStatus::Managed
            | RunStatus::Suspended => return,
        };
        let cut = |failure: Failure| Failure { message: shorten(failure.message), ..failure };
        let failure = failure.map(cut);
        let message = failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
        self.cancel_open_steps(run);
        self.note(run, Note::new(kind, message));
        self.drop_claims(run);
        self.unfile_deadline(run);
        self.recovering.remove(&run);
        let Some(life) = self.lives.remove(&run) else { return };
        last.status = status;
        let mut row = life.row(&last, false);
        row.failure = failure;
        row.token = None;
        row.ended_at = Some(self.at());
        self.pending.ended.insert(run, (last, row));
        self.apply(Event::End { run });
        self.effect(Effect::Wake { run });
    }

    /// Steps that have not ended when their run ends are canceled with it.
    fn cancel_open_steps(&mut self, run: RunId) {
        let at = self.at();
        let Some(active) = self.active_mut(run) else { return };
        let mut changed = Vec::new();
        for row in active.steps.values_mut() {
            if let Ok(status) = row.status.after(StepTransition::Cancel) {
                let was_waiting = row.status == StepStatus::WaitingForDependencies;
                row.status = status;
                row.ended_at = Some(at);
                changed.push((row.clone(), was_waiting));
            }
        }
        for (row, was_waiting) in changed {
            if !was_waiting {
                self.note(run, Note::of_step(EventKind::StepCanceled, &row.id.step, ""));
            }
            self.pending.steps.insert(row.id.clone(), row);
        }
    }

    pub(crate) fn delete(&mut self, run: RunId, ended: Option<u64>) -> Result<Reply, Refusal> {
        let is_ending = self.pending.ended.contains_key(&run);
        if self.pending.new_ids.contains(&run) || is_ending {
            // Its row is written by the commit that is being made; asked again, it can go.
            let status = self.image.run(run).map_or(RunStatus::Canceling, |run| run.status);
            return Err(Refusal::InProgress(run, status));
        }
        let events = match (self.image.run(run).map(|run| run.status), ended) {
            (None, Some(events)) if !self.pending.deleted.contains(&run) => events,
            (None, _) => return Err(Refusal::UnknownRun(run)),
            (Some(RunStatus::Queued), _) => {
                self.apply(Event::Delete { run });
                self.pending.touched.remove(&run);
                self.lives.remove(&run).map_or(0, |life| life.event_count)
            }
            (Some(status), _) => return Err(Refusal::InProgress(run, status)),
        };
        self.pending.deleted.insert(run);
        self.note_deleted(run, events);
        self.effect(Effect::Forget { run });
        Ok(Reply::Done)
    }
}
