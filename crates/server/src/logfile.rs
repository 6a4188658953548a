//! Reads a part of a file that a step writes to, whatever the step has made of it.
//!
//! The step's own code may put something else there: a link is not followed, and what is no plain
//! file is not read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// The most bytes that one character has beyond its first one.
const MAX_SPLIT: usize = 3;

/// A part of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The text; bytes that are no UTF-8 are replaced.
    pub(crate) text: String,
    /// Where the next part begins, in bytes.
    pub(crate) next_offset: u64,
    /// Whether the file ends there for now.
    pub(crate) is_end: bool,
}

/// Returns how large a file is; none if there is no plain file.
pub(crate) fn size(path: &Path) -> Option<u64> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    metadata.is_file().then_some(metadata.len())
}

/// Reads at most `limit` bytes of text from an offset on. A file that is not there is empty.
pub(crate) fn read(path: &Path, offset: u64, limit: u64) -> io::Result<Part> {
    let (mut bytes, is_end) = bytes(path, offset, limit)?;
    if !is_end {
        bytes.truncate(whole(&bytes));
    }
    let next_offset = offset.saturating_add(bytes.len() as u64);
    Ok(Part { text: String::from_utf8_lossy(&bytes).into_owned(), next_offset, is_end })
}

/// Reads at most `limit` bytes from an offset on, and whether the file ends there for now.
pub(crate) fn bytes(path: &Path, offset: u64, limit: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let Some(mut file) = open(path)? else { return Ok((bytes, true)) };
    file.seek(SeekFrom::Start(offset))?;
    // One byte more shows whether there is more.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    let is_end = bytes.len() as u64 <= limit;
    bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok((bytes, is_end))
}

fn open(path: &Path) -> io::Result<Option<File>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) if file.metadata()?.is_file() => Ok(Some(file)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Returns how many of these bytes to tell so that no character is split, unless nothing else is
/// left.
fn whole(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) => {
            let valid = error.valid_up_to();
            let is_split = error.error_len().is_none() && bytes.len() - valid <= MAX_SPLIT;
            if is_split && valid > 0 { valid } else { split_at_end(bytes) }
        }
    }
}

/// The same where something before the end is no UTF-8: looks at the last character alone.
fn split_at_end(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(MAX_SPLIT);
    let begins = |byte: &u8| *byte >= 0b1100_0000;
    let Some(last) = bytes[from..].iter().rposition(begins).map(|at| from + at) else {
        return bytes.len();
    };
    match std::str::from_utf8(&bytes[last..]) {
        Err(error) if error.error_len().is_none() && last > 0 => last,
        Ok(_) | Err(_) => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(bytes: &[u8], limit: u64) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.1.out");
        std::fs::write(&path, bytes).unwrap();
        let (mut parts, mut offset) = (Vec::new(), 0);
        loop {
            let part = read(&path, offset, limit).unwrap();
            assert!(part.next_offset > offset || part.is_end, "{part:?}");
            offset = part.next_offset;
            parts.push(part.text);
            if part.is_end {
                assert_eq!(offset, bytes.len() as u64);
                return parts;
            }
        }
    }

    #[test]
    fn a_file_is_told_in_parts_that_split_no_character() {
        let text = "aé€😀b".repeat(20);
        for limit in 4..20 {
            assert_eq!(parts(text.as_bytes(), limit).concat(), text, "{limit}");
        }
        assert_eq!(parts(b"", 4), [""]);
        assert_eq!(parts(b"abcd", 4), ["abcd"]);
        assert_eq!(parts(b"\xff\xc3\xa9\xc3\xa9", 4), ["\u{fffd}é", "é"]);
    }

    #[test]
    fn what_is_no_text_comes_to_an_end_all_the_same() {
        for limit in 1..6 {
            let told = parts(b"\xf0\x9f\x98\x80\xc3\xff\xff\0\x80\x80\x80\x80\xe2\x82", limit);
            assert!(told.concat().contains('\u{fffd}'));
        }
    }

    #[test]
    fn only_a_plain_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "secret").unwrap();
        let link = folder.path().join("a.1.out");
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        let empty = Part { text: String::new(), next_offset: 0, is_end: true };
        for path in [&link, &folder.path().join("none"), folder.path()] {
            assert_eq!(read(path, 0, 100).unwrap(), empty, "{}", path.display());
            assert_eq!(size(path), None);
        }
        assert_eq!(size(&secret), Some(6));
        assert_eq!(read(&secret, 100, 100).unwrap().text, "");
    }
}
