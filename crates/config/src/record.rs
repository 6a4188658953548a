//! What a file gives for the keys of the table: checked values, each with its origin.

use std::collections::BTreeMap;
use std::fmt;

use crate::source::Span;

/// A setting that is in force, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// What is in force.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A file says it.
    File(Written),
    /// A file names the environment variable that says it.
    Environment {
        /// The variable.
        variable: String,
        /// Where the file names it.
        written: Written,
    },
}

/// Where in a file a setting is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The key with the keys above it; it may be an older name of the setting.
    pub key: String,
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1.
    pub column: u32,
}

impl<T> Setting<T> {
    /// Returns a value that nobody set.
    pub fn default_of(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    /// Returns the setting with its value turned into another; the origin stays.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: turn(self.value), origin: self.origin }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(written) => written.fmt(f),
            Self::Environment { variable, written } => {
                write!(f, "environment variable {variable}, named in {written}")
            }
        }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: _, file, line, column } = self;
        write!(f, "{file}:{line}:{column}")
    }
}

/// The checked keys of one map.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(crate) span: Span,
    pub(crate) fields: BTreeMap<&'static str, Found>,
}

/// A key that the file has.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) key_span: Span,
    pub(crate) span: Span,
    pub(crate) datum: Datum,
    pub(crate) origin: Origin,
}

/// A checked value.
#[derive(Debug, Clone)]
pub(crate) enum Datum {
    /// It was wrong, and that has been noted.
    Wrong,
    Null,
    Int(i64),
    Bool(bool),
    Text(String),
    Names(Vec<String>),
    Texts(BTreeMap<String, String>),
    Anything(serde_json::Value),
    Block(Record),
    Blocks(Vec<Record>),
}

/// Stands for every block that a file does not have.
static EMPTY: Record = Record { span: Span { start: 0, end: 0 }, fields: BTreeMap::new() };

impl Record {
    /// Returns the block in which nothing is given.
    pub(crate) fn empty() -> &'static Self {
        &EMPTY
    }

    pub(crate) fn block_or_empty(&self, key: &str) -> &Record {
        self.block(key).unwrap_or(&EMPTY)
    }

    /// Returns what stands at a key, unless that is `null`.
    pub(crate) fn given(&self, key: &str) -> Option<&Found> {
        let found = self.fields.get(key)?;
        (!matches!(found.datum, Datum::Null)).then_some(found)
    }

    pub(crate) fn block(&self, key: &str) -> Option<&Record> {
        if let Datum::Block(record) = &self.given(key)?.datum {
            return Some(record);
        }
        None
    }

    pub(crate) fn blocks(&self, key: &str) -> Option<(&Found, &[Record])> {
        let found = self.given(key)?;
        if let Datum::Blocks(records) = &found.datum {
            return Some((found, records));
        }
        None
    }

    pub(crate) fn int(&self, key: &str) -> Option<Setting<i64>> {
        self.setting(key, |datum| if let Datum::Int(number) = datum { Some(*number) } else { None })
    }

    pub(crate) fn bool(&self, key: &str) -> Option<Setting<bool>> {
        self.setting(
            key,
            |datum| {
                if let Datum::Bool(answer) = datum { Some(*answer) } else { None }
            },
        )
    }

    pub(crate) fn text(&self, key: &str) -> Option<Setting<String>> {
        self.setting(
            key,
            |datum| {
                if let Datum::Text(text) = datum { Some(text.clone()) } else { None }
            },
        )
    }

    pub(crate) fn names(&self, key: &str) -> Option<Setting<Vec<String>>> {
        self.setting(
            key,
            |datum| {
                if let Datum::Names(names) = datum { Some(names.clone()) } else { None }
            },
        )
    }

    pub(crate) fn texts(&self, key: &str) -> Option<BTreeMap<String, String>> {
        if let Datum::Texts(texts) = &self.given(key)?.datum {
            return Some(texts.clone());
        }
        None
    }

    pub(crate) fn anything(&self, key: &str) -> Option<serde_json::Value> {
        if let Datum::Anything(value) = &self.given(key)?.datum {
            return Some(value.clone());
        }
        None
    }

    fn setting<T>(&self, key: &str, take: impl Fn(&Datum) -> Option<T>) -> Option<Setting<T>> {
        let found = self.given(key)?;
        let value = take(&found.datum)?;
        let origin = found.origin.clone();
        Some(Setting { value, origin })
    }
}
