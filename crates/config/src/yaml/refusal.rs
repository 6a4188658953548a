//! Why a text is refused as YAML, in words for the person who wrote it.

use granit_parser::{ErrorKind, ScanError};

use super::{MAX_ALIASED, MAX_DEPTH, MAX_NODES};
use crate::code::Code;
use crate::problem::{Problem, quoted};
use crate::source::{Source, Span, offset};

/// What this module's own bounds and rules refuse.
#[derive(Debug)]
pub(super) enum Refusal {
    SecondDocument,
    Unfinished,
    TooManyNodes,
    TooManyAliased,
    TooDeep,
    AliasWithinItself,
    MergeOfNoMap,
    Tag(String),
    TagValue(String),
}

impl Refusal {
    pub(super) fn at(&self, source: &Source, span: Span) -> Problem {
        let (message, hint) = self.words();
        source.problem(span, message).with_hint(hint).with_code(self.code())
    }

    fn code(&self) -> Code {
        match self {
            Self::TooManyNodes | Self::TooManyAliased | Self::TooDeep => Code::TooLarge,
            Self::SecondDocument
            | Self::Unfinished
            | Self::AliasWithinItself
            | Self::MergeOfNoMap
            | Self::Tag(_)
            | Self::TagValue(_) => Code::YamlSyntax,
        }
    }

    fn words(&self) -> (String, &'static str) {
        match self {
            Self::SecondDocument => (
                "a second document begins here".to_owned(),
                "a configuration is one document: remove this `---` or what is above it",
            ),
            Self::Unfinished => ("the text ends within a value".to_owned(), "complete it"),
            Self::TooManyNodes => {
                (format!("the file holds more than {MAX_NODES} values"), "is this the right file?")
            }
            Self::TooManyAliased => (
                format!("the aliases of this file stand for more than {MAX_ALIASED} values"),
                "write the values out, or split the file",
            ),
            Self::TooDeep => (
                format!("values are nested more than {MAX_DEPTH} deep"),
                "is a bracket left open above?",
            ),
            Self::AliasWithinItself => (
                "this alias stands within the value that it names".to_owned(),
                "name a value that is complete above",
            ),
            Self::MergeOfNoMap => (
                "`<<` merges a map, and this is none".to_owned(),
                "name a map, as in `<<: *defaults`",
            ),
            Self::Tag(tag) => (
                format!("the tag {} means nothing here", quoted(tag)),
                "remove it: every value is plain YAML",
            ),
            Self::TagValue(tag) => (
                format!("the tag {} does not fit this value", quoted(tag)),
                "remove the tag, or write a value that fits",
            ),
        }
    }
}

/// Refuses the control characters that YAML has no place for, other than as escapes in quotes.
pub(super) fn refuse_control_characters(source: &Source) -> Result<(), Problem> {
    let is_refused = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    let Some((index, character)) = source.text().char_indices().find(|(_, c)| is_refused(*c))
    else {
        return Ok(());
    };
    let span = Span { start: offset(index), end: offset(index + character.len_utf8()) };
    let code = u32::from(character);
    let message = format!("the control character U+{code:04X} cannot stand in YAML");
    Err(source
        .problem(span, message)
        .with_hint("remove it: is this a text file?")
        .with_code(Code::YamlSyntax))
}

/// Tells where and why the parser stopped; `skipped` bytes stand before the text it was given.
pub(super) fn of_parser(source: &Source, skipped: u32, error: &ScanError) -> Problem {
    let index = error.marker().byte_offset().unwrap_or_default();
    let start = offset(index).saturating_add(skipped).min(offset(source.text().len()));
    let span = Span { start, end: start };
    if let Some(tab) = tab_that_indents(source, span) {
        return source
            .problem(tab, "a tab cannot indent in YAML")
            .with_hint("use spaces; many editors show tabs and spaces alike")
            .with_code(Code::YamlSyntax);
    }
    let (message, hint) = words(error.kind());
    let is_too_deep = matches!(error.kind(), ErrorKind::RecursionLimitExceeded);
    let code = if is_too_deep { Code::TooLarge } else { Code::YamlSyntax };
    source.problem(span, message).with_hint(hint).with_code(code)
}

/// Finds a tab among the blanks that begin the line of a place, or the line before it.
fn tab_that_indents(source: &Source, span: Span) -> Option<Span> {
    let before = source.text().get(..span.start as usize)?;
    let line = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let previous =
        source.text()[..line.saturating_sub(1)].rfind(['\n', '\r']).map_or(0, |end| end + 1);
    [line, previous].into_iter().find_map(|start| {
        let rest = &source.text()[start..];
        let indent = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let tab = start + rest[..indent].find('\t')?;
        Some(Span { start: offset(tab), end: offset(start + indent) })
    })
}

/// The errors that people meet, in their terms; the others as the parser says them.
#[expect(clippy::wildcard_enum_match_arm, reason = "the parser has many more")]
fn words(kind: &ErrorKind) -> (String, &'static str) {
    let told = |message: &str, hint| (message.to_owned(), hint);
    match kind {
        ErrorKind::MappingValueNotAllowed => told(
            "a `:` that makes a key cannot stand here",
            "is the indentation right, and has the key above its `:`? Text with `: ` in it needs quotes",
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::SimpleKeyExpected => told(
            "a key with a `:` is expected here",
            "check the indentation, and that a blank follows the `:`",
        ),
        ErrorKind::ExpectedBlockSequenceEntry => {
            told("a list item is expected here", "begin it with `- `, in line with the items above")
        }
        ErrorKind::BlockSequenceEntryNotAllowed => told(
            "a list item cannot begin here",
            "a list stands below its key, each item on a line of its own",
        ),
        ErrorKind::InvalidIndentation => told(
            "the indentation matches nothing above",
            "keys of one map begin in the same column",
        ),
        ErrorKind::UnclosedFlowCollection { open } => {
            (format!("the `{open}` that opens here is never closed"), "close it where it ends")
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => (
            format!("the `{open}` that opens here is closed by `{close}`"),
            "what opens last is closed first",
        ),
        ErrorKind::MisplacedFlowCollectionEnd => {
            told("this bracket closes nothing", "remove it, or open it before")
        }
        ErrorKind::InvalidQuotedScalarIndent => told(
            "text in quotes goes on here and is not indented enough",
            "is the closing quote missing above?",
        ),
        ErrorKind::UnexpectedEofFlowMapping | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            told("the text ends before a `}`", "close the map")
        }
        ErrorKind::UnexpectedEofFlowSequence => {
            told("the text ends before a `]`", "close the list")
        }
        ErrorKind::InvalidQuotedScalarHexEscape => told(
            "a number is expected after this escape",
            "use single quotes to take a backslash as it is",
        ),
        ErrorKind::UnclosedQuotedScalar => {
            told("a quote opens here and is never closed", "close it with the same quote")
        }
        ErrorKind::UnknownAnchor => {
            told("this alias names no anchor above it", "text that begins with `*` needs quotes")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            told("this escape is not known", "use single quotes to take a backslash as it is")
        }
        ErrorKind::UnexpectedCharacter { character } => (
            format!("{} cannot begin a value", quoted(&character.to_string())),
            "put the text in quotes",
        ),
        ErrorKind::RecursionLimitExceeded => Refusal::TooDeep.words(),
        other => (
            format!("this is not YAML: {other}"),
            "is the indentation right, and text with special characters in quotes?",
        ),
    }
}
