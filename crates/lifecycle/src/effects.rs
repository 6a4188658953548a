//! What goes in and out of the rules beside commands: the time, fresh ids, what one commit writes
//! and what is to be done after it.

use std::fmt;
use std::time::Duration;

use model::{Attempt, Batch, CancelCause, CodeLocation, RunId, StepKey, Timestamp, TokenHash};

/// The time at which a command is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time of day, for what is written down and for what names a time of day.
    pub at: Timestamp,
    /// The time since this leadership began, by a clock that never jumps: leases and deadlines are
    /// measured by it.
    pub elapsed: Duration,
}

/// The secret of an attempt, in the clear: it is handed to the launcher and never kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Where fresh ids come from.
pub trait Ids {
    /// Returns an id that no run has.
    fn run_id(&mut self) -> RunId;
    /// Returns a secret that nobody can guess, with its hash.
    fn secret(&mut self) -> (Secret, TokenHash);
}

/// Something to be done outside, once the commit that it came with is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Launch an attempt and tell how that went.
    Launch {
        /// Which run.
        run: RunId,
        /// Which attempt.
        attempt: Attempt,
        /// Its code location, which must be reachable.
        location: CodeLocation,
        /// What its worker will be known by.
        secret: Secret,
    },
    /// End everything that is left of an attempt.
    Terminate {
        /// Which run.
        run: RunId,
        /// Which attempt.
        attempt: Attempt,
        /// How long its processes get to end by themselves.
        grace: Duration,
    },
    /// Ask the launcher whether anything of an attempt lives, and tell. What is seen while a launch
    /// of the same attempt is still under way proves nothing: that is [`crate::Sight::Unknown`].
    Observe {
        /// Which run.
        run: RunId,
        /// Which attempt.
        attempt: Attempt,
    },
    /// The directions of a run's worker may have changed: answer its poll.
    Wake {
        /// Which run.
        run: RunId,
    },
    /// The record of a run is gone: remove what is kept of it elsewhere.
    Forget {
        /// Which run.
        run: RunId,
    },
}

/// What a worker should know now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directions {
    /// The steps that have their slots, by key.
    pub granted: Vec<StepKey>,
    /// Why it is to end, if it is.
    pub cancel: Option<CancelCause>,
}

/// What all commands since the last call have come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// To be written in one commit; empty if nothing has changed.
    pub batch: Batch,
    /// To be done when that is durable, in this order.
    pub effects: Vec<Effect>,
    /// Whether there is more to decide at once: settle again.
    pub is_cut: bool,
}
