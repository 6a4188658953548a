//! The daemon's side of the worker protocol: shapes of the wire to commands and back, and the long
//! poll.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use lifecycle::{
    Command, Directions, Dismissed, Outcome, Refusal, Reply, Report, ReportKind, Worker,
};
use model::{
    Attempt, CancelCause, Demand, Nonce, PoolName, Priority, Slots, Step, StepKey, Timestamp, hex,
};
use thiserror::Error;
use tokio::time::timeout;
use wire::worker as shape;

use crate::commands::{Entry, NotDone};
use crate::handle::Handle;
use crate::ids::hash_secret;
use crate::told;

/// Why a worker's request was not answered as it wished.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// It has no part in its run any more.
    #[error("{}", .0.message)]
    Dismissed(shape::Dismissal),
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// It is to ask again.
    #[error("{0}")]
    Unavailable(String),
}

impl Handle {
    /// Answers whether a worker may run user code, and with what.
    ///
    /// # Errors
    /// [`WorkerError::Dismissed`] if it may not.
    pub async fn begin(&self, asked: shape::Begin) -> Result<shape::Assignment, WorkerError> {
        if asked.protocol != shape::PROTOCOL {
            let message = format!(
                "the worker speaks version {} of the protocol, the daemon {}",
                asked.protocol,
                shape::PROTOCOL
            );
            return Err(dismissal("protocol", message));
        }
        let worker = worker(&asked.identity)?;
        let nonce = hex::read(&asked.nonce).map(u128::from_be_bytes).map(Nonce);
        let nonce = nonce.ok_or_else(|| invalid("a nonce has 32 hexadecimal digits"))?;
        self.decide(Command::Begin { worker, nonce }).await?;
        let unavailable = |why: String| WorkerError::Unavailable(why);
        let spec = self.store.spec(worker.run).await.map_err(|e| unavailable(e.to_string()))?;
        let spec = spec.ok_or_else(|| dismissal("ended", "the run was deleted".to_owned()))?;
        let senseless = |error: serde_json::Error| unavailable(format!("a stored plan: {error}"));
        let tags = spec.tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
        Ok(shape::Assignment {
            plan: serde_json::from_str(&spec.plan).map_err(senseless)?,
            tags: tags.collect(),
            config: serde_json::from_str(&spec.config).map_err(senseless)?,
        })
    }

    /// Takes a worker's reports. When this returns they are durable.
    ///
    /// # Errors
    /// [`WorkerError::Dismissed`] if it has no part in its run any more.
    pub async fn report(&self, told: shape::Reports) -> Result<shape::Received, WorkerError> {
        let worker = worker(&told.identity)?;
        if told.reports.len() > shape::MAX_REPORTS {
            return Err(invalid("too many reports in one request"));
        }
        let reports = told.reports.into_iter().map(report).collect::<Result<_, _>>()?;
        let command = Command::Report { worker, first: told.first, reports };
        match self.decide(command).await? {
            Reply::Received { last } => Ok(shape::Received { last }),
            Reply::Done
            | Reply::Submitted { .. }
            | Reply::Status(_)
            | Reply::Directions(_)
            | Reply::Changed(_)
            | Reply::Freed(_) => {
                Err(WorkerError::Unavailable("an answer of another kind".to_owned()))
            }
        }
    }

    /// Answers with what a worker should know: at once if that is new to it, else when it changes
    /// or after a while. If this is dropped before it returns, the worker may be gone, and the
    /// launcher is asked.
    ///
    /// # Errors
    /// [`WorkerError::Dismissed`] if it has no part in its run any more.
    pub async fn poll(&self, asked: shape::Poll) -> Result<shape::Directions, WorkerError> {
        let worker = worker(&asked.identity)?;
        let mut watched = Watched { entry: &self.entry, worker, is_answered: false };
        let answer = self.wait_for_news(worker, asked.seen).await;
        watched.is_answered = true;
        answer
    }

    async fn wait_for_news(
        &self,
        worker: Worker,
        seen: u64,
    ) -> Result<shape::Directions, WorkerError> {
        let mut bell = self.inboxes.listen(worker.run);
        let first = self.directions(worker).await?;
        if first.version != seen {
            return Ok(first);
        }
        let mut stopping = self.stopping.clone();
        let news = async {
            tokio::select! {
                () = bell.rung() => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
        };
        let _ = timeout(Duration::from_secs(shape::POLL_SECONDS), news).await;
        if *self.stopping.borrow() {
            return Err(WorkerError::Unavailable("the daemon is stopping".to_owned()));
        }
        self.directions(worker).await
    }

    async fn directions(&self, worker: Worker) -> Result<shape::Directions, WorkerError> {
        match self.decide(Command::Poll { worker }).await? {
            Reply::Directions(directions) => Ok(shape_directions(&directions)),
            Reply::Done
            | Reply::Submitted { .. }
            | Reply::Status(_)
            | Reply::Received { .. }
            | Reply::Changed(_)
            | Reply::Freed(_) => {
                Err(WorkerError::Unavailable("an answer of another kind".to_owned()))
            }
        }
    }

    async fn decide(&self, command: Command) -> Result<Reply, WorkerError> {
        self.entry.decide(command).await.map_err(|not_done| match not_done {
            NotDone::Refused(Refusal::Dismissed(why)) => {
                dismissal(dismissal_code(why), why.to_string())
            }
            NotDone::Refused(refusal) => WorkerError::Invalid(refusal.to_string()),
            NotDone::Unavailable(why) | NotDone::DiskFull(why) => WorkerError::Unavailable(why),
        })
    }
}

/// A poll that is being waited in.
struct Watched<'a> {
    entry: &'a Entry,
    worker: Worker,
    is_answered: bool,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            let Worker { run, attempt, .. } = self.worker;
            self.entry.try_hint(Command::Missed { run, attempt });
        }
    }
}

fn worker(identity: &shape::Identity) -> Result<Worker, WorkerError> {
    let run = identity.run.parse().map_err(|error| invalid(format!("{error}")))?;
    let attempt = Attempt::new(identity.attempt).ok_or_else(|| invalid("there is no attempt 0"))?;
    let secret = hex::read(&identity.token);
    let secret = secret.ok_or_else(|| invalid("a token has 64 hexadecimal digits"))?;
    Ok(Worker { run, attempt, token: hash_secret(&secret) })
}

fn report(told: shape::Report) -> Result<Report, WorkerError> {
    let kind = match told.kind {
        shape::ReportKind::Planned { steps } => {
            ReportKind::Planned(steps.iter().map(|step| key(step)).collect::<Result<_, _>>()?)
        }
        shape::ReportKind::Asked { step, pools, priority } => {
            let slots = |(pool, slots): (&String, &u32)| {
                let pool = PoolName::new(pool).map_err(|error| invalid(error.to_string()))?;
                let slots = Slots::new(*slots).ok_or_else(|| invalid("a step wants 0 slots"))?;
                Ok((pool, slots))
            };
            let demand = pools.iter().map(slots).collect::<Result<Demand, WorkerError>>()?;
            let priority = Priority::new(priority);
            ReportKind::Asked(Step { key: key(&step)?, priority, demand })
        }
        shape::ReportKind::GaveBack { step } => ReportKind::GaveBack(key(&step)?),
        shape::ReportKind::FirstPassDone => ReportKind::FirstPassDone,
        shape::ReportKind::Started { step, r#try } => {
            ReportKind::Started { step: key(&step)?, try_number: r#try }
        }
        shape::ReportKind::Succeeded { step, .. } => ReportKind::Succeeded(key(&step)?),
        shape::ReportKind::UpForRetry { step, error, details, retry_at, .. } => {
            let retry_at = Timestamp::from_micros(retry_at);
            let details = details.as_deref().and_then(told::error_data);
            ReportKind::UpForRetry { step: key(&step)?, error, details, retry_at }
        }
        shape::ReportKind::Failed { step, error, details, .. } => {
            let details = details.as_deref().and_then(told::error_data);
            ReportKind::Failed { step: key(&step)?, error, details }
        }
        shape::ReportKind::Told { step, inner, told, .. } => {
            let step = key(&step)?;
            let inner = inner.and_then(|inner| StepKey::new(inner).ok());
            let told = told::event(inner.unwrap_or_else(|| step.clone()), *told);
            ReportKind::Told { step, told: Box::new(told) }
        }
        shape::ReportKind::Skipped { step, reason } => {
            ReportKind::Skipped { step: key(&step)?, reason }
        }
        shape::ReportKind::Canceled { step } => ReportKind::Canceled(key(&step)?),
        shape::ReportKind::Ended { outcome } => ReportKind::Ended(match outcome {
            shape::Outcome::Succeeded => Outcome::Succeeded,
            shape::Outcome::Failed { by_step, error } => Outcome::Failed { by_step, error },
            shape::Outcome::Canceled => Outcome::Canceled,
        }),
    };
    Ok(Report { at: Timestamp::from_micros(told.at), kind })
}

fn key(step: &str) -> Result<StepKey, WorkerError> {
    StepKey::new(step).map_err(|error| invalid(error.to_string()))
}

fn shape_directions(directions: &Directions) -> shape::Directions {
    let granted = directions.granted.iter().map(|step| step.as_str().to_owned()).collect();
    let cancel = directions.cancel.map(|cause| match cause {
        CancelCause::Asked => {
            shape::Cancel { reason: "the run was canceled".to_owned(), is_failure: false }
        }
        CancelCause::MaxRuntime => {
            let reason = "the run ran longer than it may".to_owned();
            shape::Cancel { reason, is_failure: true }
        }
    });
    let mut digest = DefaultHasher::new();
    (&directions.granted, directions.cancel).hash(&mut digest);
    shape::Directions { version: digest.finish().max(1), granted, cancel }
}

fn dismissal_code(why: Dismissed) -> &'static str {
    match why {
        Dismissed::Ended => "ended",
        Dismissed::Superseded => "superseded",
        Dismissed::Canceled => "canceled",
        Dismissed::WrongToken => "wrong_token",
    }
}

fn dismissal(code: &str, message: String) -> WorkerError {
    WorkerError::Dismissed(shape::Dismissal { code: code.to_owned(), message })
}

fn invalid(message: impl Into<String>) -> WorkerError {
    WorkerError::Invalid(message.into())
}
