//! The pure rooms: no I/O, no clock, no environment, no randomness, no build script, nothing
//! asynchronous. Which crates they may use is checked with the arrows.

use crate::tidy::rooms::ROOMS;
use crate::tidy::tree::{Tree, Violation, find_line, has_word, numbered};

/// What the `clippy.toml` of a pure room bans at least.
pub(super) const BANS: &[&str] = &[
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::env::var",
    "std::env::var_os",
    "std::env::vars",
    "std::fs::File",
    "std::fs::read",
    "std::fs::read_to_string",
    "std::fs::write",
    "std::process::Command",
    "std::process::exit",
    "std::sync::Mutex",
    "std::thread::sleep",
    "std::thread::spawn",
    "std::time::Instant",
    "std::time::SystemTime",
];

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let existing = tree.rooms();
    let pure: Vec<&str> = ROOMS
        .iter()
        .filter(|room| room.is_pure() && existing.contains(room.name))
        .map(|room| room.name)
        .collect();
    let mut violations = Vec::new();
    for room in &pure {
        violations.extend(build_script(tree, room));
        violations.extend(missing_bans(tree, room));
        violations.extend(differing_bans(tree, room, pure[0]));
        violations.extend(asynchronous(tree, room));
    }
    violations.extend(missing_lints(tree));
    violations
}

fn build_script(tree: &Tree, room: &str) -> Option<Violation> {
    let mend = "A pure room has none: generate with xtask and commit the result";
    let script = format!("crates/{room}/build.rs");
    if tree.get(&script).is_some() {
        return Some(Violation::new(script, 1, "a pure room has a build script", mend));
    }
    let manifest = format!("crates/{room}/Cargo.toml");
    let text = tree.get(&manifest)?;
    let is_key = |line: &str| line.starts_with("build =") || line.starts_with("build=");
    text.lines().any(is_key).then(|| {
        let line = find_line(text, is_key);
        Violation::new(manifest, line, "a pure room names a build script", mend)
    })
}

fn missing_bans(tree: &Tree, room: &str) -> Vec<Violation> {
    let path = format!("crates/{room}/clippy.toml");
    let Some(text) = tree.get(&path) else {
        let what = "a pure room has no bans of its own";
        return vec![Violation::new(path, 1, what, "Copy the clippy.toml of another pure room")];
    };
    let missing = BANS.iter().filter(|ban| !text.contains(&format!("\"{ban}\"")));
    missing
        .map(|ban| {
            let what = format!("the ban of {ban} is missing");
            Violation::new(&path, 1, what, "Add it, and name what to use instead")
        })
        .collect()
}

fn differing_bans(tree: &Tree, room: &str, first: &str) -> Option<Violation> {
    let path = format!("crates/{room}/clippy.toml");
    let model = format!("crates/{first}/clippy.toml");
    let (text, wanted) = (tree.get(&path)?, tree.get(&model)?);
    if text == wanted {
        return None;
    }
    let same = text.lines().zip(wanted.lines()).take_while(|(a, b)| a == b).count();
    let what = format!("the bans differ from those of {model}");
    Some(Violation::new(path, same + 1, what, "Make the two files equal"))
}

fn asynchronous(tree: &Tree, room: &str) -> Vec<Violation> {
    let folder = format!("crates/{room}/src/");
    let lines = tree
        .rust_files(&folder)
        .flat_map(|(path, text)| numbered(text).map(move |(number, line)| (path, number, line)));
    lines
        .filter(|(_, _, line)| has_word(code_of(line), "async"))
        .map(|(path, number, _)| {
            let mend = "Decide in plain functions and let the caller await";
            Violation::new(path, number, "a pure room is async here", mend)
        })
        .collect()
}

fn code_of(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// Without these two lines no lint of the workspace, and so no ban, is in force. A folder that is a
/// workspace of its own has no share in them.
fn missing_lints(tree: &Tree) -> Vec<Violation> {
    let manifests = tree.iter().filter(|(path, text)| {
        let is_workspace = text.lines().any(|line| line == "[workspace]");
        path.ends_with("/Cargo.toml") && !is_workspace && !inherits_lints(text)
    });
    manifests
        .map(|(path, _)| {
            let what = "the lints of the workspace are not in force";
            Violation::new(path, 1, what, "Add [lints] with workspace = true")
        })
        .collect()
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]");
    lines.nth(1) == Some("workspace = true")
}
