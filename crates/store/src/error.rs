//! What can go wrong, one enum for each operation.

use std::fmt;
use std::path::PathBuf;

use model::Epoch;
use thiserror::Error;

use crate::sqlite::is_damaged;

/// What the database itself said.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct Cause(#[from] pub(crate) sqlx::Error);

/// Why a database cannot be opened. Nothing was changed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder of the file does not exist.
    #[error("the folder {} does not exist: create it, or name another one", .0.display())]
    MissingFolder(PathBuf),
    /// The file lies where locks cannot be trusted.
    #[error(
        "{} lies on a network filesystem ({kind}), where file locks cannot be trusted and the \
         database would be damaged: use a folder on a local disk",
        path.display()
    )]
    NetworkFilesystem {
        /// The folder.
        path: PathBuf,
        /// The kind of filesystem.
        kind: &'static str,
    },
    /// The file may not be opened by this user.
    #[error("no permission to open {}: make it readable and writable for this user", .0.display())]
    NoPermission(PathBuf),
    /// The file can be read but not written.
    #[error("{} is read-only: make it writable, or name another folder", .0.display())]
    ReadOnly(PathBuf),
    /// The file is no database.
    #[error("{} is no database ({what}): move it away, or name another folder", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// The file is a database of another program.
    #[error("{} is the database of another program: name another folder", .0.display())]
    NotOurs(PathBuf),
    /// The file is damaged.
    #[error(
        "{} is damaged: keep a copy of it and of the files that begin with its name, then restore \
         a backup",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the database said.
        #[source]
        cause: Cause,
    },
    /// A newer version of the program has changed the schema.
    #[error(
        "{} has schema {found}, which is newer than {known}, the newest that this version knows: \
         use the version that wrote it, or a newer one",
        path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The schema of the file.
        found: i64,
        /// The newest schema that is known here.
        known: i64,
    },
    /// The schema was written by a version whose migrations were other than those of this one.
    #[error(
        "{} has a schema {version} that differs from the one of this version: use the version that \
         wrote it",
        path.display()
    )]
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// The migration that differs.
        version: i64,
    },
    /// The file cannot be opened or created for another reason.
    #[error("failed to open {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database refused for another reason.
    #[error("failed to open {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What the database said.
        #[source]
        cause: Cause,
    },
}

/// Why a commit did not happen, or may not have happened.
#[derive(Debug, Error)]
pub enum CommitError {
    /// There is a newer leader. Nothing was written; what is known in memory is out of date.
    #[error("another leader has taken over with epoch {}", latest.0)]
    EpochLost {
        /// The epoch of the latest leader.
        latest: Epoch,
    },
    /// The disk takes no more: it is full, over its quota, or has become read-only. Surely nothing
    /// was written; reads go on.
    #[error("the disk takes no more")]
    Full(#[source] Cause),
    /// Surely nothing was written, and the same commit may succeed when it is tried again.
    #[error("nothing was written, for a passing reason")]
    Passing(#[source] Cause),
    /// It is not known whether the commit happened: read the store again.
    #[error("it is not known whether the commit happened")]
    Unknown(#[source] Cause),
    /// The batch contradicts what is stored, or the file is damaged. Nothing was written, and trying
    /// again cannot help.
    #[error("the batch cannot be written: {0}")]
    Broken(String),
}

/// Why something cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The database refused.
    #[error("failed to read the store")]
    Database(
        #[from]
        #[source]
        Cause,
    ),
    /// A stored value is none that this version knows.
    #[error("the store holds a {what} that this version cannot read: {text}")]
    Unreadable {
        /// Which kind of value.
        what: &'static str,
        /// The value, or what is wrong with it.
        text: String,
    },
}

/// Why a database cannot be inspected. Nothing was changed.
#[derive(Debug, Error)]
pub enum InspectError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl ReadError {
    /// Returns whether it is the file itself that is damaged.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Database(cause) => is_damaged(&cause.0),
            Self::Unreadable { .. } => false,
        }
    }

    pub(crate) fn unreadable(what: &'static str, text: impl fmt::Display) -> Self {
        Self::Unreadable { what, text: text.to_string() }
    }
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Cause(error))
    }
}
