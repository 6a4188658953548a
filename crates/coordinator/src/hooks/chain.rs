//! The hooks of a daemon in their order: each is asked in turn, a later one sees the tags that the
//! earlier ones have set, and the first that refuses or fails ends the submission.
//!
//! What hooks may set is decided here, for all kinds of hooks alike; what a tag means is not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{Tags, is_reserved_tag};
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use crate::hooks::{HookError, Offer, SubmissionHook, Verdict};
use crate::submit::check;

/// How long all hooks together may take over one submission. The API gives up on an answer after half
/// as much again, so that the submitter hears which hook it was.
pub const LONGEST_OFFER: Duration = Duration::from_secs(20);

/// How many submissions are with the hooks at one time; more wait, within the same time. As many as
/// a busy API has, so that it is memory that is bounded here and not work.
pub const MAX_AT_ONCE: usize = 256;

/// How long a hook may take to end when the daemon stops.
const LONGEST_STOP: Duration = Duration::from_secs(5);

/// How much of the reason of a refusal is told, in characters.
const LONGEST_REASON: usize = 1000;

/// The hooks of a daemon, in their order.
#[derive(Debug)]
pub struct Chain {
    pub(super) hooks: Vec<Arc<dyn SubmissionHook>>,
    pub(super) room: Semaphore,
    /// How long all of them together may take.
    pub(super) longest: Duration,
}

/// Why a run is not submitted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refused {
    #[error("the submission hook `{hook}` refuses this run: {reason}")]
    Rejected { hook: String, reason: String },
    #[error("the submission hook `{hook}` failed: {why}; nothing was submitted")]
    Failed { hook: String, why: String },
    #[error("the submission hooks are busy with other runs; nothing was submitted")]
    Busy,
}

impl Default for Chain {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Chain {
    /// Puts hooks into their order.
    pub fn new(hooks: Vec<Arc<dyn SubmissionHook>>) -> Self {
        Self { hooks, room: Semaphore::new(MAX_AT_ONCE), longest: LONGEST_OFFER }
    }

    /// Returns whether there is no hook.
    pub fn is_empty(&self) -> bool {
        self.hooks.is_empty()
    }

    /// Returns the names of the hooks, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.hooks.iter().map(|hook| hook.name())
    }

    /// Ends what the hooks have started. A hook that is asked after that fails, or starts anew.
    pub async fn stop(&self) {
        for hook in &self.hooks {
            // One that does not end in time is ended with this process.
            let _ = timeout(LONGEST_STOP, hook.stop()).await;
        }
    }

    /// Offers a run to every hook and returns the tags that it has in the end.
    pub(crate) async fn run(&self, mut offer: Offer) -> Result<Tags, Refused> {
        let give_up_at = Instant::now() + self.longest;
        let Ok(Ok(_room)) = timeout_at(give_up_at, self.room.acquire()).await else {
            return Err(Refused::Busy);
        };
        for hook in &self.hooks {
            let failed = |why: String| Refused::Failed { hook: hook.name().to_owned(), why };
            let verdict = timeout_at(give_up_at, hook.on_submit(&offer)).await;
            let verdict = verdict.unwrap_or_else(|_| Err(self.too_long()));
            match verdict.map_err(|HookError(why)| failed(why))? {
                Verdict::Accept(set) => offer.tags = merge(&offer.tags, &set).map_err(failed)?,
                Verdict::Reject(reason) => {
                    let reason = shortened(&reason);
                    return Err(Refused::Rejected { hook: hook.name().to_owned(), reason });
                }
            }
        }
        Ok(offer.tags)
    }

    fn too_long(&self) -> HookError {
        let seconds = self.longest.as_secs_f64();
        HookError(format!("the hooks took more than {seconds} s over this run"))
    }
}

fn shortened(reason: &str) -> String {
    match reason.trim() {
        "" => "it gives no reason".to_owned(),
        reason => reason.chars().take(LONGEST_REASON).collect(),
    }
}

/// Sets tags over others; an error says what a hook may not set.
fn merge(tags: &Tags, set: &BTreeMap<String, String>) -> Result<Tags, String> {
    if set.is_empty() {
        return Ok(tags.clone());
    }
    if let Some(key) = set.keys().find(|key| is_reserved_tag(key)) {
        return Err(format!("it sets the tag `{key}`, which only the coordinator sets"));
    }
    let set = set.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let merged: Tags = tags.iter().chain(set).collect();
    check(&merged).map_err(|wrong| format!("with what it sets, {wrong}"))?;
    Ok(merged)
}
