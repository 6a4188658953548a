//! What comes of each command, in every status of a run, as tables that can be read.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a stage that cannot be set is a mistake in the test, and must end it"
)]

extern crate pointsman_lifecycle as lifecycle;

mod cancels;
mod changes;
mod deadlines;
mod every_pair;
mod gate;
mod launches;
mod recovery;
mod reports;
mod stage;
mod submissions;
