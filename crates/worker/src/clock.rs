//! The worker's clock: the time of day as it was when the worker began, moved on by the steady
//! clock. So what it reports never goes back, whatever happens to the time of day meanwhile.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Timestamp;
use tokio::time::Instant;

/// Tells the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    began_at: Timestamp,
    began: Instant,
}

impl Clock {
    /// Starts it at the time of day.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { began_at: Timestamp::EPOCH.after(since_epoch), began: Instant::now() }
    }

    /// The time now.
    pub(crate) fn now(self) -> Timestamp {
        self.began_at.after(self.began.elapsed())
    }

    /// The point of the steady clock at which it will be `at`.
    pub(crate) fn instant(self, at: Timestamp) -> Instant {
        let since = at.since(self.began_at);
        // A point that the steady clock cannot name is further off than any worker lives.
        self.began.checked_add(since).unwrap_or_else(|| Instant::now() + FAR)
    }
}

/// As good as never.
const FAR: Duration = Duration::from_hours(365 * 24);
