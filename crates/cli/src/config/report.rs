//! How the answers of `pointsman config` read, for people and for machines.

use ::config::{InstanceConfig, Origin, Problem, Problems, Row, Written};
use serde_json::{Value, json};

use super::Checked;

/// What a check found, for people.
pub(crate) fn checked_text(name: &str, read: &Checked) -> String {
    match read {
        Ok((_, warnings)) => format!("{}{name}: ok\n", warnings_text(warnings)),
        Err(problems) => {
            let count = problems.iter().count() + problems.omitted();
            let noun = if count == 1 { "problem" } else { "problems" };
            format!("{}\n{name}: {count} {noun}\n", problems_text(problems))
        }
    }
}

/// What a check found, for machines.
pub(crate) fn checked_json(name: &str, read: &Checked) -> String {
    let (problems, omitted, warnings) = match read {
        Ok((_, warnings)) => (Vec::new(), 0, warnings.as_slice()),
        Err(problems) => {
            (problems.iter().map(problem).collect(), problems.omitted(), problems.warnings())
        }
    };
    lines(&json!({
        "file": name,
        "ok": read.is_ok(),
        "problems": problems,
        "omitted_problems": omitted,
        "warnings": warnings.iter().map(problem).collect::<Vec<Value>>(),
    }))
}

/// Why nothing could be checked or shown, for machines.
pub(crate) fn error_json(error: &dyn std::error::Error) -> String {
    lines(&json!({ "ok": false, "error": error.to_string() }))
}

/// Warnings, then problems, one below the other.
pub(crate) fn problems_text(problems: &Problems) -> String {
    format!("{}{problems}\n", warnings_text(problems.warnings()))
}

/// Warnings one below the other, each with a blank line after it.
pub(crate) fn warnings_text(warnings: &[Problem]) -> String {
    let mut text = String::new();
    for warning in warnings {
        text += &format!("warning: {warning}\n\n");
    }
    text
}

fn problem(problem: &Problem) -> Value {
    let place = problem.place.as_ref();
    json!({
        "code": problem.code.word(),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "width": place.map(|place| place.excerpt.width),
        "text": place.map(|place| &place.excerpt.text),
        "message": problem.message,
        "hint": problem.hint,
    })
}

/// Every setting in force with its origin, for people: one line a setting.
pub(crate) fn settings_text(file: Option<&str>, config: &InstanceConfig) -> String {
    let rows: Vec<[String; 3]> = config.rows().iter().map(columns).collect();
    let width = |column: usize| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0).min(60)
    };
    let (keys, values) = (width(0), width(1));
    let mut text = match file {
        Some(file) => format!("# {file}\n"),
        None => "# no configuration file: every setting has its default\n".to_owned(),
    };
    for [key, value, origin] in &rows {
        text += &format!("{key:keys$}  {value:values$}  {origin}\n");
    }
    text
}

fn columns(row: &Row) -> [String; 3] {
    let value = match &row.value {
        Value::Null => default_word(row.key).to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => default_word(row.key).to_owned(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    };
    [row.key.to_owned(), value, origin_text(row)]
}

/// What the reference page calls the default of a key.
fn default_word(key: &str) -> &'static str {
    let leaves = ::config::keys::leaves(::config::keys::ROOT, "");
    let leaf = leaves.iter().find(|(path, _)| path == key);
    leaf.map_or("", |(_, key)| key.default)
}

fn origin_text(row: &Row) -> String {
    let (Origin::File(written) | Origin::Environment { written, .. }) = &row.origin else {
        return row.origin.to_string();
    };
    if written.key == row.key {
        row.origin.to_string()
    } else {
        format!("{} ({})", row.origin, written.key)
    }
}

/// Every setting in force with its origin, for machines.
pub(crate) fn settings_json(file: Option<&str>, config: &InstanceConfig) -> String {
    let settings: Vec<Value> = config
        .rows()
        .into_iter()
        .map(|row| json!({ "key": row.key, "value": row.value, "origin": origin(&row.origin) }))
        .collect();
    lines(&json!({ "file": file, "ok": true, "settings": settings }))
}

fn origin(origin: &Origin) -> Value {
    let place = |kind: &str, written: &Written, variable: Option<&str>| {
        json!({
            "kind": kind,
            "file": written.file,
            "line": written.line,
            "column": written.column,
            "key": written.key,
            "variable": variable,
        })
    };
    match origin {
        Origin::Default => json!({ "kind": "default" }),
        Origin::File(written) => place("file", written, None),
        Origin::Environment { variable, written } => place("environment", written, Some(variable)),
    }
}

fn lines(value: &Value) -> String {
    format!("{value:#}\n")
}
