//! Runs, their steps, events and logs, and the queue.

use std::collections::BTreeMap;

use model::{EventKind, FailureReason, RunStatus, StepStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Explanation, Time, priority, words};

/// `POST /api/v1/runs`: submits a run. Answered with 201 and the [`Run`] if it is new, with 200 if
/// it was submitted before under the same idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitRun {
    /// The job.
    #[schema(pattern = r"^\S+$")]
    pub job: String,
    /// Its code location; needed only if several have a job of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^\S+$")]
    pub location: Option<String>,
    /// Tags, in addition to those of the job and winning over them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The run's config, laid over the job's key by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub config: Option<serde_json::Value>,
    /// Its priority; larger goes first. The same as the tag `dagster/priority`.
    #[serde(
        default,
        deserialize_with = "priority::optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(minimum = -2_147_483_648_i64, maximum = 2_147_483_647_i64)]
    pub priority: Option<i32>,
    /// The deployment that it belongs to; `prod` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
    /// The id that it is to have, a UUID; a fresh one unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub run_id: Option<String>,
    /// The assets that it is for, if it is for a part of a job that is written for Dagster: each a key,
    /// or a selection in Dagster's syntax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_selection: Option<Vec<String>>,
    /// The ops that it is for, if it is for a part of a job that is written for Dagster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op_selection: Option<Vec<String>>,
}

/// The deployment that a run belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// Its name.
    #[schema(pattern = r"^\S+$")]
    pub name: String,
    /// Its kind.
    #[serde(default)]
    pub kind: DeploymentKind,
}

/// The kind of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentKind {
    /// A deployment of its own, such as `prod`.
    #[default]
    Full,
    /// A branch deployment: made for a change under review.
    Branch,
}

/// A run, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Its job.
    pub job: String,
    /// The code location of the job.
    pub location: String,
    /// The deployment that it belongs to.
    pub deployment: Deployment,
    /// Where it is in its life.
    #[serde(with = "words::run_status")]
    #[schema(schema_with = words::run_status::schema)]
    pub status: RunStatus,
    /// Its priority.
    pub priority: i32,
    /// All its tags.
    pub tags: BTreeMap<String, String>,
    /// Its place in the order of submission.
    pub sequence: u64,
    /// The number of its latest attempt; `null` before the first.
    pub attempt: Option<u32>,
    /// Whether somebody holds it in the queue.
    pub is_held: bool,
    /// Whether nobody knows if its worker lives.
    pub is_suspect: bool,
    /// When it was submitted.
    pub submitted_at: Time,
    /// When it last left the queue.
    pub starting_at: Option<Time>,
    /// When its worker began.
    pub started_at: Option<Time>,
    /// When it was told to end.
    pub canceling_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// The kind.
    #[serde(with = "words::failure_reason")]
    #[schema(schema_with = words::failure_reason::schema)]
    pub reason: FailureReason,
    /// What happened, as a sentence.
    pub message: String,
}

/// `GET /api/v1/runs`: a page of runs, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Runs {
    /// The runs.
    pub runs: Vec<Run>,
    /// What to give as `before` for the next page; `null` if this is the last one.
    pub next: Option<String>,
}

/// `GET /api/v1/runs/{id}`: all about one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunDetail {
    /// What lists show.
    #[serde(flatten)]
    pub run: Run,
    /// Its config; `null` if it has none.
    pub config: serde_json::Value,
    /// Its steps, in the order of their definition: the first of them, up to a full page.
    pub steps: Vec<Step>,
    /// What to give as `after` to `GET /api/v1/runs/{id}/steps` for more steps; `null` if these are
    /// all.
    pub next_steps: Option<String>,
    /// Why it waits; `null` unless it is queued or in progress.
    pub explanation: Option<Explanation>,
    /// The reasons as sentences, in the same order.
    pub sentences: Vec<String>,
}

/// `GET /api/v1/runs/{id}/steps`: a page of the steps of a run, in the order of their definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Steps {
    /// The steps.
    pub steps: Vec<Step>,
    /// What to give as `after` for the next page; `null` if this is the last one.
    pub next: Option<String>,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Its key.
    pub key: String,
    /// Where it is in its life.
    #[serde(with = "words::step_status")]
    #[schema(schema_with = words::step_status::schema)]
    pub status: StepStatus,
    /// The number of its latest try; 0 before the first.
    pub r#try: u32,
    /// When it began to wait for slots, last.
    pub waiting_since: Option<Time>,
    /// When its latest try began.
    pub started_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// When it is tried again.
    pub retry_at: Option<Time>,
    /// What went wrong in its latest try, or why it was skipped.
    pub error: Option<String>,
    /// The limits inside its run that hold it back, as sentences; empty if none does.
    #[serde(default)]
    pub held_back: Vec<String>,
}

/// `GET /api/v1/runs/{id}/why`: every limit that blocks the run, or its steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunWhy {
    /// The run's id.
    pub run: String,
    /// Where it is in its life.
    #[serde(with = "words::run_status")]
    #[schema(schema_with = words::run_status::schema)]
    pub status: RunStatus,
    /// About the run as a whole; `null` if it has ended.
    pub explanation: Option<Explanation>,
    /// Its reasons as sentences, in the same order.
    pub sentences: Vec<String>,
    /// The steps that wait for slots.
    pub steps: Vec<StepWhy>,
    /// The steps that limits inside the run hold back.
    #[serde(default)]
    pub held_back: Vec<StepHeldBack>,
}

/// Why a step waits that wants no slots yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepHeldBack {
    /// The step's key.
    pub step: String,
    /// The limits inside its run that hold it back, as sentences.
    pub sentences: Vec<String>,
}

/// Why a step waits for slots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepWhy {
    /// The step's key.
    pub step: String,
    /// Why.
    pub explanation: Explanation,
    /// Its reasons as sentences, in the same order.
    pub sentences: Vec<String>,
}

/// Something that happened: in `GET /api/v1/runs/{id}/events`, and the data of each event of
/// `GET /api/v1/changes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its place among all changes.
    pub change: u64,
    /// The run; `null` for what concerns no single run.
    pub run: Option<String>,
    /// Its number among the events of its run, from 1 without a gap.
    pub number: Option<u64>,
    /// When the server took note of it.
    pub at: Time,
    /// What happened.
    #[serde(with = "words::event_kind")]
    #[schema(schema_with = words::event_kind::schema)]
    pub kind: EventKind,
    /// The attempt during which it happened.
    pub attempt: Option<u32>,
    /// The step that it concerns.
    pub step: Option<String>,
    /// More about it; may be empty.
    pub message: String,
    /// The whole of it, of what code has told and of errors: an object whose keys depend on `kind`.
    #[schema(value_type = Option<Object>)]
    pub data: Option<serde_json::Value>,
}

/// `GET /api/v1/runs/{id}/events`: a page of the events of a run, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Events {
    /// The events.
    pub events: Vec<Event>,
    /// What to give as `after` for the next page; `null` if there is nothing more now.
    pub next: Option<u64>,
}

/// `GET /api/v1/runs/{id}/logs` without a step: what a run's steps have written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogFiles {
    /// One entry for each step, try and stream, in the order of the steps.
    pub files: Vec<LogFile>,
}

/// What one try of a step has written to one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogFile {
    /// The step's key.
    pub step: String,
    /// The number of the try.
    pub r#try: u32,
    /// The stream.
    pub stream: LogStream,
    /// How many bytes there are.
    pub bytes: u64,
}

/// A stream that a step writes to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
    /// What the step has logged, of code written for Dagster: lines of JSON, each a [`LogLine`].
    Log,
}

impl LogStream {
    /// Returns the word by which it is named.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Log => "log",
        }
    }
}

/// `GET /api/v1/runs/{id}/logs?step=`: a part of what a step has written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogPage {
    /// The text; bytes that are no UTF-8 are replaced.
    pub text: String,
    /// Where the next part begins, in bytes.
    pub next_offset: u64,
    /// Whether nothing more will come behind `next_offset`.
    pub is_complete: bool,
}

/// A line of the stream `log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When, by the clock of the step.
    pub at: Time,
    /// How grave it is: `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL` or another word.
    pub level: String,
    /// What was logged.
    pub message: String,
    /// The step inside the step that has logged it, if that is a whole run of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What was raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<crate::told::Error>,
}

/// `POST /api/v1/runs/{id}/cancel`: tells a run to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRun {
    /// Whether to mark it as canceled at once, whatever its worker does.
    #[serde(default)]
    pub force: bool,
}

/// The answer to [`CancelRun`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunState {
    /// The run's id.
    pub id: String,
    /// Where it is now.
    #[serde(with = "words::run_status")]
    #[schema(schema_with = words::run_status::schema)]
    pub status: RunStatus,
}

/// `GET /api/v1/queue`: a page of the queue, in the order in which its runs are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueuePage {
    /// The runs.
    pub entries: Vec<QueueEntry>,
    /// How many runs are queued in all.
    pub total: u64,
    /// What to give as `after` for the next page; `null` if this is the last one.
    pub next: Option<String>,
}

/// A run that is queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueEntry {
    /// Its place, from 1.
    pub position: u64,
    /// Its id.
    pub run: String,
    /// Its job.
    pub job: String,
    /// Its priority.
    pub priority: i32,
    /// When it was submitted.
    pub waiting_since: Time,
    /// Why it waits.
    pub explanation: Explanation,
    /// The reasons as sentences, in the same order.
    pub sentences: Vec<String>,
}

impl From<&model::Deployment> for Deployment {
    fn from(deployment: &model::Deployment) -> Self {
        let kind = match deployment.kind {
            model::DeploymentKind::Full => DeploymentKind::Full,
            model::DeploymentKind::Branch => DeploymentKind::Branch,
        };
        Self { name: deployment.name.to_string(), kind }
    }
}

impl From<&model::LifeEvent> for Event {
    fn from(event: &model::LifeEvent) -> Self {
        Self {
            change: event.change.get(),
            run: event.run.map(|(run, _)| run.to_string()),
            number: event.run.map(|(_, number)| number),
            at: event.at.into(),
            kind: event.kind,
            attempt: event.attempt.map(model::Attempt::get),
            step: event.step.as_ref().map(ToString::to_string),
            message: event.message.clone(),
            // It was written as JSON.
            data: event.data.as_ref().and_then(|data| serde_json::from_str(data).ok()),
        }
    }
}

impl From<&model::StepRow> for Step {
    fn from(row: &model::StepRow) -> Self {
        Self {
            key: row.key().to_string(),
            status: row.status,
            r#try: row.try_number,
            waiting_since: row.waiting_since.map(Time),
            started_at: row.started_at.map(Time),
            ended_at: row.ended_at.map(Time),
            retry_at: row.retry_at.map(Time),
            error: row.error.clone(),
            held_back: Vec::new(),
        }
    }
}

impl From<&model::Failure> for Failure {
    fn from(failure: &model::Failure) -> Self {
        Self { reason: failure.reason, message: failure.message.clone() }
    }
}
