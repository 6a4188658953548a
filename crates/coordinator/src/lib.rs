//! The daemon's heart: one loop through which every change of a run's life goes.
//!
//! A turn of the loop takes all commands that wait, lets `lifecycle` decide, makes one commit, and
//! only then answers, wakes whoever waits and starts what follows. No rule stands here; nothing
//! outside happens before the commit that says so.

mod clock;
mod commands;
mod decider;
mod effects;
mod handle;
pub mod hooks;
mod ids;
mod inboxes;
mod live;
mod looks;
mod lookups;
mod options;
mod partitions;
mod recovery;
mod retention;
mod submit;
mod told;
mod views;
mod workers;

pub use commands::CommandError;
pub use decider::{LoopError, Running, start};
pub use handle::{Handle, Status};
pub use lifecycle::{CancelMode, CannotChange, Changed, Dispatch, Refusal, Rules, RunChange};
pub use live::{Meant, Mode};
pub use options::{Options, Retention};
pub use partitions::ChangedPartitions;
pub use recovery::StartError;
pub use submit::{SubmitRequest, Submitted};
pub use views::{PoolDetail, PoolState, RunAnswer};
pub use workers::WorkerError;
