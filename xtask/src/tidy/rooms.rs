//! The table of rooms: which may use which. The one place where the allowed arrows stand; a new
//! room or arrow needs a note in `docs/design/` and a change here.

/// A room and what it may use.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) name: &'static str,
    pub(crate) may_use: &'static [&'static str],
    pub(crate) outside: Outside,
}

/// The crates of others that a room may use.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outside {
    /// The room is pure: these and no others, and no build script.
    Only(&'static [&'static str]),
    Any,
}

const HELPERS: Outside = Outside::Only(&["slab", "thiserror", "uuid"]);

/// What reading YAML needs beyond the helpers; replay reads scenarios with it.
const TEXT: Outside =
    Outside::Only(&["granit-parser", "serde", "serde_json", "slab", "strsim", "thiserror", "uuid"]);

/// Every room, in an order in which all arrows point up the page.
pub(crate) const ROOMS: &[Room] = &[
    Room { name: "model", may_use: &[], outside: HELPERS },
    Room { name: "admission", may_use: &["model"], outside: HELPERS },
    Room { name: "lifecycle", may_use: &["model", "admission"], outside: HELPERS },
    Room { name: "config", may_use: &["model"], outside: TEXT },
    Room { name: "replay", may_use: &["model", "admission", "lifecycle", "config"], outside: TEXT },
    Room { name: "store", may_use: &["model"], outside: Outside::Any },
    Room { name: "process", may_use: &[], outside: Outside::Any },
    Room { name: "launch", may_use: &["model", "process"], outside: Outside::Any },
    Room { name: "wire", may_use: &["model"], outside: Outside::Any },
    Room {
        name: "definitions",
        may_use: &["model", "wire", "config", "process"],
        outside: Outside::Any,
    },
    Room {
        name: "coordinator",
        may_use: &["model", "lifecycle", "store", "launch", "definitions", "wire", "process"],
        outside: Outside::Any,
    },
    Room {
        name: "worker",
        may_use: &["model", "wire", "definitions", "process"],
        outside: Outside::Any,
    },
    Room { name: "server", may_use: BELOW_SERVER, outside: Outside::Any },
    Room { name: "cli", may_use: BELOW_CLI, outside: Outside::Any },
];

/// All that the command line may use but the server itself.
const BELOW_SERVER: &[&str] = match BELOW_CLI.split_last() {
    Some((_server, below)) => below,
    None => &[],
};

const BELOW_CLI: &[&str] = &[
    "model",
    "admission",
    "lifecycle",
    "config",
    "replay",
    "store",
    "process",
    "launch",
    "wire",
    "definitions",
    "coordinator",
    "worker",
    "server",
];

pub(crate) fn find(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

impl Room {
    pub(crate) fn is_pure(&self) -> bool {
        matches!(self.outside, Outside::Only(_))
    }
}
