//! What the walk is told and what it answers.

use std::time::Duration;

use model::Timestamp;
use wire::told::Told;
use wire::worker::Report;

use super::outputs::Outputs;

/// A step, by its place in the plan.
pub type StepIndex = usize;

/// What to do, in the order of the fields: reports are kept before a process starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Todo {
    /// What to tell the daemon, in this order.
    pub reports: Vec<Report>,
    /// The tries to start.
    pub starts: Vec<Try>,
    /// The steps whose running try is to be ended.
    pub ends: Vec<StepIndex>,
}

/// One try of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Try {
    /// The step.
    pub step: StepIndex,
    /// The number of the try, from 1.
    pub number: u32,
}

/// Something that the code of a try has told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub at: Timestamp,
    /// The step inside the step that tells it, if the step is a whole run of others.
    pub inner: Option<String>,
    /// What.
    pub told: Told,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Well.
    Succeeded,
    /// Well, and it gave these outputs.
    Gave(Outputs),
    /// Badly, as the sentence says; another try may go better.
    Failed(String),
    /// Badly, as the sentence says, and it is to be tried again after this time, whatever the plan
    /// says of retries.
    Again(String, Duration),
    /// Badly, as the sentence says, and it is not to be tried again.
    Final(String),
    /// It could not be started, as the sentence says, and no other try could be.
    Unstartable(String),
}

/// Why the walk is to end before its steps have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The run is canceled.
    Cancel,
    /// The worker itself failed, as the sentence says.
    Fail(String),
}
