//! The one connection that writes, and what its errors mean.
//!
//! A connection on which something went wrong that is not the batch's fault is not used again: the
//! next transaction begins on a new one.

use model::Epoch;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Sqlite, Transaction};

use super::load::read_position;
use crate::error::{Cause, CommitError};
use crate::read::Position;

// SQLite's result codes, as far as they are told apart here; the low byte is the primary one.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NOMEM: i32 = 7;
const READONLY: i32 = 8;
const INTERRUPT: i32 = 9;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const PROTOCOL: i32 = 15;
const NOTADB: i32 = 26;
const IOERR_WRITE: i32 = IOERR | 3 << 8;
const IOERR_SHMSIZE: i32 = IOERR | 19 << 8;

/// The connection that writes.
#[derive(Debug)]
pub(super) struct Writer {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
}

/// When an error came.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Before the commit was asked for: surely nothing is written.
    Before,
    /// At the commit itself.
    AtCommit,
}

impl Writer {
    pub(super) fn new(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        Self { options, connection: Some(connection) }
    }

    /// Begins a transaction under an epoch and returns it with where the numbers stand.
    pub(super) async fn begin_under(
        &mut self,
        epoch: Epoch,
    ) -> Result<(Transaction<'_, Sqlite>, Position), CommitError> {
        let mut transaction = self.begin().await?;
        match read_position(&mut transaction).await {
            Ok(position) if position.epoch == epoch => Ok((transaction, position)),
            Ok(position) => Err(CommitError::EpochLost { latest: position.epoch }),
            Err(error) => Err(before(error)),
        }
    }

    /// Begins a transaction that holds the right to write from its start.
    pub(super) async fn begin(&mut self) -> Result<Transaction<'_, Sqlite>, CommitError> {
        let mut connection = match self.connection.take() {
            // What was left by a caller that went away has been rolled back by now.
            Some(connection) if !connection.is_in_transaction() => connection,
            _ => self.options.connect().await.map_err(before)?,
        };
        // If this fails, the connection is dropped with it.
        connection.ping().await.map_err(before)?;
        self.connection.insert(connection).begin_with("BEGIN IMMEDIATE").await.map_err(before)
    }

    /// Forgets the connection after an error that leaves it in doubt.
    pub(super) async fn after<T>(
        &mut self,
        done: Result<T, CommitError>,
    ) -> Result<T, CommitError> {
        let is_in_doubt = matches!(
            done,
            Err(CommitError::Full(_) | CommitError::Passing(_) | CommitError::Unknown(_))
        );
        if is_in_doubt && let Some(connection) = self.connection.take() {
            // Closing rolls back what is open; an error here changes nothing about that.
            drop(connection.close().await);
        }
        done
    }

    pub(super) async fn close(self) {
        if let Some(connection) = self.connection {
            drop(connection.close().await);
        }
    }
}

/// Ends a transaction: commits what was written, or rolls back.
pub(super) async fn end<T>(
    transaction: Transaction<'_, Sqlite>,
    written: Result<T, CommitError>,
) -> Result<T, CommitError> {
    match written {
        Ok(value) => {
            let committed = transaction.commit().await;
            committed.map(|()| value).map_err(|error| meaning(error, Moment::AtCommit))
        }
        Err(refused) => {
            // If this fails, SQLite has rolled back by itself: the first error tells all.
            drop(transaction.rollback().await);
            Err(refused)
        }
    }
}

/// Returns what an error before the commit means.
pub(super) fn before(error: sqlx::Error) -> CommitError {
    meaning(error, Moment::Before)
}

/// Returns whether the database says that its file is damaged.
pub(crate) fn is_damaged(error: &sqlx::Error) -> bool {
    matches!(code(error).map(|code| code & 0xff), Some(CORRUPT | NOTADB))
}

fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

fn meaning(error: sqlx::Error, moment: Moment) -> CommitError {
    let Some(code) = code(&error) else {
        return match (&error, moment) {
            (sqlx::Error::Encode(_) | sqlx::Error::Decode(_), Moment::Before) => {
                CommitError::Broken(error.to_string())
            }
            (_, Moment::Before) => CommitError::Passing(Cause(error)),
            (_, Moment::AtCommit) => CommitError::Unknown(Cause(error)),
        };
    };
    match (code, code & 0xff, moment) {
        // A page that could not be written is not followed by the mark of a commit.
        (IOERR_WRITE | IOERR_SHMSIZE, _, _) | (_, FULL | READONLY, _) => {
            CommitError::Full(Cause(error))
        }
        (_, BUSY, _) => CommitError::Passing(Cause(error)),
        (_, LOCKED | NOMEM | INTERRUPT | IOERR | CANTOPEN | PROTOCOL, Moment::Before) => {
            CommitError::Passing(Cause(error))
        }
        (_, _, Moment::AtCommit) => CommitError::Unknown(Cause(error)),
        (_, _, Moment::Before) => CommitError::Broken(error.to_string()),
    }
}
