//! Scenario files: read ([`read`]) and played ([`play`]). Their format is described for users in
//! `tests/scenarios/README.md`.

mod launch;
mod play;
mod read;
mod script;
mod settings;
mod steps;
mod values;
mod world;

pub use play::{Failure, Outcome, Tick, WaitReason, Waiting, play};
pub use read::read;
pub use script::Scenario;
