//! Which run may start, which step gets its slots, in which order, and why not yet.

mod event;

pub use event::{Admission, Admissions, ClaimFacts, Event, Facts, Refused, RunFacts};
