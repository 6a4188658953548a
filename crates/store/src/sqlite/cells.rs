//! A row as one of many in a JSON text, with which the load reads a million of them.
//!
//! The driver copies each value of each row by itself, which takes several times as long as to read
//! it. One text for many rows is copied once.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::error::ReadError;

/// One column of a row. Bytes are a text of hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
}

impl Cell<'_> {
    pub(super) fn integer(&self) -> Result<Option<i64>, ReadError> {
        match self {
            Self::Null => Ok(None),
            Self::Integer(number) => Ok(Some(*number)),
            Self::Text(text) => Err(ReadError::unreadable("number", text)),
        }
    }

    pub(super) fn text(&self) -> Result<Option<&str>, ReadError> {
        match self {
            Self::Null => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::Integer(number) => Err(ReadError::unreadable("text", number)),
        }
    }
}

/// Returns the cell at a place of a row.
pub(super) fn cell<'c>(cells: &'c [Cell<'c>], at: usize) -> Result<&'c Cell<'c>, ReadError> {
    cells.get(at).ok_or_else(|| ReadError::unreadable("row", "it has too few columns"))
}

/// Reads rows of cells, of which each has a place of its own in a JSON array of arrays.
pub(super) fn rows(text: &str) -> Result<Vec<Vec<Cell<'_>>>, ReadError> {
    serde_json::from_str(text).map_err(|error| ReadError::unreadable("rows", error))
}

/// Reads exactly so many bytes that are written as hexadecimal digits.
pub(super) fn of_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let digits = digits.as_bytes();
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Cell<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a number or a text")
    }

    fn visit_unit<E: Error>(self) -> Result<Cell<'de>, E> {
        Ok(Cell::Null)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Cell<'de>, E> {
        Ok(Cell::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Cell<'de>, E> {
        i64::try_from(number).map(Cell::Integer).map_err(E::custom)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Owned(text.to_owned())))
    }
}
