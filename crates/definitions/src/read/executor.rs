//! The limits inside one run, under `executor`: as Dagster writes them, or in short.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use config::yaml::{Node, Value};
use config::{Code, Fields, Reader, Span, near_names, quoted};
use wire::plan::{Executor, PlanStep, StepMatch, StepTagLimit};

use super::keys::{Known, known_map, refuse_both};
use super::{MAX_OPS, values};

const RETRIES: (&str, &str) = ("retries", "retries belong to an op: write them there");
const START_METHOD: (&str, &str) =
    ("start_method", "every step is a process of its own: leave it out");
const RUNS: (&str, &str) =
    ("max_concurrent_runs", "did you mean `max_concurrent`? The limit on runs is configured");

const EXECUTOR: Known = Known {
    keys: &["max_concurrent", "tag_concurrency_limits", "multiprocess", "in_process"],
    instead: &[RETRIES, START_METHOD, RUNS, ("config", "write its keys below `executor:` itself")],
    empty: "write `executor: {max_concurrent: 4}`, or `executor: in_process`",
};

const MULTIPROCESS: Known = Known {
    keys: &["max_concurrent", "tag_concurrency_limits"],
    instead: &[RETRIES, START_METHOD, RUNS],
    empty: "write `max_concurrent: 4` below it",
};

const LIMIT: Known = Known {
    keys: &["key", "value", "limit"],
    instead: &[("tag", "did you mean `key`?"), ("max_concurrent", "did you mean `limit`?")],
    empty: "write `{key: database, limit: 1}`",
};

/// How many limits by tag an executor may have: each step is compared with each of them.
const MAX_LIMITS: usize = 500;

const EACH_VALUE: &str = "applyLimitPerUniqueValue";

/// An executor, with the places of its tag limits in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) executor: Executor,
    limits_at: Vec<Span>,
}

impl Found {
    fn in_process() -> Self {
        let executor = Executor {
            max_concurrent: Some(NonZeroU32::MIN),
            in_process: true,
            ..Executor::default()
        };
        Self { executor, limits_at: Vec::new() }
    }

    /// Warns of limits that count none of these steps.
    pub(super) fn warn_of_idle_limits(&self, reader: &mut Reader<'_>, steps: &[PlanStep]) {
        for (limit, span) in self.executor.tag_concurrency_limits.iter().zip(&self.limits_at) {
            let counts = |step: &&PlanStep| match (&limit.value, step.tags.get(&limit.key)) {
                (StepMatch::Value(wanted), Some(value)) => wanted == value,
                (StepMatch::Key | StepMatch::EachValue, Some(_)) => true,
                (_, None) => false,
            };
            if steps.iter().any(|step| counts(&step)) {
                continue;
            }
            let message = format!("the limit counts nothing: {}", no_op(limit));
            let hint = hint_for_idle(limit, steps);
            reader.warn(Code::UnknownChoice, *span, message, hint);
        }
    }
}

fn no_op(StepTagLimit { key, value, .. }: &StepTagLimit) -> String {
    match value {
        StepMatch::Value(value) => {
            format!("no op of the job has the tag {} with the value {}", quoted(key), quoted(value))
        }
        StepMatch::Key | StepMatch::EachValue => {
            format!("no op of the job has the tag {}", quoted(key))
        }
    }
}

fn hint_for_idle(StepTagLimit { key, .. }: &StepTagLimit, steps: &[PlanStep]) -> String {
    let values: BTreeSet<&str> =
        steps.iter().filter_map(|step| step.tags.get(key)).map(String::as_str).collect();
    if let Some(value) = values.first() {
        return format!("an op has it with the value {}", quoted(value));
    }
    let keys = steps.iter().flat_map(|step| step.tags.keys()).map(String::as_str);
    match near_names(key, keys).first() {
        Some(near) => format!("did you mean {}?", quoted(near)),
        None => "it counts the tags of ops, not those of the job".to_owned(),
    }
}

/// Takes an executor: a word, or a map.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Found> {
    match &node.value {
        Value::Text(word) => match word.as_str() {
            "in_process" => Some(Found::in_process()),
            "multiprocess" => Some(Found::default()),
            other => {
                let message = format!("`executor` cannot be {}", quoted(other));
                let hint = "it is in_process, multiprocess, or a map as in `{max_concurrent: 4}`";
                reader.refuse_as(Code::UnknownChoice, node.span, message, hint);
                None
            }
        },
        Value::Map(_) | Value::Null => {
            let fields = known_map(reader, node, "`executor`", &EXECUTOR)?;
            of_map(reader, &fields)
        }
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) => {
            let message =
                format!("`executor` must be a map or a word; found {}", node.value.kind());
            reader.refuse_as(Code::WrongType, node.span, message, EXECUTOR.empty);
            None
        }
    }
}

fn of_map(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Found> {
    refuse_both(reader, fields, ["multiprocess", "in_process"], "keep one of the two");
    for limit in MULTIPROCESS.keys {
        let below = format!("write `{limit}` below `multiprocess:`");
        refuse_both(reader, fields, ["multiprocess", limit], &below);
        let alone = format!("steps in process run one at a time: remove `{limit}`");
        refuse_both(reader, fields, ["in_process", limit], &alone);
    }
    if let Some(node) = fields.get("in_process") {
        return in_process(reader, node);
    }
    match fields.get("multiprocess") {
        None => Some(limits(reader, fields)),
        Some(node) if node.value == Value::Null => Some(Found::default()),
        Some(node) => {
            let fields = known_map(reader, node, "`multiprocess`", &MULTIPROCESS)?;
            Some(limits(reader, &fields))
        }
    }
}

fn in_process(reader: &mut Reader<'_>, node: &Node) -> Option<Found> {
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        let message = format!("`in_process` must be an empty map; found {}", node.value.kind());
        reader.refuse_as(Code::WrongType, node.span, message, "write `executor: in_process`");
        return None;
    }
    if node.value != Value::Null {
        for (key, span, _) in reader.map(node, "`in_process`")?.in_order() {
            let message = format!("`in_process` has no key {}", quoted(key));
            let hint = "it has none: write `executor: in_process`";
            reader.refuse_as(Code::UnknownKey, span, message, hint);
        }
    }
    Some(Found::in_process())
}

fn limits(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Found {
    let mut found = Found::default();
    if let Some(node) = fields.get("max_concurrent") {
        let none = "leave it out for no limit; there is no number that stands for the processors";
        found.executor.max_concurrent = count(reader, node, "`max_concurrent`", none);
    }
    if let Some(node) = fields.get("tag_concurrency_limits") {
        tag_limits(reader, node, &mut found);
    }
    found
}

/// Takes a list of limits by tag; the second of two on the same steps is noted.
fn tag_limits(reader: &mut Reader<'_>, node: &Node, found: &mut Found) {
    let Some(items) = reader.list(node, "`tag_concurrency_limits`") else { return };
    let mut first_of: BTreeMap<(String, StepMatch), u32> = BTreeMap::new();
    for (index, node) in items.iter().enumerate() {
        if index == MAX_LIMITS {
            let message = format!("an executor has more than {MAX_LIMITS} limits by tag");
            let hint = format!("`{{{EACH_VALUE}: true}}` is one limit for all values of a tag");
            return reader.refuse_as(Code::TooLarge, node.span, message, hint);
        }
        let Some(limit) = tag_limit(reader, node) else { continue };
        let (line, _) = reader.source().position(node.span);
        let what = (limit.key.clone(), limit.value.clone());
        if let Some(first) = first_of.get(&what) {
            let message = format!("a second limit on {}", steps_of(&limit));
            let hint = format!("the first stands in line {first}: keep one of the two");
            reader.refuse_as(Code::DuplicateLimit, node.span, message, hint);
            continue;
        }
        first_of.insert(what, line);
        found.executor.tag_concurrency_limits.push(limit);
        found.limits_at.push(node.span);
    }
}

fn tag_limit(reader: &mut Reader<'_>, node: &Node) -> Option<StepTagLimit> {
    let what = "a limit of `tag_concurrency_limits`";
    let fields = known_map(reader, node, what, &LIMIT)?;
    for (key, hint) in
        [("key", "add the key of a tag, as in `key: database`"), ("limit", "add `limit: 1`")]
    {
        if fields.get(key).is_none() {
            LIMIT.refuse_missing(reader, &fields, &[key], format!("{what} has no `{key}`"), hint);
        }
    }
    let key = fields.get("key").and_then(|node| values::filled_text(reader, node, "`key`"));
    let value = match fields.get("value") {
        Some(node) => matched(reader, node),
        None => Some(StepMatch::Key),
    };
    let never = "a step that may never run would hold up its run for ever: remove the limit";
    let limit = fields.get("limit").and_then(|node| count(reader, node, "`limit`", never));
    Some(StepTagLimit { key: key?, value: value?, limit: limit? })
}

fn matched(reader: &mut Reader<'_>, node: &Node) -> Option<StepMatch> {
    let Value::Map(_) = node.value else {
        if node.value == Value::Null {
            return Some(StepMatch::Key);
        }
        return values::text(reader, node, "`value`").map(StepMatch::Value);
    };
    let fields = reader.map_of(node, "`value`", &[EACH_VALUE])?;
    let Some(node) = fields.get(EACH_VALUE) else {
        if fields.in_order().next().is_some() {
            // The key that is meant was told as an unknown one.
            return None;
        }
        let message = format!("`value` must be text or {{{EACH_VALUE}: true}}");
        let hint = format!("write the value of the tag, or `{{{EACH_VALUE}: true}}`");
        reader.refuse_as(Code::MissingKey, fields.span, message, hint);
        return None;
    };
    let is_each = reader.bool(node, &format!("`{EACH_VALUE}`"))?;
    Some(if is_each { StepMatch::EachValue } else { StepMatch::Key })
}

/// Takes a number of steps; `zero` says what to do instead of 0.
fn count(reader: &mut Reader<'_>, node: &Node, what: &str, zero: &str) -> Option<NonZeroU32> {
    let number = reader.int(node, what)?;
    let within = u32::try_from(number).ok().filter(|number| *number as usize <= MAX_OPS);
    let count = within.and_then(NonZeroU32::new);
    if count.is_none() {
        let message = format!("{what} must be between 1 and {MAX_OPS}");
        let hint = if number == 0 { zero } else { "it is a number of steps that run at once" };
        reader.refuse_as(Code::OutOfRange, node.span, message, hint);
    }
    count
}

/// Names the steps that a limit counts.
fn steps_of(limit: &StepTagLimit) -> String {
    let key = quoted(&limit.key);
    match &limit.value {
        StepMatch::Key => format!("the steps with the tag {key}"),
        StepMatch::EachValue => format!("each value of the tag {key}"),
        StepMatch::Value(value) => format!("the steps whose tag {key} is {}", quoted(value)),
    }
}
