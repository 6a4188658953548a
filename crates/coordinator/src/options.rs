//! What the daemon is told when it starts.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::Rules;
use model::Settings;

use crate::hooks::Chain;

/// The settings of a daemon.
#[derive(Debug, Clone)]
pub struct Options {
    /// The limits.
    pub settings: Settings,
    /// The deadlines and bounds of a run's life.
    pub rules: Rules,
    /// What every run is offered to before it is queued.
    pub hooks: Arc<Chain>,
    /// The longest time between two looks at what nobody reports (`dequeue_interval_seconds`).
    pub longest_sleep: Duration,
    /// How long what has ended is kept.
    pub retention: Retention,
    /// Where the API is served, for the row that names the leader.
    pub url: String,
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
