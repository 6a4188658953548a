//! What counts as the same output: ids, times and widths of columns may differ, ids only together.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

/// Ids of runs (whole, and their first eight digits), and everything that is a time.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    let id =
        r"(?P<id>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{8}\b)";
    let instant = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?|\b\d\d:\d\d:\d\d(\.\d+)?\b";
    let duration = r"\b\d+(\.\d+)?(ms|s|m|h|d)\b( \d+(\.\d+)?(ms|s|m|h)\b)*";
    Regex::new(&format!("{id}|(?P<time>{instant}|{duration})")).unwrap()
});

/// A beginning of an id in a command.
static PREFIX: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b[0-9a-f][0-9a-f-]{3,35}\b").unwrap());

/// Which id of the page is which id of this day, by their first eight digits.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ids(BTreeMap<String, String>);

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Id(String),
    Time,
}

impl Ids {
    /// Returns a command of the page with the ids of this day.
    pub(crate) fn translate(&self, command: &str) -> String {
        let replace = |found: &regex::Captures<'_>| {
            let prefix = &found[0];
            let mut known = self.0.iter().filter(|(shown, _)| {
                let length = prefix.len().min(shown.len());
                shown[..length] == prefix[..length]
            });
            known.next().map_or_else(|| prefix.to_owned(), |(_, real)| real.clone())
        };
        PREFIX.replace_all(command, replace).into_owned()
    }

    /// Compares what a page shows with what was printed.
    ///
    /// # Errors
    /// The first line that differs.
    pub(crate) fn compare(&mut self, shown: &str, printed: &str) -> Result<(), String> {
        let mut ids = self.clone();
        ids.lines(&shown.lines().collect::<Vec<_>>(), &printed.lines().collect::<Vec<_>>())?;
        *self = ids;
        Ok(())
    }

    fn lines(&mut self, shown: &[&str], printed: &[&str]) -> Result<(), String> {
        match (shown, printed) {
            ([], []) | (["..."], _) => Ok(()),
            ([], [line, ..]) => Err(format!("printed, but not shown: {line}")),
            (["...", rest @ ..], _) => (0..=printed.len())
                .find_map(|skipped| {
                    let mut ids = self.clone();
                    ids.lines(rest, &printed[skipped..]).ok()?;
                    *self = ids;
                    Some(())
                })
                .ok_or_else(|| format!("not printed after the `...`: {}", rest[0])),
            ([line, ..], []) => Err(format!("shown, but not printed: {line}")),
            ([one, shown @ ..], [other, printed @ ..]) => {
                if self.is_same_line(one, other) {
                    return self.lines(shown, printed);
                }
                Err(format!("shown:   {one}\nprinted: {other}"))
            }
        }
    }

    fn is_same_line(&mut self, shown: &str, printed: &str) -> bool {
        let (mut shown, mut printed) = (pieces(shown), pieces(printed));
        if let Some(Piece::Text(last)) = shown.last_mut()
            && let Some(begin) = last.strip_suffix("...")
        {
            let begin = begin.to_owned();
            last.clone_from(&begin);
            printed.truncate(shown.len());
            match printed.last_mut() {
                Some(Piece::Text(text)) if text.starts_with(&begin) => text.truncate(begin.len()),
                Some(Piece::Text(_) | Piece::Id(_) | Piece::Time) | None => return false,
            }
        }
        shown.len() == printed.len()
            && shown.into_iter().zip(printed).all(|(one, other)| match (one, other) {
                (Piece::Id(one), Piece::Id(other)) => {
                    *self.0.entry(one).or_insert_with(|| other.clone()) == other
                }
                (one, other) => one == other,
            })
    }
}

/// Cuts a line into ids, times and texts, whose white space is made equal.
fn pieces(line: &str) -> Vec<Piece> {
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut pieces = Vec::new();
    let mut at = 0;
    for found in VARIABLE.captures_iter(&line) {
        let whole = found.get(0).unwrap();
        pieces.push(Piece::Text(line[at..whole.start()].to_owned()));
        pieces.push(match found.name("id") {
            Some(id) => Piece::Id(id.as_str()[..8].to_owned()),
            None => Piece::Time,
        });
        at = whole.end();
    }
    pieces.push(Piece::Text(line[at..].to_owned()));
    pieces
}

#[test]
fn ids_and_times_may_differ_and_nothing_else() {
    let same = |shown: &str, printed: &str| Ids::default().compare(shown, printed).is_ok();
    assert!(same("run 596428e2 waits  3s", "run 0b1c2d3e waits 12.5s"));
    assert!(same("596428e2 after 596428e2", "00000000 after 00000000"));
    assert!(!same("596428e2 after 596428e2", "00000000 after 00000001"));
    assert!(same("a\n...\nz", "a\nb\nc\nz"));
    assert!(!same("a\n...\nz", "a\nb\nc"));
    assert!(same("waits for ...", "waits for a long time"));
    assert!(!same("waits for ...", "waits"));
    assert!(!same("1 of 1", "1 of 2"));
    assert!(!same("a", "a\nb"));
}
