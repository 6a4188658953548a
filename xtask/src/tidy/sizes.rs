//! Sizes to feel: a long file or function is a question (which two ideas does it hold?), never a
//! violation.

use crate::tidy::tree::{Tree, numbered};

const LONG_FILE: usize = 600;
const LONG_FUNCTION: usize = 60;

pub(crate) fn notes(tree: &Tree) -> Vec<String> {
    let mut notes = Vec::new();
    for (path, text) in tree.rust_files("") {
        let lines = text.lines().count();
        if lines > LONG_FILE {
            notes.push(format!("{path}:1: {lines} lines. Which two ideas does it hold?"));
        }
        for (line, name, lines) in functions(text) {
            if lines > LONG_FUNCTION {
                notes.push(format!(
                    "{path}:{line}: {name} has {lines} lines. Which two ideas does it hold?"
                ));
            }
        }
    }
    notes
}

/// Returns where each function with a body starts, its name and how many lines it has. In formatted
/// code a body ends at the first line that closes it with the indentation of its start.
fn functions(text: &str) -> Vec<(usize, &str, usize)> {
    let mut functions = Vec::new();
    for (start, line) in numbered(text) {
        let Some(name) = function_name(line) else {
            continue;
        };
        let indentation = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indentation}}}");
        let mut rest = text.lines().skip(start - 1);
        let signature_end = rest.by_ref().find(|line| line.ends_with(['{', '}', ';']));
        if signature_end.is_some_and(|line| line.ends_with('{')) {
            let lines = text.lines().skip(start).position(|line| line == end);
            functions.extend(lines.map(|lines| (start, name, lines + 2)));
        }
    }
    functions
}

fn function_name(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("fn ")?;
    let is_start = before.split_whitespace().all(is_modifier);
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (is_start && !name.is_empty()).then_some(name)
}

fn is_modifier(word: &str) -> bool {
    word.starts_with("pub") || ["const", "async", "unsafe", "extern", "in"].contains(&word)
}
