//! Tries a property on many random cases, and makes the case small on which it fails.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use model::{DeploymentKind, RunStatus};
use proptest::prelude::{ProptestConfig, Strategy, TestCaseError};
use proptest::test_runner::{TestCaseResult, TestError, TestRunner};

use crate::found::worlds_found;
use crate::moves::{Move, NewRun, Rules, Slots, Words, World};

/// What can be made smaller.
pub(crate) trait Case: Clone + Debug {
    /// Returns cases that are a little smaller than this one, the smallest first.
    fn smaller(&self) -> Vec<Self>;

    /// Returns the cases on which some property has failed once; they are tried first.
    fn found() -> Vec<Self> {
        Vec::new()
    }
}

/// Tries a property on as many cases as `PROPTEST_CASES` says, 256 if it is not set.
///
/// A case that fails is made smaller here, not by proptest, which never again tries to leave out
/// an event that it once had to keep.
pub(crate) fn every<C: Case>(
    cases: impl Strategy<Value = C>,
    property: impl Fn(&C) -> TestCaseResult,
) {
    let property = |case: &C| caught(|| property(case));
    let config = ProptestConfig {
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    for case in C::found() {
        property(&case).unwrap_or_else(|error| panic!("{error}\nin {case:?}"));
    }
    match TestRunner::new(config).run(&cases, |case| property(&case)) {
        Ok(()) => {}
        Err(TestError::Abort(reason)) => panic!("gave up: {reason}"),
        Err(TestError::Fail(_, case)) => {
            let case = smallest(case, |case| property(case).is_err());
            let error = property(&case).unwrap_err();
            panic!("{error}\nin {case:?}");
        }
    }
}

/// Goes through the smaller cases of a case that fails, on from each one that fails too, until
/// none does.
fn smallest<C: Case>(mut case: C, fails: impl Fn(&C) -> bool) -> C {
    loop {
        let (mut at, mut has_shrunk) = (0, false);
        let mut smaller = case.smaller();
        while at < smaller.len() {
            if fails(&smaller[at]) {
                case = smaller.swap_remove(at);
                smaller = case.smaller();
                has_shrunk = true;
            } else {
                at += 1;
            }
        }
        if !has_shrunk {
            return case;
        }
    }
}

/// Makes a failed check of a panic, so that the story that led to it is told.
pub(crate) fn caught(act: impl FnOnce() -> TestCaseResult) -> TestCaseResult {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied());
        Err(TestCaseError::fail(format!("panic: {}", text.unwrap_or("of another kind"))))
    })
}

impl Case for World {
    fn found() -> Vec<Self> {
        worlds_found()
    }

    fn smaller(&self) -> Vec<Self> {
        let with_moves = |moves| Self { moves, ..self.clone() };
        let mut worlds: Vec<Self> = with_fewer(&self.moves).into_iter().map(with_moves).collect();
        for rules in self.rules.smaller() {
            worlds.push(Self { rules, ..self.clone() });
        }
        for at in (0..self.pool_limits.len()).filter(|at| self.pool_limits[*at].is_some()) {
            let mut world = self.clone();
            world.pool_limits[at] = None;
            worlds.push(world);
        }
        for (at, one) in self.moves.iter().enumerate() {
            for smaller in one.smaller() {
                let mut world = self.clone();
                world.moves[at] = smaller;
                worlds.push(world);
            }
        }
        worlds
    }
}

/// Returns lists with some elements left out: halves first, single ones last.
fn with_fewer<T: Clone>(all: &[T]) -> Vec<Vec<T>> {
    let mut lists = Vec::new();
    let mut size = all.len();
    while size > 0 {
        for from in (0..all.len()).step_by(size) {
            let to = all.len().min(from + size);
            lists.push([&all[..from], &all[to..]].concat());
        }
        size /= 2;
    }
    lists
}

impl Case for Vec<NewRun> {
    fn smaller(&self) -> Vec<Self> {
        let mut lists = with_fewer(self);
        for (at, run) in self.iter().enumerate() {
            for smaller in run.smaller() {
                let mut list = self.clone();
                list[at] = smaller;
                lists.push(list);
            }
        }
        lists
    }
}

impl<A: Case, B: Clone + Debug> Case for (A, B) {
    fn smaller(&self) -> Vec<Self> {
        self.0.smaller().into_iter().map(|first| (first, self.1.clone())).collect()
    }
}

impl Case for Move {
    fn smaller(&self) -> Vec<Self> {
        match self {
            Self::Submit(run) => run.smaller().into_iter().map(Self::Submit).collect(),
            Self::Configure(rules) => rules.smaller().into_iter().map(Self::Configure).collect(),
            Self::Retag(who, tags) => {
                tags.smaller().into_iter().map(|tags| Self::Retag(*who, tags)).collect()
            }
            Self::Ask(who, key, priority, slots) => {
                let mut asks: Vec<Self> = slots
                    .smaller()
                    .into_iter()
                    .map(|slots| Self::Ask(*who, key, *priority, slots))
                    .collect();
                if *priority != 0 {
                    asks.push(Self::Ask(*who, key, 0, *slots));
                }
                asks
            }
            Self::Admit { budget, calls } if *calls > 1 => {
                vec![Self::Admit { budget: *budget, calls: calls - 1 }]
            }
            Self::Admit { .. }
            | Self::Reprioritize(..)
            | Self::Hold(_)
            | Self::Release(_)
            | Self::Requeue(_)
            | Self::Begin(_)
            | Self::FirstPassDone(_)
            | Self::Free(..)
            | Self::FreeGranted(_)
            | Self::Cancel(_)
            | Self::End(_)
            | Self::Delete(_)
            | Self::PoolLimit(..)
            | Self::Pause(..)
            | Self::Resume(_)
            | Self::Load(_)
            | Self::Wait(_) => vec![],
        }
    }
}

impl Case for NewRun {
    fn smaller(&self) -> Vec<Self> {
        let mut runs: Vec<Self> = vec![];
        for tags in self.tags.smaller() {
            runs.push(Self { tags, ..self.clone() });
        }
        for later in self.later.smaller() {
            runs.push(Self { later, ..self.clone() });
        }
        for (at, root) in self.roots.iter().enumerate() {
            let Some(slots) = root else {
                continue;
            };
            let smaller = slots.smaller().into_iter().map(Some);
            for root in [None].into_iter().chain(smaller) {
                let mut run = self.clone();
                run.roots[at] = root;
                runs.push(run);
            }
        }
        if self.deployment != DeploymentKind::Full {
            runs.push(Self { deployment: DeploymentKind::Full, ..self.clone() });
        }
        if self.location != "loc" {
            runs.push(Self { location: "loc", ..self.clone() });
        }
        if self.status != RunStatus::Queued {
            runs.push(Self { status: RunStatus::Queued, ..self.clone() });
        }
        runs
    }
}

impl Case for Words {
    fn smaller(&self) -> Vec<Self> {
        let Self { priority, team, db } = *self;
        let mut all = vec![];
        all.extend(priority.map(|_| Self { priority: None, ..*self }));
        all.extend(team.map(|_| Self { team: None, ..*self }));
        all.extend(db.map(|_| Self { db: None, ..*self }));
        all
    }
}

impl Case for Slots {
    fn smaller(&self) -> Vec<Self> {
        let Self(p, q, r) = *self;
        let fewer = |slots: u32| [slots / 2, slots.saturating_sub(1)];
        let mut all = vec![];
        all.extend(fewer(p).map(|p| Self(p, q, r)));
        all.extend(fewer(q).map(|q| Self(p, q, r)));
        all.extend(fewer(r).map(|r| Self(p, q, r)));
        all.retain(|slots| slots != self);
        all
    }
}

impl Case for Rules {
    fn smaller(&self) -> Vec<Self> {
        let mut all = vec![];
        all.extend(self.max_runs.map(|_| Self { max_runs: None, ..self.clone() }));
        all.extend(self.max_branch_runs.map(|_| Self { max_branch_runs: None, ..self.clone() }));
        all.extend(self.default_limit.map(|_| Self { default_limit: None, ..self.clone() }));
        all.extend(self.reserve_after.map(|_| Self { reserve_after: None, ..self.clone() }));
        for at in (0..self.tag_limits.len()).filter(|at| self.tag_limits[*at].is_some()) {
            let mut rules = self.clone();
            rules.tag_limits[at] = None;
            all.push(rules);
        }
        if self.run_buffer > 0 {
            all.push(Self { run_buffer: 0, ..self.clone() });
        }
        all
    }
}
