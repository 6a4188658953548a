//! Steps, and the slots they claim.

use std::cmp::Reverse;
use std::fmt;

use crate::id::{RunId, StepKey};
use crate::pool::Demand;
use crate::priority::Priority;

/// One op or asset inside a run, as far as its slots are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Names it inside its run.
    pub key: StepKey,
    /// Its own priority, added to that of its run.
    pub priority: Priority,
    /// The slots it wants, all or nothing.
    pub demand: Demand,
}

/// Identifies a step among all runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId {
    /// The run that it belongs to.
    pub run: RunId,
    /// Its name there.
    pub step: StepKey,
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} of run {}", self.step, self.run)
    }
}

/// A step's request for slots, from the asking to the freeing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose it is.
    pub step: StepId,
    /// What it wants or has.
    pub demand: Demand,
    /// Its place among the claims, fixed when the step first asked.
    pub order: ClaimOrder,
    /// Whether it has its slots.
    pub state: ClaimState,
}

/// Whether a claim has its slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimState {
    /// It waits and holds nothing.
    Pending,
    /// It holds all the slots that it asked for.
    Granted,
}

/// The place of a claim among all claims, best first: run priority plus step priority descending,
/// then age. Both are fixed when the step first asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimOrder {
    priority: Reverse<i64>,
    asked: u64,
}

impl ClaimOrder {
    /// Takes the two priorities, as they are at the time of asking, and the number of the asking:
    /// a later one is larger.
    pub fn new(run: Priority, step: Priority, asked: u64) -> Self {
        Self { priority: Reverse(i64::from(run.get()) + i64::from(step.get())), asked }
    }

    /// Returns the sum of both priorities.
    pub fn priority(self) -> i64 {
        self.priority.0
    }

    /// Returns the number of the asking; the smaller, the older.
    pub fn asked(self) -> u64 {
        self.asked
    }

    /// Returns the place that lies behind every claim of this one's priority and before all others.
    pub fn end_of_priority(self) -> Self {
        Self { asked: u64::MAX, ..self }
    }
}
