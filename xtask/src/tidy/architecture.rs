//! The rooms that exist, against the table of rooms and against `ARCHITECTURE.md`.

use std::collections::BTreeMap;

use crate::tidy::rooms;
use crate::tidy::tree::{Tree, Violation, numbered};

const PAGE: &str = "ARCHITECTURE.md";

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let listed = listed_rooms(tree.get(PAGE).unwrap_or_default());
    let existing = tree.rooms();
    let unlisted = existing.iter().filter(|room| !listed.contains_key(*room)).map(|room| {
        let what = format!("the room crates/{room} is not in the table of rooms");
        Violation::new(PAGE, 1, what, format!("Add a row that starts with | `crates/{room}` |"))
    });
    let gone = listed.iter().filter(|(room, _)| !existing.contains(*room)).map(|(room, line)| {
        let what = format!("the room crates/{room} does not exist");
        Violation::new(PAGE, *line, what, "Take its row out until it does")
    });
    let unknown = existing.iter().filter(|room| rooms::find(room).is_none()).map(|room| {
        let what = format!("the table of allowed arrows does not know the room {room}");
        let mend = "Write a note in docs/design/ and add it to xtask/src/tidy/rooms.rs";
        Violation::new(format!("crates/{room}/Cargo.toml"), 1, what, mend)
    });
    unlisted.chain(gone).chain(unknown).collect()
}

/// Returns the rooms that the first cells of the page's tables name, each with its line.
fn listed_rooms(page: &str) -> BTreeMap<&str, usize> {
    numbered(page).filter_map(|(line, text)| Some((room_of_row(text)?, line))).collect()
}

fn room_of_row(row: &str) -> Option<&str> {
    let first_cell = row.trim_start().strip_prefix('|')?.split('|').next()?;
    let (_, name) = first_cell.split_once("`crates/")?;
    name.split_once('`').map(|(name, _)| name.trim_end_matches('/'))
}
