//! Code locations that are Python: code written for Dagster, loaded by the user's own interpreter.
//!
//! `location` says what is loaded, `host` asks Python for it, `load` and `steps` make jobs of the
//! answer, `plan` asks again for a run whose config matters; `forks` keeps a server for those whose steps
//! are forked. `listing` says which locations there are;
//! `workspace` and `project` read the files that name them. No code of the user's ever runs in this process.

mod coordinator;
mod files;
mod forks;
mod host;
mod listing;
mod load;
mod location;
mod package;
mod plan;
mod project;
mod steps;
mod workspace;

pub use coordinator::coordinator_program;
pub(crate) use files::{Stamp, look};
pub use host::{Deadlines, PythonHost};
pub(crate) use listing::Listed;
pub use listing::{Listing, ListingError};
pub(crate) use load::{load, not_loaded};
pub use location::PythonLocation;
pub use plan::RunRequest;
pub(crate) use plan::plan;
pub use project::{PROJECT, read_project};
pub use steps::Selection;
pub use workspace::{WORKSPACE, read_workspace};
