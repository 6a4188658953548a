//! The HTTP API: reads from the store, commands to the coordinator, live changes, and the routes of
//! the workers.
//!
//! This room decides who may ask what and in which form, and turns answers into JSON. It decides
//! nothing about runs: every command goes to the coordinator, every read to the store. It does not
//! know how the daemon is started, nor any configuration but where to listen.

mod accept;
mod address;
mod app;
mod body;
mod configuration;
mod connections;
mod error;
mod guard;
mod held_back;
mod layers;
mod listen;
mod log_lines;
mod logfile;
mod openapi;
mod query;
mod refusal;
mod routes;
mod segment;
mod serve;
mod stall;
mod strict;
#[cfg(test)]
mod tests;
mod token;

pub use configuration::{ConfigurationLink, MAX_RELOADS, ReloadConfiguration};
pub use listen::{Listen, ListenError};
pub use openapi::document as openapi_document;
pub use serve::{ServeError, Server};
pub use token::TokenError;
