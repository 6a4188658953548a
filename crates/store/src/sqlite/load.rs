//! Everything that has not ended, as of one commit: what a new leader starts from.

use futures_util::TryStreamExt;
use model::{Change, CodeLocation, Epoch, PoolLimit, PoolName, RunStatus, Seq, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use tokio::try_join;

use super::cells;
use super::decode::{self, Columns, RunReader, name};
use super::{Store, sql};
use crate::error::ReadError;
use crate::read::{Loaded, Position, StoredRun};

/// How many runs are read as one text: enough that what a text costs does not count, and few enough
/// that two texts are small even if every run has as many tags as it may.
const PAGE: u32 = 256;

/// Less than every sequence number.
const BEFORE_ALL: i64 = -1;

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
    let (mut reader, mut runs) = (RunReader::default(), Vec::new());
    for status in RunStatus::ALL.into_iter().filter(|status| !status.is_terminal()) {
        let mut page = load_page(connection, status, BEFORE_ALL).await?;
        while let Some((last, text)) = page {
            let decoded = async { decode_page(&text, &mut reader, &mut runs) };
            // The connection, which has a thread of its own, reads a page while one is decoded here.
            (page, ()) = try_join!(load_page(connection, status, last), decoded)?;
        }
    }
    runs.sort_by_key(|stored| stored.run.seq);
    Ok(runs)
}

/// Reads the next runs in a status, as one text, with the last sequence number among them; none if
/// there are no more.
async fn load_page(
    connection: &mut SqliteConnection,
    status: RunStatus,
    after: i64,
) -> Result<Option<(i64, String)>, ReadError> {
    let query = sqlx::query_as(sql!(load_runs)).bind(status.as_str()).bind(after).bind(PAGE);
    let (last, text): (Option<i64>, String) = query.fetch_one(connection).await?;
    Ok(last.map(|last| (last, text)))
}

fn decode_page(
    text: &str,
    reader: &mut RunReader,
    runs: &mut Vec<StoredRun>,
) -> Result<(), ReadError> {
    for cells in cells::rows(text)? {
        runs.push(reader.read(&mut Columns::of_cells(&cells))?);
    }
    Ok(())
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
    Ok((pool, name("pool limit", PoolLimit::new(columns.integer()?))?))
}

fn pause(row: &SqliteRow) -> Result<(CodeLocation, Timestamp), ReadError> {
    let columns = &mut Columns::of(row);
    let location = name("code location", CodeLocation::new(columns.text()?))?;
    Ok((location, columns.instant()?))
}
