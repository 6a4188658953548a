//! Arrows: which crate uses which, against the table of [`rooms`].

use anyhow::{Context, Result};
use cargo_metadata::{Dependency, DependencyKind, Package};

use crate::tidy::rooms::{self, Outside, Room};
use crate::tidy::tree::{Tree, Violation, find_line};
use crate::workspace::Workspace;

/// One dependency that a member of the workspace declares.
#[derive(Debug)]
pub(crate) struct Arrow {
    /// The folder of the member.
    pub(crate) from: String,
    pub(crate) to: End,
    pub(crate) kind: Kind,
    /// The name by which the manifest speaks of it.
    pub(crate) key: String,
}

/// Where an arrow ends.
#[derive(Debug)]
pub(crate) enum End {
    /// A member, by its folder.
    Member(String),
    /// A crate of others, by its name.
    Outside(String),
}

/// What a dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

/// Reads what every member declares, for every platform and feature.
pub(crate) fn read(workspace: &Workspace) -> Result<Vec<Arrow>> {
    let mut arrows = Vec::new();
    for package in &workspace.metadata.packages {
        for dependency in &package.dependencies {
            arrows.push(arrow(workspace, package, dependency)?);
        }
    }
    Ok(arrows)
}

fn arrow(workspace: &Workspace, package: &Package, dependency: &Dependency) -> Result<Arrow> {
    let root = &workspace.metadata.workspace_root;
    let manifest = package.manifest_path.strip_prefix(root)?;
    let from = manifest.parent().context("failed to find the folder of a manifest")?;
    let to = match &dependency.path {
        Some(path) => End::Member(path.strip_prefix(root).unwrap_or(path).to_string()),
        None => End::Outside(dependency.name.clone()),
    };
    let kind = match dependency.kind {
        DependencyKind::Development => Kind::Dev,
        DependencyKind::Build => Kind::Build,
        DependencyKind::Normal | DependencyKind::Unknown => Kind::Normal,
    };
    let key = dependency.rename.as_ref().unwrap_or(&dependency.name).clone();
    Ok(Arrow { from: from.to_string(), to, kind, key })
}

pub(crate) fn check(tree: &Tree, arrows: &[Arrow]) -> Vec<Violation> {
    arrows
        .iter()
        .filter_map(|arrow| {
            let (what, mend) = wrong_with(arrow)?;
            let manifest = format!("{}/Cargo.toml", arrow.from);
            let text = tree.get(&manifest).unwrap_or_default();
            let line = find_line(text, |line| names(line, &arrow.key));
            Some(Violation::new(manifest, line, what, mend))
        })
        .collect()
}

fn names(line: &str, key: &str) -> bool {
    line.strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', '.', '=']))
}

/// Returns what is wrong with an arrow and how to mend it.
fn wrong_with(arrow: &Arrow) -> Option<(String, &'static str)> {
    match (room_of(&arrow.from), &arrow.to) {
        (Some(name), End::Member(to)) => wrong_inside(rooms::find(name)?, arrow.kind, to),
        (Some(name), End::Outside(to)) => wrong_outside(rooms::find(name)?, arrow.kind, to),
        (None, End::Member(to)) if to == "xtask" => Some((
            format!("{} uses xtask", arrow.from),
            "Move what it needs into a crate of its own",
        )),
        // The tools and the test crates may use any room, and any crate of others.
        (None, End::Member(_) | End::Outside(_)) => None,
    }
}

fn wrong_inside(room: &Room, kind: Kind, to: &str) -> Option<(String, &'static str)> {
    let name = room.name;
    match room_of(to) {
        Some(used) if room.may_use.contains(&used) => None,
        Some(used) => Some((
            format!("the room {name} may not use {used}"),
            "Turn the arrow round, or write a note in docs/design/ for a new arrow and add it to \
             xtask/src/tidy/rooms.rs",
        )),
        None if kind == Kind::Dev && to.starts_with("testing/") => None,
        None => Some((
            format!("the room {name} may not use {to}"),
            "A room uses rooms, and crates of testing/ for its tests only",
        )),
    }
}

fn wrong_outside(room: &Room, kind: Kind, to: &str) -> Option<(String, &'static str)> {
    let Outside::Only(allowed) = room.outside else {
        return None;
    };
    match kind {
        Kind::Dev => None,
        Kind::Normal if allowed.contains(&to) => None,
        Kind::Normal => Some((
            format!("the pure room {} may not use the crate {to}", room.name),
            "Do without it, or add it to xtask/src/tidy/rooms.rs with a note that says why it does \
             no I/O",
        )),
        Kind::Build => Some((
            format!("the pure room {} may not build with {to}", room.name),
            "A pure room has no build script: generate with xtask and commit the result",
        )),
    }
}

/// Returns the name of the room in a folder, if it is one.
fn room_of(folder: &str) -> Option<&str> {
    folder.strip_prefix("crates/")
}
