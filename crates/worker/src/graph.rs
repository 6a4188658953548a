//! The walk of a run through its steps: which step asks for slots, which one starts, which one is
//! not run, when something is due, and how it all ends.
//!
//! Decides in values: it is told what happened and when, and answers what to do ([`Todo`]). It knows
//! no process, no daemon and no clock. Whoever drives it tells the end of every try that it was
//! given to start, once.

mod limits;
mod links;
mod mapped;
mod outputs;
mod sentence;
mod step;
mod talk;
#[cfg(test)]
pub(crate) mod tests;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::Duration;

use model::Timestamp;
use wire::plan::Plan;
use wire::told::Error;
use wire::worker::{Outcome, Report, ReportKind};

use self::limits::Limits;
pub use self::links::PlanError;
pub use self::outputs::Outputs;
pub use self::sentence::MAX_ERROR;
use self::step::{Place, State, Step};
pub use self::talk::{Ending, Halt, Heard, StepIndex, Todo, Try};

/// How many steps one [`ReportKind::Planned`] names: with long keys such a report stays well below
/// what one request may carry.
const PLANNED_AT_ONCE: usize = 1000;

/// The steps of a run and where each one is.
#[derive(Debug)]
pub struct Graph {
    steps: Vec<Step>,
    by_key: BTreeMap<String, StepIndex>,
    /// When something is due: a try runs too long, or a step is ready again. One each step at most.
    deadlines: BTreeSet<(Timestamp, StepIndex)>,
    /// Those that failed, in the order in which they did, with the error of each.
    failed: Vec<(StepIndex, String)>,
    /// Those that are ready, the best first.
    ready: BTreeSet<Place>,
    limits: Limits,
    unfinished: usize,
    /// The number of the last report.
    reported: u64,
    /// The number of the last report whose answer is awaited.
    awaited: u64,
    halt: Option<Halt>,
    has_ended: bool,
}

impl Graph {
    /// Takes the steps of a plan, of which no more than `max_running` run at once, and no more than the
    /// plan's own limits allow; none has started.
    ///
    /// # Errors
    /// [`PlanError`] if the plan is none that can be walked to its end.
    pub fn new(plan: &Plan, max_running: NonZeroUsize) -> Result<Self, PlanError> {
        let by_key = links::by_key(plan)?;
        let dependents = links::dependents(plan, &by_key)?;
        let steps = plan.steps.iter().zip(dependents).enumerate();
        let steps: Vec<Step> =
            steps.map(|(index, (step, links))| Step::new(index, step, links)).collect();
        Ok(Self {
            unfinished: steps.len(),
            steps,
            by_key,
            deadlines: BTreeSet::new(),
            failed: Vec::new(),
            ready: BTreeSet::new(),
            limits: Limits::new(plan, max_running),
            reported: 0,
            awaited: 0,
            halt: None,
            has_ended: false,
        })
    }

    /// The first pass, to be made once before anything else: names the steps, then lets every step
    /// ask or start that waits for no other one.
    pub fn begin(&mut self, at: Timestamp) -> Todo {
        let mut todo = Todo::default();
        let known = self.steps.iter().filter(|step| !step.is_template());
        let keys: Vec<String> = known.map(|step| step.key.clone()).collect();
        for steps in keys.chunks(PLANNED_AT_ONCE) {
            self.report(&mut todo, at, ReportKind::Planned { steps: steps.to_vec() });
        }
        for root in 0..self.steps.len() {
            if self.steps[root].missing == 0 {
                self.make_ready(root);
            }
        }
        self.go_on(at, &mut todo);
        self.report(&mut todo, at, ReportKind::FirstPassDone);
        self.end_if_over(at, &mut todo);
        todo
    }

    /// A try ended, and nothing of it is left.
    pub fn exited(&mut self, ended: Try, ending: Ending, at: Timestamp) -> Todo {
        let mut todo = Todo::default();
        let step = ended.step;
        let State::Running { is_late } = self.steps[step].state else { return todo };
        self.forget_deadline(step);
        self.limits.end(step);
        if self.halt.is_some() {
            self.cancel_step(step, at, &mut todo);
        } else if is_late {
            let error = sentence::timed_out(self.steps[step].timeout);
            self.failed_try(step, error, at, &mut todo);
        } else {
            match ending {
                Ending::Succeeded => self.succeed(step, None, at, &mut todo),
                Ending::Gave(outputs) => self.succeed(step, Some(outputs), at, &mut todo),
                Ending::Failed(error) => self.failed_try(step, error, at, &mut todo),
                Ending::Again(error, delay) => self.try_again(step, error, delay, at, &mut todo),
                Ending::Final(error) | Ending::Unstartable(error) => {
                    self.fail(step, error, at, &mut todo);
                }
            }
        }
        self.go_on(at, &mut todo);
        self.end_if_over(at, &mut todo);
        todo
    }

    /// The code of a running try has told something, each at its time.
    pub fn told(&mut self, of: Try, events: Vec<Heard>) -> Todo {
        let mut todo = Todo::default();
        let step = &self.steps[of.step];
        if step.tries != of.number || !matches!(step.state, State::Running { .. }) {
            return todo;
        }
        let key = step.key.clone();
        for Heard { at, inner, told } in events {
            let (step, told) = (key.clone(), Box::new(told));
            let kind = ReportKind::Told { step, r#try: of.number, inner, told };
            self.report(&mut todo, at, kind);
        }
        todo
    }

    /// Says what went wrong in a try that is about to be told as ended.
    pub fn blame(&mut self, of: Try, error: Error) {
        self.steps[of.step].details = Some(Box::new(error));
    }

    /// Time has passed: what was due until `at` is done.
    pub fn passed(&mut self, at: Timestamp) -> Todo {
        let mut todo = Todo::default();
        self.limits.pass(at);
        while let Some((due, step)) = self.deadlines.first().copied().filter(|(due, _)| *due <= at)
        {
            self.deadlines.remove(&(due, step));
            self.steps[step].deadline = None;
            if self.steps[step].state == (State::Running { is_late: false }) {
                self.steps[step].state = State::Running { is_late: true };
                todo.ends.push(step);
            } else {
                self.make_ready(step);
            }
        }
        self.go_on(at, &mut todo);
        todo
    }

    /// Ends the walk early: no step starts any more, waiting ones are withdrawn, running ones are
    /// to be ended. The first halt counts; one that comes when all has ended changes nothing.
    pub fn halt(&mut self, halt: Halt, at: Timestamp) -> Todo {
        let mut todo = Todo::default();
        if self.has_ended || self.halt.is_some() {
            return todo;
        }
        self.halt = Some(halt);
        self.ready.clear();
        for step in 0..self.steps.len() {
            match self.steps[step].state {
                State::Running { is_late } => {
                    self.forget_deadline(step);
                    if !is_late {
                        todo.ends.push(step);
                    }
                }
                State::WaitingForDependencies
                | State::Ready
                | State::WaitingForSlots { .. }
                | State::UpForRetry => self.cancel_step(step, at, &mut todo),
                State::Over => {}
            }
        }
        self.end_if_over(at, &mut todo);
        todo
    }

    /// When something is due next, if nothing happens before.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let due = self.deadlines.first().map(|(due, _)| *due);
        due.into_iter().chain(self.limits.deadline()).min()
    }

    /// The number of the last report with which a step asked for slots and whose answer is awaited:
    /// it has asked before, or others wait to know whether it starts. 0 if there was none. What the
    /// daemon says to a question put before it had that report is too old for such a step, and it may
    /// say nothing new afterwards: it must be asked anew.
    pub fn awaited(&self) -> u64 {
        self.awaited
    }

    /// The key of a step.
    pub fn key(&self, step: StepIndex) -> &str {
        &self.steps[step].key
    }

    /// Where a step stands in the plan; for one that was found while the run went on, where that
    /// stands which it was made from.
    pub fn origin(&self, step: StepIndex) -> StepIndex {
        self.steps[step].origin
    }

    /// Whether every step has ended and the last report is made.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    fn failed_try(&mut self, step: StepIndex, error: String, at: Timestamp, todo: &mut Todo) {
        match self.steps[step].delay_before_retry() {
            Some(delay) => self.try_again(step, error, delay, at, todo),
            None => self.fail(step, error, at, todo),
        }
    }

    fn try_again(
        &mut self,
        step: StepIndex,
        error: String,
        delay: Duration,
        at: Timestamp,
        todo: &mut Todo,
    ) {
        let failed = &mut self.steps[step];
        let retry_at = at.after(delay);
        failed.state = State::UpForRetry;
        let kind = ReportKind::UpForRetry {
            step: failed.key.clone(),
            r#try: failed.tries,
            error: sentence::bounded(error),
            details: failed.details.take(),
            retry_at: retry_at.as_micros(),
        };
        self.set_deadline(step, retry_at);
        self.report(todo, at, kind);
    }

    fn fail(&mut self, step: StepIndex, error: String, at: Timestamp, todo: &mut Todo) {
        let error = sentence::bounded(error);
        let failed = &mut self.steps[step];
        let (key, r#try, details) = (failed.key.clone(), failed.tries, failed.details.take());
        let kind = ReportKind::Failed { step: key, r#try, error: error.clone(), details };
        self.report(todo, at, kind);
        self.close(step);
        self.failed.push((step, error));
        self.skip_after(step, at, todo);
    }

    /// Skips every step that waits, directly or not, for one that failed.
    fn skip_after(&mut self, failed: StepIndex, at: Timestamp, todo: &mut Todo) {
        let mut causes = vec![(failed, "failed")];
        while let Some((cause, verb)) = causes.pop() {
            for step in self.steps[cause].dependents.clone() {
                if self.steps[step].state != State::WaitingForDependencies {
                    continue;
                }
                let reason = format!("step `{}` before it {verb}", self.steps[cause].key);
                self.skip(step, reason, at, todo);
                causes.push((step, "was skipped"));
            }
        }
    }

    fn skip(&mut self, step: StepIndex, reason: String, at: Timestamp, todo: &mut Todo) {
        if !self.steps[step].is_template() {
            let key = self.steps[step].key.clone();
            self.report(todo, at, ReportKind::Skipped { step: key, reason });
        }
        self.close(step);
    }

    fn cancel_step(&mut self, step: StepIndex, at: Timestamp, todo: &mut Todo) {
        self.forget_deadline(step);
        self.limits.answer(step);
        if !self.steps[step].is_template() {
            let key = self.steps[step].key.clone();
            self.report(todo, at, ReportKind::Canceled { step: key });
        }
        self.close(step);
    }

    fn close(&mut self, step: StepIndex) {
        self.steps[step].state = State::Over;
        self.unfinished -= 1;
    }

    fn end_if_over(&mut self, at: Timestamp, todo: &mut Todo) {
        if self.unfinished == 0 && !self.has_ended {
            self.has_ended = true;
            self.report(todo, at, ReportKind::Ended { outcome: self.outcome() });
        }
    }

    fn outcome(&self) -> Outcome {
        match &self.halt {
            Some(Halt::Cancel) => Outcome::Canceled,
            Some(Halt::Fail(error)) => {
                Outcome::Failed { by_step: false, error: sentence::bounded(error.clone()) }
            }
            None if self.failed.is_empty() => Outcome::Succeeded,
            None => {
                let failed = self.failed.iter();
                let named = failed.map(|(step, error)| (&*self.steps[*step].key, &**error));
                let error = sentence::failed_steps(&named.collect::<Vec<_>>());
                Outcome::Failed { by_step: true, error }
            }
        }
    }

    fn report(&mut self, todo: &mut Todo, at: Timestamp, kind: ReportKind) {
        self.reported += 1;
        todo.reports.push(Report { at: at.as_micros(), kind });
    }

    fn set_deadline(&mut self, step: StepIndex, due: Timestamp) {
        self.steps[step].deadline = Some(due);
        self.deadlines.insert((due, step));
    }

    fn forget_deadline(&mut self, step: StepIndex) {
        if let Some(due) = self.steps[step].deadline.take() {
            self.deadlines.remove(&(due, step));
        }
    }
}
