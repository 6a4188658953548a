//! Everything that has not ended, as of one commit: what a new leader starts from.

use futures_util::TryStreamExt;
use model::{Change, CodeLocation, Epoch, PoolLimit, PoolName, Seq, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::decode::{self, Columns, RunReader, name};
use super::{Store, sql};
use crate::error::ReadError;
use crate::read::{Loaded, Position, StoredRun};

impl Store {
    /// Reads everything that has not ended, as of one commit.
    pub async fn load(&self) -> Result<Loaded, ReadError> {
        let mut reading = self.readers.begin().await?;
        let loaded = Loaded {
            position: read_position(&mut reading).await?,
            runs: load_runs(&mut reading).await?,
            claims: rows(&mut reading, sql!(load_claims), decode::claim).await?,
            steps: rows(&mut reading, sql!(load_steps), decode::step).await?,
            pool_limits: rows(&mut reading, sql!(pool_limits), pool_limit).await?,
            pauses: rows(&mut reading, sql!(pauses), pause).await?,
        };
        reading.rollback().await?;
        Ok(loaded)
    }
}

/// Reads where the numbers stand.
pub(super) async fn read_position(
    connection: &mut SqliteConnection,
) -> Result<Position, sqlx::Error> {
    let (epoch, change, seq, claim): (i64, i64, i64, i64) =
        sqlx::query_as(sql!(read_position)).fetch_one(connection).await?;
    // None of them is ever negative; zero stands before the first of each.
    let plain = |number| u64::try_from(number).unwrap_or(0);
    Ok(Position {
        epoch: Epoch(plain(epoch)),
        change: Change::new(plain(change)),
        seq: Seq::new(plain(seq)),
        claim: plain(claim),
    })
}

async fn load_runs(connection: &mut SqliteConnection) -> Result<Vec<StoredRun>, ReadError> {
    let mut reader = RunReader::default();
    let mut stored = sqlx::query(sql!(load_runs)).fetch(connection);
    let mut runs = Vec::new();
    while let Some(row) = stored.try_next().await? {
        runs.push(reader.read(&row)?);
    }
    Ok(runs)
}

/// Reads all rows of a statement without arguments.
async fn rows<T>(
    connection: &mut SqliteConnection,
    statement: &'static str,
    decode: fn(&SqliteRow) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    let mut stored = sqlx::query(statement).fetch(connection);
    let mut rows = Vec::new();
    while let Some(row) = stored.try_next().await? {
        rows.push(decode(&row)?);
    }
    Ok(rows)
}

pub(super) fn pool_limit(row: &SqliteRow) -> Result<(PoolName, PoolLimit), ReadError> {
    let columns = &mut Columns::of(row);
    let pool = name("pool name", PoolName::new(columns.text()?))?;
    Ok((pool, name("pool limit", PoolLimit::new(columns.next()?))?))
}

fn pause(row: &SqliteRow) -> Result<(CodeLocation, Timestamp), ReadError> {
    let columns = &mut Columns::of(row);
    let location = name("code location", CodeLocation::new(columns.text()?))?;
    Ok((location, columns.instant()?))
}
