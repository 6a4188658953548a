//! Code locations: YAML files of jobs as commands, and Python written for Dagster.
//!
//! `read` turns the text of a file into jobs and does no I/O; `disk` finds and reads the files;
//! `python` asks the user's interpreter what there is in their code, and `loading` when; `set` decides what
//! is known after all that was read anew, `image` keeps it, and [`Locations`] holds it for everybody who asks. What a run is, when it starts and how its steps are executed is no matter of this room.

mod disk;
mod find;
mod image;
mod job;
mod loading;
mod locations;
mod python;
mod read;
mod reading;
mod set;
mod template;

pub use disk::Unreachable;
pub use find::FindError;
pub use job::{Job, JobSubmission, PythonJob, SubmissionError};
pub use locations::{
    LocatedAsset, Location, LocationState, Locations, Python, Reloaded, Root, Snapshot,
};
pub use python::{
    Deadlines, Listing, ListingError, PROJECT, PythonHost, PythonLocation, RunRequest, Selection,
    WORKSPACE, coordinator_program, read_project, read_workspace,
};
pub use read::{Definitions, FilePath, MAX_JOBS, MAX_OPS, MAX_RETRIES, MAX_SECONDS, NAME_BYTES};
pub use set::Origin;
pub use template::template;
