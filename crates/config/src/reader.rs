//! Typed access to a tree: takes values as what they should be and collects what they are not.
//!
//! Nothing here stops at the first mistake; a reader is asked at its end.

use std::collections::BTreeMap;

use crate::code::Code;
use crate::problem::{MAX_PROBLEMS, Problem, Problems, quoted};
use crate::source::{Source, Span};
use crate::yaml::{Node, Value};

/// How far a misspelt key may be from a known one to be taken for it (1 is equal).
const ALIKE: f64 = 0.75;

/// Collects the problems and warnings of one file while its values are taken.
#[derive(Debug)]
pub struct Reader<'s> {
    source: &'s Source,
    found: Vec<Problem>,
    omitted: usize,
    warnings: Vec<Problem>,
}

/// The entries of a map by key, each key once.
#[derive(Debug)]
pub struct Fields<'n> {
    /// Where the map is written.
    pub span: Span,
    by_key: BTreeMap<&'n str, (Span, &'n Node)>,
    /// The keys as they follow each other in the file.
    in_order: Vec<&'n str>,
}

impl<'n> Fields<'n> {
    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.by_key.get(key).map(|(_, node)| *node)
    }

    /// Returns where a key is written.
    pub fn key_span(&self, key: &str) -> Option<Span> {
        self.by_key.get(key).map(|(span, _)| *span)
    }

    /// Returns every key with its place and its value, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&'n str, Span, &'n Node)> {
        self.by_key.iter().map(|(key, (span, node))| (*key, *span, *node))
    }

    /// Returns every key with its place and its value, in the order of the file.
    pub fn in_order(&self) -> impl Iterator<Item = (&'n str, Span, &'n Node)> {
        self.in_order
            .iter()
            .filter_map(|key| self.by_key.get(key).map(|(span, node)| (*key, *span, *node)))
    }
}

impl<'s> Reader<'s> {
    /// Reads values of one file.
    pub fn new(source: &'s Source) -> Self {
        Self { source, found: Vec::new(), omitted: 0, warnings: Vec::new() }
    }

    /// Returns the file.
    pub fn source(&self) -> &'s Source {
        self.source
    }

    /// Notes that something is wrong at a place.
    pub fn refuse(&mut self, span: Span, message: impl Into<String>) {
        self.note(Code::WrongValue, span, message.into(), None);
    }

    /// Notes that something is wrong at a place, and what to do about it.
    pub fn refuse_with_hint(
        &mut self,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.refuse_as(Code::WrongValue, span, message, hint);
    }

    /// Notes what kind of thing is wrong at a place, and what to do about it.
    pub fn refuse_as(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.note(code, span, message.into(), Some(hint.into()));
    }

    fn note(&mut self, code: Code, span: Span, message: String, hint: Option<String>) {
        if self.is_full() {
            self.omitted += 1;
            return;
        }
        let mut problem = self.source.problem(span, message).with_code(code);
        problem.hint = hint;
        self.found.push(problem);
    }

    /// Notes something that is accepted and that its writer should know.
    pub fn warn(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        if self.warnings.len() < MAX_PROBLEMS {
            let warning = self.source.problem(span, message).with_hint(hint).with_code(code);
            self.warnings.push(warning);
        }
    }

    /// Notes everything that was found wrong elsewhere in the same file.
    pub fn absorb(&mut self, problems: &Problems) {
        self.omitted += problems.omitted();
        self.found.extend(problems.iter().cloned());
    }

    /// Returns what to know although nothing is wrong.
    ///
    /// # Errors
    /// Everything that was noted as wrong.
    pub fn finish(self) -> Result<Vec<Problem>, Problems> {
        match Problems::new(self.found, self.omitted) {
            Some(problems) => Err(problems.with_warnings(self.warnings)),
            None => Ok(self.warnings),
        }
    }

    /// Returns whether further problems are only counted, so that wording them is lost work.
    pub fn is_full(&self) -> bool {
        self.found.len() >= MAX_PROBLEMS
    }

    /// Notes that a value is not what it should be, as in "`limit` must be a whole number".
    pub fn refuse_kind(&mut self, node: &Node, what: &str, wanted: &str) {
        let message = format!("{what} must be {wanted}; found {}", node.value.kind());
        let hint = hint_for_kind(&node.value, wanted, self.source.slice(node.span));
        self.note(Code::WrongType, node.span, message, Some(hint));
    }

    /// Takes a map with any keys; a key that is not text or stands twice is noted.
    pub fn map<'n>(&mut self, node: &'n Node, what: &str) -> Option<Fields<'n>> {
        let Some(entries) = node.as_map() else {
            self.refuse_kind(node, what, "a map");
            return None;
        };
        let mut by_key: BTreeMap<&str, (Span, &Node)> = BTreeMap::new();
        let mut in_order = Vec::new();
        for entry in entries {
            let span = entry.key.span;
            let Some(key) = entry.key.as_text() else {
                self.refuse_kind(&entry.key, &format!("a key of {what}"), "text");
                continue;
            };
            if let Some((first, _)) = by_key.get(key) {
                self.refuse_twice(key, *first, span);
                continue;
            }
            by_key.insert(key, (span, &entry.value));
            in_order.push(key);
        }
        Some(Fields { span: node.span, by_key, in_order })
    }

    fn refuse_twice(&mut self, key: &str, first: Span, second: Span) {
        let (line, _) = self.source.position(first);
        self.refuse_as(
            Code::DuplicateKey,
            second,
            format!("{} is given twice", quoted(key)),
            format!("it stands in line {line} already: keep one of the two"),
        );
    }

    /// Takes a map that may have these keys; any other is noted with the nearest known key.
    pub fn map_of<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Option<Fields<'n>> {
        let fields = self.map(node, what)?;
        for (key, span, _) in fields.iter() {
            if !known.contains(&key) {
                self.refuse_unknown(key, span, what, known);
            }
        }
        Some(fields)
    }

    /// Notes a key that is not known, with the known key it may have been meant for.
    pub fn refuse_unknown(&mut self, key: &str, span: Span, what: &str, known: &[&str]) {
        if self.is_full() {
            self.omitted += 1;
            return;
        }
        let hint =
            did_you_mean(key, known).unwrap_or_else(|| format!("known keys: {}", known.join(", ")));
        let message = format!("{what} has no key {}", quoted(key));
        self.refuse_as(Code::UnknownKey, span, message, hint);
    }

    /// Takes the value of a key that must be there; a map without it is noted.
    pub fn required<'n>(&mut self, fields: &Fields<'n>, key: &str, what: &str) -> Option<&'n Node> {
        let value = fields.get(key);
        if value.is_none() {
            self.note(Code::MissingKey, fields.span, format!("{what} has no `{key}`"), None);
        }
        value
    }

    /// Takes a list.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        if let Value::List(items) = &node.value {
            return Some(items);
        }
        self.refuse_kind(node, what, "a list");
        None
    }

    /// Takes a text; a number or `yes` without quotes is none.
    pub fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let text = node.as_text();
        if text.is_none() {
            self.refuse_kind(node, what, "text");
        }
        text
    }

    /// Takes a whole number; one in quotes is none.
    pub fn int(&mut self, node: &Node, what: &str) -> Option<i64> {
        if let Value::Int(number) = node.value {
            return Some(number);
        }
        self.refuse_kind(node, what, "a whole number");
        None
    }

    /// Takes a number, whole or with a fraction; one in quotes is none.
    pub fn number(&mut self, node: &Node, what: &str) -> Option<f64> {
        match node.value {
            #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the nearest will do")]
            Value::Int(number) => Some(number as f64),
            Value::Float(number) => Some(number),
            Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                self.refuse_kind(node, what, "a number");
                None
            }
        }
    }

    /// Takes `true` or `false`.
    pub fn bool(&mut self, node: &Node, what: &str) -> Option<bool> {
        if let Value::Bool(answer) = node.value {
            return Some(answer);
        }
        self.refuse_kind(node, what, "true or false");
        None
    }
}

/// What to do when the kind of a value is wrong.
fn hint_for_kind(value: &Value, wanted: &str, written: &str) -> String {
    let is_short = written.len() <= 40 && !written.contains(['\n', '\r', '"', '\'']);
    let hint = match (value, wanted) {
        (Value::Int(_) | Value::Float(_) | Value::Bool(_), "text") if is_short => {
            return format!("put it in quotes: '{written}'");
        }
        (Value::Text(text), "a whole number") => return number_hint(text),
        (Value::Text(text), "a number") if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            return number_hint(text);
        }
        (Value::Text(text), "true or false") if matches!(text.as_str(), "true" | "false") => {
            return format!("remove the quotes: {text}");
        }
        (Value::Text(_), "a list") if is_short => {
            let words = written.split_whitespace().map(|word| word.trim_end_matches(','));
            return format!("write a list: [{}]", words.collect::<Vec<_>>().join(", "));
        }
        (Value::Text(text), "a map") if text.contains(':') => {
            "a blank must follow the `:` of a key"
        }
        (Value::List(_), "a map") => "its keys stand without `- ` before them",
        (Value::Map(_), "a list") => "begin each item with `- `",
        (Value::Null, "a map") => "indent its keys below it, or write `{}` to leave it empty",
        (_, "a map") => "write its keys with their values, as in `key: value`",
        (_, "a list") => "write its items in brackets, or each on a line that begins with `- `",
        (_, "true or false") => "write `true` or `false`, without quotes",
        (_, "a number") => "write one number, as in 2 or 1.5",
        (_, "a whole number") => "write one number in digits, without a fraction",
        _ => "write one text",
    };
    hint.to_owned()
}

fn number_hint(text: &str) -> String {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty()
        && digits.len() <= 20
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        "write it in digits".to_owned()
    } else if digits.len() > 1 && digits.starts_with('0') {
        "leading zeros mean base 8 to some YAML readers: write the number without".to_owned()
    } else {
        format!("remove the quotes: {text}")
    }
}

/// Asks for the known key that a misspelt one may have been meant for.
pub(crate) fn did_you_mean(key: &str, known: &[&str]) -> Option<String> {
    nearest(key, known).map(|near| format!("did you mean `{near}`?"))
}

/// Finds the known key that a misspelt one may have been meant for; `maxRuns` means `max_runs`.
pub(crate) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let snake = snake_case(key);
    if let Some(same) = known.iter().find(|candidate| **candidate == snake) {
        return Some(same);
    }
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&snake, candidate), *candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Finds the names that a misspelt one may have been meant for: at most three, the likeliest first.
pub fn near_names<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    /// More are no help to choose from.
    const MOST: usize = 3;
    /// Longer names are not compared, because comparing them costs.
    const LONGEST: usize = 200;
    if name.len() > LONGEST {
        return Vec::new();
    }
    let lower = name.to_lowercase();
    let mut near: Vec<(f64, &str)> = known
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.into_iter().take(MOST).map(|(_, candidate)| candidate).collect()
}

/// Turns `maxConcurrentRuns` and `max-concurrent-runs` into `max_concurrent_runs`.
pub(crate) fn snake_case(key: &str) -> String {
    /// Longer keys are no misspelling of ours, and comparing them costs.
    const LONGEST: usize = 100;
    let mut snake = String::new();
    for character in key.chars().take(LONGEST) {
        if character.is_ascii_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        match character {
            '-' | ' ' => snake.push('_'),
            other => snake.push(other.to_ascii_lowercase()),
        }
    }
    snake
}
