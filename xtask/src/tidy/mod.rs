//! `cargo xtask tidy`: what the design promises and no compiler checks.
//!
//! Each check is a function from a [`Tree`] (and the arrows between its crates) to violations; none
//! reads a file itself, so that each can be tried on a tree that is made up.

mod architecture;
mod arrows;
mod properties;
mod purity;
mod rooms;
mod sizes;
mod snapshots;
mod tree;
mod words;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::Result;

use crate::tidy::arrows::Arrow;
use crate::tidy::tree::{Tree, Violation};
use crate::workspace::Workspace;

/// Prints every violation and every note; fails if there is a violation.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let tree = Tree::read(workspace)?;
    for note in sizes::notes(&tree) {
        println!("note: {note}");
    }
    let violations = check(&tree, &arrows::read(workspace)?);
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() {
        println!("tidy: {} files, nothing to mend", tree.files.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("tidy: {} to mend", violations.len());
    Ok(ExitCode::FAILURE)
}

fn check(tree: &Tree, arrows: &[Arrow]) -> Vec<Violation> {
    let mut violations = arrows::check(tree, arrows);
    violations.extend(architecture::check(tree));
    violations.extend(properties::check(tree));
    violations.extend(purity::check(tree));
    violations.extend(words::check(tree));
    violations.extend(snapshots::check(tree));
    violations.sort();
    violations
}
