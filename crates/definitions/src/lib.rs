//! Code locations: YAML files of jobs as commands.
//!
//! `read` turns the text of a file into jobs and does no I/O; `disk` finds and reads the files;
//! `set` decides what is known after they were read anew; [`Locations`] holds that for everybody
//! who asks. What a run is, when it starts and how its steps are executed is no matter of this room.

mod disk;
mod find;
mod job;
mod locations;
mod read;
mod set;
mod template;

pub use disk::Unreachable;
pub use find::FindError;
pub use job::{Job, JobSubmission, SubmissionError};
pub use locations::{Location, LocationState, Locations, Reloaded, Root};
pub use read::{Definitions, FilePath, MAX_JOBS, MAX_OPS, MAX_RETRIES, MAX_SECONDS, NAME_BYTES};
pub use template::template;
