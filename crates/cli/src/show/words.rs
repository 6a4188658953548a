//! Single values in words: statuses, durations, reasons.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{AssetEventKind, LOCATION_TAG, PRIORITY_TAG, RunStatus, StepStatus, Timestamp};
use wire::api::{AssetEvent, Explanation, Limit, Reason, Time, short_id};

use super::{Cell, Colour};

/// How many holders a table names; `run why` names all that the server tells.
const HOLDERS_SHOWN: usize = 3;

/// How the keys of tags begin that Dagster hides too.
const HIDDEN_TAGS: &str = ".dagster/";

/// Returns a text without control characters, which could move a terminal's cursor.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Returns a name as a shell takes it.
pub(crate) fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c);
    if !name.starts_with('-') && name.chars().all(is_plain) {
        return name.to_owned();
    }
    let dashes = if name.starts_with('-') { "-- " } else { "" };
    format!("{dashes}'{}'", plain(name).replace('\'', r"'\''"))
}

/// Returns lines `name  value`, the values below each other.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in fields {
        text += &format!("{name:width$}  {}\n", plain(value));
    }
    text
}

pub(crate) fn run_status(status: RunStatus) -> Cell {
    let colour = match status {
        RunStatus::Success => Some(Colour::Green),
        RunStatus::Failure => Some(Colour::Red),
        RunStatus::Starting | RunStatus::Started => Some(Colour::Cyan),
        RunStatus::Canceling | RunStatus::Canceled => Some(Colour::Yellow),
        RunStatus::NotStarted | RunStatus::Queued | RunStatus::Managed | RunStatus::Suspended => {
            None
        }
    };
    Cell::coloured(status.as_str(), colour)
}

pub(crate) fn step_status(status: StepStatus) -> Cell {
    let colour = match status {
        StepStatus::Succeeded => Some(Colour::Green),
        StepStatus::Failed => Some(Colour::Red),
        StepStatus::Running => Some(Colour::Cyan),
        StepStatus::UpForRetry | StepStatus::Canceled => Some(Colour::Yellow),
        StepStatus::WaitingForDependencies | StepStatus::WaitingForSlots | StepStatus::Skipped => {
            None
        }
    };
    Cell::coloured(&status.to_string(), colour)
}

/// Returns a duration in its two largest units, such as `1m 05s`.
pub(crate) fn interval(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m {:02}s", seconds % 60),
        3600..86_400 => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

/// Returns how long ago an instant was.
pub(crate) fn ago(now: Timestamp, then: Time) -> String {
    format!("{} ago", interval(now.since(then.0)))
}

/// Says in one line what was told of an asset.
pub(crate) fn asset_event(event: &AssetEvent) -> String {
    let partition = event.partition.as_ref().map(|partition| format!(", partition {partition}"));
    let asset = format!("{}{}", event.asset, partition.unwrap_or_default());
    match event.kind {
        AssetEventKind::Materialization => format!("made {asset}"),
        AssetEventKind::Observation => format!("observed {asset}"),
        AssetEventKind::Check => {
            let check = event.check.as_deref().unwrap_or_default();
            format!("check {check} of {asset} {}", check_result(event))
        }
    }
}

/// Says how a check ended.
pub(crate) fn check_result(event: &AssetEvent) -> String {
    match (event.passed, &event.severity) {
        (Some(true), _) => "passed".to_owned(),
        (_, Some(severity)) => format!("failed ({severity})"),
        (_, None) => "failed".to_owned(),
    }
}

/// Returns how long something took that began and may have ended; nothing, if it has not begun.
pub(crate) fn took(now: Timestamp, began: Option<Time>, ended: Option<Time>) -> String {
    let Some(began) = began else { return String::new() };
    let duration = ended.map_or(now, |end| end.0).since(began.0);
    if duration < Duration::from_secs(10) {
        return format!("{}.{}s", duration.as_secs(), duration.subsec_millis() / 100);
    }
    interval(duration)
}

pub(crate) fn tags(tags: &BTreeMap<String, String>) -> String {
    pairs(tags.iter())
}

/// Returns the tags that tell something in a table: the one of the code location is on every run, the
/// priority has a column of its own.
pub(crate) fn own_tags(tags: &BTreeMap<String, String>) -> String {
    let is_known =
        |key: &str| [LOCATION_TAG, PRIORITY_TAG].contains(&key) || key.starts_with(HIDDEN_TAGS);
    pairs(tags.iter().filter(|(key, _)| !is_known(key)))
}

fn pairs<'a>(tags: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let pairs: Vec<String> = tags.map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(", ")
}

/// Returns the main reason of an explanation in a few words, and how many more there are.
pub(crate) fn reason(explanation: &Explanation) -> String {
    let more = explanation.reasons.len().saturating_sub(1);
    match main_reason(explanation) {
        None => String::new(),
        Some(only) if more == 0 => limit(only),
        Some(main) => format!("{}, {more} more", limit(main)),
    }
}

/// Returns the first reason; but that somebody holds the run goes before all limits, because these
/// may pass by themselves.
fn main_reason(explanation: &Explanation) -> Option<&Reason> {
    let is_hold = |reason: &&Reason| matches!(reason.limit, Limit::Hold);
    explanation.reasons.iter().find(is_hold).or(explanation.reasons.first())
}

fn limit(reason: &Reason) -> String {
    let name = match &reason.limit {
        Limit::Hold => return "held".to_owned(),
        Limit::CodeLocation { location } => return format!("code location {location} is paused"),
        Limit::MaxConcurrentRuns => "max_concurrent_runs".to_owned(),
        Limit::BranchDeployments => "branch deployments".to_owned(),
        Limit::Tag { key, value: None, .. } => format!("tag {key}"),
        Limit::Tag { key, value: Some(value), .. } => format!("tag {key}={value}"),
        Limit::Pool { pool } => format!("pool {pool}"),
    };
    let usage = reason.usage;
    let taken = if reason.counts_slots { usage.granted + usage.roots } else { usage.runs };
    let waiting = match usage.pending {
        waiting if reason.counts_slots && waiting > 0 => format!(" (+{waiting} waiting)"),
        _ => String::new(),
    };
    match reason.capacity {
        Some(capacity) => format!("{name} {taken}/{capacity}{waiting}"),
        None => name,
    }
}

/// Returns the first holders of what blocks mainly, by short ids.
pub(crate) fn holders(explanation: &Explanation) -> String {
    let Some(first) = main_reason(explanation) else { return String::new() };
    let mut runs: Vec<&str> = first.holders.iter().map(|holder| short_id(&holder.run)).collect();
    runs.dedup();
    let hidden = runs.len().saturating_sub(HOLDERS_SHOWN) as u64 + first.more_holders;
    runs.truncate(HOLDERS_SHOWN);
    let mut text = runs.join(", ");
    if hidden > 0 {
        text += &format!(", {hidden} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_told_in_its_two_largest_units() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (65, "1m 05s"),
            (3599, "59m 59s"),
            (7380, "2h 03m"),
            (86_400 * 4 + 3600 * 5, "4d 05h"),
        ] {
            assert_eq!(interval(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn the_first_reason_is_told_in_a_few_words() {
        let told = |reasons: serde_json::Value| -> (String, String) {
            let explanation = serde_json::json!({ "state": "blocked", "reasons": reasons });
            let explanation: Explanation = serde_json::from_value(explanation).unwrap();
            (reason(&explanation), holders(&explanation))
        };
        let one = |limit: serde_json::Value, capacity: Option<u32>, holders: &[&str], more: u64| {
            let holder = |run: &&str| serde_json::json!({"run": run, "part": "run", "step": null, "units": 1});
            serde_json::json!({
                "limit": limit, "capacity": capacity,
                "usage": {"runs": 1, "granted": 2, "pending": 0, "roots": 1},
                "counts_slots": limit["kind"] == "pool", "wanted": 1,
                "holders": holders.iter().map(holder).collect::<Vec<_>>(),
                "more_holders": more, "reserved_by": null,
                "ahead": {"count": 0, "is_exact": true}, "remedy": {"kind": "release"},
            })
        };
        let tag =
            serde_json::json!({"kind": "tag", "key": "team", "value": "docs", "scope": "value"});
        let tag = one(tag, Some(1), &["1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10"], 0);
        let pool = one(
            serde_json::json!({"kind": "pool", "pool": "db"}),
            Some(2),
            &["a", "b", "c", "d"],
            3,
        );
        let hold = one(serde_json::json!({"kind": "hold"}), Some(0), &[], 0);
        let (first, second) = told(serde_json::json!([tag]));
        assert_eq!((first.as_str(), second.as_str()), ("tag team=docs 1/1", "1b4e28ba"));
        let (first, second) = told(serde_json::json!([pool, tag]));
        assert_eq!((first.as_str(), second.as_str()), ("pool db 3/2, 1 more", "a, b, c, 4 more"));
        let mut asked_for = pool.clone();
        asked_for["usage"]["pending"] = 2.into();
        assert_eq!(told(serde_json::json!([asked_for])).0, "pool db 3/2 (+2 waiting)");
        let (first, second) = told(serde_json::json!([tag, hold]));
        assert_eq!((first.as_str(), second.as_str()), ("held, 1 more", ""), "a hold goes first");
        assert_eq!(told(serde_json::json!([hold])).0, "held");
        assert_eq!(told(serde_json::json!([])), (String::new(), String::new()));
    }

    #[test]
    fn tables_leave_out_tags_that_tell_nothing() {
        let all =
            ["team", "dagster/priority", "dagster/code_location", ".dagster/x", "dagster/backfill"];
        let all = all.into_iter().map(|key| (key.to_owned(), "1".to_owned())).collect();
        assert_eq!(own_tags(&all), "dagster/backfill=1, team=1");
        assert!(tags(&all).starts_with(".dagster/x=1, "));
    }

    #[test]
    fn a_pool_is_named_as_a_shell_takes_it() {
        for (name, shell) in [
            ("team/db", "team/db"),
            ("it's", r"'it'\''s'"),
            ("$(boom)", "'$(boom)'"),
            ("-x", "-- '-x'"),
            ("é", "'é'"),
        ] {
            assert_eq!(quoted(name), shell);
        }
    }
}
