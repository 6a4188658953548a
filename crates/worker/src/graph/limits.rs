//! The limits inside one run: which ready step may go on, and which granted one may start.
//!
//! Only steps that run use a limit up; one that waits for slots uses none of it. So a limit may have
//! a place when a step asks for its slots, and none any more when they are granted. The rule:
//!
//! 1. A ready step goes on (starts, or asks for its slots if it wants some) if each of its limits has
//!    a place beside those that run and those in doubt. The best go first.
//! 2. A step is *in doubt* from its question until the answer: granted, or not yet. Meanwhile it keeps
//!    a place, for it may well start at once, and those behind it in the order should not take the
//!    place first. Doubts that follow one another last [`PATIENCE`] at most, counted from the first
//!    since a step started or ended; then nobody is in doubt until that happens again. So neither a
//!    daemon that is away nor many questions in a row hold up a step that wants no slots.
//! 3. A granted step starts if each of its limits has a place beside those that run. If not, it gives
//!    its slots back at once and is ready again. While a limit has no place a step that asked before
//!    keeps its turn in the line for the pool; it holds nothing there.
//!
//! Thus no limit is ever exceeded (a start always looks at all that runs); slots are not held by a
//! step that may not start; and nothing turns round for ever: whoever gives back had no place because
//! others ran, and asks again only when one of those has ended, and tries are finite in number.
//!
//! Counts and compares; which steps are ready, and what they want, it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::Duration;

use model::Timestamp;
use wire::plan::{OwnLimit, Plan};

use crate::graph::StepIndex;

/// How long steps that have asked may keep places inside their run: far longer than an answer takes,
/// and short beside what a step takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The limits of a run with what is used of them.
#[derive(Debug)]
pub(super) struct Limits {
    /// The first one is on all steps.
    all: Vec<Limit>,
    /// The limits of each step, by place in the list.
    of_step: Vec<BTreeSet<usize>>,
    /// Those in doubt, each with the number of the report with which it asked.
    in_doubt: BTreeMap<StepIndex, u64>,
    /// Until when steps may be in doubt; not set if none has been since a step started or ended.
    doubts_end: Option<Timestamp>,
}

#[derive(Debug)]
struct Limit {
    most: usize,
    running: usize,
    in_doubt: usize,
}

impl Limits {
    /// Takes the limits of a plan of which no more than `max_running` steps run at once.
    pub(super) fn new(plan: &Plan, max_running: NonZeroUsize) -> Self {
        let mut all = vec![Limit { most: max_running.get(), running: 0, in_doubt: 0 }];
        let mut places = BTreeMap::from([(OwnLimit::AllSteps, 0)]);
        let mut of_step = Vec::new();
        for step in &plan.steps {
            let mut own = BTreeSet::from([0]);
            for (limit, most) in plan.executor.limits_of(&step.tags) {
                let most = usize::try_from(most.get()).unwrap_or(usize::MAX);
                let place = *places.entry(limit).or_insert_with(|| {
                    all.push(Limit { most, running: 0, in_doubt: 0 });
                    all.len() - 1
                });
                // The stricter of two on the same steps counts.
                all[place].most = all[place].most.min(most);
                own.insert(place);
            }
            of_step.push(own);
        }
        Self { all, of_step, in_doubt: BTreeMap::new(), doubts_end: None }
    }

    /// A step is found that falls under the same limits as another one.
    pub(super) fn add_like(&mut self, step: StepIndex) {
        self.of_step.push(self.of_step[step].clone());
    }

    /// Whether any step at all could go on.
    pub(super) fn has_place(&self) -> bool {
        let Limit { most, running, in_doubt } = self.all[0];
        running + in_doubt < most
    }

    /// Whether a ready step may go on.
    pub(super) fn lets_go_on(&self, step: StepIndex) -> bool {
        self.of(step).all(|limit| limit.running + limit.in_doubt < limit.most)
    }

    /// Whether a granted step may start.
    pub(super) fn lets_start(&self, step: StepIndex) -> bool {
        self.of(step).all(|limit| limit.running < limit.most)
    }

    /// A step has asked for its slots with the report of this number.
    pub(super) fn ask(&mut self, step: StepIndex, number: u64, at: Timestamp) {
        let end = *self.doubts_end.get_or_insert(at.after(PATIENCE));
        if at < end && self.in_doubt.insert(step, number).is_none() {
            self.change(step, |limit| limit.in_doubt += 1);
        }
    }

    /// A step is in doubt no more.
    pub(super) fn answer(&mut self, step: StepIndex) {
        if self.in_doubt.remove(&step).is_some() {
            self.change(step, |limit| limit.in_doubt -= 1);
        }
    }

    /// The daemon has answered whoever asked with a report up to this number.
    pub(super) fn answer_until(&mut self, number: u64) {
        self.answer_those(|asked| asked <= number);
    }

    /// Time has passed: doubts may have lasted long enough.
    pub(super) fn pass(&mut self, at: Timestamp) {
        if self.doubts_end.is_some_and(|end| end <= at) {
            self.answer_those(|_| true);
        }
    }

    /// A try of a step starts.
    pub(super) fn start(&mut self, step: StepIndex) {
        self.answer(step);
        self.change(step, |limit| limit.running += 1);
        self.doubt_anew();
    }

    /// A try of a step has ended.
    pub(super) fn end(&mut self, step: StepIndex) {
        self.change(step, |limit| limit.running -= 1);
        self.doubt_anew();
    }

    /// The number of the latest question that is in doubt.
    pub(super) fn latest_doubt(&self) -> Option<u64> {
        self.in_doubt.values().copied().max()
    }

    /// When all doubts end, if there are some.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.doubts_end.filter(|_| !self.in_doubt.is_empty())
    }

    /// Allows doubts again, unless there are some that have begun before.
    fn doubt_anew(&mut self) {
        if self.in_doubt.is_empty() {
            self.doubts_end = None;
        }
    }

    fn answer_those(&mut self, is_one: impl Fn(u64) -> bool) {
        let answered: Vec<StepIndex> = self
            .in_doubt
            .iter()
            .filter(|(_, asked)| is_one(**asked))
            .map(|(step, _)| *step)
            .collect();
        for step in answered {
            self.answer(step);
        }
    }

    fn of(&self, step: StepIndex) -> impl Iterator<Item = &Limit> {
        self.of_step[step].iter().map(|place| &self.all[*place])
    }

    fn change(&mut self, step: StepIndex, how: impl Fn(&mut Limit)) {
        for place in &self.of_step[step] {
            how(&mut self.all[*place]);
        }
    }
}
