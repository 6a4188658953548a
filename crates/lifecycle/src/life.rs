//! What is remembered of a run that has not ended, beside what the image of admission knows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{Attempt, CancelCause, Nonce, Run, RunLife, StepKey, StepRow, Timestamp, TokenHash};

/// A run that has not ended. Small, because a million of them may be queued.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) submitted_at: Timestamp,
    pub(crate) event_count: u64,
    pub(crate) location_retries: u32,
    pub(crate) lost_starts: u32,
    /// Its attempt, while it is in progress.
    pub(crate) active: Option<Box<Active>>,
}

/// The attempt of a run in progress.
#[derive(Debug, Clone)]
pub(crate) struct Active {
    pub(crate) attempt: Attempt,
    /// None once nobody may begin it any more.
    pub(crate) token: Option<TokenHash>,
    /// Set when its worker has passed the begin gate.
    pub(crate) nonce: Option<Nonce>,
    pub(crate) is_first_pass_done: bool,
    pub(crate) is_suspect: bool,
    pub(crate) last_report: u64,
    pub(crate) cancel: Option<CancelCause>,
    pub(crate) starting_at: Timestamp,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) canceling_at: Option<Timestamp>,
    pub(crate) steps: BTreeMap<StepKey, StepRow>,
    /// Steps whose slots were given back before they were heard to have started: they may start.
    pub(crate) granted_without_slots: BTreeSet<StepKey>,
    pub(crate) times: Times,
}

/// The instants at which something becomes of an attempt by itself, since the leadership began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    /// When its lease lapses.
    pub(crate) lease_until: Option<Duration>,
    /// When the launcher is asked about it next, and how long after that again.
    pub(crate) next_look: Option<(Duration, Duration)>,
    /// When it must have begun.
    pub(crate) start_until: Option<Duration>,
    /// When it must have ended.
    pub(crate) run_until: Option<Duration>,
    /// When it is killed, because it was told to end and has not.
    pub(crate) kill_at: Option<Duration>,
    /// How many looks are not answered yet, and how many of those were asked for before its worker
    /// was last heard of.
    pub(crate) open_looks: u32,
    pub(crate) old_looks: u32,
    /// The earliest of these under which it is filed.
    pub(crate) filed: Option<Duration>,
}

impl Times {
    pub(crate) fn earliest(&self) -> Option<Duration> {
        let look = self.next_look.map(|(at, _)| at);
        [self.lease_until, look, self.start_until, self.run_until, self.kill_at]
            .into_iter()
            .flatten()
            .min()
    }
}

impl Active {
    pub(crate) fn new(attempt: Attempt, token: Option<TokenHash>, starting_at: Timestamp) -> Self {
        Self {
            attempt,
            token,
            nonce: None,
            is_first_pass_done: false,
            is_suspect: false,
            last_report: 0,
            cancel: None,
            starting_at,
            started_at: None,
            canceling_at: None,
            steps: BTreeMap::new(),
            granted_without_slots: BTreeSet::new(),
            times: Times::default(),
        }
    }

    /// Returns whether its worker has passed the begin gate, so that user code may have run.
    pub(crate) fn has_begun(&self) -> bool {
        self.nonce.is_some()
    }

    /// Returns whether it was told to end and has no time left to do so by itself.
    pub(crate) fn is_condemned(&self) -> bool {
        self.cancel.is_some() && self.times.kill_at.is_none()
    }
}

impl Life {
    pub(crate) fn new(submitted_at: Timestamp) -> Self {
        Self { submitted_at, event_count: 0, location_retries: 0, lost_starts: 0, active: None }
    }

    /// Returns the row of a run as it is now.
    pub(crate) fn row(&self, run: &Run, is_held: bool) -> RunLife {
        let mut row = RunLife {
            attempt: run.attempt,
            is_held,
            location_retries: self.location_retries,
            lost_starts: self.lost_starts,
            event_count: self.event_count,
            ..RunLife::new(run.status, self.submitted_at)
        };
        if let Some(active) = &self.active {
            row.token = active.token;
            row.nonce = active.nonce;
            row.is_first_pass_done = active.is_first_pass_done;
            row.is_suspect = active.is_suspect;
            row.last_report = active.last_report;
            row.cancel = active.cancel;
            row.starting_at = Some(active.starting_at);
            row.started_at = active.started_at;
            row.canceling_at = active.canceling_at;
        }
        row
    }

    /// Takes the life of a run up again from its row.
    pub(crate) fn from_row(row: &RunLife) -> Self {
        let active = row.attempt.filter(|_| row.status.is_in_progress()).map(|attempt| {
            let starting_at = row.starting_at.unwrap_or(row.submitted_at);
            Box::new(Active {
                nonce: row.nonce,
                is_first_pass_done: row.is_first_pass_done,
                is_suspect: row.is_suspect,
                last_report: row.last_report,
                cancel: row.cancel,
                started_at: row.started_at,
                canceling_at: row.canceling_at,
                ..Active::new(attempt, row.token, starting_at)
            })
        });
        Self {
            submitted_at: row.submitted_at,
            event_count: row.event_count,
            location_retries: row.location_retries,
            lost_starts: row.lost_starts,
            active,
        }
    }
}
