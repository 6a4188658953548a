//! Instants as plain numbers: the pure rooms are told the time, they never ask.

use std::fmt;
use std::time::Duration;

/// An instant: microseconds since 1970-01-01 00:00:00 UTC, in 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first instant of 1970 in UTC.
    pub const EPOCH: Self = Self(0);

    /// Takes an instant from its microseconds since [`Timestamp::EPOCH`].
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns the microseconds since [`Timestamp::EPOCH`].
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns the instant that lies `duration` later, or the last instant there is.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns how long after `earlier` this instant is; nothing, if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// Writes the instant as seconds since 1970 with its microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000))
    }
}
