//! What workers tell: each report once, in its order, whatever was sent again.

use admission::Event;
use model::{EventKind, Failure, FailureReason, RunId, RunStatus, RunTransition};

use crate::command::{Dismissed, Outcome, Refusal, Reply, Report, ReportKind, Worker};
use crate::state::{Note, State};

impl State {
    /// Takes the reports that follow the last one known; a gap is answered with the number of that
    /// one, after which the worker sends again.
    pub(crate) fn report(
        &mut self,
        worker: Worker,
        first: u64,
        reports: Vec<Report>,
    ) -> Result<Reply, Refusal> {
        let run = worker.run;
        let active = self.known_worker(worker)?;
        if !active.has_begun() {
            return Err(Dismissed::Superseded.into());
        }
        let mut last = active.last_report;
        self.renew(run);
        if first > last + 1 {
            return Ok(Reply::Received { last });
        }
        let known = usize::try_from(last + 1 - first).unwrap_or(usize::MAX);
        for report in reports.into_iter().skip(known) {
            last += 1;
            if let Some(active) = self.active_mut(run) {
                active.last_report = last;
                self.touch(run);
            }
            self.take_report(run, report);
        }
        Ok(Reply::Received { last })
    }

    fn take_report(&mut self, run: RunId, report: Report) {
        let Report { at, kind } = report;
        match kind {
            ReportKind::FirstPassDone => {
                if self.apply(Event::FirstPassDone { run })
                    && let Some(active) = self.active_mut(run)
                {
                    active.is_first_pass_done = true;
                }
            }
            ReportKind::Ended(outcome) => self.worker_ended(run, outcome),
            ReportKind::Planned(_)
            | ReportKind::Asked(_)
            | ReportKind::GaveBack(_)
            | ReportKind::Started { .. }
            | ReportKind::Succeeded(_)
            | ReportKind::UpForRetry { .. }
            | ReportKind::Failed { .. }
            | ReportKind::Skipped { .. }
            | ReportKind::Canceled(_) => self.take_step_report(run, at, kind),
            ReportKind::Told { step, told } => self.tell(run, at, &step, *told),
        }
    }

    fn worker_ended(&mut self, run: RunId, outcome: Outcome) {
        let status = self.image.run(run).map(|run| run.status);
        let is_canceling = status == Some(RunStatus::Canceling);
        match outcome {
            Outcome::Succeeded => self.end(run, RunTransition::Succeed, None),
            // A failure that is seen while a run is being canceled is the cancel's.
            Outcome::Failed { .. } | Outcome::Canceled if is_canceling => {
                self.conclude_canceled(run);
            }
            Outcome::Failed { by_step, error } => {
                let reason =
                    if by_step { FailureReason::StepFailure } else { FailureReason::RunException };
                self.end(run, RunTransition::Fail, Some(Failure { reason, message: error }));
            }
            Outcome::Canceled => {
                let reason = FailureReason::UnexpectedTermination;
                let message = "its worker was told to end from outside".to_owned();
                self.end(run, RunTransition::Fail, Some(Failure { reason, message }));
            }
        }
    }

    /// Notes that a report says what cannot be; it counts as received and changes nothing else.
    pub(crate) fn note_senseless(&mut self, run: RunId, what: &str) {
        let message = format!("the worker told what cannot be: {what}");
        self.note(run, Note::new(EventKind::EngineEvent, message));
    }
}
