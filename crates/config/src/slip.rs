//! What may have been meant by a key that is not known where it stands.

use crate::code::Code;
use crate::keys::{Key, Kind, NOT_USED, ROOT, join};
use crate::problem::quoted;
use crate::reader::{Reader, did_you_mean, snake_case};
use crate::source::Span;
use crate::walk::name_of;

/// Notes a key that the table does not have there, with what may have been meant.
pub(crate) fn refuse_unknown(
    reader: &mut Reader<'_>,
    name: &str,
    span: Span,
    path: &str,
    keys: &[Key],
) {
    if reader.is_full() {
        reader.refuse(span, "");
        return;
    }
    let known: Vec<&str> = keys.iter().map(|key| key.name).collect();
    let what = name_of(path);
    let hint = if known.is_empty() {
        Some("nothing can be set here: write {} or remove it".to_owned())
    } else if path.is_empty() {
        let blocks = [&known, NOT_USED].concat();
        misplaced(name, path, &blocks).or_else(|| did_you_mean(name, &blocks))
    } else {
        misplaced(name, path, &known)
    };
    match hint {
        Some(hint) => {
            let message = format!("{what} has no key {}", quoted(name));
            reader.refuse_as(Code::UnknownKey, span, message, hint);
        }
        None => reader.refuse_unknown(name, span, &what, &known),
    }
}

/// Tells where a key belongs that is known elsewhere, or how Helm's spelling reads here.
fn misplaced(name: &str, path: &str, known: &[&str]) -> Option<String> {
    if let Some(hint) = of_helm(name, path) {
        return Some(hint.to_owned());
    }
    let snake = snake_case(name);
    if snake != name && known.contains(&snake.as_str()) {
        return Some(if name.contains(['-', ' ']) {
            format!("write it as `{snake}`")
        } else {
            format!("that is Helm's spelling: write `{snake}` here")
        });
    }
    let (place, wanted) = place_of(name).or_else(|| place_of(&snake))?;
    let how = if wanted == name { "it" } else { wanted };
    Some(match place.as_str() {
        "" => format!("{how} belongs at the top of the file"),
        place => format!("{how} belongs under `{place}`"),
    })
}

/// Tells what the blocks of a Helm values file are here.
fn of_helm(name: &str, path: &str) -> Option<&'static str> {
    Some(match (path, name) {
        ("", "dagsterDaemon" | "dagsterWebserver" | "dagsterWebServer") => {
            "this is a Helm values file: what stands there under `queuedRunCoordinator` belongs \
             under `run_queue` here, in snake_case, and what stands under `customRunCoordinator` \
             under `run_coordinator`"
        }
        ("", "runCoordinator") => {
            "that is Helm's: what stands under its `queuedRunCoordinator` belongs under \
             `run_queue` here, in snake_case, and what stands under its `customRunCoordinator` \
             under `run_coordinator`"
        }
        (_, "queuedRunCoordinator") => {
            "that is Helm's: its keys belong under `run_queue`, in snake_case"
        }
        (_, "customRunCoordinator") => {
            "that is Helm's: its keys belong under `run_coordinator` at the top of the file"
        }
        ("run_coordinator", "type" | "enabled") => {
            "that is Helm's: name a `module` and a `class`, or set the queue up under `run_queue`"
        }
        _ => return None,
    })
}

/// Finds the first place in the table where a key stands.
fn place_of(name: &str) -> Option<(String, &'static str)> {
    fn find(keys: &'static [Key], path: &str, name: &str) -> Option<(String, &'static str)> {
        if let Some(key) = keys.iter().find(|key| key.name == name) {
            return Some((path.to_owned(), key.name));
        }
        // The keys of a hook are words that may mean anything elsewhere.
        let mut elsewhere = keys.iter().filter(|key| key.name != "submission_hooks");
        elsewhere.find_map(|key| {
            let (Kind::Block(inner) | Kind::Blocks(inner) | Kind::TextOrBlock(inner)) = key.kind
            else {
                return None;
            };
            find(inner, &join(path, key.name), name)
        })
    }
    let is_word =
        !matches!(name, "enabled" | "config" | "class" | "module" | "key" | "value" | "limit");
    is_word.then(|| find(ROOT, "", name)).flatten()
}
