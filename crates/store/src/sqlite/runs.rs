//! Lists of runs, page by page. Each statement walks one index in the order of the page, so that a
//! page costs what it shows and what its filter skips, never a sort of everything.

use std::cmp::Reverse;

use model::{RunId, Seq};
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;

use super::decode::{Columns, RunReader};
use super::reads::{column, key};
use super::{Store, sql};
use crate::error::ReadError;
use crate::read::{Cursor, RunsFilter, StoredRun};
use crate::rows::Rows;

/// The hexadecimal digits of a run's id.
const ID_DIGITS: usize = 32;

/// More than every priority.
const ABOVE_ALL: i64 = i64::MAX;

impl Store {
    /// Returns a run; none if it is not stored.
    pub async fn run(&self, id: RunId) -> Result<Option<StoredRun>, ReadError> {
        Ok(self.runs_of(sqlx::query(sql!(run)).bind(key(id))).await?.pop())
    }

    /// Returns runs whose id begins with these hexadecimal digits (dashes and case do not matter),
    /// by id, at most `limit`; two of them show that a prefix is not unique. What is no beginning of
    /// an id finds nothing.
    pub async fn run_ids_with_prefix(
        &self,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<RunId>, ReadError> {
        let Some((first, last)) = ids_with_prefix(prefix) else {
            return Ok(Vec::new());
        };
        let query =
            sqlx::query(sql!(run_ids_with_prefix)).bind(key(first)).bind(key(last)).bind(limit);
        self.all(query, |row| Columns::of(row).run_id()).await
    }

    /// Returns runs that a filter lets through, the newest first: at most `limit` of those older than
    /// `before`.
    pub async fn runs(
        &self,
        filter: &RunsFilter,
        before: Option<Seq>,
        limit: u32,
    ) -> Result<Vec<StoredRun>, ReadError> {
        let page = Page::new(filter, before, limit)?;
        if let Some((tag, value)) = filter.tags.iter().next() {
            return self.runs_of(page.bind(sql!(runs_with_tag)).bind(tag).bind(value)).await;
        }
        if filter.job.is_some() {
            return self.runs_of(page.bind(sql!(runs_of_job))).await;
        }
        if filter.statuses.is_empty() {
            return self.runs_of(page.bind(sql!(runs_newest_first))).await;
        }
        let mut runs = Vec::new();
        for status in &filter.statuses {
            let page = Page { statuses: Some(status.as_str().to_owned()), ..page.clone() };
            runs.extend(self.runs_of(page.bind(sql!(runs_of_status))).await?);
        }
        runs.sort_by_key(|stored| Reverse(stored.run.seq));
        runs.truncate(limit as usize);
        Ok(runs)
    }

    /// Returns queued runs in the order of the queue: at most `limit` of those behind a place.
    pub async fn queue_page(
        &self,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<StoredRun>, ReadError> {
        let mut page = Vec::new();
        let below = match after {
            None => ABOVE_ALL,
            Some(place) => {
                let query = sqlx::query(sql!(queue_at_priority))
                    .bind(place.priority.get())
                    .bind(column(place.number))
                    .bind(limit);
                page = self.runs_of(query).await?;
                place.priority.get().into()
            }
        };
        let missing = limit.saturating_sub(u32::try_from(page.len()).unwrap_or(limit));
        if missing > 0 {
            let query = sqlx::query(sql!(queue_below_priority)).bind(below).bind(missing);
            page.extend(self.runs_of(query).await?);
        }
        Ok(page)
    }

    async fn runs_of(
        &self,
        query: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Vec<StoredRun>, ReadError> {
        let mut reader = RunReader::default();
        self.all(query, |row| reader.read(&mut Columns::of(row))).await
    }
}

/// What the statements that list runs take, in the order of their arguments.
#[derive(Debug, Clone)]
struct Page {
    before: i64,
    limit: u32,
    /// A JSON array, or the one status of a statement that takes one.
    statuses: Option<String>,
    job: Option<String>,
    location: Option<String>,
    since: Option<i64>,
    until: Option<i64>,
    /// A JSON array of pairs.
    tags: String,
}

impl Page {
    fn new(filter: &RunsFilter, before: Option<Seq>, limit: u32) -> Result<Self, ReadError> {
        let unreadable = |error| ReadError::unreadable("filter", error);
        let statuses = Rows::new(filter.statuses.iter().map(|status| status.as_str()));
        let statuses = statuses.map_err(unreadable)?;
        Ok(Self {
            before: before.map_or(i64::MAX, |seq| column(seq.get())),
            limit,
            statuses: (statuses.count > 0).then_some(statuses.json),
            job: filter.job.as_ref().map(|job| job.as_str().to_owned()),
            location: filter.location.as_ref().map(|location| location.as_str().to_owned()),
            since: filter.since.map(model::Timestamp::as_micros),
            until: filter.until.map(model::Timestamp::as_micros),
            tags: Rows::new(filter.tags.iter()).map_err(unreadable)?.json,
        })
    }

    fn bind<'q>(&self, statement: &'static str) -> Query<'q, Sqlite, SqliteArguments> {
        sqlx::query(statement)
            .bind(self.before)
            .bind(self.limit)
            .bind(self.statuses.clone())
            .bind(self.job.clone())
            .bind(self.location.clone())
            .bind(self.since)
            .bind(self.until)
            .bind(self.tags.clone())
    }
}

/// Returns the first and the last id with a prefix.
fn ids_with_prefix(prefix: &str) -> Option<(RunId, RunId)> {
    let digits: String = prefix.chars().filter(|c| *c != '-').collect();
    if digits.len() > ID_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let bound = |rest: char| {
        let filled = std::iter::repeat_n(rest, ID_DIGITS - digits.len());
        let text: String = digits.chars().chain(filled).collect();
        u128::from_str_radix(&text, 16).ok().map(RunId::from_u128)
    };
    bound('0').zip(bound('f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> RunId {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_spans_all_ids_that_begin_with_it() {
        let first = id("1b400000-0000-0000-0000-000000000000");
        let last = id("1b4fffff-ffff-ffff-ffff-ffffffffffff");
        assert_eq!(ids_with_prefix("1b4"), Some((first, last)));
        assert_eq!(ids_with_prefix("1B4"), Some((first, last)));
        let whole = "1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10";
        assert_eq!(ids_with_prefix(whole), Some((id(whole), id(whole))));
    }

    #[test]
    fn what_is_no_beginning_of_an_id_spans_nothing() {
        for text in ["g", "1b4é", "%", "1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e101"] {
            assert_eq!(ids_with_prefix(text), None, "{text}");
        }
    }
}
