//! The hooks that are rules: a tag from what is known of a run, and a refusal. They ask nobody.

use std::future::ready;

use crate::hooks::{Judgement, Offer, SubmissionHook, Verdict};

/// Sets a tag. Where its source has no value the run stays without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRule {
    /// The name by which messages speak of it.
    pub name: String,
    /// The key of the tag.
    pub key: String,
    /// Where the value comes from.
    pub source: Source,
    /// What happens to a tag that the run has already.
    pub existing: Existing,
}

/// Where the value of a tag comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A header of the request; without one, or with an empty one, the default.
    Header {
        /// Its name, in any case.
        name: String,
        /// The value without it; none, if the tag is then left out.
        default: Option<String>,
    },
    /// The name of the code location.
    CodeLocation,
    /// The name of the job.
    Job,
    /// Who submits the run; where nobody is named, the default.
    User {
        /// The value without one; none, if the tag is then left out.
        default: Option<String>,
    },
    /// Always the same.
    Constant(String),
}

/// What happens to a tag that a run has already: from its submitter, its job or an earlier hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays.
    Kept,
    /// The rule's value takes its place.
    Overwritten,
}

impl TagRule {
    /// Returns what the rule says of a run.
    pub fn judge(&self, offer: &Offer) -> Verdict {
        let has_tag = offer.tags.get(&self.key).is_some();
        if has_tag && self.existing == Existing::Kept {
            return Verdict::unchanged();
        }
        match self.source.value(offer) {
            Some(value) => Verdict::tag(&self.key, value),
            None => Verdict::unchanged(),
        }
    }
}

impl Source {
    fn value<'a>(&'a self, offer: &'a Offer) -> Option<&'a str> {
        let or = |value: Option<&'a str>, default: &'a Option<String>| {
            value.filter(|value| !value.is_empty()).or(default.as_deref())
        };
        match self {
            Self::Header { name, default } => or(offer.headers.get(name), default),
            Self::CodeLocation => Some(offer.location.as_str()),
            Self::Job => Some(offer.job.as_str()),
            Self::User { default } => or(offer.user.as_deref(), default),
            Self::Constant(value) => Some(value),
        }
    }
}

impl SubmissionHook for TagRule {
    fn name(&self) -> &str {
        &self.name
    }

    fn on_submit<'a>(&'a self, offer: &'a Offer) -> Judgement<'a> {
        Box::pin(ready(Ok(self.judge(offer))))
    }
}

/// Refuses every run that it is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectRule {
    /// The name by which messages speak of it.
    pub name: String,
    /// The reason that the submitter is told.
    pub reason: String,
}

impl SubmissionHook for RejectRule {
    fn name(&self) -> &str {
        &self.name
    }

    fn on_submit<'a>(&'a self, _: &'a Offer) -> Judgement<'a> {
        Box::pin(ready(Ok(Verdict::Reject(self.reason.clone()))))
    }
}
