//! The one binary: reads its arguments, calls the rooms, prints what they answer.

mod answer;
mod config;
mod scenario;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::answer::{Answer, UNREADABLE};

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

fn main() -> ExitCode {
    let answer = match Cli::parse().command {
        Command::Config(command) => config::run(&command),
        Command::Scenario(command) => scenario::run(&command),
    };
    ExitCode::from(print(&answer))
}

/// Prints an answer; returns the code to exit with.
fn print(answer: &Answer) -> u8 {
    // Nobody can be told that standard error is closed; the code still says how it went.
    drop(std::io::stderr().write_all(answer.stderr.as_bytes()));
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(answer.stdout.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Ok(()) => answer.code,
        // Whoever reads has seen enough, as with `pointsman config show | head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => answer.code,
        Err(error) => {
            let told = format!("error: cannot write the answer: {error}\n");
            drop(std::io::stderr().write_all(told.as_bytes()));
            UNREADABLE
        }
    }
}
