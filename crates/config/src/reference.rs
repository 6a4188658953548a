//! The reference page, `docs/configuration.md`: an introduction and the key table.

use crate::keys::{Effect, Key, Kind, NOT_USED, Owner, Presence, ROOT, join};

const INTRODUCTION: &str = include_str!("reference/introduction.md");

/// Returns the reference page.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    page += "\n## Keys\n";
    for key in ROOT {
        page += &section(key, "");
    }
    page += "\n## Blocks of Dagster that are not used\n\n";
    page += "A file may have them; one warning names those that it has. They set up parts of \
             Dagster that Pointsman does not have.\n\n";
    let names: Vec<String> = NOT_USED.iter().map(|name| format!("`{name}`")).collect();
    page += &names.join(", ");
    page += "\n";
    page
}

/// The section of a block, followed by those of the blocks within it.
fn section(key: &Key, above: &str) -> String {
    let path = join(above, key.name);
    let keys = inner(key.kind);
    let mut text = format!("\n### `{path}`\n\n{}{}\n", key.doc, notes(key, None));
    if keys.is_empty() {
        text += &format!("\nValue: {}; default: {}.\n", value_of(key), key.default);
        return text;
    }
    if matches!(key.kind, Kind::Blocks(_)) {
        text += "\nA list; each item has:\n";
    }
    text += "\n| key | value | default | |\n|---|---|---|---|\n";
    for inner_key in keys {
        text += &line(inner_key, key);
    }
    // The settings of a coordinator are those of the queue, which has its section.
    let own_sections = keys.iter().filter(|inner_key| inner_key.name != "config");
    for key in own_sections.filter(|key| !inner(key.kind).is_empty()) {
        if !is_told_elsewhere(key, &path) {
            text += &section(key, &path);
        }
    }
    text
}

/// Tag limits can stand in two places and are described in the newer.
fn is_told_elsewhere(key: &Key, above: &str) -> bool {
    key.name == "tag_concurrency_limits" && above == "run_queue"
}

fn inner(kind: Kind) -> &'static [Key] {
    match kind {
        Kind::Block(keys) | Kind::Blocks(keys) | Kind::TextOrBlock(keys) => keys,
        Kind::Whole(_)
        | Kind::Flag
        | Kind::Text(_)
        | Kind::Choice(_)
        | Kind::Names
        | Kind::Texts
        | Kind::Anything => &[],
    }
}

fn line(key: &Key, block: &Key) -> String {
    let default = match key.presence {
        Presence::Required => "must be given".to_owned(),
        Presence::Optional | Presence::Nullable if key.default.is_empty() => "-".to_owned(),
        Presence::Optional | Presence::Nullable => key.default.to_owned(),
    };
    let name = key.name;
    let value = value_of(key);
    let notes = notes(key, Some(block));
    let doc = if inner(key.kind).is_empty() { key.doc } else { first_sentence(key.doc) };
    format!("| `{name}` | {value} | {default} | {doc}{notes} |\n")
}

/// What has a section of its own is told there.
fn first_sentence(doc: &str) -> &str {
    doc.find(". ").map_or(doc, |end| &doc[..=end])
}

fn value_of(key: &Key) -> String {
    let value = match key.kind {
        Kind::Whole(bounds) => format!("number: {}", bounds.words),
        Kind::Flag => "`true` or `false`".to_owned(),
        Kind::Text(_) => "text".to_owned(),
        Kind::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(" or ")
        }
        Kind::Names => "list of texts".to_owned(),
        Kind::Texts => "map of texts".to_owned(),
        Kind::Anything => "anything".to_owned(),
        Kind::Block(_) => "map".to_owned(),
        Kind::Blocks(_) => "list of maps".to_owned(),
        Kind::TextOrBlock(_) => "text or map".to_owned(),
    };
    match key.presence {
        Presence::Nullable => format!("{value}; or `null`"),
        Presence::Optional | Presence::Required => value,
    }
}

/// What the reader should know of a key beside its meaning, unless its block says the same.
fn notes(key: &Key, block: Option<&Key>) -> String {
    let owner = match key.owner {
        Owner::Pointsman if block.is_none_or(|block| block.owner != key.owner) => {
            " *Pointsman only.*"
        }
        Owner::Dagster | Owner::Pointsman => "",
    };
    let effect = match key.effect {
        Effect::NotYet if block.is_none_or(|block| block.effect != key.effect) => {
            " **Without effect yet.**"
        }
        Effect::InForce | Effect::NotYet => "",
        Effect::NotNeeded => " *Accepted and not needed.*",
    };
    format!("{owner}{effect}")
}
