//! The store on SQLite: one file, one connection that writes, a few that read.
//!
//! The file is in WAL mode, so that readers never wait for the writer nor the writer for them, and
//! `synchronous=FULL`, so that an acknowledged commit survives a loss of power. Statements stand in
//! `queries/`, one a file, each named as the function that runs it.

mod assets;
mod cells;
mod check;
mod commit;
mod decode;
mod inspect;
mod load;
mod open;
mod partitions;
mod place;
mod prune;
mod reads;
mod runs;
mod writer;

/// Returns the text of a statement.
macro_rules! sql {
    ($name:ident) => {
        include_str!(concat!("queries/", stringify!($name), ".sql"))
    };
}
pub(crate) use sql;

use sqlx::SqlitePool;
use tokio::sync::Mutex;

use writer::Writer;
pub(crate) use writer::is_damaged;

/// The durable store. Reads may go on at the same time as a commit; commits queue for each other.
#[derive(Debug)]
pub struct Store {
    writer: Mutex<Writer>,
    readers: SqlitePool,
}
