//! The workspace's own tools: `cargo xtask tidy` and `cargo xtask mutants`.
#![expect(clippy::print_stdout, reason = "a command line tool speaks on its standard output")]

mod mutants;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::workspace::Workspace;

/// Checks that no compiler makes.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
enum Task {
    /// Checks what the design promises about rooms, files and words
    Tidy,
    /// Plants each mistake of mutants/ in a scratch copy and checks that a test finds it
    Mutants(mutants::Options),
}

fn main() -> Result<ExitCode> {
    let task = Task::parse();
    let workspace = Workspace::find()?;
    match task {
        Task::Tidy => tidy::run(&workspace),
        Task::Mutants(options) => mutants::run(&workspace, &options),
    }
}
