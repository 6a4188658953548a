//! Maps whose keys are known, and what to say of keys that others use for the same thing.

use config::yaml::{Node, Value};
use config::{Code, Fields, Reader, near_names, quoted};

/// The keys that a map may have.
pub(super) struct Known {
    pub(super) keys: &'static [&'static str],
    /// Keys that are none, with what to write instead.
    pub(super) instead: &'static [(&'static str, &'static str)],
    /// What to write where nothing stands.
    pub(super) empty: &'static str,
}

/// Takes a map that may have these keys; any other is noted with what to write instead.
pub(super) fn known_map<'n>(
    reader: &mut Reader<'_>,
    node: &'n Node,
    what: &str,
    known: &Known,
) -> Option<Fields<'n>> {
    if node.value == Value::Null {
        reader.refuse_as(Code::NoValue, node.span, format!("{what} is empty"), known.empty);
        return None;
    }
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

impl Known {
    /// Notes that a map has none of these keys, unless it has one that may be meant for one of
    /// them: that is told already.
    pub(super) fn refuse_missing(
        &self,
        reader: &mut Reader<'_>,
        fields: &Fields<'_>,
        wanted: &[&str],
        message: String,
        hint: &str,
    ) {
        let is_meant = |key: &str| {
            let instead = self.instead.iter().find(|(foreign, _)| *foreign == key);
            match instead {
                Some((_, hint)) => wanted.iter().any(|want| hint.contains(&format!("`{want}`"))),
                None => !near_names(key, wanted.iter().copied()).is_empty(),
            }
        };
        let mut unknown = fields.in_order().filter(|(key, ..)| !self.keys.contains(key));
        if !unknown.any(|(key, ..)| is_meant(key)) {
            reader.refuse_as(Code::MissingKey, fields.span, message, hint);
        }
    }
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
