//! The one binary: reads its arguments, calls the rooms, prints what they answer.

mod answer;
mod config;
mod scenario;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Decides which run may start, when, and says why not yet.
#[derive(Debug, Parser)]
#[command(
    name = "pointsman",
    version,
    arg_required_else_help = true,
    after_help = "Example:\n  pointsman config check dagster.yaml"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check, show and describe the configuration.
    #[command(subcommand, after_help = "Example:\n  pointsman config check dagster.yaml")]
    Config(config::ConfigCommand),
    /// Play scenarios of the run queue against the very core that decides.
    #[command(subcommand, after_help = "Example:\n  pointsman scenario run my-limits.yaml")]
    Scenario(scenario::ScenarioCommand),
}

fn main() -> anyhow::Result<ExitCode> {
    let answer = match Cli::parse().command {
        Command::Config(command) => config::run(&command),
        Command::Scenario(command) => scenario::run(&command),
    };
    std::io::stderr().write_all(answer.stderr.as_bytes())?;
    std::io::stdout().write_all(answer.stdout.as_bytes())?;
    Ok(ExitCode::from(answer.code))
}
