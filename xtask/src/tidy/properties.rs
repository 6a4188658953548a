//! The tables of properties in `README.md` pages: each names the test that keeps it.

use crate::tidy::tree::{Tree, Violation, numbered};

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let pages = tree.iter().filter(|(path, _)| path.ends_with("README.md"));
    let rows = pages.flat_map(|(path, text)| {
        numbered(text)
            .skip_while(|(_, line)| *line != "| property | test |")
            .skip(2)
            .take_while(|(_, line)| line.starts_with('|'))
            .map(move |(number, line)| (path, number, line))
    });
    rows.filter_map(|(path, number, row)| {
        let what = match tests_of(row).as_slice() {
            [] => "the property names no test".to_owned(),
            tests => {
                let gone = tests.iter().find(|test| !exists(tree, test))?;
                format!("there is no test {gone}")
            }
        };
        Some(Violation::new(path, number, what, "Name the test that keeps the property"))
    })
    .collect()
}

/// Returns what the last cell of a row has in backticks.
fn tests_of(row: &str) -> Vec<&str> {
    let last_cell = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default();
    last_cell.split('`').skip(1).step_by(2).collect()
}

fn exists(tree: &Tree, test: &str) -> bool {
    let start = format!("fn {test}(");
    tree.rust_files("").any(|(_, text)| text.contains(&start))
}
