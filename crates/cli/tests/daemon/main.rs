//! The product as a whole: a real daemon, real workers and steps, the real command line.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails to be set up fails the test")]

mod bad_input;
mod coordinators;
mod demo;
mod disk;
mod doctor;
mod ending;
mod harness;
mod live;
mod pools;
mod reload;
mod restart;
mod running;
mod starting;
mod submitting;
mod unreachable;
mod waiting;
