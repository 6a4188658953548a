//! The worker as a real process with real steps, and a daemon that the tests drive.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what cannot be set up has failed the test"
)]

mod daemon;
mod daemon_away;
mod dagster;
mod ending;
mod own_limits;
mod steps;
mod world;
