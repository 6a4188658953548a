//! Code written for Dagster under a real daemon, with a real Dagster.
//!
//! The interpreter is the one that `POINTSMAN_TEST_PYTHON` names, else that of the virtual environment
//! which `./test` makes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails to be set up fails the test")]

mod bad_code;
mod coordinators;
mod environment;
mod examples;
#[path = "../daemon/harness.rs"]
#[expect(dead_code, reason = "the tests of the daemon use all of it")]
mod harness;
mod instance;
mod loading;
mod python;
mod runs;
