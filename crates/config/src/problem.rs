//! What is wrong in a file, where, and how to mend it; as text with an arrow.

use std::fmt;

use crate::code::Code;
use crate::source::offset;

/// How many problems of one file are told; after so many a person starts anew.
pub const MAX_PROBLEMS: usize = 100;

/// How many characters of a line are shown.
const EXCERPT_CHARS: usize = 100;

/// One thing that is wrong, or worth a warning, in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file's name as it was given.
    pub file: String,
    /// Where it is; `None` if it is the file as a whole.
    pub place: Option<Place>,
    /// What is wrong: a sentence without its full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What kind of problem it is.
    pub code: Code,
}

/// Where in a file, and how the line reads there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
    /// The line itself.
    pub excerpt: Excerpt,
}

/// A line as it is shown: cut to a readable length, control characters made visible.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excerpt {
    /// What of the line is shown.
    pub text: String,
    /// How many characters of `text` stand before the arrow.
    pub before: u32,
    /// How many characters the arrow is long.
    pub width: u32,
}

impl Excerpt {
    pub(crate) fn new(line: &str, column: u32, width: u32) -> Self {
        let start = column.saturating_sub(1) as usize;
        let is_short = line.chars().nth(EXCERPT_CHARS).is_none();
        let skipped =
            if is_short || start < EXCERPT_CHARS * 3 / 4 { 0 } else { start - EXCERPT_CHARS / 4 };
        let lead = if skipped > 0 { "..." } else { "" };
        let mut rest = line.chars().skip(skipped).map(visible);
        let shown: String = rest.by_ref().take(EXCERPT_CHARS).collect();
        let tail = if rest.next().is_some() { "..." } else { "" };
        let before = lead.len() + start - skipped;
        let text = format!("{lead}{shown}{tail}");
        let room = text.chars().count().saturating_sub(before).max(1);
        Self { text, before: offset(before), width: width.clamp(1, offset(room)) }
    }
}

/// Stands in for characters that would move the arrow or command the terminal.
fn visible(character: char) -> char {
    match character {
        '\t' => '\u{2192}',
        other if other.is_control() || is_invisible(other) => '\u{fffd}',
        other => other,
    }
}

/// Marks of direction and width zero, with which a line can be made to read as another.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Makes a text from outside fit to stand in a sentence: short, and without control characters.
pub fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut rest = text.chars().map(visible);
    let shown: String = rest.by_ref().take(SHOWN).collect();
    let tail = if rest.next().is_some() { "..." } else { "" };
    format!("`{shown}{tail}`")
}

impl Problem {
    pub(crate) fn at(file: &str, place: Place, message: String) -> Self {
        Self {
            file: file.to_owned(),
            place: Some(place),
            message,
            hint: None,
            code: Code::WrongValue,
        }
    }

    /// Describes what is wrong with a file as a whole.
    pub fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            place: None,
            message: message.into(),
            hint: None,
            code: Code::WrongValue,
        }
    }

    /// Adds what to do about it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says what kind of problem it is.
    pub fn with_code(self, code: Code) -> Self {
        Self { code, ..self }
    }
}

impl fmt::Display for Problem {
    /// Writes `file:line:column: message`, the line with an arrow, and the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, message, hint, code: _ } = self;
        let Some(Place { line, column, excerpt }) = place else {
            write!(f, "{file}: {message}")?;
            return hint.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"));
        };
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let before = " ".repeat(excerpt.before as usize);
        let arrow = "^".repeat(excerpt.width as usize);
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        writeln!(f, " {number} | {}", excerpt.text)?;
        write!(f, " {margin} | {before}{arrow}")?;
        hint.iter().try_for_each(|hint| write!(f, "\n {margin} = hint: {hint}"))
    }
}

/// Everything that is wrong in a file, in the order of its lines; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    told: Vec<Problem>,
    omitted: usize,
    warnings: Vec<Problem>,
}

impl Problems {
    /// Takes what was found, in any order, and how many more there were; `None` if that is nothing.
    pub fn new(mut found: Vec<Problem>, omitted: usize) -> Option<Self> {
        found.sort_by_cached_key(|problem| {
            let place = problem.place.as_ref();
            (place.map(|place| (place.line, place.column)), problem.message.clone())
        });
        found.dedup();
        let omitted = omitted + found.len().saturating_sub(MAX_PROBLEMS);
        found.truncate(MAX_PROBLEMS);
        (!found.is_empty()).then_some(Self { told: found, omitted, warnings: Vec::new() })
    }

    /// Returns the problems that are told, at most [`MAX_PROBLEMS`].
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.told.iter()
    }

    pub(crate) fn with_warnings(self, warnings: Vec<Problem>) -> Self {
        Self { warnings, ..self }
    }

    /// Returns what to know beside them, as of a file in which nothing is wrong.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Returns how many there are beyond those that are told.
    pub fn omitted(&self) -> usize {
        self.omitted
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self { told: vec![problem], omitted: 0, warnings: Vec::new() }
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    /// Writes every problem as [`Problem`] does, with a blank line between two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.told.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        match self.omitted {
            0 => Ok(()),
            more => write!(f, "\n\n... and {more} more"),
        }
    }
}

impl std::error::Error for Problems {}
