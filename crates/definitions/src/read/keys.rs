//! Maps whose keys are known, and what to say of keys that others use for the same thing.

use config::yaml::Node;
use config::{Code, Fields, Reader, quoted};

/// The keys that a map may have.
pub(super) struct Known {
    pub(super) keys: &'static [&'static str],
    /// Keys that are none, with what to write instead.
    pub(super) instead: &'static [(&'static str, &'static str)],
}

/// Takes a map that may have these keys; any other is noted with what to write instead.
pub(super) fn known_map<'n>(
    reader: &mut Reader<'_>,
    node: &'n Node,
    what: &str,
    known: &Known,
) -> Option<Fields<'n>> {
    let fields = reader.map(node, what)?;
    for (key, span, _) in fields.in_order().filter(|(key, ..)| !known.keys.contains(key)) {
        match known.instead.iter().find(|(foreign, _)| *foreign == key) {
            Some((_, hint)) => {
                let message = format!("{what} has no key {}", quoted(key));
                reader.refuse_as(Code::UnknownKey, span, message, *hint);
            }
            None => reader.refuse_unknown(key, span, what, known.keys),
        }
    }
    Some(fields)
}

/// Takes the value of a key that must be there.
pub(super) fn required<'n>(
    reader: &mut Reader<'_>,
    fields: &Fields<'n>,
    key: &str,
    what: &str,
    hint: &str,
) -> Option<&'n Node> {
    let value = fields.get(key);
    if value.is_none() {
        reader.refuse_as(Code::MissingKey, fields.span, format!("{what} has no `{key}`"), hint);
    }
    value
}

/// Notes that two keys cannot stand in one map, at the later of the two; returns whether they do.
pub(super) fn refuse_both(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    keys: [&str; 2],
    hint: &str,
) -> bool {
    let [Some(first), Some(second)] = keys.map(|key| fields.key_span(key)) else {
        return false;
    };
    let (line, _) = reader.source().position(first.min(second));
    let [one, other] = keys;
    let message = format!("`{one}` and `{other}` cannot both be given; see line {line}");
    reader.refuse_as(Code::Conflict, first.max(second), message, hint);
    true
}
