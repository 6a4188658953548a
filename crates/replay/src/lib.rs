//! Plays the pure rooms in virtual time: no store, no process, no clock.
//!
//! [`scenario`] plays scenario files, which say in YAML what happens to a queue and what must come
//! of it, against the very core that the daemon uses.

pub mod scenario;
