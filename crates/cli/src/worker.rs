//! The subcommands that the program starts itself with: the worker of a run, the guard of a step. Here
//! are only their arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use model::{Attempt, RunId};

use crate::answer::{Answer, WRONG};

#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// The home of the server
    #[arg(long, value_name = "DIR")]
    home: PathBuf,
    /// The run's id
    #[arg(long, value_name = "ID")]
    run: RunId,
    /// The number of the attempt, from 1
    #[arg(long, value_name = "N", value_parser = attempt)]
    attempt: Attempt,
}

fn attempt(text: &str) -> Result<Attempt, String> {
    let number = text.parse().ok().and_then(Attempt::new);
    number.ok_or_else(|| "it must be a whole number from 1".to_owned())
}

/// Executes an attempt as the process that the launcher started.
pub(crate) fn work(args: &WorkerArgs) -> Answer {
    Answer {
        code: exit_code(::worker::main(&args.home, args.run, args.attempt)),
        ..Answer::default()
    }
}

/// Runs the guard of a step if the program's arguments say so; returns the code to exit with. They go
/// to it as they are: the command behind them may hold anything.
pub(crate) fn guard(args: impl IntoIterator<Item = OsString>) -> Option<u8> {
    let mut args = args.into_iter().skip(1);
    (args.next()? == "step-guard").then(|| exit_code(process::guard::main(args)))
}

fn exit_code(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(WRONG)
}
