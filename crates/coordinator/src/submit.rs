//! Submission: from what somebody asks for to the command that the loop decides.
//!
//! Between the two stand the submission hooks. What they say depends on more than the request and may
//! change, so that a request is known again by what its submitter sent, and one that is known is not
//! offered to them again.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use definitions::{FindError, Job, JobSubmission, RunRequest, Selection, SubmissionError};
use lifecycle::{Command, Ids, Known, Refusal, Reply, Submit, WrongTag, check_new_tags};
use model::{
    CodeLocation, Deployment, IdempotencyKey, JobName, LOCATION_TAG, Priority, PriorityError,
    RunId, Submission, Tags,
};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::commands::CommandError;
use crate::handle::{Handle, unexpected};
use crate::hooks::{Headers, Offer};
use crate::ids::SystemIds;

/// How long an idempotency key may be, in bytes.
const MAX_KEY: usize = 256;

/// How many runs are planned by Python at one time: each keeps a processor busy for a second.
pub(crate) const MAX_PLANNED_AT_ONCE: usize = 4;

/// How long a submission waits for code that is being loaded for the first time: shorter than the
/// request may take.
const LOAD_PATIENCE: Duration = Duration::from_secs(20);

/// A run that somebody asks for.
#[derive(Debug, Clone)]
pub struct SubmitRequest {
    /// The job.
    pub job: JobName,
    /// Its code location; may be left out if only one has such a job.
    pub location: Option<CodeLocation>,
    /// The part of the job that it is for.
    pub selection: Selection,
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
    /// The submitter's own key: the same request under the same key is the same run, whatever its
    /// headers and its user are.
    pub idempotency_key: Option<String>,
    /// The headers of the request, for the submission hooks.
    pub headers: Headers,
    /// Who submits the run, as far as the submitter says; for the submission hooks.
    pub user: Option<String>,
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
    pub async fn submit(&self, mut request: SubmitRequest) -> Result<Submitted, CommandError> {
        let hooks = Arc::clone(&self.options().hooks);
        let (headers, user) = (mem::take(&mut request.headers), request.user.take());
        let mut submit = self.resolve(request).await?;
        if !hooks.is_empty() {
            if let Some(run) = self.submitted_before(&submit).await? {
                return Ok(Submitted { run, is_new: false });
            }
            // Hooks are told the id that the run will have.
            let run = *submit.id.get_or_insert_with(|| SystemIds.run_id());
            submit.tags = hooks.run(offer(&submit, run, headers, user)).await?;
        }
        match self.entry.decide(Command::Submit(Box::new(submit))).await? {
            Reply::Submitted { run, is_new } => Ok(Submitted { run, is_new }),
            Reply::Done
            | Reply::Status(_)
            | Reply::Received { .. }
            | Reply::Directions(_)
            | Reply::Changed(_)
            | Reply::Freed(_) => Err(unexpected()),
        }
    }

    async fn resolve(&self, request: SubmitRequest) -> Result<Submit, CommandError> {
        let idempotency = idempotency(&request)?;
        let job = self.find(&request.job, request.location.as_ref()).await?;
        let asked =
            RunRequest { tags: request.tags, config: request.config, selection: request.selection };
        let merged = self.merge(&job, asked).await?;
        let tags = stamp(&merged.tags, &job.location, request.priority);
        check(&tags)?;
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

    /// Finds a job; one that may be in code that is being loaded is waited for.
    async fn find(
        &self,
        job: &JobName,
        location: Option<&CodeLocation>,
    ) -> Result<Arc<Job>, FindError> {
        let mut changes = self.locations.changes();
        let until = Instant::now() + LOAD_PATIENCE;
        loop {
            match self.locations.find(job, location) {
                Err(error @ FindError::Loading { .. }) => {
                    let Ok(Ok(())) = timeout_at(until, changes.changed()).await else {
                        return Err(error);
                    };
                }
                found => return found,
            }
        }
    }

    /// Returns what the run is submitted with: at once, unless Dagster must plan it.
    async fn merge(
        &self,
        job: &Arc<Job>,
        asked: RunRequest,
    ) -> Result<JobSubmission, CommandError> {
        if !job.needs_plan(&asked) {
            return Ok(self.locations.submission(job, &asked)?);
        }
        let ending = || CommandError::Unavailable("the daemon is stopping".to_owned());
        let planning = Arc::clone(&self.planning);
        let permit = planning.acquire_owned().await.map_err(|_| ending())?;
        let (locations, job) = (self.locations.clone(), Arc::clone(job));
        let planned = spawn_blocking(move || {
            // Held until Python has answered, also if nobody waits for that any more.
            let _permit = permit;
            locations.submission(&job, &asked)
        });
        Ok(planned.await.map_err(|_| ending())??)
    }

    /// Returns the run that is known under the key of a submission. The loop asks again, for one that
    /// is submitted at this moment.
    async fn submitted_before(&self, submit: &Submit) -> Result<Option<RunId>, CommandError> {
        let Some(own) = &submit.submission.idempotency else { return Ok(None) };
        let known = self.store.known(&[&own.key], &[]).await.map_err(|error| {
            CommandError::Unavailable(format!("the store cannot be asked: {error}"))
        })?;
        match known.keys.first() {
            None => Ok(None),
            Some(earlier) if earlier.key.request_hash == own.request_hash => Ok(Some(earlier.run)),
            Some(earlier) => Err(Refusal::KeyReused(earlier.run).into()),
        }
    }
}

/// Returns a submission as the hooks see it.
fn offer(submit: &Submit, run: RunId, headers: Headers, user: Option<String>) -> Offer {
    Offer {
        run,
        job: submit.job.clone(),
        location: submit.location.clone(),
        tags: submit.tags.clone(),
        config: Arc::clone(&submit.submission.config),
        headers,
        user,
    }
}

/// Sets the tags that the coordinator sets, over those that were submitted.
fn stamp(tags: &Tags, location: &CodeLocation, priority: Option<Priority>) -> Tags {
    let tags = tags.with(LOCATION_TAG, location.as_str());
    match priority {
        Some(priority) => tags.with_priority(priority),
        None => tags,
    }
}

impl From<SubmissionError> for CommandError {
    fn from(error: SubmissionError) -> Self {
        match error {
            SubmissionError::ConfigIsNoMap(_)
            | SubmissionError::NoSelection
            | SubmissionError::Invalid(_) => Self::Invalid(error.to_string()),
            SubmissionError::NotPlanned(_) => Self::Unavailable(error.to_string()),
        }
    }
}

/// Refuses tags that are too large to be kept in memory, or that cannot be meant.
pub(crate) fn check(tags: &Tags) -> Result<(), CommandError> {
    let (size, most) = (tags.size(), Tags::MAX_SIZE);
    if size > most {
        let wrong = format!("the tags come to {size} bytes; at most {most} are allowed");
        return Err(CommandError::Invalid(wrong));
    }
    match check_new_tags(tags) {
        // As Dagster does, which takes it for no priority.
        Err(WrongTag::Priority(PriorityError::NotAnInteger(_))) => Ok(()),
        checked => Ok(checked?),
    }
}

/// Returns the key of a request with what was asked for under it.
fn idempotency(request: &SubmitRequest) -> Result<Option<IdempotencyKey>, CommandError> {
    let Some(key) = &request.idempotency_key else { return Ok(None) };
    if key.is_empty() || key.len() > MAX_KEY {
        let message = format!("an idempotency key has between 1 and {MAX_KEY} bytes");
        return Err(CommandError::Invalid(message));
    }
    let mut asked = serde_json::json!([
        request.job.as_str(),
        request.location.as_ref().map(CodeLocation::as_str),
        request.tags,
        request.config,
        request.priority.map(Priority::get),
        request.deployment.as_ref().map(|deployment| format!("{deployment:?}")),
        request.id.map(|id| id.to_string()),
    ]);
    let Selection { assets, ops } = &request.selection;
    if let (Some(asked), true) = (asked.as_array_mut(), assets.is_some() || ops.is_some()) {
        asked.push(serde_json::json!({"assets": assets, "ops": ops}));
    }
    let request_hash = Sha256::digest(asked.to_string()).into();
    Ok(Some(IdempotencyKey { key: key.as_str().into(), request_hash }))
}
