//! How metadata are shown: one line an entry, tables with their first rows, long texts with their first
//! lines.

use serde_json::Value;
use wire::told::Metadata;

use super::plain;

/// How many characters of a value are shown; `--json` has all.
const MAX_VALUE: usize = 300;

/// How many lines of a text are shown.
const MAX_LINES: usize = 10;

/// How many rows of a table are shown.
const MAX_ROWS: usize = 5;

/// Writes metadata as lines that begin with this.
pub(crate) fn metadata(indent: &str, entries: &[Metadata]) -> String {
    let mut text = String::new();
    for Metadata { label, kind, value } in entries {
        let label = plain(label);
        if kind == "table" {
            text += &format!("{indent}{label}: {}\n", table_head(value));
            for row in value["rows"].as_array().into_iter().flatten().take(MAX_ROWS) {
                text += &format!("{indent}  {}\n", table_row(row));
            }
        } else if let Some(lines) = value.as_str().filter(|text| text.trim_end().contains('\n')) {
            text += &format!("{indent}{label}:\n{}", first_lines(indent, lines.trim_end()));
        } else {
            text += &format!("{indent}{label}: {}\n", value_text(value));
        }
    }
    text
}

/// Writes the beginning of a text of several lines, such as Markdown, below its label.
fn first_lines(indent: &str, text: &str) -> String {
    let mut shown = String::new();
    for line in text.lines().take(MAX_LINES) {
        shown += &format!("{indent}  {}\n", shortened(plain(line)));
    }
    if text.lines().nth(MAX_LINES).is_some() {
        shown += &format!("{indent}  ...\n");
    }
    shown
}

fn value_text(value: &Value) -> String {
    shortened(match value.as_str() {
        Some(text) => plain(text.trim_end()),
        None => plain(&value.to_string()),
    })
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{} ...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn table_head(table: &Value) -> String {
    let columns = table["columns"].as_array().into_iter().flatten();
    let columns: Vec<String> = columns.map(value_text).collect();
    let count = table["row_count"].as_u64().unwrap_or_default();
    format!("a table of {count} rows with {}", columns.join(", "))
}

fn table_row(row: &Value) -> String {
    let cells = row.as_object().into_iter().flatten();
    let cells: Vec<String> =
        cells.map(|(name, value)| format!("{}={}", plain(name), value_text(value))).collect();
    cells.join("  ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_entry_is_a_line_and_tables_and_texts_have_their_first_ones() {
        let entry = |label: &str, kind: &str, value: Value| Metadata {
            label: label.to_owned(),
            kind: kind.to_owned(),
            value,
        };
        let table = json!({"columns": ["a"], "row_count": 9, "rows": [{"a": 1}, {"a": 2}]});
        let entries = [
            entry("rows", "int", json!(42)),
            entry("note", "markdown", json!("# title\n\u{1b}[31mred")),
            entry("table", "markdown", json!("| a |\n".repeat(20))),
            entry("long", "text", json!("x".repeat(500))),
            entry("seen", "table", table),
        ];
        let text = metadata("  ", &entries);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "  rows: 42");
        assert_eq!(lines[1..4], ["  note:", "    # title", "    \u{fffd}[31mred"]);
        assert_eq!((lines[4], lines[5], lines[15]), ("  table:", "    | a |", "    ..."));
        assert!(lines[16].ends_with("x ..."), "{lines:?}");
        assert_eq!(lines[17..], ["  seen: a table of 9 rows with a", "    a=1", "    a=2"]);
    }
}
