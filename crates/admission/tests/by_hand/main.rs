//! Worlds made by hand, where chance seldom goes: budgets, sleepers before several gates, numbers
//! larger than random worlds reach.
#![expect(clippy::unwrap_used, reason = "a world that cannot be made is a mistake in the test")]

extern crate pointsman_admission as admission;

mod budget;
mod explaining;
mod listing;
mod waking;
mod world;
