//! Snapshots that no test asks for any more.
//!
//! A snapshot file names the source that made it, and is itself named after the test or the name
//! that the test gave: both must still be there.

use crate::tidy::tree::{Tree, Violation};

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let snapshots = tree.iter().filter_map(|(path, text)| {
        let (_, name) = path.strip_suffix(".snap")?.rsplit_once("/snapshots/")?;
        Some((path, name, text))
    });
    snapshots
        .filter(|(_, name, text)| !is_referenced(tree, name, text))
        .map(|(path, _, _)| {
            Violation::new(path, 1, "no test refers to this snapshot", "Delete the file")
        })
        .collect()
}

fn is_referenced(tree: &Tree, name: &str, snapshot: &str) -> bool {
    let source = snapshot.lines().find_map(|line| line.strip_prefix("source: "));
    let Some(text) = source.and_then(|source| tree.get(source.trim_matches('"'))) else {
        return false;
    };
    let last = name.rsplit("__").next().unwrap_or(name);
    text.contains(last) || text.contains(without_counter(last))
}

/// The second unnamed snapshot of a test is named `the_test-2`.
fn without_counter(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((stem, counter)) if counter.chars().all(|c| c.is_ascii_digit()) => stem,
        Some(_) | None => name,
    }
}
