//! The workspace's own tools: `cargo xtask tidy`.
#![expect(clippy::print_stdout, reason = "a command line tool speaks on its standard output")]

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
}

fn main() -> Result<ExitCode> {
    let task = Task::parse();
    let workspace = Workspace::find()?;
    match task {
        Task::Tidy => tidy::run(&workspace),
    }
}
