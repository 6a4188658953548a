//! The one clock of the loop.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use lifecycle::Moment;
use model::Timestamp;

/// Tells the time of day, and the time since it was made by a clock that never jumps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    began: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now() }
    }

    pub(crate) fn now(self) -> Moment {
        Moment { at: time_of_day(), elapsed: self.began.elapsed() }
    }
}

/// Returns the time of day; a clock before 1970 counts as 1970.
pub(crate) fn time_of_day() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::EPOCH.after(since)
}
