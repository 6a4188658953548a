//! The queries of list requests, read and written in one place.

use model::RunStatus;
use thiserror::Error;
use utoipa::IntoParams;

use super::{LogStream, MAX_PAGE, Time};

/// Says why a query cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QueryError {
    /// The query has a key that the request does not know.
    #[error("there is no query parameter `{key}` here; known: {known}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The known ones.
        known: &'static str,
    },
    /// A value is not what it must be.
    #[error("query parameter `{key}`: {problem}")]
    BadValue {
        /// The key.
        key: String,
        /// What is wrong with its value.
        problem: String,
    },
}

pub(super) fn bad_value(key: &str, problem: impl Into<String>) -> QueryError {
    QueryError::BadValue { key: key.to_owned(), problem: problem.into() }
}

pub(super) fn number<N: std::str::FromStr>(key: &str, value: &str) -> Result<N, QueryError> {
    value.parse().map_err(|_| bad_value(key, format!("{value:?} is no whole number in its range")))
}

pub(super) fn page_size(key: &str, value: &str) -> Result<u32, QueryError> {
    match number(key, value)? {
        size @ 1..=MAX_PAGE => Ok(size),
        _ => Err(bad_value(key, format!("it must be between 1 and {MAX_PAGE}"))),
    }
}

/// Which runs `GET /api/v1/runs` lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunFilter {
    /// Only runs in one of these statuses; all, if empty. In the query, several are written
    /// `QUEUED,STARTED`.
    #[param(rename = "status", value_type = Option<String>, example = "QUEUED,STARTED")]
    pub statuses: Vec<RunStatus>,
    /// Only runs of this job.
    #[param(pattern = r"^\S+$")]
    pub job: Option<String>,
    /// Only runs of jobs of this code location.
    #[param(pattern = r"^\S+$")]
    pub location: Option<String>,
    /// Only runs that have all these tags. In the query: `tag=key=value`, repeated.
    #[param(rename = "tag", value_type = Option<Vec<String>>, example = json!(["team=docs"]))]
    pub tags: Vec<(String, String)>,
    /// Only runs that were submitted at this time or later.
    pub since: Option<Time>,
    /// What the page before gave as `next`.
    #[param(pattern = "^[0-9]+$")]
    pub before: Option<String>,
    /// How many runs, 1 to 500; 50 unless given.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

impl RunFilter {
    /// Reads the decoded pairs of a query.
    ///
    /// # Errors
    /// Says which parameter is unknown or wrong.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, QueryError> {
        let mut filter = Self::default();
        for (key, value) in pairs {
            filter.take(key.as_ref(), value.as_ref())?;
        }
        Ok(filter)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), QueryError> {
        match key {
            "status" => {
                for name in value.split(',') {
                    let status = RunStatus::from_name(name)
                        .ok_or_else(|| bad_value(key, format!("there is no status {name:?}")))?;
                    self.statuses.push(status);
                }
            }
            "job" => self.job = Some(value.to_owned()),
            "location" => self.location = Some(value.to_owned()),
            "tag" => {
                let (tag, wanted) = value.split_once('=').ok_or_else(|| {
                    bad_value(key, format!("{value:?} must have the form key=value"))
                })?;
                self.tags.push((tag.to_owned(), wanted.to_owned()));
            }
            "since" => {
                self.since = Some(Time::parse(value).map_err(|problem| bad_value(key, problem))?);
            }
            "before" => self.before = Some(value.to_owned()),
            "limit" => self.limit = Some(page_size(key, value)?),
            _ => {
                let known = "status, job, location, tag, since, before, limit";
                return Err(QueryError::UnknownKey { key: key.to_owned(), known });
            }
        }
        Ok(())
    }

    /// Returns the pairs of the query that says this.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        if !self.statuses.is_empty() {
            let names: Vec<&str> = self.statuses.iter().map(|status| status.as_str()).collect();
            pairs.push(("status", names.join(",")));
        }
        pairs.extend(self.job.clone().map(|job| ("job", job)));
        pairs.extend(self.location.clone().map(|location| ("location", location)));
        pairs.extend(self.tags.iter().map(|(key, value)| ("tag", format!("{key}={value}"))));
        pairs.extend(self.since.map(|since| ("since", since.to_string())));
        pairs.extend(self.before.clone().map(|before| ("before", before)));
        pairs.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        pairs
    }
}

/// Which part of a list to return.
#[derive(Debug, Clone, PartialEq, Eq, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// What the page before gave as `next`.
    #[param(min_length = 1)]
    pub after: Option<String>,
    /// How many entries, 1 to 500; 50 unless given.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

impl Page {
    /// Reads the decoded pairs of a query.
    ///
    /// # Errors
    /// Says which parameter is unknown or wrong.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, QueryError> {
        let mut page = Self::default();
        for (key, value) in pairs {
            let value = value.as_ref();
            match key.as_ref() {
                "after" => page.after = Some(value.to_owned()),
                key @ "limit" => page.limit = Some(page_size(key, value)?),
                key => {
                    let known = "after, limit";
                    return Err(QueryError::UnknownKey { key: key.to_owned(), known });
                }
            }
        }
        Ok(page)
    }

    /// Returns the pairs of the query that says this.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let after = self.after.clone().map(|after| ("after", after));
        after.into_iter().chain(self.limit.map(|limit| ("limit", limit.to_string()))).collect()
    }
}

/// Which part of which log `GET /api/v1/runs/{id}/logs` returns; a list of what there is, if no step
/// is named.
#[derive(Debug, Clone, PartialEq, Eq, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogFilter {
    /// The step's key.
    pub step: Option<String>,
    /// The number of the try; the latest unless given.
    #[param(rename = "try")]
    pub r#try: Option<u32>,
    /// The stream.
    #[param(inline, value_type = Option<LogStream>)]
    pub stream: LogStream,
    /// Where to begin, in bytes.
    #[param(value_type = Option<u64>)]
    pub offset: u64,
    /// How many bytes at most; 1 MiB unless given, and never more.
    pub limit: Option<u64>,
}

impl LogFilter {
    /// Reads the decoded pairs of a query.
    ///
    /// # Errors
    /// Says which parameter is unknown or wrong.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, QueryError> {
        let mut filter = Self::default();
        for (key, value) in pairs {
            let value = value.as_ref();
            match key.as_ref() {
                "step" => filter.step = Some(value.to_owned()),
                key @ "try" => filter.r#try = Some(number(key, value)?),
                "stream" => filter.stream = stream(value)?,
                key @ "offset" => filter.offset = number(key, value)?,
                key @ "limit" => filter.limit = Some(number(key, value)?),
                key => {
                    let known = "step, try, stream, offset, limit";
                    return Err(QueryError::UnknownKey { key: key.to_owned(), known });
                }
            }
        }
        Ok(filter)
    }

    /// Returns the pairs of the query that says this.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let Some(step) = &self.step else { return Vec::new() };
        let mut pairs = vec![
            ("step", step.clone()),
            ("stream", self.stream.as_str().to_owned()),
            ("offset", self.offset.to_string()),
        ];
        pairs.extend(self.r#try.map(|number| ("try", number.to_string())));
        pairs.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        pairs
    }
}

fn stream(value: &str) -> Result<LogStream, QueryError> {
    [LogStream::Stdout, LogStream::Stderr, LogStream::Log]
        .into_iter()
        .find(|stream| stream.as_str() == value)
        .ok_or_else(|| bad_value("stream", format!("{value:?} is none of stdout, stderr and log")))
}
