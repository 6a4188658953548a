//! The command line of Pointsman. Knows what is asked for; what the answer is, the rooms know.

mod config;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Decides which run may start, when, and says why not yet.
#[derive(Debug, Parser)]
#[command(name = "pointsman", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks, shows and describes the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

fn main() -> anyhow::Result<ExitCode> {
    let Cli { command } = Cli::parse();
    let answer = match command {
        Command::Config(command) => config::run(&command),
    };
    std::io::stderr().write_all(answer.stderr.as_bytes())?;
    std::io::stdout().write_all(answer.stdout.as_bytes())?;
    Ok(ExitCode::from(answer.code))
}
