//! Reads that are not lists of runs. Every one is bounded by its limit or by one run.

use std::collections::BTreeSet;

use futures_util::TryStreamExt;
use model::{
    Change, IdempotencyKey, LifeEvent, PoolLimit, PoolName, RunId, StepKey, StepRow, Timestamp,
};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Sqlite, query::Query};

use super::decode::{self, Columns, name};
use super::load::{pool_limit, read_position};
use super::{Store, sql};
use crate::error::ReadError;
use crate::read::{Known, KnownKey, Position, Spec};
use crate::rows::{Rows, TagsText};

impl Store {
    /// Returns where the numbers stand.
    pub async fn position(&self) -> Result<Position, ReadError> {
        let mut reading = self.readers.acquire().await?;
        Ok(read_position(&mut reading).await?)
    }

    /// Returns the number of the last event.
    pub async fn last_change(&self) -> Result<Change, ReadError> {
        self.position().await.map(|position| position.change)
    }

    /// Returns what was submitted for a run; none if it is not stored.
    pub async fn spec(&self, run: RunId) -> Result<Option<Spec>, ReadError> {
        let query = sqlx::query(sql!(spec)).bind(key(run));
        let specs = self.all(query, |row| {
            let columns = &mut Columns::of(row);
            let (plan, config) = (columns.text()?.into(), columns.text()?.into());
            Ok(Spec { plan, config, tags: name("run's tags", TagsText::parse(columns.text()?))? })
        });
        Ok(specs.await?.pop())
    }

    /// Returns the steps of a run by position.
    pub async fn steps(&self, run: RunId) -> Result<Vec<StepRow>, ReadError> {
        self.all(sqlx::query(sql!(steps)).bind(key(run)), decode::step).await
    }

    /// Returns steps of a run by position: at most `limit` of those after the one with this position
    /// and key; from the first one, if none is given.
    pub async fn steps_after(
        &self,
        run: RunId,
        after: Option<(u32, &StepKey)>,
        limit: u32,
    ) -> Result<Vec<StepRow>, ReadError> {
        // No key is empty.
        let (position, step) = after.map_or((0, ""), |(position, key)| (position, key.as_str()));
        let query = sqlx::query(sql!(steps_after)).bind(key(run)).bind(position).bind(step);
        self.all(query.bind(limit), decode::step).await
    }

    /// Returns events of a run by number: at most `limit` of those after `after` (0 is before the
    /// first), and less if their data are large. None means that there are none.
    pub async fn events(
        &self,
        run: RunId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<LifeEvent>, ReadError> {
        let query = sqlx::query(sql!(events)).bind(key(run)).bind(column(after)).bind(limit);
        self.events_of(query).await
    }

    /// Returns events of all runs by change number: at most `limit` of those after `after`, and less if
    /// their data are large. None means that there are none.
    pub async fn events_after(
        &self,
        after: Change,
        limit: u32,
    ) -> Result<Vec<LifeEvent>, ReadError> {
        let query = sqlx::query(sql!(events_after)).bind(column(after.get())).bind(limit);
        self.events_of(query).await
    }

    async fn events_of(
        &self,
        query: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Vec<LifeEvent>, ReadError> {
        let mut reading = self.readers.acquire().await?;
        let size = |event: &LifeEvent| event.data.as_ref().map_or(0, |data| data.len());
        Ok(collect_bounded(&mut reading, query, decode::event, size).await?.0)
    }

    /// Returns which of these idempotency keys and run ids are taken.
    pub async fn known(&self, keys: &[&str], ids: &[RunId]) -> Result<Known, ReadError> {
        let mut known = Known::default();
        if !keys.is_empty() {
            let keys = Rows::new(keys).map_err(|error| ReadError::unreadable("key", error))?;
            let query = sqlx::query(sql!(known_keys)).bind(keys.json);
            known.keys = self.all(query, known_key).await?;
        }
        if !ids.is_empty() {
            let ids = Rows::of_ids(ids).map_err(|error| ReadError::unreadable("run id", error))?;
            let query = sqlx::query(sql!(known_ids)).bind(ids.json);
            let ids = self.all(query, |row| Columns::of(row).run_id()).await?;
            known.ids = BTreeSet::from_iter(ids);
        }
        Ok(known)
    }

    /// Returns the limits that pools have of their own, by pool.
    pub async fn pool_limits(&self) -> Result<Vec<(PoolName, PoolLimit)>, ReadError> {
        self.all(sqlx::query(sql!(pool_limits)), pool_limit).await
    }

    /// Returns runs that ended before an instant, the first ones first, at most `limit`.
    pub async fn finished_before(
        &self,
        instant: Timestamp,
        limit: u32,
    ) -> Result<Vec<RunId>, ReadError> {
        let mut reading = self.readers.acquire().await?;
        select_finished_before(&mut reading, instant, limit).await
    }

    /// Returns those of these runs that ended before an instant, by id.
    pub async fn ended_among(
        &self,
        runs: &[RunId],
        before: Timestamp,
    ) -> Result<Vec<RunId>, ReadError> {
        let ids = Rows::of_ids(runs).map_err(|error| ReadError::unreadable("run id", error))?;
        let query = sqlx::query(sql!(ended_among)).bind(ids.json).bind(before.as_micros());
        self.all(query, |row| Columns::of(row).run_id()).await
    }

    pub(super) async fn all<T>(
        &self,
        query: Query<'_, Sqlite, SqliteArguments>,
        decode: impl FnMut(&SqliteRow) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        let mut reading = self.readers.acquire().await?;
        collect(&mut reading, query, decode).await
    }
}

/// How much the events of one page may come to, in bytes of their data, before the page is cut: what
/// code tells is bounded for each event, and still much for hundreds of them.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Reads rows of a statement that is bounded, until their sizes come to as much as a page may hold;
/// returns whether it was cut there.
pub(super) async fn collect_bounded<T>(
    connection: &mut SqliteConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
    mut decode: impl FnMut(&SqliteRow) -> Result<T, ReadError>,
    size: impl Fn(&T) -> usize,
) -> Result<(Vec<T>, bool), ReadError> {
    let mut rows = query.fetch(connection);
    let (mut read, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        let row = decode(&row)?;
        bytes += size(&row);
        read.push(row);
        if bytes > MAX_PAGE_BYTES {
            return Ok((read, true));
        }
    }
    Ok((read, false))
}

/// Reads all rows of a statement that is bounded.
pub(super) async fn collect<T>(
    connection: &mut SqliteConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
    mut decode: impl FnMut(&SqliteRow) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    let mut rows = query.fetch(connection);
    let mut read = Vec::new();
    while let Some(row) = rows.try_next().await? {
        read.push(decode(&row)?);
    }
    Ok(read)
}

pub(super) async fn select_finished_before(
    connection: &mut SqliteConnection,
    instant: Timestamp,
    limit: u32,
) -> Result<Vec<RunId>, ReadError> {
    let query = sqlx::query(sql!(finished_before)).bind(instant.as_micros()).bind(limit);
    collect(connection, query, |row| Columns::of(row).run_id()).await
}

/// Returns a run's id as it is stored.
pub(super) fn key(run: RunId) -> Vec<u8> {
    run.as_u128().to_be_bytes().to_vec()
}

/// Returns a number as a column has it; nothing stored is larger than the largest of them.
pub(super) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn known_key(row: &SqliteRow) -> Result<KnownKey, ReadError> {
    let columns = &mut Columns::of(row);
    let key = columns.text()?.into();
    let key = IdempotencyKey { key, request_hash: columns.bytes("hash of a request")? };
    Ok(KnownKey { key, run: columns.run_id()? })
}
