//! The one binary: reads its arguments, calls the rooms, prints what they answer.

mod scenario;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Decides which run may start, when, and says why not yet.
#[derive(Debug, Parser)]
#[command(name = "pointsman", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play scenarios of the run queue against the very core that decides.
    #[command(subcommand)]
    Scenario(scenario::Command),
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Scenario(command) => scenario::run(&command),
    }
}
