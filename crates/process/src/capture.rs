//! Keeps what a process writes, up to a bound: what is beyond is read and thrown away, so that the
//! process never waits for a full pipe, and the file says that it was cut.
//!
//! Lines mean nothing here: output of any shape costs one buffer.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read at once: what a pipe holds by default.
const BUFFER: usize = 64 * 1024;

/// A file that takes output up to a bound.
#[derive(Debug)]
pub struct BoundedFile {
    file: File,
    bound: u64,
    left: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole { is_at_line_start: bool },
    Cut,
}

impl BoundedFile {
    /// Creates the file anew, mode 0600, for at most `bound` bytes of output; the line that says that
    /// it was cut comes on top.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path, bound: u64) -> io::Result<Self> {
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        Ok(Self { file, bound, left: bound, state: State::Whole { is_at_line_start: true } })
    }

    /// Keeps what fits. After a failure to write (a full disk), nothing more is kept.
    pub fn keep(&mut self, output: &[u8]) {
        let State::Whole { is_at_line_start } = self.state else {
            return;
        };
        let fitting = usize::try_from(self.left).unwrap_or(usize::MAX).min(output.len());
        let (kept, beyond) = output.split_at(fitting);
        let is_at_line_start = kept.last().map_or(is_at_line_start, |last| *last == b'\n');
        self.left -= fitting as u64;
        if self.file.write_all(kept).is_err() {
            self.state = State::Cut;
        } else if beyond.is_empty() {
            self.state = State::Whole { is_at_line_start };
        } else {
            self.state = State::Cut;
            let end_of_line = if is_at_line_start { "" } else { "\n" };
            let note = format!("{end_of_line}[output was cut after {} bytes]\n", self.bound);
            // A note that cannot be written is no reason to stop: `is_cut` says the same.
            drop(self.file.write_all(note.as_bytes()));
        }
    }

    /// Returns whether some output was not kept.
    pub fn is_cut(&self) -> bool {
        self.state == State::Cut
    }
}

/// Keeps what comes out of a pipe until its end; a pipe that cannot be read has ended.
pub async fn drain(mut pipe: impl AsyncRead + Unpin, mut into: BoundedFile) -> BoundedFile {
    let mut buffer = vec![0; BUFFER];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) => return into,
            Ok(count) => into.keep(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return into,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bound: u64, pieces: &[&str], expected: &str, is_cut: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut file = BoundedFile::create(&path, bound).unwrap();
        for piece in pieces {
            file.keep(piece.as_bytes());
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        assert_eq!(file.is_cut(), is_cut, "{pieces:?}");
    }

    #[test]
    fn output_within_the_bound_is_kept_as_it_is() {
        check(4, &["ab", "", "c\n"], "abc\n", false);
        check(0, &[], "", false);
    }

    #[test]
    fn output_beyond_the_bound_is_cut_and_the_file_says_so_once() {
        check(4, &["abc\n", "d", "e"], "abc\n[output was cut after 4 bytes]\n", true);
        check(4, &["abcdef", "g"], "abcd\n[output was cut after 4 bytes]\n", true);
        check(0, &["a"], "[output was cut after 0 bytes]\n", true);
    }

    #[test]
    fn a_full_disk_cuts_the_output_and_stops_nobody() {
        let mut file = BoundedFile::create(Path::new("/dev/full"), 100).unwrap();
        file.keep(b"a");
        file.keep(b"b");
        assert!(file.is_cut());
    }
}
