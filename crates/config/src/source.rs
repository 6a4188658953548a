//! A file's text and the places in it. Knows lines and columns, not YAML.

use crate::code::Code;
use crate::problem::{Excerpt, Place, Problem};

/// The largest file that is read: larger ones are not written by people.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// A piece of a file, in bytes from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// Where it begins.
    pub start: u32,
    /// Where it ends: the first byte that is no longer part of it.
    pub end: u32,
}

impl Span {
    /// Returns whether nothing is written there, as at a key without a value.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }
}

/// A file's name and text, and where its lines begin.
#[derive(Debug, Clone)]
pub struct Source {
    name: String,
    text: String,
    line_starts: Vec<u32>,
    /// How many characters stand before every [`STRIDE`]th byte, so that a column is found without
    /// counting from the beginning of a line that may be the whole file.
    characters: Vec<u32>,
}

const STRIDE: usize = 256;

impl Source {
    /// Takes the bytes of a file as text.
    ///
    /// # Errors
    /// A problem if there are more than [`MAX_FILE_BYTES`] or if they are not UTF-8; it shows the
    /// line up to the first byte that is wrong.
    pub fn new(name: &str, bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err(Problem::of_file(
                name,
                format!("the file has more than the {MAX_FILE_BYTES} bytes that are read"),
            )
            .with_hint("is this the right file? A configuration is a few kilobytes")
            .with_code(Code::TooLarge));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::of_text(name, text.to_owned())),
            Err(error) => Err(not_utf8(name, bytes, error.valid_up_to())),
        }
    }

    fn of_text(name: &str, text: String) -> Self {
        let mut line_starts = vec![0];
        let bytes = text.as_bytes();
        for (index, byte) in bytes.iter().enumerate() {
            let ends_line =
                *byte == b'\n' || (*byte == b'\r' && bytes.get(index + 1) != Some(&b'\n'));
            if ends_line {
                line_starts.push(offset(index + 1));
            }
        }
        let mut characters = vec![0];
        for block in bytes.chunks(STRIDE) {
            let before = characters.last().copied().unwrap_or(0);
            characters.push(before + count_characters(block));
        }
        Self { name: name.to_owned(), text, line_starts, characters }
    }

    /// Returns the name under which the file is mentioned.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what is written at a span; nothing, if the span is not of this file.
    pub fn slice(&self, span: Span) -> &str {
        let range = span.start as usize..(span.end.max(span.start)) as usize;
        self.text.get(range).unwrap_or("")
    }

    /// Returns line and column of a span's beginning, both counted from 1, the column in
    /// characters.
    pub fn position(&self, span: Span) -> (u32, u32) {
        let row = self.row_of(span.start);
        let before = self.characters_before(self.line_starts[row]);
        let column = self.characters_before(span.start).saturating_sub(before) + 1;
        (offset(row + 1), column)
    }

    fn characters_before(&self, at: u32) -> u32 {
        let at = (at as usize).min(self.text.len());
        let block = at / STRIDE;
        let rest = &self.text.as_bytes()[block * STRIDE..at];
        self.characters[block] + count_characters(rest)
    }

    /// Describes what is wrong at a span.
    pub fn problem(&self, span: Span, message: impl Into<String>) -> Problem {
        let (line, column) = self.position(span);
        let excerpt = Excerpt::new(self.line_of(span.start), column, self.width_in_line(span));
        Problem::at(&self.name, Place { line, column, excerpt }, message.into())
    }

    fn row_of(&self, at: u32) -> usize {
        self.line_starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// The text of the line that holds a byte, without its end.
    fn line_of(&self, at: u32) -> &str {
        let row = self.row_of(at);
        let end = self.line_starts.get(row + 1).copied().unwrap_or_else(|| offset(self.text.len()));
        let line = Span { start: self.line_starts[row], end };
        self.slice(line).trim_end_matches(['\n', '\r'])
    }

    /// How many characters of a span stand on its first line.
    fn width_in_line(&self, span: Span) -> u32 {
        let first_line = self.slice(span).split(['\n', '\r']).next().unwrap_or("");
        offset(first_line.trim_end().chars().count()).max(1)
    }
}

/// A position in a file that is at most [`MAX_FILE_BYTES`] long, so it always fits.
pub(crate) fn offset(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Counts the bytes that begin a character.
fn count_characters(bytes: &[u8]) -> u32 {
    let begins = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
    offset(bytes.iter().filter(begins).count())
}

fn not_utf8(name: &str, bytes: &[u8], valid_up_to: usize) -> Problem {
    let (before, rest) = bytes.split_at(valid_up_to);
    let before = std::str::from_utf8(before).unwrap_or("");
    let bad = rest.first().copied().unwrap_or(0);
    let text = format!("{before}\u{fffd}");
    let source = Source::of_text(name, text);
    let at =
        Span { start: offset(before.len()), end: offset(before.len() + '\u{fffd}'.len_utf8()) };
    let hint = if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        "the file is UTF-16: save it as UTF-8"
    } else {
        "save the file as UTF-8"
    };
    source
        .problem(at, format!("the byte 0x{bad:02x} is not UTF-8"))
        .with_hint(hint)
        .with_code(Code::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_counted_from_one_in_characters() {
        let long = "\u{e9}".repeat(1000);
        let text = format!("a\r\nbc\rd\n\u{e4}\u{f6}x\n{long}y");
        let source = Source::new("f", text.as_bytes()).unwrap();
        let position = |needle: &str| {
            let start = offset(text.find(needle).unwrap());
            source.position(Span { start, end: start })
        };
        assert_eq!(position("a"), (1, 1));
        assert_eq!(position("c"), (2, 2));
        assert_eq!(position("d"), (3, 1));
        assert_eq!(position("x"), (4, 3));
        assert_eq!(position("y"), (5, 1001));
        let beyond = Span { start: u32::MAX, end: u32::MAX };
        assert_eq!(source.position(beyond), (5, 1002));
        assert_eq!(source.slice(beyond), "");
    }
}
