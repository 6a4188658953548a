//! Submission: from what somebody asks for to the command that the loop decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use lifecycle::{Command, Known, Reply, Submit};
use model::{
    CodeLocation, Deployment, IdempotencyKey, JobName, PRIORITY_TAG, Priority, PriorityError,
    RunId, Submission, Tags,
};
use sha2::{Digest, Sha256};

use crate::commands::CommandError;
use crate::handle::{Handle, unexpected};
use crate::options::{CODE_LOCATION_TAG, CltTag, LOCATION_TAG};

const MAX_TAGS: usize = Tags::MAX_SIZE;

/// How long an idempotency key may be, in bytes.
const MAX_KEY: usize = 256;

/// A run that somebody asks for.
#[derive(Debug, Clone)]
pub struct SubmitRequest {
    /// The job.
    pub job: JobName,
    /// Its code location; may be left out if only one has such a job.
    pub location: Option<CodeLocation>,
    /// Tags that are set over those of the job.
    pub tags: BTreeMap<String, String>,
    /// Config that is laid over that of the job, key by key at the top.
    pub config: Option<serde_json::Value>,
    /// The priority, in place of the tag that says it.
    pub priority: Option<Priority>,
    /// The deployment that the run belongs to; `prod` if none is given.
    pub deployment: Option<Deployment>,
    /// The id that the run is to have.
    pub id: Option<RunId>,
    /// The submitter's own key: the same request under the same key is the same run.
    pub idempotency_key: Option<String>,
}

/// A run that was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submitted {
    /// Its id.
    pub run: RunId,
    /// Whether it is new, and not one that was submitted before under the same key.
    pub is_new: bool,
}

impl Handle {
    /// Submits a run. When this returns it is durable.
    ///
    /// # Errors
    /// [`CommandError`] says what is wrong; then there is no such run, but for
    /// [`CommandError::Unavailable`], after which it is not known.
    pub async fn submit(&self, request: SubmitRequest) -> Result<Submitted, CommandError> {
        let command = Command::Submit(Box::new(self.resolve(request)?));
        match self.entry.decide(command).await? {
            Reply::Submitted { run, is_new } => Ok(Submitted { run, is_new }),
            Reply::Done
            | Reply::Status(_)
            | Reply::Received { .. }
            | Reply::Directions(_)
            | Reply::Changed(_)
            | Reply::Freed(_) => Err(unexpected()),
        }
    }

    fn resolve(&self, request: SubmitRequest) -> Result<Submit, CommandError> {
        let idempotency = idempotency(&request)?;
        let job = self.locations.find(&request.job, request.location.as_ref())?;
        let merged = job.submission(&request.tags, request.config.as_ref());
        let merged = merged.map_err(|error| CommandError::Invalid(error.to_string()))?;
        let tags = self.stamp(&merged.tags, &job.location, request.priority);
        check_tags(&tags)?;
        let (plan, plan_hash, config) = (merged.plan, merged.plan_hash, merged.config);
        Ok(Submit {
            id: request.id,
            job: job.name.clone(),
            location: job.location.clone(),
            deployment: request.deployment.unwrap_or_default(),
            tags,
            pools: merged.pools,
            submission: Arc::new(Submission { plan, plan_hash, config, idempotency }),
            known: Known::default(),
        })
    }

    /// Sets the tags that the coordinator sets, over those that were submitted.
    fn stamp(&self, tags: &Tags, location: &CodeLocation, priority: Option<Priority>) -> Tags {
        let tags = tags.with(LOCATION_TAG, location.as_str());
        let tags = match self.options().clt_tag {
            CltTag::Stamped => tags.with(CODE_LOCATION_TAG, location.as_str()),
            CltTag::Left => tags,
        };
        match priority {
            Some(priority) => tags.with_priority(priority),
            None => tags,
        }
    }
}

/// Refuses tags that are too large to be kept in memory, or that cannot be meant.
fn check_tags(tags: &Tags) -> Result<(), CommandError> {
    if let Err(error @ PriorityError::OutOfRange(_)) = tags.priority() {
        return Err(CommandError::Invalid(format!("tag {PRIORITY_TAG}: {error}")));
    }
    let size: usize = tags.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size > MAX_TAGS {
        let message = format!("the tags come to {size} bytes; at most {MAX_TAGS} are allowed");
        return Err(CommandError::Invalid(message));
    }
    if tags.iter().any(|(key, _)| key.is_empty()) {
        return Err(CommandError::Invalid("a tag has an empty key".to_owned()));
    }
    Ok(())
}

/// Returns the key of a request with what was asked for under it.
fn idempotency(request: &SubmitRequest) -> Result<Option<IdempotencyKey>, CommandError> {
    let Some(key) = &request.idempotency_key else { return Ok(None) };
    if key.is_empty() || key.len() > MAX_KEY {
        let message = format!("an idempotency key has between 1 and {MAX_KEY} bytes");
        return Err(CommandError::Invalid(message));
    }
    let asked = serde_json::json!([
        request.job.as_str(),
        request.location.as_ref().map(CodeLocation::as_str),
        request.tags,
        request.config,
        request.priority.map(Priority::get),
        request.deployment.as_ref().map(|deployment| format!("{deployment:?}")),
        request.id.map(|id| id.to_string()),
    ]);
    let request_hash = Sha256::digest(asked.to_string()).into();
    Ok(Some(IdempotencyKey { key: key.as_str().into(), request_hash }))
}
