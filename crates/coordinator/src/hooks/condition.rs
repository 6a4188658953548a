//! Which runs a hook is asked about.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::hooks::{Judgement, Offer, Pattern, Stopped, SubmissionHook, Verdict};

/// What must be true of a run; all that is said must be, and where nothing is said everything is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Condition {
    /// The name of the job.
    pub job: Option<Pattern>,
    /// The name of the code location.
    pub location: Option<Pattern>,
    /// Tags that the run must have, by key.
    pub tags: BTreeMap<String, Pattern>,
    /// Headers that the request must have, by name.
    pub headers: BTreeMap<String, Pattern>,
    /// Tags that the run must not have.
    pub without_tags: Vec<String>,
    /// Headers that the request must not have.
    pub without_headers: Vec<String>,
}

impl Condition {
    /// Returns whether it is true of a run.
    pub fn holds(&self, offer: &Offer) -> bool {
        let says = |pattern: &Option<Pattern>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
        };
        let tag = |key: &str| offer.tags.get(key);
        let header = |name: &str| offer.headers.get(name);
        says(&self.job, offer.job.as_str())
            && says(&self.location, offer.location.as_str())
            && has_all(&self.tags, tag)
            && has_all(&self.headers, header)
            && self.without_tags.iter().all(|key| tag(key).is_none())
            && self.without_headers.iter().all(|name| header(name).is_none())
    }
}

fn has_all<'v>(
    wanted: &BTreeMap<String, Pattern>,
    value: impl Fn(&str) -> Option<&'v str>,
) -> bool {
    wanted.iter().all(|(key, pattern)| value(key).is_some_and(|value| pattern.matches(value)))
}

/// A hook that is asked only about runs of which a condition is true.
#[derive(Debug)]
pub struct Conditional {
    /// The condition.
    pub when: Condition,
    /// The hook.
    pub hook: Arc<dyn SubmissionHook>,
}

impl SubmissionHook for Conditional {
    fn name(&self) -> &str {
        self.hook.name()
    }

    fn on_submit<'a>(&'a self, offer: &'a Offer) -> Judgement<'a> {
        if self.when.holds(offer) {
            self.hook.on_submit(offer)
        } else {
            Box::pin(std::future::ready(Ok(Verdict::unchanged())))
        }
    }

    fn stop(&self) -> Stopped<'_> {
        self.hook.stop()
    }
}
