//! The protocol between a worker and the daemon: HTTP and JSON under `/worker/v1`.
//!
//! `POST /worker/v1/begin`, then any number of `POST /worker/v1/report` and `POST /worker/v1/poll`.
//! Every request carries the run, the attempt and the attempt's token. A request for an attempt that
//! is over is answered with status 410 and a [`Dismissal`]: the worker ends its steps and exits.
//! Any other answer that is not 200 is passing, and the request is made again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::told::{Error, Told};

/// The version of the protocol that this code speaks: the first. A daemon refuses any other.
pub const PROTOCOL: u32 = 1;

/// How many reports one request may carry.
pub const MAX_REPORTS: usize = 1000;

/// How long the daemon keeps a poll open when there is nothing to tell, in seconds. A poll renews
/// the lease of its attempt, so this lies well below [`LEASE_SECONDS`].
pub const POLL_SECONDS: u64 = 10;

/// How long an attempt is believed to be alive after its last request, in seconds.
pub const LEASE_SECONDS: u64 = 30;

/// Who asks: part of every request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The run's id.
    pub run: String,
    /// The number of the attempt.
    pub attempt: u32,
    /// The secret of this attempt, as 64 hexadecimal digits.
    pub token: String,
}

impl std::fmt::Debug for Identity {
    /// Leaves the token out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity(attempt {} of run {})", self.attempt, self.run)
    }
}

/// The first act of a worker: may it run user code? Exactly one process of an attempt is told yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// Who asks.
    #[serde(flatten)]
    pub identity: Identity,
    /// Drawn once by each worker process, as 32 hexadecimal digits. Asked again with the same one,
    /// because an answer was lost, the answer is the same.
    pub nonce: String,
    /// The version that the worker speaks.
    pub protocol: u32,
}

/// The answer yes to [`Begin`], with what to execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The steps.
    pub plan: Plan,
    /// The run's tags.
    pub tags: BTreeMap<String, String>,
    /// The run's config: any JSON value, `null` if it has none.
    pub config: serde_json::Value,
}

/// What a worker tells. Each report has a number, 1 for the first of an attempt and so on without a
/// gap, by which the daemon knows those that it has already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reports {
    /// Who tells.
    #[serde(flatten)]
    pub identity: Identity,
    /// The number of the first of these reports.
    pub first: u64,
    /// At most [`MAX_REPORTS`], in their order.
    pub reports: Vec<Report>,
}

/// The answer to [`Reports`]: they are durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The number of the last report that the daemon has.
    pub last: u64,
}

/// Something that happened in a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When, by the worker's clock: microseconds since 1970-01-01 00:00:00 UTC.
    pub at: i64,
    /// What.
    #[serde(flatten)]
    pub kind: ReportKind,
}

/// What happened in a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReportKind {
    /// Steps that the run will have; they wait for the steps before them.
    Planned {
        /// Their keys.
        steps: Vec<String>,
    },
    /// A step is ready and asks for its slots; the answer comes by [`Directions::granted`].
    Asked {
        /// Its key.
        step: String,
        /// The slots that it wants, by pool.
        pools: BTreeMap<String, u32>,
        /// Its own priority.
        priority: i32,
    },
    /// The steps that could start at once have asked or started: from now on claims speak for the
    /// run. Told once, in one request with the first questions.
    FirstPassDone,
    /// A step gives its slots back, or stops waiting for them: the run's own limits leave no place
    /// for it now. It asks again later.
    GaveBack {
        /// Its key.
        step: String,
    },
    /// A try of a step begins: its process is about to start.
    Started {
        /// Its key.
        step: String,
        /// The number of the try, from 1.
        r#try: u32,
    },
    /// A step ended well; its slots are free.
    Succeeded {
        /// Its key.
        step: String,
        /// The number of the try.
        r#try: u32,
    },
    /// A try of a step ended badly and there will be another one; its slots are free.
    UpForRetry {
        /// Its key.
        step: String,
        /// The number of the try that failed.
        r#try: u32,
        /// What went wrong, as a sentence.
        error: String,
        /// The whole of it, if code has raised it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<Box<Error>>,
        /// When it is ready again, as [`Report::at`].
        retry_at: i64,
    },
    /// A step ended badly for good; its slots are free.
    Failed {
        /// Its key.
        step: String,
        /// The number of the try; 0 if none was begun.
        r#try: u32,
        /// What went wrong, as a sentence.
        error: String,
        /// The whole of it, if code has raised it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<Box<Error>>,
    },
    /// The code of a step that is running tells something, on which nothing of the run hangs.
    Told {
        /// Its key.
        step: String,
        /// The number of the try.
        r#try: u32,
        /// The step inside it that tells it, if the step is a whole run of others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inner: Option<String>,
        /// What.
        told: Box<Told>,
    },
    /// A step will not run, because one before it did not succeed.
    Skipped {
        /// Its key.
        step: String,
        /// Why, as a sentence.
        reason: String,
    },
    /// A step was ended by a cancel, or withdrew before it began.
    Canceled {
        /// Its key.
        step: String,
    },
    /// The worker has nothing left to do and no step runs: the last report of an attempt.
    Ended {
        /// How it ended.
        outcome: Outcome,
    },
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Every step succeeded or was rightly skipped.
    Succeeded,
    /// Some step failed, or the worker itself did.
    Failed {
        /// Whether steps failed, and not the worker itself.
        by_step: bool,
        /// What went wrong, as a sentence.
        error: String,
    },
    /// It was told to cancel, and did.
    Canceled,
}

/// Asks for directions: answered at once if they are newer than what the worker has seen, else when
/// they change or after [`POLL_SECONDS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// Who asks.
    #[serde(flatten)]
    pub identity: Identity,
    /// The version that the worker saw last; 0 at first.
    pub seen: u64,
}

/// What a worker should know now: the whole of it, not what is new, so that nothing is lost when an
/// answer is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Directions {
    /// A digest of the rest: it changes when that does. Never 0, and larger does not mean later.
    pub version: u64,
    /// The steps that have their slots now.
    pub granted: Vec<String>,
    /// Set when the worker is to end its steps and then itself.
    pub cancel: Option<Cancel>,
}

/// Tells a worker to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Why, as a sentence.
    pub reason: String,
    /// Whether the run ends as failed (it ran too long) and not as canceled. The daemon decides
    /// that; the worker only says so in its output.
    #[serde(default)]
    pub is_failure: bool,
}

/// Why the daemon has no more use for an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismissal {
    /// Stable: `superseded`, `ended`, `canceled`, `unknown_run`, `wrong_token`, `protocol`.
    pub code: String,
    /// As a sentence.
    pub message: String,
}
