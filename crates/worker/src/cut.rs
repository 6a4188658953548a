//! How much of what code tells is kept: each event a bounded number of bytes. What is cut says so.

use serde::Serialize;
use wire::told::{AboutAsset, Error, MAX_EVENT_DATA, Metadata, Told};

/// How long a name may be, in bytes: of an asset, a partition, a check.
const MAX_NAME: usize = 1024;

/// How long a description may be, in bytes.
const MAX_DESCRIPTION: usize = 8 * 1024;

/// The least that an entry of metadata takes, in bytes, however little of it is kept.
const LEAST_ENTRY: usize = 64;

/// Cuts an event to what is kept of one.
pub(crate) fn told(told: Told) -> Told {
    fitting(told, |mut told, budget| {
        match &mut told {
            Told::Materialization(about) | Told::Observation(about) => cut_about(about, budget),
            Told::Check { asset_key, check, severity, description, metadata, .. } => {
                cut_text(asset_key, MAX_NAME);
                cut_text(check, MAX_NAME);
                cut_some(severity.as_mut(), MAX_NAME);
                cut_some(description.as_mut(), MAX_DESCRIPTION.min(budget));
                cut_metadata(metadata, budget);
            }
            Told::Expectation { label, description, metadata, .. } => {
                cut_some(label.as_mut(), MAX_NAME);
                cut_some(description.as_mut(), MAX_DESCRIPTION.min(budget));
                cut_metadata(metadata, budget);
            }
            Told::Output { name, mapping_key, metadata } => {
                cut_text(name, MAX_NAME);
                cut_some(mapping_key.as_mut(), MAX_NAME);
                cut_metadata(metadata, budget);
            }
            Told::UpForRetry { error: Some(error) } | Told::Failed { error } => {
                cut_error(error, budget);
            }
            Told::Started
            | Told::Succeeded
            | Told::Skipped
            | Told::UpForRetry { error: None }
            | Told::LeftOut { .. } => {}
        }
        told
    })
}

/// Cuts an error, with its causes, to what is kept of one.
pub(crate) fn error(error: Error) -> Error {
    fitting(error, |mut error, budget| {
        cut_error(&mut error, budget);
        error
    })
}

/// Cuts something with less and less left of it, until it is short enough: how long its JSON is depends
/// on what stands in it.
fn fitting<T: Serialize + Clone>(whole: T, cut: impl Fn(T, usize) -> T) -> T {
    let length = |value: &T| serde_json::to_vec(value).map_or(0, |json| json.len());
    if length(&whole) <= MAX_EVENT_DATA {
        return whole;
    }
    let mut budget = MAX_EVENT_DATA;
    loop {
        budget /= 2;
        let less = cut(whole.clone(), budget);
        if budget == 0 || length(&less) <= MAX_EVENT_DATA {
            return less;
        }
    }
}

fn cut_about(about: &mut AboutAsset, budget: usize) {
    cut_text(&mut about.asset_key, MAX_NAME);
    cut_some(about.partition.as_mut(), MAX_NAME);
    cut_some(about.description.as_mut(), MAX_DESCRIPTION.min(budget));
    let mut left = budget / 4;
    about.tags.retain(|key, value| {
        let fits = key.len() + value.len() <= left;
        left = left.saturating_sub(key.len() + value.len());
        fits
    });
    cut_metadata(&mut about.metadata, budget);
}

/// Keeps the first entries as far as they fit. A text that does not fit is cut; of any other value it is
/// said how long it was, and of entries beyond how many they were.
fn cut_metadata(metadata: &mut Vec<Metadata>, budget: usize) {
    let mut left = budget;
    let count = metadata.len();
    let mut kept = Vec::new();
    for mut entry in metadata.drain(..) {
        if left < LEAST_ENTRY {
            break;
        }
        cut_text(&mut entry.label, MAX_NAME.min(left / 2));
        left = left.saturating_sub(entry.label.len() + LEAST_ENTRY);
        if let serde_json::Value::String(text) = &mut entry.value {
            cut_text(text, left);
        } else {
            let length = serde_json::to_vec(&entry.value).map_or(0, |json| json.len());
            if length > left {
                entry.value = format!("left out: {length} bytes").into();
                "left_out".clone_into(&mut entry.kind);
            }
        }
        let length = serde_json::to_vec(&entry.value).map_or(0, |json| json.len());
        left = left.saturating_sub(length);
        kept.push(entry);
    }
    let beyond = count - kept.len();
    if beyond > 0 {
        let value = format!("left out: {beyond} more entries").into();
        kept.push(Metadata { label: "...".to_owned(), kind: "left_out".to_owned(), value });
    }
    *metadata = kept;
}

/// Cuts the stacks and the messages, the outermost error last: it says most.
fn cut_error(error: &mut Error, budget: usize) {
    cut_some(error.class.as_mut(), MAX_NAME);
    cut_text(&mut error.message, budget / 4);
    cut_text(&mut error.stack, budget / 2);
    match &mut error.cause {
        Some(cause) if budget > LEAST_ENTRY => cut_error(cause, budget / 2),
        cause => *cause = None,
    }
}

fn cut_some(text: Option<&mut String>, most: usize) {
    if let Some(text) = text {
        cut_text(text, most);
    }
}

/// Cuts a text, and says by how much.
fn cut_text(text: &mut String, most: usize) {
    if text.len() <= most {
        return;
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let beyond = text.len() - end;
    text.truncate(end);
    text.push_str(&format!(" [cut: {beyond} more bytes]"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(label: &str, value: serde_json::Value) -> Metadata {
        Metadata { label: label.to_owned(), kind: "json".to_owned(), value }
    }

    fn with(metadata: Vec<Metadata>) -> Told {
        Told::Output { name: "result".to_owned(), mapping_key: None, metadata }
    }

    fn length(value: &impl Serialize) -> usize {
        serde_json::to_vec(value).unwrap().len()
    }

    fn metadata(of: Told) -> Vec<Metadata> {
        let Told::Output { metadata, .. } = of else { panic!("{of:?}") };
        metadata
    }

    #[test]
    fn what_is_short_enough_is_kept_as_it_is() {
        let whole = with(vec![entry("a", json!([1, 2])), entry("b", json!("x"))]);
        assert_eq!(told(whole.clone()), whole);
    }

    #[test]
    fn a_value_that_is_too_long_is_cut_or_left_out_and_says_so() {
        let long = "é\n".repeat(MAX_EVENT_DATA);
        let kept = metadata(told(with(vec![
            entry("first", json!(1)),
            entry("rows", json!(vec![7; MAX_EVENT_DATA])),
            entry("text", json!(long)),
        ])));
        assert_eq!(kept[0], entry("first", json!(1)));
        assert_eq!((kept[1].kind.as_str(), kept[1].value.is_string()), ("left_out", true));
        assert!(kept[2].value.as_str().unwrap().ends_with("more bytes]"));
        assert!(length(&with(kept)) <= MAX_EVENT_DATA);
    }

    #[test]
    fn of_very_many_entries_the_first_are_kept() {
        let many = (0..50_000).map(|n| entry(&n.to_string(), json!(n))).collect();
        let kept = metadata(told(with(many)));
        assert!(kept.len() > 100, "{}", kept.len());
        assert_eq!(kept[7], entry("7", json!(7)));
        assert_eq!(kept.last().unwrap().kind, "left_out");
        assert!(length(&with(kept)) <= MAX_EVENT_DATA);
    }

    #[test]
    fn an_error_is_cut_with_all_its_causes() {
        let mut chain = Error::default();
        for _ in 0..20 {
            let text = "\u{1}".repeat(20_000);
            let cause = Some(Box::new(chain));
            chain =
                Error { class: Some("E".to_owned()), message: text.clone(), stack: text, cause };
        }
        let kept = error(chain);
        assert!(length(&kept) <= MAX_EVENT_DATA, "{}", length(&kept));
        assert!(kept.cause.is_some() && kept.message.ends_with("more bytes]"));
    }
}
