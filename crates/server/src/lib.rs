//! The HTTP API: reads from the store, commands to the coordinator, live changes, and the routes of
//! the workers.
//!
//! This room decides who may ask what and in which form, and turns answers into JSON. It decides
//! nothing about runs: every command goes to the coordinator, every read to the store. It does not
//! know how the daemon is started, nor any configuration but where to listen.

mod accept;
mod address;
mod body;
mod error;
mod guard;
mod layers;
#[cfg(test)]
mod layers_tests;
mod listen;
mod query;
mod stall;
mod strict;
mod token;
