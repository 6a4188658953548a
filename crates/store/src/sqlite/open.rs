//! How a database is opened: what is refused, the schema, the connections.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqlSafeStr};
use tokio::sync::Mutex;

use super::Store;
use super::place::{self, Place};
use super::writer::{Writer, is_damaged};
use crate::error::{Cause, OpenError};
use crate::lock::{DaemonLock, LockError};

/// How long a connection waits for another process that holds the file; the lock of the daemon makes
/// that rare, a backup tool may cause it.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that read: the loop's own reads and some of the API's go side by side; more would
/// only contend for two cores.
const READERS: u32 = 4;

/// Rows that a connection reads ahead of whoever takes them: each time that it must wait for room is a
/// switch of threads, of which a restart with a million runs would make many.
const READ_AHEAD: usize = 1024;

/// Memory for pages of the writer, in KiB: the ids of a million runs are looked up in it.
const WRITER_CACHE: &str = "-65536";

/// Pages in the write-ahead log before they are moved into the file: 16 MiB, so that the moving and
/// its syncs are rare under load.
const CHECKPOINT_PAGES: &str = "4000";

/// What is kept of the write-ahead log's file after a burst, in bytes.
const LOG_KEPT: &str = "67108864";

/// `pmn1`: marks a file as ours in its header.
pub(super) const APPLICATION_ID: u32 = 0x706d_6e31;

/// Every migration, oldest first: version, description, statements. One that was released is never
/// edited.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (20_261_121_000_001, "first", include_str!("migrations/20261121000001_first.sql")),
    (20_261_121_000_002, "plans", include_str!("migrations/20261121000002_plans.sql")),
    (
        20_261_121_000_003,
        "asset events",
        include_str!("migrations/20261121000003_asset_events.sql"),
    ),
    (20_261_121_000_004, "partitions", include_str!("migrations/20261121000004_partitions.sql")),
];

impl Store {
    /// Opens the database in a file, which is made if it does not exist, readable for this user
    /// alone. Whoever means to lead takes [`Store::lock_for_daemon`] before.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with the file, its folder or its contents; what is there is
    /// left as it is, and nothing is ever begun anew in its place.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        if place::examine(path)? == Place::Free {
            create(path).await?;
        }
        let plain = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT);
        let writing = plain
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", WRITER_CACHE)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", LOG_KEPT);
        let mut connection = writing.connect().await.map_err(|error| refuse(path, error))?;
        migrate(&mut connection).await.map_err(|error| refuse_schema(path, error))?;
        let reading = plain.read_only(true).pragma("query_only", "on");
        let reading = reading.row_buffer_size(READ_AHEAD);
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            // A connection is no more than a file that is open: asking whether it is well costs as
            // much as a small read itself, at which an error comes to light anyway.
            .test_before_acquire(false)
            .connect_lazy_with(reading);
        Ok(Self { writer: Mutex::new(Writer::new(writing, connection)), readers })
    }

    /// Takes the right to lead on the database in a file, which need not exist yet. It is given back
    /// when the lock is dropped or the process ends, however it ends. One that is held is waited
    /// for, two seconds at most: its daemon may just have been killed.
    ///
    /// # Errors
    /// [`LockError::Held`] names the process that has it.
    pub async fn lock_for_daemon(path: &Path) -> Result<DaemonLock, LockError> {
        DaemonLock::take(path).await
    }

    /// Ends all connections, after the last commit and the reads that go on.
    pub async fn close(self) {
        self.readers.close().await;
        self.writer.into_inner().close().await;
    }
}

/// Makes a new database under another name and then gives it its own, so that a file that bears the
/// name is never half made.
async fn create(path: &Path) -> Result<(), OpenError> {
    let new = place::prepare_new(path)?;
    let options = SqliteConnectOptions::new()
        .filename(&new)
        .journal_mode(SqliteJournalMode::Delete)
        .synchronous(SqliteSynchronous::Full)
        .pragma("application_id", APPLICATION_ID.to_string());
    let mut connection = options.connect().await.map_err(|error| refuse(path, error))?;
    migrate(&mut connection).await.map_err(|error| refuse_schema(path, error))?;
    connection.close().await.map_err(|error| refuse(path, error))?;
    place::give_name(&new, path)
}

/// Brings the schema up to date.
async fn migrate(connection: &mut SqliteConnection) -> Result<(), MigrateError> {
    let migrations = MIGRATIONS.iter().map(|(version, description, statements)| {
        let statements = statements.into_sql_str();
        Migration::new(*version, (*description).into(), MigrationType::Simple, statements, false)
    });
    Migrator::with_migrations(migrations.collect()).run(connection).await
}

/// Returns the newest schema that this version knows.
pub(super) fn newest_known() -> i64 {
    MIGRATIONS.last().map_or(0, |(version, ..)| *version)
}

fn refuse_schema(path: &Path, error: MigrateError) -> OpenError {
    let known = newest_known();
    let path_of = path.to_owned();
    if let MigrateError::VersionMissing(found) = error {
        return OpenError::NewerSchema { path: path_of, found, known };
    }
    if let MigrateError::VersionMismatch(version) = error {
        return OpenError::OtherSchema { path: path_of, version };
    }
    refuse(path, sqlx::Error::from(error))
}

pub(super) fn refuse(path: &Path, error: sqlx::Error) -> OpenError {
    let (path, cause) = (path.to_owned(), Cause(error));
    if is_damaged(&cause.0) {
        return OpenError::Damaged { path, cause };
    }
    OpenError::Database { path, cause }
}
