//! The step guard: a process that starts one command and sees to it that nothing of it outlives its
//! purpose.
//!
//! It leads a process group of its own, holds the step's lock, and keeps the command's output. When
//! the command has ended, when the worker orders it, or when the worker is gone (end of file on
//! standard input), it ends everything that descends from the command: SIGTERM, and SIGKILL to what is
//! left after the grace. It ends when nothing is left, so that a free lock means an
//! empty group. The lock's descriptor is inherited by the command: a guard that is itself killed does
//! not free the lock while the command lives.
//!
//! A process that leaves the session is still found here, because orphans are handed to the guard;
//! it escapes only if the guard is killed and it has closed the lock's descriptor too.
//!
//! Where its orders name a fork server, it asks there first for a fork that stands for the command, and
//! starts the command itself if there is none.
//!
//! The guard knows no run: paths, bounds and the command are arguments, the environment of the
//! command is its own.

mod descendants;
mod forked;
mod orders;
mod report;
pub(crate) mod start;
mod tree;
mod watch;
mod words;

use std::ffi::OsString;
use std::io::{self, Write};

pub use orders::{Orders, OrdersError};
pub use report::Report;

/// The byte on standard input that orders the end of the step.
pub(crate) const TERMINATE: u8 = b't';

/// The exit code of a guard that has reported how the step ended.
const REPORTED: i32 = 0;

/// The exit code of a guard that could not do its work; its report says why.
const FAILED: i32 = 1;

/// The exit code of a guard whose arguments are wrong; standard error says how.
const WRONG_ARGUMENTS: i32 = 2;

/// Runs the guard with the arguments that follow the name of the subcommand, until the step is over;
/// returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> i32 {
    let orders = match Orders::parse(args) {
        Ok(orders) => orders,
        Err(error) => {
            // Without standard error there is nobody to tell.
            drop(writeln!(io::stderr(), "step-guard: {error}"));
            return WRONG_ARGUMENTS;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime
        .map_err(|error| format!("failed to start the guard of the step: {error}"))
        .and_then(|runtime| runtime.block_on(watch::run(&orders)));
    match outcome {
        Ok(ending) => ending.tell(),
        Err(message) => {
            report::send(&Report::NotStarted { message });
            FAILED
        }
    }
}
