//! How often a step is tried again, and how long a try may take.

use std::time::Duration;

use config::yaml::{Node, Value};
use config::{Code, Reader, quoted};
use wire::plan::{Backoff, RetryPolicy};

use super::keys::{Known, known_map};

/// How often a step can be tried again at most: more is a loop that nobody watches.
pub const MAX_RETRIES: u32 = 1_000;

/// The longest delay and the longest timeout, in seconds: 366 days.
pub const MAX_SECONDS: u32 = 366 * 24 * 60 * 60;

const RETRIES: Known = Known {
    keys: &["max_retries", "delay_seconds", "backoff"],
    instead: &[("delay", "did you mean `delay_seconds`?")],
    empty: "add `max_retries: 2`",
};

const BACKOFFS: [(&str, Backoff); 3] = [
    ("constant", Backoff::Constant),
    ("linear", Backoff::Linear),
    ("exponential", Backoff::Exponential),
];

/// Takes a number of retries, or a map that says more.
pub(super) fn retries(reader: &mut Reader<'_>, node: &Node) -> Option<RetryPolicy> {
    let policy = match node.value {
        Value::Map(_) => policy(reader, node)?,
        Value::Int(_) => RetryPolicy {
            max_retries: max_retries(reader, node, "`retries`")?,
            delay_ms: 0,
            backoff: Backoff::Constant,
        },
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => {
            let message =
                format!("`retries` must be a whole number or a map; found {}", node.value.kind());
            let hint = "write `retries: 2`, or `retries: {max_retries: 2, delay_seconds: 1.5}`";
            reader.refuse_as(Code::WrongType, node.span, message, hint);
            return None;
        }
    };
    (policy.max_retries > 0).then_some(policy)
}

fn policy(reader: &mut Reader<'_>, node: &Node) -> Option<RetryPolicy> {
    let fields = known_map(reader, node, "`retries`", &RETRIES)?;
    let max = fields.get("max_retries");
    if max.is_none() {
        let message = "`retries` has no `max_retries`".to_owned();
        RETRIES.refuse_missing(reader, &fields, &["max_retries"], message, RETRIES.empty);
    }
    let max = max.and_then(|node| max_retries(reader, node, "`max_retries`"));
    let delay = match fields.get("delay_seconds") {
        Some(node) => milliseconds(reader, node, "`delay_seconds`", "0"),
        None => Some(0),
    };
    let backoff = match fields.get("backoff") {
        Some(node) => backoff(reader, node),
        None => Some(Backoff::Constant),
    };
    Some(RetryPolicy { max_retries: max?, delay_ms: delay?, backoff: backoff? })
}

fn max_retries(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<u32> {
    let number = reader.int(node, what)?;
    let within = u32::try_from(number).ok().filter(|number| *number <= MAX_RETRIES);
    if within.is_none() {
        let message = format!("{what} must be between 0 and {MAX_RETRIES}");
        let hint = "0 is none: a failed step is not tried again";
        reader.refuse_as(Code::OutOfRange, node.span, message, hint);
    }
    within
}

fn backoff(reader: &mut Reader<'_>, node: &Node) -> Option<Backoff> {
    let text = reader.text(node, "`backoff`")?;
    let known = BACKOFFS.iter().find(|(word, _)| *word == text);
    if known.is_none() {
        let message = format!("`backoff` cannot be {}", quoted(text));
        let hint = "it is one of: constant, linear, exponential";
        reader.refuse_as(Code::UnknownChoice, node.span, message, hint);
    }
    known.map(|(_, backoff)| *backoff)
}

/// Takes how long one try may take, in milliseconds: at least one.
pub(super) fn timeout(reader: &mut Reader<'_>, node: &Node) -> Option<u64> {
    milliseconds(reader, node, "`timeout_seconds`", "0.001")
}

/// Takes a number of seconds as milliseconds; `least` is the smallest, in seconds.
fn milliseconds(reader: &mut Reader<'_>, node: &Node, what: &str, least: &str) -> Option<u64> {
    let seconds = reader.number(node, what)?;
    let is_small_enough = seconds <= f64::from(MAX_SECONDS);
    let duration = Duration::try_from_secs_f64(seconds).ok().filter(|_| is_small_enough);
    let milliseconds = duration.and_then(|duration| u64::try_from(duration.as_millis()).ok());
    let within = milliseconds.filter(|milliseconds| least == "0" || *milliseconds > 0);
    if within.is_none() {
        let message = format!("{what} must be between {least} and {MAX_SECONDS}");
        reader.refuse_as(Code::OutOfRange, node.span, message, "it is a number of seconds");
    }
    within
}
