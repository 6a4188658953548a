//! Everything about child processes, used wherever one is started: locks that die with their
//! process, the guard that ends a step with all its descendants, children that are spoken to in
//! lines, capture of output within a bound, the environment of a step, and signals that never reach a
//! stranger.
//!
//! This room knows no run and no database. It is for Linux: it reads `/proc` and holds processes by
//! pidfd.

pub mod capture;
pub mod dialogue;
pub mod environment;
pub mod errand;
pub mod group;
pub mod guard;
pub mod identity;
pub mod lock;
mod proc;
pub mod session;
pub mod spawn;
