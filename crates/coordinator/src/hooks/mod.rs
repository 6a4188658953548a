//! Submission hooks: what a run is offered to before it becomes a command, one after the other. A hook
//! may set tags or refuse the run.
//!
//! Hooks run off the loop, so that no hook, however slow, holds up a decision. What a hook may set, in
//! which order hooks run and how long they may take stands in `chain`; the rules of a configuration in
//! `rules` and `condition`; a program that is asked in `command` and `talk`. Anything that implements
//! [`SubmissionHook`] can stand among them.

mod chain;
mod command;
mod condition;
mod headers;
mod pattern;
mod rules;
mod stderr;
mod talk;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use model::{CodeLocation, JobName, RunId, Tags};
use thiserror::Error;

pub(crate) use chain::Refused;
pub use chain::{Chain, LONGEST_OFFER, MAX_AT_ONCE};
pub use command::{CommandHook, CommandSpec, MAX_WAITING_QUESTIONS, Opening};
pub use condition::{Condition, Conditional};
pub use headers::{Headers, HeadersError};
pub use pattern::Pattern;
pub use rules::{Existing, RejectRule, Source, TagRule};
pub use talk::{MAX_ANSWER_BYTES, PROTOCOL_VERSION};

/// A run that somebody submits, as a hook sees it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The id that the run will have, if it is not refused.
    pub run: RunId,
    /// The job.
    pub job: JobName,
    /// The code location that the job is found in.
    pub location: CodeLocation,
    /// The tags so far: the job's, the submitter's over them, the tags that the coordinator sets, and
    /// what earlier hooks have set.
    pub tags: Tags,
    /// The run's config as JSON: a map, or `null`.
    pub config: Arc<str>,
    /// The headers of the request; none if the run was not submitted by one.
    pub headers: Headers,
    /// Who submits it, as far as the submitter says.
    pub user: Option<String>,
}

/// What a hook says of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on, with these tags set over those that it has; with none it goes on as it is.
    Accept(BTreeMap<String, String>),
    /// It is refused, for this reason: a sentence for the submitter.
    Reject(String),
}

impl Verdict {
    /// The run goes on as it is.
    pub fn unchanged() -> Self {
        Self::Accept(BTreeMap::new())
    }

    /// The run goes on with one tag set.
    pub fn tag(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Accept(BTreeMap::from([(key.into(), value.into())]))
    }
}

/// Why a hook has no verdict: a sentence that follows "the submission hook failed: ". The submission
/// fails, and nothing else does.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct HookError(pub String);

/// A verdict that comes later.
pub type Judgement<'a> = Pin<Box<dyn Future<Output = Result<Verdict, HookError>> + Send + 'a>>;

/// The end of a hook, which comes later.
pub type Stopped<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Sees every run before it is queued, and may set its tags or refuse it: what a custom run
/// coordinator of Dagster's does before it calls `submit_run` of its parent.
///
/// It is asked about several runs at one time, and about a run again that its submitter submits again,
/// so that a verdict must not depend on being asked once. A verdict that takes longer than
/// [`LONGEST_OFFER`] fails the submission.
pub trait SubmissionHook: Debug + Send + Sync {
    /// Returns the name by which messages speak of it.
    fn name(&self) -> &str;

    /// Judges a run. What is to be dropped with the request must bear being dropped at any `await`.
    fn on_submit<'a>(&'a self, offer: &'a Offer) -> Judgement<'a>;

    /// Ends what the hook has started; called once, when the daemon stops. Nothing, unless it says so.
    fn stop(&self) -> Stopped<'_> {
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests;
