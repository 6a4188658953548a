//! The JSON of the HTTP API under `/api/v1`: every request, every answer, every error.
//!
//! Requests are read strictly (an unknown key is an error), answers leniently (a newer server may
//! say more). Ids and names are text, statuses are Dagster's words, times are RFC 3339 in UTC with
//! microseconds, durations are in seconds, and what is unlimited or absent is `null`.

mod asset;
mod error;
mod instance;
mod job;
mod live;
mod partition;
mod pool;
mod priority;
mod query;
mod reason;
mod run;
mod time;
mod words;

pub use asset::{
    Asset, AssetCheck, AssetDetail, AssetEvent, AssetEventFilter, AssetEvents, Assets,
    DEFAULT_ASSET_EVENTS, MAX_ASSET_EVENTS, MaterializedPartitions, PartitionFilter,
};
pub use error::{ErrorAnswer, ErrorCode, ErrorDetail};
pub use instance::{
    CodeLocation, CodeLocations, Health, Instance, LocationState, PoolRules, ReloadLocations,
    Rules, TagLimit,
};
pub use job::{Job, JobDetail, JobStep, Jobs};
pub use live::{
    Configuration, ConfigurationProblem, FreeSlots, FreedSlots, FreedStep, MAX_CHANGED_RUNS,
    RefusedChange, RunChange, RunChanges, RunChangesAnswer, RunQuery,
};
pub use partition::{
    ChangePartitions, ChangedPartitions, DynamicPartitionFilter, MAX_CHANGED_PARTITIONS,
    PartitionSet, PartitionSets, Partitions,
};
pub use pool::{ClaimState, Pool, PoolClaim, PoolDetail, Pools, SetPoolLimit};
pub use query::{LogFilter, Page, QueryError, RunFilter};
pub use reason::{
    Ahead, Explanation, ExplanationState, Holder, HolderPart, Limit, Reason, Remedy, StepRef,
    TagScope, Usage, sentences, short_id,
};
pub use run::{
    CancelRun, Deployment, DeploymentKind, Event, Events, Failure, LogFile, LogFiles, LogLine,
    LogPage, LogStream, QueueEntry, QueuePage, Run, RunDetail, RunState, RunWhy, Runs, Step,
    StepHeldBack, StepWhy, Steps, SubmitRun,
};
pub use time::Time;

/// How many entries a page of a list has unless the request says otherwise.
pub const DEFAULT_PAGE: u32 = 50;

/// How many entries a page of a list can have: more are fetched page by page, so that one request
/// never holds much memory.
pub const MAX_PAGE: u32 = 500;

/// How many bytes of a log one answer carries at most.
pub const MAX_LOG_BYTES: u64 = 1 << 20;

/// How many bytes the body of a request may have: a run's config and tags fit many times.
pub const MAX_REQUEST_BYTES: usize = 1 << 20;

/// The header that carries a submission's own key, by which it is known again.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The header that says who submits a run, for the submission hooks.
pub const USER: &str = "X-Pointsman-User";

#[cfg(test)]
mod tests;
