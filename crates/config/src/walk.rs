//! Checks a tree against the key table. Knows each key by itself; what keys mean together is no
//! matter of this file.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::code::Code;
use crate::keys::{Bounds, Emptiness, Key, Kind, NOT_USED, Presence, join};
use crate::problem::quoted;
use crate::reader::{Reader, nearest};
use crate::record::{Datum, Found, Origin, Record, Written};
use crate::slip;
use crate::source::Span;
use crate::substitution::{self, Wanted, env_reference, is_block};
use crate::yaml::scalar::is_number_elsewhere;
use crate::yaml::{Node, Value};

/// How many items a list may have: every limit is looked at for every run, and every item is kept
/// with its origin.
pub const MAX_ITEMS: usize = 5_000;

/// Looks up an environment variable.
pub type Lookup<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Walks one file.
pub(crate) struct Walk<'r, 's, 'e> {
    pub(crate) reader: &'r mut Reader<'s>,
    env: Lookup<'e>,
}

/// A checked scalar, and the variable it comes from.
type Checked = (Datum, Option<String>);

impl<'r, 's, 'e> Walk<'r, 's, 'e> {
    pub(crate) fn new(reader: &'r mut Reader<'s>, env: Lookup<'e>) -> Self {
        Self { reader, env }
    }

    /// Checks a map; `path` is how its keys are called in messages, empty for the whole file.
    pub(crate) fn block(
        &mut self,
        node: &Node,
        path: &str,
        keys: &'static [Key],
    ) -> Option<Record> {
        let record = self.block_of_known(node, path, keys)?;
        self.missing(node, path, keys, None);
        Some(record)
    }

    /// Checks those keys of a map that are there.
    fn block_of_known(&mut self, node: &Node, path: &str, keys: &'static [Key]) -> Option<Record> {
        if self.refuses_slip(node, path, Wanted::Map) {
            return None;
        }
        let fields = self.reader.map(node, &name_of(path))?;
        let mut record = Record { span: node.span, ..Record::default() };
        for (name, key_span, value) in fields.iter() {
            if let Some((key, found)) = self.entry(name, key_span, value, path, keys) {
                record.fields.insert(key, found);
            }
        }
        Some(record)
    }

    /// Checks those keys of a map that are in the table; the others are somebody else's.
    pub(crate) fn known_part(&mut self, node: &Node, path: &str, keys: &'static [Key]) -> Record {
        let mut record = Record { span: node.span, ..Record::default() };
        for entry in node.as_map().unwrap_or_default() {
            let name = entry.key.as_text().unwrap_or_default();
            if keys.iter().any(|key| key.name == name)
                && let Some((key, found)) =
                    self.entry(name, entry.key.span, &entry.value, path, keys)
            {
                record.fields.insert(key, found);
            }
        }
        record
    }

    /// Checks one entry of a map that may have these keys; an unknown key is noted.
    pub(crate) fn entry(
        &mut self,
        name: &str,
        key_span: Span,
        value: &Node,
        path: &str,
        keys: &'static [Key],
    ) -> Option<(&'static str, Found)> {
        let Some(key) = keys.iter().find(|key| key.name == name) else {
            slip::refuse_unknown(self.reader, name, key_span, path, keys);
            return None;
        };
        Some((key.name, self.field(key, key_span, value, path)))
    }

    /// Notes what must be there and is not; `why` says how that may have come about.
    fn missing(&mut self, node: &Node, path: &str, keys: &[Key], why: Option<&str>) {
        let is_known = |name: &str| keys.iter().any(|key| key.name == name);
        let mut slips = names_of(node);
        slips.retain(|name| !is_known(name));
        for key in keys {
            let is_missing = is_required_and_missing(key, node);
            let is_misspelt = || slips.iter().any(|slip| nearest(slip, &[key.name]).is_some());
            if is_missing && !is_misspelt() {
                let message = format!("{} has no `{}`", name_of(path), key.name);
                let add = || format!("add `{}: {}`", key.name, key.example);
                let hint = why.map_or_else(add, ToOwned::to_owned);
                self.reader.refuse_as(Code::MissingKey, node.span, message, hint);
            }
        }
    }

    fn field(&mut self, key: &'static Key, key_span: Span, node: &Node, above: &str) -> Found {
        let path = join(above, key.name);
        let checked = match (&node.value, key.presence) {
            (Value::Null, Presence::Nullable) => Some((Datum::Null, None)),
            (Value::Null, Presence::Optional) if !matches!(key.kind, Kind::Block(_)) => {
                let message = format!("{} has no value", name_of(&path));
                let hint = "remove the key to leave it unset";
                self.reader.refuse_as(Code::NoValue, node.span, message, hint);
                None
            }
            _ => self.value(key.kind, node, &path),
        };
        let (datum, variable) = checked.unwrap_or((Datum::Wrong, None));
        Found { key_span, span: node.span, datum, origin: self.origin(path, node.span, variable) }
    }

    pub(crate) fn origin(&self, key: String, span: Span, variable: Option<String>) -> Origin {
        let (line, column) = self.reader.source().position(span);
        let written = Written { key, file: self.reader.source().name().to_owned(), line, column };
        match variable {
            Some(variable) => Origin::Environment { variable, written },
            None => Origin::File(written),
        }
    }

    fn value(&mut self, kind: Kind, node: &Node, path: &str) -> Option<Checked> {
        let plain = |datum| (datum, None);
        match kind {
            Kind::Whole(bounds) => self.whole(bounds, node, path),
            Kind::Flag => self.flag(node, path).map(plain),
            Kind::Text(emptiness) => self.text(emptiness, node, path),
            Kind::Choice(words) => self.choice(words, node, path),
            Kind::Names => self.names(node, path).map(plain),
            Kind::Texts => self.texts(node, path).map(plain),
            Kind::Anything => self.anything(node, path).map(Datum::Anything).map(plain),
            Kind::Block(keys) => self.block(node, path, keys).map(Datum::Block).map(plain),
            Kind::Blocks(keys) => self.blocks(node, path, keys).map(plain),
            Kind::TextOrBlock(keys) if is_block(node) => {
                self.block(node, path, keys).map(Datum::Block).map(plain)
            }
            Kind::TextOrBlock(_) => self.text(Emptiness::Allowed, node, path),
        }
    }

    fn flag(&mut self, node: &Node, path: &str) -> Option<Datum> {
        if self.refuses_slip(node, path, Wanted::Flag) {
            return None;
        }
        self.reader.bool(node, &name_of(path)).map(Datum::Bool)
    }

    /// Notes a value that something was to fill in where that cannot be; returns whether it was one.
    fn refuses_slip(&mut self, node: &Node, path: &str, wanted: Wanted) -> bool {
        let written = self.reader.source().slice(node.span);
        let Some(slip) = substitution::slip(node, written, wanted) else {
            return false;
        };
        let (wanted, found) = (wanted.words(), slip.found);
        let message = format!("{} must be {wanted}; found {found}", name_of(path));
        self.reader.refuse_as(Code::WrongType, node.span, message, slip.hint);
        true
    }

    fn whole(&mut self, bounds: Bounds, node: &Node, path: &str) -> Option<Checked> {
        let (number, variable) = match env_reference(node) {
            Some(_) => {
                let (variable, text) = self.lookup(node)?;
                let Ok(number) = text.trim().parse::<i64>() else {
                    let message = format!(
                        "{} must be a whole number; the environment variable {} holds none",
                        name_of(path),
                        quoted(&variable)
                    );
                    let hint = format!("it must hold a number: {}", bounds.words);
                    self.reader.refuse_as(Code::WrongType, node.span, message, hint);
                    return None;
                };
                (number, Some(variable))
            }
            None if self.refuses_slip(node, path, Wanted::Whole) => return None,
            None => (self.reader.int(node, &name_of(path))?, None),
        };
        if (bounds.min..=bounds.max).contains(&number) {
            return Some((Datum::Int(number), variable));
        }
        let written = match &variable {
            Some(variable) => format!("{number} (from {})", quoted(variable)),
            None => self.reader.source().slice(node.span).to_owned(),
        };
        let message = format!("{} cannot be {}", name_of(path), short(&written));
        let hint = format!("it must be {}", bounds.words);
        self.reader.refuse_as(Code::OutOfRange, node.span, message, hint);
        None
    }

    fn text(&mut self, emptiness: Emptiness, node: &Node, path: &str) -> Option<Checked> {
        let (text, variable) = match env_reference(node) {
            Some(_) => {
                let (variable, text) = self.lookup(node)?;
                (text, Some(variable))
            }
            None if self.refuses_slip(node, path, Wanted::Text) => return None,
            None if self.refuses_number_elsewhere(node, path) => return None,
            None => (self.reader.text(node, &name_of(path))?.to_owned(), None),
        };
        if emptiness == Emptiness::Refused && text.trim().is_empty() {
            let message = format!("{} is empty", name_of(path));
            self.reader.refuse_as(Code::NoValue, node.span, message, "write a text here");
            return None;
        }
        Some((Datum::Text(text), variable))
    }

    /// Notes a text without quotes that is a number to Dagster; returns whether it was one.
    fn refuses_number_elsewhere(&mut self, node: &Node, path: &str) -> bool {
        let written = self.reader.source().slice(node.span);
        let is_plain = node.as_text() == Some(written);
        if !is_plain || !is_number_elsewhere(written) {
            return false;
        }
        let message = format!(
            "{} has {}, which some YAML readers take for a number",
            name_of(path),
            quoted(written)
        );
        let hint = format!("put it in quotes: '{}'", short(written));
        self.reader.refuse_as(Code::WrongType, node.span, message, hint);
        true
    }

    fn choice(&mut self, words: &[&str], node: &Node, path: &str) -> Option<Checked> {
        let (text, variable) = match (env_reference(node), &node.value) {
            (None, Value::Bool(_) | Value::Int(_) | Value::Float(_)) => {
                (self.reader.source().slice(node.span).to_owned(), None)
            }
            _ => match self.text(Emptiness::Allowed, node, path)? {
                (Datum::Text(text), variable) => (text, variable),
                _ => return None,
            },
        };
        if words.contains(&text.as_str()) {
            return Some((Datum::Text(text), variable));
        }
        let lower = text.to_ascii_lowercase();
        let hint = match words.iter().find(|word| **word == lower) {
            Some(word) => format!("write it in small letters: {word}"),
            None => format!("it must be one of: {}", words.join(", ")),
        };
        let message = format!("{} cannot be {}", name_of(path), quoted(&text));
        self.reader.refuse_as(Code::UnknownChoice, node.span, message, hint);
        None
    }

    /// Takes a list of bounded length.
    fn items<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n [Node]> {
        if self.refuses_slip(node, path, Wanted::List) {
            return None;
        }
        let items = self.reader.list(node, &name_of(path))?;
        if let Some(first_beyond) = items.get(MAX_ITEMS) {
            let message = format!("{} has more than {MAX_ITEMS} items", name_of(path));
            self.reader.refuse_as(Code::TooLarge, first_beyond.span, message, "shorten the list");
            return None;
        }
        Some(items)
    }

    fn names(&mut self, node: &Node, path: &str) -> Option<Datum> {
        let items = self.items(node, path)?;
        let mut names = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if let Some((Datum::Text(name), _)) = self.text(Emptiness::Refused, item, &path) {
                names.push(name);
            }
        }
        Some(Datum::Names(names))
    }

    /// Takes a map from any keys to texts. `env` is a key like any other here.
    fn texts(&mut self, node: &Node, path: &str) -> Option<Datum> {
        let fields = self.reader.map(node, &name_of(path))?;
        let mut texts = BTreeMap::new();
        for (key, _, value) in fields.iter() {
            let path = join(path, key);
            if let Some((Datum::Text(text), _)) = self.text(Emptiness::Allowed, value, &path) {
                texts.insert(key.to_owned(), text);
            }
        }
        Some(Datum::Texts(texts))
    }

    fn blocks(&mut self, node: &Node, path: &str, keys: &'static [Key]) -> Option<Datum> {
        let items = self.items(node, path)?;
        let mut records = Vec::new();
        let mut joined = None;
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let Some(record) = self.block_of_known(item, &path, keys) else {
                continue;
            };
            let to_previous = joined.take();
            if to_previous.is_none() {
                joined = items.get(index + 1).and_then(|next| split_at(item, next, keys));
            }
            let why = to_previous
                .or(joined)
                .map(|key| format!("is the `- ` before `{key}` one too many?"));
            self.missing(item, &path, keys, why.as_deref());
            records.push(record);
        }
        Some(Datum::Blocks(records))
    }

    /// Takes a value as it is; only what JSON cannot say is noted.
    fn anything(&mut self, node: &Node, path: &str) -> Option<Json> {
        Some(match &node.value {
            Value::Null => Json::Null,
            Value::Bool(answer) => Json::from(*answer),
            Value::Int(number) => Json::from(*number),
            Value::Float(number) if number.is_finite() => Json::from(*number),
            Value::Float(_) => {
                let message = format!("{} cannot hold a number that is not finite", name_of(path));
                self.reader.refuse_with_hint(node.span, message, "write a number in digits");
                return None;
            }
            Value::Text(_) if self.refuses_number_elsewhere(node, path) => return None,
            Value::Text(text) => Json::from(text.as_str()),
            Value::List(items) => {
                let values: Vec<_> = items.iter().map(|item| self.anything(item, path)).collect();
                values.into_iter().collect::<Option<Json>>()?
            }
            Value::Map(_) => {
                let fields = self.reader.map(node, &name_of(path))?;
                let entries: Vec<_> = fields
                    .iter()
                    .map(|(key, _, value)| Some((key.to_owned(), self.anything(value, path)?)))
                    .collect();
                entries.into_iter().collect::<Option<Json>>()?
            }
        })
    }

    /// Looks up the variable of `{env: NAME}`: its name and its value.
    pub(crate) fn lookup(&mut self, node: &Node) -> Option<(String, String)> {
        let name_node = env_reference(node)?;
        let name = self.reader.text(name_node, "the name of an environment variable")?.to_owned();
        if name.is_empty() || name.contains(['=', '\0']) {
            let message = format!("{} is no name of an environment variable", quoted(&name));
            let hint = "write its name, as in {env: MAX_RUNS}";
            self.reader.refuse_with_hint(name_node.span, message, hint);
            return None;
        }
        if let Some(value) = (self.env)(&name) {
            return Some((name, value));
        }
        let message = format!("the environment variable {} is not set", quoted(&name));
        let hint = "set it for the process that reads this file, or write the value here";
        self.reader.refuse_as(Code::EnvUnset, name_node.span, message, hint);
        None
    }
}

/// Returns whether a key of the whole file sets up a part of Dagster that is not here.
pub(crate) fn is_not_used(name: &str) -> bool {
    NOT_USED.contains(&name)
}

/// The keys of a map that are text.
fn names_of(node: &Node) -> Vec<&str> {
    let entries = node.as_map().unwrap_or_default();
    entries.iter().filter_map(|entry| entry.key.as_text()).collect()
}

fn is_required_and_missing(key: &Key, node: &Node) -> bool {
    key.presence == Presence::Required && node.get(key.name).is_none()
}

/// Returns the key with which the second of two list items begins, if they seem to be one: both
/// lack something, and neither has what the other has.
fn split_at<'n>(first: &Node, second: &'n Node, keys: &[Key]) -> Option<&'n str> {
    let is_partial = |node: &Node| keys.iter().any(|key| is_required_and_missing(key, node));
    let is_of_first =
        |name: &&str| keys.iter().any(|key| key.name == *name) && first.get(name).is_none();
    let names = names_of(second);
    let is_split = !names_of(first).is_empty()
        && is_partial(first)
        && is_partial(second)
        && names.iter().all(is_of_first);
    names.first().copied().filter(|_| is_split)
}

/// How a map or value is called in a sentence.
pub(crate) fn name_of(path: &str) -> String {
    if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") }
}

/// Shortens a number that was written with very many digits.
pub(crate) fn short(written: &str) -> String {
    const SHOWN: usize = 24;
    if written.chars().count() <= SHOWN {
        return written.to_owned();
    }
    let start: String = written.chars().take(SHOWN).collect();
    format!("{start}...")
}
