//! Reads what a step that is written for Dagster has logged: lines of JSON, out of all that it has told.

use std::io;
use std::path::Path;

use model::Timestamp;
use serde::Deserialize;
use wire::api::LogLine;
use wire::told::Error;

use crate::logfile::{self, Part};

/// How long a line is at most, in bytes: one that is longer is none of ours, and is passed over.
const MAX_LINE: u64 = 2 * 1024 * 1024;

/// Reads the whole lines in at most `limit` bytes from an offset on, and at least one: offsets count all
/// that the step has told.
pub(crate) fn read(path: &Path, offset: u64, limit: u64) -> io::Result<Part> {
    let (bytes, is_end) = logfile::bytes(path, offset, limit.max(MAX_LINE))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut text, mut used) = (String::new(), 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let is_beyond = used > 0 && used + line.len() > limit;
        if is_beyond || line.last() != Some(&b'\n') {
            break;
        }
        used += line.len();
        if let Some(line) = logged(line) {
            text += &line;
            text.push('\n');
        }
    }
    let rest = bytes.get(used..).unwrap_or_default();
    let is_whole_left = rest.contains(&b'\n');
    if used == 0 && !is_end && !is_whole_left {
        used = bytes.len();
    }
    let next_offset = offset.saturating_add(used as u64);
    Ok(Part { text, next_offset, is_end: is_end && !is_whole_left })
}

/// A line as Python writes it.
#[derive(Debug, Deserialize)]
struct Line {
    kind: String,
    at: f64,
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    step: Option<String>,
    #[serde(default)]
    error: Option<Error>,
}

/// Returns a line as it is told, if something was logged by it.
fn logged(line: &[u8]) -> Option<String> {
    let Line { kind, at, level, message, step, error } = serde_json::from_slice(line).ok()?;
    let of_dagster = if error.is_some() { "ERROR" } else { "INFO" };
    let level = match (kind.as_str(), level) {
        ("log", Some(level)) => level,
        ("log" | "engine", _) => of_dagster.to_owned(),
        _ => return None,
    };
    let since = std::time::Duration::try_from_secs_f64(at).unwrap_or_default();
    let at = Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)).into();
    serde_json::to_string(&LogLine { at, level, message, step, error }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(part: &Part) -> Vec<String> {
        let line = |line: &str| serde_json::from_str::<LogLine>(line).unwrap();
        part.text
            .lines()
            .map(|text| format!("{} {}", line(text).level, line(text).message))
            .collect()
    }

    #[test]
    fn only_what_was_logged_is_told_in_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answer");
        let lines = [
            r#"{"kind":"started","at":1.5}"#.to_owned(),
            r#"{"kind":"log","at":1.5,"level":"INFO","message":"one"}"#.to_owned(),
            format!(r#"{{"kind":"materialization","at":1.5,"asset_key":"{}"}}"#, "x".repeat(500)),
            r#"{"kind":"log","at":2.25,"level":"WARNING","message":"two\nlines"}"#.to_owned(),
            r#"{"kind":"engine","at":3,"message":"no","error":{"class":"E","message":"m"}}"#
                .to_owned(),
            r#"{"kind":"log","at":4,"level":"INFO","message":"not wh"#.to_owned(),
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let all = ["INFO one", "WARNING two\nlines", "ERROR no"];
        for limit in [1, 60, 200, 10_000] {
            let (mut told, mut offset) = (Vec::new(), 0);
            loop {
                let part = read(&path, offset, limit).unwrap();
                told.extend(messages(&part));
                assert!(part.next_offset > offset || part.is_end, "{part:?}");
                offset = part.next_offset;
                if part.is_end {
                    break;
                }
            }
            assert_eq!(told, all, "{limit}");
        }
        let first: LogLine =
            serde_json::from_str(read(&path, 0, 10_000).unwrap().text.lines().next().unwrap())
                .unwrap();
        assert_eq!(first.at.to_string(), "1970-01-01T00:00:01.500000Z");
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answer");
        let long = "x".repeat(5 << 20);
        let line = r#"{"kind":"log","at":1,"level":"INFO","message":"behind"}"#;
        std::fs::write(&path, format!("{long}\n{line}\n")).unwrap();
        let (mut told, mut offset) = (Vec::new(), 0);
        for _ in 0..10 {
            let part = read(&path, offset, 100).unwrap();
            told.extend(messages(&part));
            offset = part.next_offset;
        }
        assert_eq!(told, ["INFO behind"]);
    }
}
