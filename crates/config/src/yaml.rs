//! YAML text as a tree in which every value knows its place.
//!
//! Reads what `PyYAML` reads, since that is what `dagster.yaml` is written for, with bounds on size,
//! depth and aliases, and with sentences instead of parser terms where it refuses. What the values
//! mean is no matter of this module; [`crate::Reader`] turns them into typed values.

mod build;
mod refusal;
pub(crate) mod scalar;

use crate::problem::Problems;
use crate::source::{Source, Span};

pub use build::{MAX_ALIASED, MAX_DEPTH, MAX_NODES};

/// A file that has been read.
#[derive(Debug, Clone)]
pub struct Document {
    /// The text, for showing places in it.
    pub source: Source,
    /// The value of the whole file; [`Value::Null`] if it is empty or only comments.
    pub root: Node,
}

/// A value and where it is written. What an alias stands for keeps the place of its anchor.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it is written; where nothing is written after a key, the place of the key.
    pub span: Span,
    /// What is written there.
    pub value: Value,
}

/// A YAML value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true`, `yes`, `on`, `false`, `no` or `off`, without quotes.
    Bool(bool),
    /// A whole number without quotes; beyond 64 bits the nearest that fits.
    Int(i64),
    /// A number with a fraction or an exponent, without quotes.
    Float(f64),
    /// Text: in quotes, in a block, or plain and none of the above.
    Text(String),
    /// A list, in order.
    List(Vec<Node>),
    /// A map, in the order of the file; a key may occur twice.
    Map(Vec<Entry>),
}

/// A key of a map with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key, mostly text.
    pub key: Node,
    /// The value.
    pub value: Node,
}

impl Value {
    /// Names the kind of value for a sentence: "found a list".
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a true/false value",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl Node {
    /// Returns the text, if that is what it is.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::List(_)
            | Value::Map(_) => None,
        }
    }

    /// Returns the entries, if it is a map.
    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_) => None,
        }
    }

    /// Returns the value of the first entry with a key, if it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let entry = self.as_map()?.iter().find(|entry| entry.key.as_text() == Some(key))?;
        Some(&entry.value)
    }
}

/// Reads one YAML document.
///
/// # Errors
/// The place where the text stops being YAML, or where it passes a bound: YAML cannot be read on
/// after its first error, so there is one problem.
pub fn parse(file_name: &str, bytes: &[u8]) -> Result<Document, Problems> {
    let source = Source::new(file_name, bytes)?;
    refusal::refuse_control_characters(&source)?;
    let root = build::build(&source)?;
    Ok(Document { source, root })
}
