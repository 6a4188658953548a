//! Where a database lies: what can be said of a path before the database is opened.
//!
//! Every refusal happens here or when the schema is read, before anything is written. Permission
//! bits are looked at as they are, so that a file that is read-only is so for root too.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::open::APPLICATION_ID;
use crate::error::OpenError;

/// The first bytes of every SQLite database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Where the header says whose database it is.
const APPLICATION_ID_AT: std::ops::Range<usize> = 68..72;

/// The bytes that every database has at least.
const HEADER: usize = 100;

/// The filesystems whose locks do not reach, or do not reliably reach, every reader.
const NETWORK_FILESYSTEMS: &[(u32, &str)] = &[
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
];

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing, and a database can be made there.
    Free,
    /// One of our databases, as far as its header tells.
    Ours,
}

/// Looks at a path.
pub(super) fn examine(path: &Path) -> Result<Place, OpenError> {
    let folder = folder_of(path);
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(OpenError::MissingFolder(folder.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(OpenError::MissingFolder(folder.to_owned()));
        }
        Err(error) => return Err(failed(path, error)),
    }
    if let Some(kind) = network_filesystem(path, folder)? {
        return Err(OpenError::NetworkFilesystem { path: folder.to_owned(), kind });
    }
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Place::Free),
        Err(error) => Err(failed(path, error)),
        Ok(found) if !found.is_file() => Err(not_a_database(path, "it is no file")),
        Ok(found) if found.permissions().readonly() => Err(OpenError::ReadOnly(path.to_owned())),
        Ok(_) => read_header(path).map(|()| Place::Ours),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn network_filesystem(path: &Path, folder: &Path) -> Result<Option<&'static str>, OpenError> {
    let found = rustix::fs::statfs(folder).map_err(|errno| failed(path, errno.into()))?;
    // The magic numbers have 32 bits; the field is wider on some machines and signed on others.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32 bits matter")]
    let magic = found.f_type as u32;
    Ok(kind_of(magic))
}

fn kind_of(magic: u32) -> Option<&'static str> {
    NETWORK_FILESYSTEMS.iter().find(|(known, _)| *known == magic).map(|(_, kind)| *kind)
}

fn read_header(path: &Path) -> Result<(), OpenError> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    let mut header = Vec::with_capacity(HEADER);
    file.and_then(|file| file.take(HEADER as u64).read_to_end(&mut header))
        .map_err(|error| failed(path, error))?;
    if header.is_empty() {
        return Err(not_a_database(path, "it is empty"));
    }
    if header.len() < HEADER || !header.starts_with(MAGIC) {
        return Err(not_a_database(path, "it does not begin as one"));
    }
    if header.get(APPLICATION_ID_AT) != Some(&APPLICATION_ID.to_be_bytes()) {
        return Err(OpenError::NotOurs(path.to_owned()));
    }
    Ok(())
}

/// Makes an empty file for a new database, in place of what an earlier making left behind.
pub(super) fn prepare_new(path: &Path) -> Result<PathBuf, OpenError> {
    let new = beside(path, "new");
    for left in [new.clone(), beside(path, "new-journal")] {
        match fs::remove_file(&left) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(path, error)),
            _ => {}
        }
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .map_err(|error| failed(path, error))?;
    Ok(new)
}

/// Gives a new database its name; a database that has it already keeps it.
pub(super) fn give_name(new: &Path, path: &Path) -> Result<(), OpenError> {
    let linked = match fs::hard_link(new, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    linked
        .and_then(|()| fs::remove_file(new))
        .and_then(|()| File::open(folder_of(path))?.sync_all())
        .map_err(|error| failed(path, error))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

fn not_a_database(path: &Path, what: &'static str) -> OpenError {
    OpenError::NotADatabase { path: path.to_owned(), what }
}

fn failed(path: &Path, source: io::Error) -> OpenError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::PermissionDenied => OpenError::NoPermission(path),
        ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly(path),
        _ => OpenError::Io { path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_filesystem_is_known_by_its_number() {
        assert_eq!(kind_of(0x6969), Some("NFS"));
        assert_eq!(kind_of(0xff53_4d42), Some("CIFS"));
        // ext4 and tmpfs.
        assert_eq!(kind_of(0xef53), None);
        assert_eq!(kind_of(0x0102_1994), None);
    }
}
