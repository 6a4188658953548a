//! Looks at a database for somebody who must not change it: neither its schema nor a row. A daemon may
//! serve it meanwhile, of this version or another one.

use std::path::Path;

use model::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::check::check_all;
use super::decode::Columns;
use super::open::{BUSY_TIMEOUT, newest_known, refuse};
use super::place::{self, Place};
use super::reads::collect;
use super::{Store, sql};
use crate::error::{InspectError, OpenError, ReadError};
use crate::read::{Inspection, Violation};

/// Among the events of how many of the last changes the newest instant is looked for: clocks that differ are
/// noticed, and the cost does not grow with the file.
const LAST_CHANGES: u32 = 1000;

impl Store {
    /// Inspects the database in a file; none if there is no file. It takes time in proportion to the
    /// file, and sees the state of one commit.
    ///
    /// # Errors
    /// The file is none of ours, has a schema of the future, or cannot be read. Damage that can be
    /// told is no error, but stands among the violations.
    pub async fn inspect(path: &Path) -> Result<Option<Inspection>, InspectError> {
        if place::examine(path)? == Place::Free {
            return Ok(None);
        }
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT);
        let options = options.read_only(true).pragma("query_only", "on");
        let mut connection = options.connect().await.map_err(|error| refuse(path, error))?;
        let inspection = inspect(path, &mut connection).await;
        // Nothing was written, so that nothing can be lost.
        let _ = connection.close().await;
        inspection.map(Some)
    }
}

async fn inspect(path: &Path, c: &mut SqliteConnection) -> Result<Inspection, InspectError> {
    let known = newest_known();
    let found = match newest_applied(c).await {
        Ok(found) => found,
        Err(error) if error.is_damage() => return Ok(damaged(&error)),
        Err(error) => return Err(error.into()),
    };
    if found > known {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, known }.into());
    }
    if found < known {
        // What must hold of rows is said for the schema of today.
        let nothing = Inspection { violations: Vec::new(), newest_event: None, is_older: true };
        return Ok(nothing);
    }
    let mut reading = c.begin().await.map_err(ReadError::from)?;
    let violations = match check_all(&mut reading).await {
        Ok(violations) => violations,
        Err(error) if error.is_damage() => return Ok(damaged(&error)),
        Err(error) => return Err(error.into()),
    };
    let newest_event = if violations.is_empty() { newest_event(&mut reading).await? } else { None };
    Ok(Inspection { violations, newest_event, is_older: false })
}

fn damaged(error: &ReadError) -> Inspection {
    let violations = vec![Violation::Damaged(error.to_string())];
    Inspection { violations, newest_event: None, is_older: false }
}

/// Returns the newest migration that the file has had; 0 before the first.
async fn newest_applied(c: &mut SqliteConnection) -> Result<i64, ReadError> {
    let query = sqlx::query(sql!(newest_applied));
    let found = collect(c, query, |row| Columns::of(row).integer()).await?;
    Ok(found.into_iter().max().unwrap_or(0))
}

async fn newest_event(c: &mut SqliteConnection) -> Result<Option<Timestamp>, ReadError> {
    let query = sqlx::query(sql!(newest_event)).bind(LAST_CHANGES);
    let found = collect(c, query, |row| Columns::of(row).instant()).await?;
    Ok(found.into_iter().max())
}
