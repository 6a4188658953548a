//! The rules of a run's life beside admission: submission, the begin gate, the reports of workers,
//! cancel wishes, launch outcomes, requeues, leases and deadlines, recovery.
//!
//! [`State::step`] is told one command at a time and answers it; [`State::settle`] then lets runs
//! start and returns everything that is to be written in one commit and what is to be done once
//! that commit is durable. Nothing here waits, reads a clock, or knows a store, a launcher or a
//! wire format.

mod changes;
mod command;
mod configure;
mod effects;
mod ending;
mod gate;
mod launches;
mod leases;
mod life;
mod partitions;
mod pending;
mod recovery;
mod reports;
mod rules;
mod settle;
mod slots;
mod state;
mod steps;
mod submit;
mod told;

pub use changes::{CannotChange, Changed, MAX_WRITTEN_TAGS, RunChange, WrongTag, check_new_tags};
pub use command::{
    CancelMode, Command, Dismissed, Known, Launched, Outcome, Refusal, Reply, Report, ReportKind,
    Sight, Submit, Told, ToldAsset, Worker,
};
pub use effects::{Directions, Effect, Ids, Moment, Secret, Settled};
pub use recovery::Recovered;
pub use rules::{Dispatch, Rules};
pub use state::State;
