//! The ledger that the steps' own processes write: the order of its lines is what happened.

use std::str::FromStr;

/// One process of a step: a try of a step in an attempt of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who {
    pub(crate) run: String,
    pub(crate) step: String,
    pub(crate) attempt: u32,
    pub(crate) try_number: u32,
    pub(crate) pid: u32,
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// The process is there, and was not before.
    Start(Who),
    /// The process is about to end with this code.
    End(Who, i32),
    /// The process, and all that it started, was found dead. It may have told its end.
    Gone(Who),
}

/// Reads a ledger.
pub(crate) fn read(text: &str) -> Result<Vec<Line>, String> {
    text.lines()
        .map(|line| parse(line).ok_or_else(|| format!("no line of a ledger: {line:?}")))
        .collect()
}

fn parse(line: &str) -> Option<Line> {
    let mut words = line.split(' ');
    let word = words.next()?;
    let who = Who {
        run: words.next()?.to_owned(),
        step: words.next()?.to_owned(),
        attempt: number(words.next()?)?,
        try_number: number(words.next()?)?,
        pid: number(words.next()?)?,
    };
    match (word, words.next(), words.next()) {
        ("start", None, None) => Some(Line::Start(who)),
        ("end", Some(code), None) => Some(Line::End(who, number(code)?)),
        ("gone", None, None) => Some(Line::Gone(who)),
        _ => None,
    }
}

fn number<N: FromStr>(word: &str) -> Option<N> {
    word.parse().ok()
}
