//! The properties that `admission` guarantees, each a test named as a fact.
//!
//! Random worlds are played on the image and, where another opinion is wanted, on the naive model,
//! which shares no code with it. `PROPTEST_CASES` sets how many worlds each property sees.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a world that cannot be made is a mistake in the test, and must end it"
)]

extern crate pointsman_admission as admission;

mod busy;
mod decisions;
mod every;
mod explanations;
mod found;
mod moves;
mod previews;
mod stage;
mod upkeep;
mod worlds;
