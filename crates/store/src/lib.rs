//! The durable store: one commit a batch, fenced by the epoch of the leader, and bounded reads.
//!
//! The rules of a run's life do not stand here: what is written was decided elsewhere. What this
//! room guards is that a commit is all or nothing, that a leader of the past writes nothing, that
//! change numbers have no gap, that a run that has ended does not come back, and that nothing is
//! ever silently reset. Reads go on while a commit is written and never see half of one.
//!
//! Today there is one dialect, SQLite. Everything outside `sqlite` is free of it.

mod error;
mod intern;
mod lock;
mod read;
mod rows;
mod sqlite;

pub use error::{Cause, CommitError, InspectError, OpenError, ReadError};
pub use lock::{DaemonLock, LOCK_FILE, LockError};
pub use read::{
    AssetEventsFilter, AssetEventsPage, Cursor, Inspection, Known, KnownKey, LastMade, Loaded,
    Order, Position, Prune, RunsFilter, Spec, StoredRun, Violation,
};
pub use sqlite::Store;
