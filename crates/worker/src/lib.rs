//! Executes one attempt of one run: passes the begin gate, walks the graph of the steps, starts each
//! step under a guard, and tells the daemon what happens.
//!
//! The parts, from the pure to the real: [`graph`] decides what is next and knows nothing else;
//! `walk` performs it; `line` and `client` carry reports and directions between it and the daemon,
//! with [`spool`] behind them; [`run`] is the life of the process around all that. A worker goes on
//! while the daemon is away, for as long as its steps run, and delivers what it missed to tell.

mod answer;
mod begin;
mod client;
mod clock;
mod cut;
mod dagster;
pub mod environment;
pub mod folder;
mod follow;
pub mod graph;
mod line;
pub mod run;
pub mod spool;
mod tries;
mod walk;

use std::io;
use std::path::Path;

use model::{Attempt, RunId};
use tracing::{Level, error, info};

use crate::run::{Order, Settings, execute};

/// Executes one attempt of a run as the process of its own that the launcher started; returns the
/// exit code: 0 whenever the worker did its part, whatever became of the run, else 1. Says on
/// standard error what it does.
pub fn main(home: &Path, run: RunId, attempt: Attempt) -> i32 {
    // A program that has set up its logs already keeps them.
    drop(
        tracing_subscriber::fmt()
            .with_writer(io::stderr)
            .with_ansi(false)
            .with_max_level(Level::INFO)
            .try_init(),
    );
    info!(run.id = %run, run.attempt = %attempt, "worker of run {run}, attempt {attempt}");
    let order = Order { home: home.to_owned(), run, attempt };
    match execute(&order, Settings::default()) {
        Ok(()) => {
            info!("the worker ends");
            0
        }
        Err(error) => {
            error!("the worker gives up: {}", tries::with_cause(&error));
            1
        }
    }
}
