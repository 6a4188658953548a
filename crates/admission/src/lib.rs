//! Which run may start, which step gets its slots, in which order, and why not yet.

mod audit;
mod claims;
mod event;
mod explain;
mod image;
mod limit;
mod lines;
mod needs;
mod preview;
mod queue;
mod reservation;
mod rules;
mod runs;
mod table;

pub use audit::AuditError;
pub use event::{Admission, Admissions, ClaimFacts, Event, Facts, Refused, RunFacts};
pub use image::Image;
pub use preview::{Edit, Preview, Reach};
