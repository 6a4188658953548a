//! The JSON shapes that cross a process boundary: the plan of a job, the protocol between daemon
//! and worker, the HTTP API with its client.
//!
//! This room decides nothing. Shapes are read leniently where they come from an older or newer
//! process of ours (unknown keys are passed over) and strictly where they come from a user.

pub mod api;
pub mod client;
pub mod plan;
pub mod shim;
pub mod told;
pub mod worker;
