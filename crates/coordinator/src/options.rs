//! What the daemon is told when it starts.

use std::time::Duration;

use lifecycle::Rules;
use model::Settings;

/// The tag with the code location that every run has (Dagster's core sets it).
pub const LOCATION_TAG: &str = "dagster/code_location";

/// The tag that the CLT coordinator sets.
pub const CODE_LOCATION_TAG: &str = "code_location";

/// The settings of a daemon.
#[derive(Debug, Clone)]
pub struct Options {
    /// The limits.
    pub settings: Settings,
    /// The deadlines and bounds of a run's life.
    pub rules: Rules,
    /// Whether every submission is tagged with its code location.
    pub clt_tag: CltTag,
    /// The longest time between two looks at what nobody reports (`dequeue_interval_seconds`).
    pub longest_sleep: Duration,
    /// How long what has ended is kept.
    pub retention: Retention,
    /// Where the API is served, for the row that names the leader.
    pub url: String,
}

/// Whether every submission is tagged with its code location (`CLTQueuedRunCoordinator`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CltTag {
    /// [`CODE_LOCATION_TAG`] is set on every submission, over a value that it may have.
    Stamped,
    /// Tags stay as they were submitted.
    Left,
}

/// How long what has ended is kept; for ever, where nothing is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Runs, with all that belongs to them, their output too.
    pub runs: Option<Duration>,
    /// The events of runs.
    pub events: Option<Duration>,
    /// The output of runs, while their records stay.
    pub output: Option<Duration>,
}
