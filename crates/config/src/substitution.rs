//! Values that something else is to fill in: the environment, as `{env: NAME}`, or what somebody
//! took for a way to say that.

use crate::walk::short;
use crate::yaml::{Node, Value};

/// The key of `{env: NAME}`.
const ENV: &str = "env";

/// What a key wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Whole,
    Text,
    Flag,
    Map,
    List,
}

impl Wanted {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Whole => "a whole number",
            Self::Text => "text",
            Self::Flag => "true or false",
            Self::Map => "a map",
            Self::List => "a list",
        }
    }
}

/// Returns what stands at `env` if a value is `{env: ...}` and nothing else.
pub(crate) fn env_reference(node: &Node) -> Option<&Node> {
    match node.as_map()? {
        [entry] if entry.key.as_text() == Some(ENV) => Some(&entry.value),
        _ => None,
    }
}

/// Returns whether a value is a map and not meant as `{env: NAME}`.
pub(crate) fn is_block(node: &Node) -> bool {
    node.as_map().is_some() && node.get(ENV).is_none()
}

/// A value that something was to fill in where that cannot be.
pub(crate) struct Slip {
    /// What it is, for a sentence.
    pub(crate) found: &'static str,
    /// What to write instead.
    pub(crate) hint: String,
}

/// Recognises such a slip; `written` is how the value stands in the file.
pub(crate) fn slip(node: &Node, written: &str, wanted: Wanted) -> Option<Slip> {
    const TEMPLATE: &str = "{{";
    let is_template = |text: &str| text.trim_start().starts_with(TEMPLATE);
    let text = node.as_text();
    if is_template(written) || (wanted != Wanted::Text && text.is_some_and(is_template)) {
        let hint = "this is a template: render it first".to_owned();
        return Some(Slip { found: "a template", hint });
    }
    let (found, hint) = match (wanted, text.and_then(|text| text.strip_prefix('$'))) {
        (Wanted::Whole | Wanted::Text, _) if matches!(node.value, Value::Map(_)) => {
            ("a map", hint_for_map(node))
        }
        (Wanted::Whole, Some(reference)) => ("text", hint_for_shell(reference)),
        (Wanted::Whole | Wanted::Text, _) => return None,
        (Wanted::Flag | Wanted::Map | Wanted::List, reference) => {
            let is_reference = env_reference(node).is_some_and(|name| name.as_text().is_some());
            if reference.is_none() && !is_reference {
                return None;
            }
            ("an environment variable", hint_to_write_here(wanted).to_owned())
        }
    };
    Some(Slip { found, hint })
}

fn hint_to_write_here(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Map => "a whole block cannot come from the environment",
        Wanted::List => "a whole list cannot come from the environment",
        Wanted::Whole | Wanted::Text | Wanted::Flag => {
            "only numbers and texts can come from the environment"
        }
    }
}

fn hint_for_map(node: &Node) -> String {
    match node.get(ENV).and_then(Node::as_text) {
        Some(name) => format!("write {{env: {}}} alone: there are no defaults", short(name)),
        None => "to take it from the environment write {env: NAME} alone".to_owned(),
    }
}

/// For `$NAME`, `${NAME}` and `${NAME:-3}`, without the `$`.
fn hint_for_shell(reference: &str) -> String {
    let inner = reference.trim_start_matches(['{', '(']);
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = inner.find(|c| !is_of_name(c)).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let name = if name.is_empty() { "NAME".to_owned() } else { short(name) };
    let no_default = if rest.starts_with([':', '-', '=']) { ": there are no defaults" } else { "" };
    format!("to take it from the environment write {{env: {name}}}{no_default}")
}
