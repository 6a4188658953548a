//! The files that the checks look at, and what they find there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// The files of the workspace by path; a file that is no text has none here.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, String>,
}

/// Something to mend, and where. Sorted as it is read: by file, then by line.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) mend: String,
}

impl Tree {
    pub(crate) fn read(workspace: &Workspace) -> Result<Self> {
        let mut files = BTreeMap::new();
        for path in workspace.files()? {
            let bytes = std::fs::read(workspace.root().join(&path))
                .with_context(|| format!("failed to read {}", path.display()))?;
            let text = String::from_utf8(bytes).unwrap_or_default();
            files.insert(path.display().to_string(), text);
        }
        Ok(Self { files })
    }

    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Returns the Rust files in a folder.
    pub(crate) fn rust_files(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        let is_rust = |path: &str| path.rsplit_once('.').is_some_and(|(_, end)| end == "rs");
        self.iter().filter(move |(path, _)| path.starts_with(folder) && is_rust(path))
    }

    /// Returns the names of the rooms that exist.
    pub(crate) fn rooms(&self) -> BTreeSet<&str> {
        self.files.keys().filter_map(|path| room_of_manifest(path)).collect()
    }
}

fn room_of_manifest(path: &str) -> Option<&str> {
    let room = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
    (!room.contains('/')).then_some(room)
}

impl Violation {
    pub(crate) fn new(
        file: impl Into<String>,
        line: usize,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { file: file.into(), line, what: what.into(), mend: mend.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what, mend } = self;
        write!(f, "{file}:{line}: {what}. {mend}.")
    }
}

/// Returns the lines of a text with their numbers, from 1.
pub(crate) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// Returns the number of the first line that fits, else 1.
pub(crate) fn find_line(text: &str, is_it: impl Fn(&str) -> bool) -> usize {
    numbered(text).find(|(_, line)| is_it(line)).map_or(1, |(number, _)| number)
}

/// Returns whether a line has this word, alone and not as a part of a longer one.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !is_part(before.chars().next_back()) && !is_part(after.chars().next())
    })
}
