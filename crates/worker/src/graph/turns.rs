//! Which ready step goes on when: the best first, as far as the limits inside the run let it. What
//! those let through stands in [`super::limits`].

use std::ops::Bound::{Excluded, Unbounded};

use model::Timestamp;
use wire::worker::ReportKind;

use super::step::{Place, State};
use super::{Graph, StepIndex, Todo, Try};

impl Graph {
    /// Steps have their slots, as the daemon said to a question that was put when it had all reports
    /// up to number `heard`. An answer that is older than the last question of a step does not speak
    /// of that question, but of an earlier one whose slots are given back.
    pub fn granted(&mut self, keys: &[String], heard: u64, at: Timestamp) -> Todo {
        let mut todo = Todo::default();
        let mut granted: Vec<StepIndex> =
            keys.iter().filter_map(|key| self.by_key.get(key).copied()).collect();
        granted.sort_by_key(|step| self.place(*step));
        for step in granted {
            if matches!(self.steps[step].state, State::WaitingForSlots { since } if since <= heard)
            {
                self.take_slots(step, at, &mut todo);
            }
        }
        self.limits.answer_until(heard);
        self.go_on(at, &mut todo);
        todo
    }

    /// Starts a step that has its slots, or gives them back.
    fn take_slots(&mut self, step: StepIndex, at: Timestamp, todo: &mut Todo) {
        if self.limits.lets_start(step) {
            return self.start(step, at, todo);
        }
        self.limits.answer(step);
        let key = self.steps[step].key.clone();
        self.report(todo, at, ReportKind::GaveBack { step: key });
        self.make_ready(step);
    }

    pub(super) fn make_ready(&mut self, step: StepIndex) {
        self.steps[step].state = State::Ready;
        self.ready.insert(self.place(step));
    }

    /// Lets ready steps ask or start, the best first, as far as they may.
    pub(super) fn go_on(&mut self, at: Timestamp, todo: &mut Todo) {
        let mut next = self.ready.first().copied();
        while let Some(place) = next.filter(|_| self.limits.has_place()) {
            let (_, step) = place;
            if self.limits.lets_go_on(step) {
                self.ready.remove(&place);
                if self.steps[step].pools.is_empty() {
                    self.start(step, at, todo);
                } else {
                    self.ask(step, at, todo);
                }
            }
            next = self.ready.range((Excluded(place), Unbounded)).next().copied();
        }
        // Somebody may wait for the place of one in doubt: the answer is wanted as soon as it is known.
        if let Some(doubt) = self.limits.latest_doubt().filter(|_| !self.ready.is_empty()) {
            self.awaited = self.awaited.max(doubt);
        }
    }

    fn ask(&mut self, step: StepIndex, at: Timestamp, todo: &mut Todo) {
        let asks = &self.steps[step];
        let kind = ReportKind::Asked {
            step: asks.key.clone(),
            pools: asks.pools.clone(),
            priority: asks.priority,
        };
        self.report(todo, at, kind);
        self.limits.ask(step, self.reported, at);
        let asks = &mut self.steps[step];
        let since = if asks.has_asked { self.reported } else { 0 };
        asks.has_asked = true;
        asks.state = State::WaitingForSlots { since };
        // What was said of its earlier question may be said of this one in the same words.
        self.awaited = self.awaited.max(since);
    }

    fn start(&mut self, step: StepIndex, at: Timestamp, todo: &mut Todo) {
        self.limits.start(step);
        let starts = &mut self.steps[step];
        starts.tries += 1;
        starts.details = None;
        starts.state = State::Running { is_late: false };
        let (key, number, timeout) = (starts.key.clone(), starts.tries, starts.timeout);
        if let Some(timeout) = timeout {
            self.set_deadline(step, at.after(timeout));
        }
        self.report(todo, at, ReportKind::Started { step: key, r#try: number });
        todo.starts.push(Try { step, number });
    }

    fn place(&self, step: StepIndex) -> Place {
        self.steps[step].place(step)
    }
}
