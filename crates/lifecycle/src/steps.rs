//! The steps of a run, as its worker tells of them.

use std::sync::Arc;

use admission::Event;
use model::{
    EventKind, RunId, Step, StepId, StepKey, StepRow, StepStatus, StepTransition, Timestamp,
};

use crate::command::ReportKind;
use crate::state::{Note, State};

/// How many steps one run may have: its steps are kept in memory while it is in progress.
const MAX_STEPS: usize = 10_000;

/// How much is kept of what went wrong in a step or a run, in bytes.
const MAX_MESSAGE: usize = 4096;

/// Why a try of a step ended as it did.
#[derive(Debug, Default)]
struct Reason {
    sentence: Option<String>,
    /// The whole of it as a JSON object.
    details: Option<Arc<str>>,
}

impl State {
    pub(crate) fn take_step_report(&mut self, run: RunId, at: Timestamp, kind: ReportKind) {
        match kind {
            ReportKind::Planned(steps) => self.plan_steps(run, steps),
            ReportKind::Asked(step) => self.ask(run, at, step),
            ReportKind::GaveBack(step) => self.stand_back(run, &step),
            ReportKind::Started { step, try_number } => {
                let changed = self.move_step(run, &step, StepTransition::Start, |row| {
                    row.try_number = try_number;
                    row.started_at = Some(at);
                    (row.ended_at, row.retry_at, row.error) = (None, None, None);
                });
                if changed {
                    let message = format!("try {try_number}");
                    self.note(run, Note::of_step(EventKind::StepStart, &step, message));
                }
            }
            ReportKind::Succeeded(step) => {
                self.finish(run, at, &step, StepTransition::Succeed, Reason::default());
            }
            ReportKind::Failed { step, error, details } => {
                let reason = Reason { sentence: Some(error), details };
                self.finish(run, at, &step, StepTransition::Fail, reason);
            }
            ReportKind::Skipped { step, reason } => {
                let reason = Reason { sentence: Some(reason), details: None };
                self.finish(run, at, &step, StepTransition::Skip, reason);
            }
            ReportKind::Canceled(step) => {
                self.finish(run, at, &step, StepTransition::Cancel, Reason::default());
            }
            ReportKind::UpForRetry { step, error, details, retry_at } => {
                let reason = Reason { sentence: Some(error), details };
                if self.finish(run, at, &step, StepTransition::Retry, reason) {
                    self.change_step(run, &step, |row| row.retry_at = Some(retry_at));
                }
            }
            ReportKind::FirstPassDone | ReportKind::Told { .. } | ReportKind::Ended(_) => {}
        }
    }

    fn plan_steps(&mut self, run: RunId, steps: Vec<StepKey>) {
        for step in steps {
            let Some(active) = self.active_mut(run) else { return };
            if active.steps.contains_key(&step) {
                continue;
            }
            let position = active.steps.len();
            if position >= MAX_STEPS {
                return self.note_senseless(run, "more steps than a run can have");
            }
            let id = StepId { run, step: step.clone() };
            let row = StepRow {
                id: id.clone(),
                position: u32::try_from(position).unwrap_or(u32::MAX),
                status: StepStatus::WaitingForDependencies,
                try_number: 0,
                waiting_since: None,
                started_at: None,
                ended_at: None,
                retry_at: None,
                error: None,
            };
            active.steps.insert(step, row.clone());
            self.pending.steps.insert(id, row);
        }
    }

    fn ask(&mut self, run: RunId, at: Timestamp, step: Step) {
        let (key, id) = (step.key.clone(), StepId { run, step: step.key.clone() });
        let waits = |row: &mut StepRow| row.waiting_since = Some(at);
        if !self.move_step(run, &key, StepTransition::AskForSlots, waits) {
            return;
        }
        // While the run is being canceled nothing is granted any more.
        if self.apply(Event::Ask { run, step }) {
            self.keep_claim(&id);
            if let Some(model::Explanation::Blocked(reasons)) = self.image.explain_step(&id) {
                let limits: Vec<String> = reasons.iter().map(|why| why.limit.to_string()).collect();
                let message = format!("blocked by {}", limits.join(", "));
                self.note(run, Note::of_step(EventKind::StepWaiting, &key, message));
            }
        }
    }

    /// Ends a try of a step; its slots are free in the same commit.
    fn finish(
        &mut self,
        run: RunId,
        at: Timestamp,
        step: &StepKey,
        how: StepTransition,
        reason: Reason,
    ) -> bool {
        let error = reason.sentence.map(shorten);
        let message = error.clone().unwrap_or_default();
        let changed = self.move_step(run, step, how, |row| {
            row.ended_at = Some(at);
            row.error = error;
        });
        if !changed {
            return false;
        }
        let kind = match how {
            StepTransition::Succeed => EventKind::StepSuccess,
            StepTransition::Fail => EventKind::StepFailure,
            StepTransition::Skip => EventKind::StepSkipped,
            StepTransition::Retry => EventKind::StepUpForRetry,
            StepTransition::Cancel
            | StepTransition::AskForSlots
            | StepTransition::StandBack
            | StepTransition::Start => EventKind::StepCanceled,
        };
        self.note(run, Note::of_step(kind, step, message).with_data(reason.details));
        self.free_claim(run, step);
        true
    }

    /// Takes the claim of a step away whose turn it is not: its slots are free in the same commit.
    fn stand_back(&mut self, run: RunId, step: &StepKey) {
        let waits_no_more = |row: &mut StepRow| row.waiting_since = None;
        if self.move_step(run, step, StepTransition::StandBack, waits_no_more) {
            let message = "gives its slots back: the limits inside the run leave no place for it";
            self.note(run, Note::of_step(EventKind::StepWaiting, step, message));
            self.free_claim(run, step);
        }
    }

    fn free_claim(&mut self, run: RunId, step: &StepKey) {
        let id = StepId { run, step: step.clone() };
        if self.image.claim(&id).is_some() {
            self.apply(Event::Free { run, step: Some(step.clone()) });
            self.keep_claim(&id);
        }
    }

    fn move_step(
        &mut self,
        run: RunId,
        step: &StepKey,
        how: StepTransition,
        change: impl FnOnce(&mut StepRow),
    ) -> bool {
        let status = self.active(run).and_then(|active| active.steps.get(step)).map(|s| s.status);
        match status.map(|status| status.after(how)) {
            Some(Ok(status)) => self.change_step(run, step, |row| {
                row.status = status;
                change(row);
            }),
            Some(Err(illegal)) => {
                self.note_senseless(run, &format!("step {step}: {illegal}"));
                false
            }
            None => {
                self.note_senseless(run, &format!("there is no step {step}"));
                false
            }
        }
    }

    fn change_step(
        &mut self,
        run: RunId,
        step: &StepKey,
        change: impl FnOnce(&mut StepRow),
    ) -> bool {
        let Some(active) = self.active_mut(run) else { return false };
        let Some(row) = active.steps.get_mut(step) else { return false };
        change(row);
        active.granted_without_slots.remove(step);
        let row = row.clone();
        self.pending.steps.insert(row.id.clone(), row);
        true
    }
}

/// Cuts a text to what is kept of it.
pub(crate) fn shorten(mut text: String) -> String {
    if text.len() > MAX_MESSAGE {
        let mut end = MAX_MESSAGE;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(" ...");
    }
    text
}
