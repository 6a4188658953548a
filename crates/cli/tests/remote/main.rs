//! The commands that speak to a server, against one that answers what it is told to.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails to be set up has failed the test"
)]

mod assets;
mod bulk;
mod doctor;
mod failures;
mod instance;
mod jobs;
mod limits;
mod runs;
mod scripted;
mod terminal;
