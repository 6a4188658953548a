//! From the parser's events to the tree, within bounds. The only place that knows the parser.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::refusal::{self, Refusal};
use super::{Entry, Node, Value, scalar};
use crate::problem::Problem;
use crate::source::{Source, Span, offset};

/// How deep values may be nested: deeper is no configuration that a person wrote.
pub const MAX_DEPTH: u32 = 64;

/// How many values a file may hold, so that a file of one MiB cannot take a hundred.
pub const MAX_NODES: u32 = 200_000;

/// How many values all aliases and merges of a file together may stand for; a text counts once more
/// for every 64 bytes.
pub const MAX_ALIASED: u32 = 10_000;

const MERGE_KEY: &str = "<<";

/// Reads the text as one document.
pub(super) fn build(source: &Source) -> Result<Node, Problem> {
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH as usize,
        block_nesting_limit: MAX_DEPTH as usize,
    };
    let text = source.text();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Builder {
        source,
        skipped: offset(source.text().len() - text.len()),
        parser: Parser::new_from_str_with_options(text, options),
        anchors: BTreeMap::new(),
        nodes: 0,
        aliased: 0,
        depth: 0,
        last: Span::default(),
    }
    .document()
}

struct Builder<'s> {
    source: &'s Source,
    /// The bytes of a byte order mark before the text that the parser sees.
    skipped: u32,
    parser: Parser<'s, StrInput<'s>>,
    /// The finished values that have an anchor, by the parser's number for it.
    anchors: BTreeMap<usize, Node>,
    nodes: u32,
    aliased: u32,
    depth: u32,
    last: Span,
}

type Step<'s> = (Event<'s>, Span);

impl<'s> Builder<'s> {
    fn document(&mut self) -> Result<Node, Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(self.refuse(span, &Refusal::SecondDocument));
                }
                Event::Scalar(..)
                | Event::Alias(_)
                | Event::SequenceStart(..)
                | Event::MappingStart(..) => root = Some(self.node((event, span))?),
                Event::StreamStart
                | Event::DocumentStart(..)
                | Event::DocumentEnd
                | Event::Anchor(..)
                | Event::UnresolvedAlias(_)
                | Event::SequenceEnd
                | Event::MappingEnd
                | _ => {}
            }
        }
        Ok(root.unwrap_or(Node { span: Span::default(), value: Value::Null }))
    }

    fn next(&mut self) -> Result<Step<'s>, Problem> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.last = self.span_of(span);
                Ok((event, self.last))
            }
            Some(Err(error)) => Err(refusal::of_parser(self.source, self.skipped, &error)),
            None => Ok((Event::StreamEnd, self.last)),
        }
    }

    fn span_of(&self, span: granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or_default();
        Span {
            start: offset(range.start).saturating_add(self.skipped),
            end: offset(range.end).saturating_add(self.skipped),
        }
    }

    fn refuse(&self, span: Span, refusal: &Refusal) -> Problem {
        refusal.at(self.source, span)
    }

    /// Reads one value, whose first event has been taken.
    fn node(&mut self, (event, span): Step<'s>) -> Result<Node, Problem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.refuse(span, &Refusal::TooManyNodes));
        }
        let (anchor, value, end) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(text, style, tag.as_deref(), span)?;
                (anchor, value, span.end)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", span)?;
                let (items, end) = self.nested(span, Self::list)?;
                (anchor, Value::List(items), end)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", span)?;
                let (entries, end) = self.nested(span, Self::map)?;
                (anchor, Value::Map(entries), end)
            }
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_)
            | Event::SequenceEnd
            | Event::MappingEnd
            | _ => return Err(self.refuse(span, &Refusal::Unfinished)),
        };
        let span = Span { start: span.start, end };
        let node = Node { span, value };
        if anchor != 0 {
            self.charge(&node, span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn scalar(
        &self,
        text: Cow<'s, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<Value, Problem> {
        let plain = || match style {
            ScalarStyle::Plain => scalar::plain(&text),
            ScalarStyle::SingleQuoted
            | ScalarStyle::DoubleQuoted
            | ScalarStyle::Literal
            | ScalarStyle::Folded => Value::Text(text.clone().into_owned()),
        };
        let Some(tag) = tag else { return Ok(plain()) };
        match tag.core_suffix() {
            Some("str") => Ok(Value::Text(text.into_owned())),
            Some(kind @ ("int" | "bool" | "float" | "null")) => {
                let value = Some(scalar::plain(&text)).filter(|value| is_of_kind(value, kind));
                value.ok_or_else(|| self.refuse(span, &Refusal::TagValue(tag.original())))
            }
            _ if tag.handle().is_empty() && tag.suffix() == "!" => {
                Ok(Value::Text(text.into_owned()))
            }
            _ => Err(self.refuse(span, &Refusal::Tag(tag.original()))),
        }
    }

    fn check_tag(&self, tag: Option<&Tag>, kind: &str, span: Span) -> Result<(), Problem> {
        match tag {
            Some(tag) if tag.core_suffix() != Some(kind) => {
                Err(self.refuse(span, &Refusal::Tag(tag.original())))
            }
            _ => Ok(()),
        }
    }

    /// Reads what is within a list or map that has begun.
    fn nested<T>(
        &mut self,
        span: Span,
        read: fn(&mut Self) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.refuse(span, &Refusal::TooDeep));
        }
        let inner = read(self);
        self.depth -= 1;
        inner
    }

    fn list(&mut self) -> Result<(Vec<Node>, u32), Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, span) => return Ok((items, span.end)),
                step => items.push(self.node(step)?),
            }
        }
    }

    fn map(&mut self) -> Result<(Vec<Entry>, u32), Problem> {
        let mut entries = Vec::new();
        let mut merged = Vec::new();
        loop {
            let step = match self.next()? {
                (Event::MappingEnd, span) => {
                    self.merge(&mut entries, merged)?;
                    return Ok((entries, span.end));
                }
                step => step,
            };
            let is_merge = matches!(&step.0,
                Event::Scalar(text, ScalarStyle::Plain, _, None) if text == MERGE_KEY);
            let key = self.node(step)?;
            let step = self.next()?;
            let mut value = self.node(step)?;
            if value.span.is_empty() {
                value.span = key.span;
            }
            if is_merge {
                merged.push(value);
            } else {
                entries.push(Entry { key, value });
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Problem> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(self.refuse(span, &Refusal::AliasWithinItself));
        };
        self.charge(&node, span)?;
        Ok(node)
    }

    /// Counts a copy of a value against what aliases may stand for.
    fn charge(&mut self, node: &Node, span: Span) -> Result<(), Problem> {
        self.aliased = self.aliased.saturating_add(weight(node));
        if self.aliased > MAX_ALIASED {
            return Err(self.refuse(span, &Refusal::TooManyAliased));
        }
        Ok(())
    }

    /// Adds the entries of `<<: *other`, as far as the map has no such key of its own.
    fn merge(&mut self, entries: &mut Vec<Entry>, merged: Vec<Node>) -> Result<(), Problem> {
        if merged.is_empty() {
            return Ok(());
        }
        let mut own: BTreeSet<String> = entries.iter().filter_map(key_text).collect();
        for node in merged.into_iter().flat_map(maps_of) {
            let Value::Map(others) = node.value else {
                return Err(self.refuse(node.span, &Refusal::MergeOfNoMap));
            };
            for entry in others {
                let is_new = key_text(&entry).is_none_or(|key| own.insert(key));
                if is_new {
                    entries.push(entry);
                }
            }
        }
        Ok(())
    }
}

fn is_of_kind(value: &Value, kind: &str) -> bool {
    match value {
        Value::Int(_) => kind == "int",
        Value::Bool(_) => kind == "bool",
        Value::Float(_) => kind == "float",
        Value::Null => kind == "null",
        Value::Text(_) | Value::List(_) | Value::Map(_) => false,
    }
}

fn key_text(entry: &Entry) -> Option<String> {
    entry.key.as_text().map(ToOwned::to_owned)
}

/// The maps that a merge key names: one, or a list of them.
fn maps_of(node: Node) -> Vec<Node> {
    match node.value {
        Value::List(nodes) => nodes,
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Map(_) => vec![node],
    }
}

fn weight(node: &Node) -> u32 {
    let inner: u32 = match &node.value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
        Value::Text(text) => offset(text.len() / 64),
        Value::List(items) => items.iter().map(weight).fold(0, u32::saturating_add),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| weight(&entry.key).saturating_add(weight(&entry.value)))
            .fold(0, u32::saturating_add),
    };
    inner.saturating_add(1)
}
