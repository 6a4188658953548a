//! The settings that the life of a run depends on, beside those of admission.

use std::num::NonZeroU32;
use std::time::Duration;

/// What happens to a run when it is submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispatch {
    /// It is launched at once, whatever the limits on runs say.
    AtOnce,
    /// It goes to the queue.
    Queued,
}

/// The deadlines and bounds of a run's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// What happens to a run when it is submitted.
    pub dispatch: Dispatch,
    /// How many launches may be under way at one time (Dagster's `dequeue_num_workers`, 1 without
    /// `dequeue_use_threads`).
    pub max_launches: NonZeroU32,
    /// How often a run is requeued because its code location cannot be reached (Dagster's
    /// `max_user_code_failure_retries`).
    pub max_location_retries: u32,
    /// For how long the runs of such a code location then wait (`user_code_failure_retry_delay`).
    pub location_retry_delay: Duration,
    /// How long a run may take from its launch to its begin; no bound, if not set.
    pub start_timeout: Option<Duration>,
    /// How long a worker may take to end its run once it is told to; then it is killed.
    pub cancel_timeout: Duration,
    /// How long a run may run, unless its tag says otherwise; no bound, if not set.
    pub max_runtime: Option<Duration>,
    /// Whether the tag `dagster/max_runtime` is heeded.
    pub heeds_runtime_tags: bool,
    /// How long an attempt is believed to live after it was last heard of.
    pub lease: Duration,
    /// How long the processes of an attempt get to end by themselves before they are killed.
    pub grace: Duration,
}

impl Rules {
    /// How many attempts of a run may die before they begin: a run that kills whatever launches it
    /// must not be launched for ever. More than a daemon that is restarted again and again brings
    /// about by itself.
    pub const MAX_LOST_STARTS: u32 = 10;

    /// How long after the first look at an attempt the launcher is asked again; it doubles up to
    /// [`Rules::LAST_LOOK`].
    pub const FIRST_LOOK: Duration = Duration::from_millis(500);

    /// The longest time between two looks at an attempt.
    pub const LAST_LOOK: Duration = Duration::from_secs(15);
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            dispatch: Dispatch::Queued,
            max_launches: NonZeroU32::MIN,
            max_location_retries: 0,
            location_retry_delay: Duration::from_mins(1),
            start_timeout: None,
            cancel_timeout: Duration::from_mins(3),
            max_runtime: None,
            heeds_runtime_tags: false,
            lease: Duration::from_secs(30),
            grace: Duration::from_secs(10),
        }
    }
}
