//! Which runs a command is about, said by what they are: the same flags for every command.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use model::{RunStatus, Timestamp};
use wire::api::{RunFilter, RunQuery, Time};

use crate::failure::Failure;
use crate::remote::now;

/// The heading of these flags on a help page.
const HEADING: &str = "Which runs";

/// Runs by what they are. What is given must all be so.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct FilterArgs {
    /// Only runs in these statuses, such as QUEUED,STARTED
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = status)]
    status: Vec<RunStatus>,
    /// Only runs that are queued
    #[arg(long)]
    queued: bool,
    /// Only runs in progress: STARTING, STARTED or CANCELING
    #[arg(long)]
    in_progress: bool,
    /// Only runs that have ended: SUCCESS, FAILURE or CANCELED
    #[arg(long)]
    ended: bool,
    /// Only runs of this job
    #[arg(long, value_name = "JOB")]
    job: Option<String>,
    /// Only runs of jobs of this code location
    #[arg(short, long, value_name = "LOCATION")]
    location: Option<String>,
    /// Only runs with this tag; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag)]
    tag: Vec<(String, String)>,
    /// Only runs submitted since then: an age such as 90m, 2h or 3d, a date (UTC), or a time such
    /// as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Timestamp>,
}

impl FilterArgs {
    /// Returns whether nothing is said: every run is meant.
    pub(crate) fn is_empty(&self) -> bool {
        self.statuses().is_empty()
            && self.job.is_none()
            && self.location.is_none()
            && self.tag.is_empty()
            && self.since.is_none()
    }

    /// Returns the statuses that are named, one by one or as a group; all, if none is.
    pub(crate) fn statuses(&self) -> Vec<RunStatus> {
        let in_group = |status: &RunStatus| {
            (self.queued && *status == RunStatus::Queued)
                || (self.in_progress && status.is_in_progress())
                || (self.ended && status.is_terminal())
        };
        let is_named = |status: &&RunStatus| self.status.contains(status) || in_group(status);
        RunStatus::ALL.iter().filter(is_named).copied().collect()
    }

    /// Returns the tags, each key once.
    ///
    /// # Errors
    /// One key is given with two values, which no run has.
    pub(crate) fn tags(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut tags = BTreeMap::new();
        for (key, value) in &self.tag {
            if tags.insert(key.clone(), value.clone()).is_some_and(|other| other != *value) {
                let message = format!("no run has two values of the tag `{key}`");
                return Err(Failure::input(message, "give --tag once for each key"));
            }
        }
        Ok(tags)
    }

    /// Returns what a request to change runs says.
    pub(crate) fn to_query(&self) -> Result<RunQuery, Failure> {
        Ok(RunQuery {
            status: self.statuses(),
            job: self.job.clone(),
            location: self.location.clone(),
            tags: self.tags()?,
            since: self.since.map(Time),
        })
    }

    /// Returns what a list request says.
    pub(crate) fn to_filter(&self) -> Result<RunFilter, Failure> {
        Ok(RunFilter {
            statuses: self.statuses(),
            job: self.job.clone(),
            location: self.location.clone(),
            tags: self.tags()?.into_iter().collect(),
            since: self.since.map(Time),
            ..RunFilter::default()
        })
    }
}

fn status(text: &str) -> Result<RunStatus, String> {
    let upper = text.trim().to_ascii_uppercase();
    RunStatus::from_name(&upper).ok_or_else(|| {
        let known: Vec<&str> = RunStatus::ALL.iter().map(|status| status.as_str()).collect();
        format!("known statuses: {}", known.join(", "))
    })
}

/// Reads a tag.
pub(crate) fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some(("", _)) => Err("a tag must have a key before the `=`".to_owned()),
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err("a tag must have the form key=value".to_owned()),
    }
}

fn since(text: &str) -> Result<Timestamp, String> {
    instant(text, now())
}

/// Reads an instant: an age before `now`, a date, or a time.
fn instant(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Some(age) = duration(text) {
        let micros = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        return Ok(Timestamp::from_micros(now.as_micros().saturating_sub(micros)));
    }
    let is_date = text.len() == "2026-01-31".len() && !text.contains(':');
    let full = if is_date { format!("{text}T00:00:00Z") } else { text.to_owned() };
    Time::parse(&full).map(|time| time.0).map_err(|_| {
        "it must be an age such as 90m, 2h or 3d, a date such as 2026-01-31, or a time such as \
         2026-01-31T12:00:00Z"
            .to_owned()
    })
}

/// Reads an age such as `90s`, `15m`, `2h`, `3d` or `1w`, or several in one: `1d12h`.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| "it must be an age such as 90m, 2h, 3d or 1d12h".to_owned())
}

fn duration(text: &str) -> Option<Duration> {
    let (mut seconds, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let mut letters = rest.get(digits..)?.chars();
        let unit = match letters.next()? {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = letters.as_str();
    }
    (!text.is_empty()).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_an_age_a_date_or_a_time() {
        let now = Time::parse("2026-01-31T12:00:00Z").unwrap().0;
        let read = |text: &str| instant(text, now).map(|at| Time(at).to_string());
        for (text, at) in [
            ("90s", "2026-01-31T11:58:30.000000Z"),
            ("2h", "2026-01-31T10:00:00.000000Z"),
            ("1d12h", "2026-01-30T00:00:00.000000Z"),
            ("1w", "2026-01-24T12:00:00.000000Z"),
            ("0m", "2026-01-31T12:00:00.000000Z"),
            ("2026-01-30", "2026-01-30T00:00:00.000000Z"),
            ("2026-01-30T01:00:00+01:00", "2026-01-30T00:00:00.000000Z"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(at), "{text}");
        }
        for text in ["", "2", "h", "2x", "-2h", "2h ", "yesterday", "2026-13-01", "12:00", "日本語"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        // An age beyond all time is no reason to fail: everything is younger.
        assert!(read("9999999999w").is_ok());
    }

    #[test]
    fn tags_have_a_key_and_a_value() {
        assert_eq!(tag("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(tag("a="), Ok(("a".to_owned(), String::new())));
        assert!(tag("a").is_err() && tag("=b").is_err());
    }
}
