//! Words and names that have no place in any file: marks of unfinished work, drawers that say
//! nothing, folders of one machine, addresses of hosts that the project does not speak of.

use crate::tidy::tree::{Tree, Violation, has_word, numbered};

/// The checks themselves must name what they forbid.
const EXEMPT: &str = "xtask/src/tidy/";

const MARKS: &[&str] = &["TODO", "FIXME", "XXX", "TBA"];

const UNFINISHED: &[&str] = &["todo!", "unimplemented!"];

/// Names of files and folders that would take in anything.
const DRAWERS: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];

/// Where the checkouts, homes and scratch folders of one machine are.
const MACHINE_FOLDERS: &[&str] = &["/root/", "/home/", "/Users/", "/work/", "/tmp/"];

/// The hosts that files may name.
const HOSTS: &[&str] = &[
    "127.0.0.1",
    "docs.dagster.io",
    "evil.example",
    "example.com",
    "github.com",
    "json-schema.org",
    "keepachangelog.com",
    "localhost",
    "semver.org",
    "www.apache.org",
];

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.iter() {
        violations.extend(drawer(path));
        if path.starts_with(EXEMPT) {
            continue;
        }
        for (number, line) in numbered(text) {
            let wrong = mark(line).or_else(|| machine_folder(line)).or_else(|| host(line));
            violations.extend(wrong.map(|(what, mend)| Violation::new(path, number, what, mend)));
        }
    }
    violations
}

fn drawer(path: &str) -> Option<Violation> {
    let stem = |part: &str| part.split('.').next().unwrap_or_default().to_owned();
    let name = path.split('/').map(stem).find(|stem| DRAWERS.contains(&stem.as_str()))?;
    let what = format!("the name {name} would take in anything");
    Some(Violation::new(path, 1, what, "Name the one thing that it is for"))
}

fn mark(line: &str) -> Option<(String, &'static str)> {
    let mark = MARKS.iter().find(|mark| has_word(line, mark));
    let unfinished = UNFINISHED.iter().find(|call| line.contains(*call));
    mark.or(unfinished)
        .map(|mark| (format!("{mark} marks work that is not done"), "Do it, or leave it out"))
}

fn machine_folder(line: &str) -> Option<(String, &'static str)> {
    let names = |folder: &str| {
        line.match_indices(folder).any(|(at, _)| !continues_a_path(line[..at].chars().next_back()))
    };
    MACHINE_FOLDERS.iter().find(|folder| names(folder)).map(|folder| {
        (format!("{folder} is a folder of one machine"), "Say it from the root of the workspace")
    })
}

/// Returns whether what follows this character is the inside of a longer path.
fn continues_a_path(before: Option<char>) -> bool {
    before.is_some_and(|c| c.is_alphanumeric() || "._-~*}/".contains(c))
}

fn host(line: &str) -> Option<(String, &'static str)> {
    let addresses = line.split("://").skip(1);
    let mut hosts = addresses.map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && !".-".contains(c));
        rest[..end.unwrap_or(rest.len())].trim_end_matches('.')
    });
    let stranger = hosts.find(|host| host.contains('.') && !HOSTS.contains(host))?;
    Some((
        format!("the host {stranger} is none that files may name"),
        "Do without the address, or add the host to xtask/src/tidy/words.rs",
    ))
}
