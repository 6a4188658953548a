//! The words of Pointsman: ids, runs, steps, tags, priorities, pools, limits, and the one place
//! that lists every legal transition of a run and of a step.
//!
//! This room decides nothing about *when* something happens and knows no clock, no store and no
//! wire format. Every other room speaks in its types.

mod asset;
mod batch;
mod explain;
pub mod files;
mod headers;
pub mod hex;
mod id;
mod life;
mod limits;
mod partition;
mod pool;
mod priority;
mod run;
mod status;
mod step;
mod tags;
mod time;

pub use asset::{AssetEvent, AssetEventKind};
pub use batch::{Batch, Epoch, IdempotencyKey, NewRun, PlanHash, RunChange, StepRow, Submission};
pub use explain::{
    Count, Explanation, Holder, HolderOf, Holders, LimitKey, Reason, Remedy, TagScope, Usage,
};
pub use headers::is_withheld_header;
pub use id::{
    Attempt, CodeLocation, DeploymentName, IdError, JobName, PoolName, RunId, Seq, StepKey,
};
pub use life::{
    CancelCause, Change, EventKind, Failure, FailureReason, LifeEvent, Nonce, RunLife, TokenHash,
};
pub use limits::{
    Capacity, DuplicateTagLimit, PoolBlocking, PoolSettings, Settings, TagLimit, TagLimits,
    TagMatch,
};
pub use partition::{DynamicPartition, PartitionError, PartitionKey, PartitionsName, Presence};
pub use pool::{Demand, Granularity, PoolLimit, PoolLimitError, RunPools, Slots};
pub use priority::{Priority, PriorityError};
pub use run::{Deployment, DeploymentKind, Run};
pub use status::{IllegalTransition, RunStatus, RunTransition, StepStatus, StepTransition};
pub use step::{Claim, ClaimOrder, ClaimState, Step, StepId};
pub use tags::{LOCATION_TAG, PRIORITY_TAG, Tags, is_reserved_tag};
pub use time::Timestamp;
