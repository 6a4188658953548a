//! The store against real files. What every dialect must do stands in `conformance` and takes a
//! store; what only a file or a process can do wrong stands beside it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a store that does not answer has failed the test"
)]

mod conformance;
mod full;
mod inspect;
mod kill;
mod open;
mod statements;
mod world;
