//! The reports that the daemon has not received yet, in a file of the attempt's folder.
//!
//! A report gets its number here and is in the file before it is sent, so that a daemon that is away
//! costs no memory. The file outlives neither a crash of the machine nor needs to: a worker that is
//! gone is proven gone, and what it had not delivered did not happen. So nothing is synced.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use thiserror::Error;
use wire::worker::{MAX_REPORTS, Report};

/// How large the file may grow, in bytes: some 400,000 reports. A run that has so much to tell while
/// nobody listens is ended rather than the disk filled.
pub const MAX_SPOOL: u64 = 64 * 1024 * 1024;

/// From how many bytes on that were received they are given back, while others wait: a worker that always
/// has more to tell would fill the file although the daemon takes it all.
const COMPACT_FROM: u64 = 4 * 1024 * 1024;

/// How many bytes of reports are kept in memory while the file takes none, as on a full disk: some
/// 6,000 reports. A disk that is full for a moment ends no run.
const MAX_IN_MEMORY: usize = 1024 * 1024;

/// How much one request carries, in bytes, unless a single report is longer: half of what a server
/// accepts as a body.
const MAX_REQUEST: usize = 512 * 1024;

/// Why a report could not be kept or read back.
#[derive(Debug, Error)]
pub enum SpoolError {
    /// The file is as large as it may be.
    #[error(
        "the daemon has not taken the worker's reports for so long that they fill {} MiB",
        MAX_SPOOL / (1024 * 1024)
    )]
    Full,
    /// The file cannot be read or emptied, or was not to be written for too long.
    #[error("failed to {action} the worker's reports")]
    File {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A report cannot be written as JSON or read back from it.
    #[error("a report is not what it should be")]
    Json(#[from] serde_json::Error),
}

/// Reports that are to be sent in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The number of the first.
    pub first: u64,
    /// The reports, at most [`MAX_REPORTS`].
    pub reports: Vec<Report>,
}

/// The reports that are to be sent, in their order.
#[derive(Debug)]
pub struct Spool {
    file: File,
    /// Where the first report that was not received begins, and where the last one ends.
    start: u64,
    end: u64,
    /// How long each of the reports between is.
    lengths: VecDeque<usize>,
    /// What could not be written, with its lengths: it comes behind what the file has.
    in_memory: VecDeque<(usize, Report)>,
    bytes_in_memory: usize,
    /// Whether these are the last words of a worker that must end now.
    has_failed: bool,
    /// The number of the last report that was received.
    received: u64,
}

impl Spool {
    /// Begins an empty file (mode 0600): only the one worker that was told to begin does so.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path) -> Result<Self, SpoolError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(failed("create the file of"))?;
        Ok(Self {
            file,
            start: 0,
            end: 0,
            lengths: VecDeque::new(),
            in_memory: VecDeque::new(),
            bytes_in_memory: 0,
            has_failed: false,
            received: 0,
        })
    }

    /// Keeps reports: in the file, or for a while in memory if that cannot be written. Once keeping
    /// them has failed, these and all later ones are in memory whatever they come to: the last words
    /// of a worker that must end now.
    ///
    /// # Errors
    /// They do not fit any more; said once.
    pub fn append(&mut self, reports: Vec<Report>) -> Result<(), SpoolError> {
        let is_behind_memory = !self.in_memory.is_empty();
        let written = if is_behind_memory { Ok(()) } else { self.write(&reports) };
        if !is_behind_memory && written.is_ok() {
            return Ok(());
        }
        for report in reports {
            let length = serde_json::to_vec(&report).map_or(0, |json| json.len());
            self.bytes_in_memory += length;
            self.in_memory.push_back((length, report));
        }
        let is_too_much = self.bytes_in_memory > MAX_IN_MEMORY;
        let end = match written {
            Err(SpoolError::File { .. }) | Ok(()) if !is_too_much => Ok(()),
            Ok(()) => Err(SpoolError::File {
                action: "write",
                source: io::Error::other("the file takes none, and too many are in memory"),
            }),
            error => error,
        };
        let is_told = self.has_failed;
        self.has_failed |= end.is_err();
        if is_told { Ok(()) } else { end }
    }

    /// Writes reports, all of them or none.
    fn write(&mut self, reports: &[Report]) -> Result<(), SpoolError> {
        let mut lines = Vec::new();
        let mut lengths = Vec::with_capacity(reports.len());
        for report in reports {
            let before = lines.len();
            serde_json::to_writer(&mut lines, report)?;
            lines.push(b'\n');
            lengths.push(lines.len() - before);
        }
        let end = self.end + lines.len() as u64;
        if end > MAX_SPOOL {
            return Err(SpoolError::Full);
        }
        self.file.write_all_at(&lines, self.end).map_err(failed("write"))?;
        self.end = end;
        self.lengths.extend(lengths);
        Ok(())
    }

    /// Reads the reports to send next; none, if all are received.
    ///
    /// # Errors
    /// The file cannot be read back.
    pub fn batch(&self) -> Result<Option<Batch>, SpoolError> {
        let first = self.received + 1;
        if self.lengths.is_empty() {
            let (count, _) = fitting(self.in_memory.iter().map(|(length, _)| *length));
            let reports = self.in_memory.iter().take(count);
            let reports: Vec<Report> = reports.map(|(_, report)| report.clone()).collect();
            return Ok((!reports.is_empty()).then_some(Batch { first, reports }));
        }
        let (_, bytes) = fitting(self.lengths.iter().copied());
        let mut lines = vec![0; bytes];
        self.file.read_exact_at(&mut lines, self.start).map_err(failed("read back"))?;
        let reports: Result<Vec<Report>, serde_json::Error> =
            serde_json::Deserializer::from_slice(&lines).into_iter().collect();
        Ok(Some(Batch { first, reports: reports? }))
    }

    /// Forgets the reports up to number `last`: the daemon has them. Returns whether that was any.
    ///
    /// # Errors
    /// The file cannot be emptied.
    pub fn forget(&mut self, last: u64) -> Result<bool, SpoolError> {
        let before = self.received;
        while self.received < last {
            if let Some(length) = self.lengths.pop_front() {
                self.start += length as u64;
            } else if let Some((length, _)) = self.in_memory.pop_front() {
                self.bytes_in_memory -= length;
            } else {
                break;
            }
            self.received += 1;
        }
        if self.lengths.is_empty() && self.end > 0 {
            self.file.set_len(0).map_err(failed("empty the file of"))?;
            (self.start, self.end) = (0, 0);
        }
        self.compact().map_err(failed("move"))?;
        Ok(self.received > before)
    }

    /// Whether less than half of it is in use.
    pub fn has_room(&self) -> bool {
        self.in_memory.is_empty() && self.end < MAX_SPOOL / 2
    }

    /// Moves what was not received to the front of the file, once that frees as much as it moves.
    fn compact(&mut self) -> io::Result<()> {
        let length = self.end - self.start;
        if self.start < COMPACT_FROM || self.start < length {
            return Ok(());
        }
        let mut moved = 0;
        let mut block = vec![0; MAX_REQUEST];
        while moved < length {
            let left = usize::try_from(length - moved).unwrap_or(block.len());
            let part = block.get_mut(..left.min(MAX_REQUEST)).unwrap_or_default();
            self.file.read_exact_at(part, self.start + moved)?;
            self.file.write_all_at(part, moved)?;
            moved += part.len() as u64;
        }
        (self.start, self.end) = (0, length);
        self.file.set_len(length)
    }

    /// The number of the last report that was received, 0 if none was.
    pub fn received(&self) -> u64 {
        self.received
    }
}

/// Returns how many reports of these lengths fit into one request, at least one, and their bytes.
fn fitting(lengths: impl Iterator<Item = usize>) -> (usize, usize) {
    let (mut count, mut bytes) = (0, 0);
    for length in lengths.take(MAX_REPORTS) {
        if count > 0 && bytes + length > MAX_REQUEST {
            break;
        }
        count += 1;
        bytes += length;
    }
    (count, bytes)
}

fn failed(action: &'static str) -> impl FnOnce(io::Error) -> SpoolError {
    move |source| SpoolError::File { action, source }
}

#[cfg(test)]
mod tests {
    use wire::worker::ReportKind;

    use super::*;

    fn report(at: i64) -> Report {
        Report { at, kind: ReportKind::Canceled { step: format!("s{at}") } }
    }

    fn many(from: i64, to: i64) -> Vec<Report> {
        (from..=to).map(report).collect()
    }

    #[test]
    fn reports_are_sent_in_order_until_they_are_received() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.jsonl");
        let mut spool = Spool::create(&path).unwrap();
        assert_eq!(spool.batch().unwrap(), None);
        spool.append(many(1, 2)).unwrap();
        spool.append(many(3, 3)).unwrap();
        let batch = Batch { first: 1, reports: many(1, 3) };
        assert_eq!(spool.batch().unwrap(), Some(batch.clone()));
        assert_eq!(spool.batch().unwrap(), Some(batch), "asked twice, the same");
        assert!(spool.forget(2).unwrap());
        assert!(!spool.forget(1).unwrap(), "an old answer changes nothing");
        assert_eq!(spool.batch().unwrap(), Some(Batch { first: 3, reports: many(3, 3) }));
        assert!(spool.forget(9).unwrap());
        assert_eq!((spool.batch().unwrap(), spool.received()), (None, 3));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0, "what was received is gone");
        spool.append(many(4, 4)).unwrap();
        assert_eq!(spool.batch().unwrap(), Some(Batch { first: 4, reports: many(4, 4) }));
    }

    #[test]
    fn a_file_that_is_never_empty_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.jsonl");
        let mut spool = Spool::create(&path).unwrap();
        let step = |n: i64| ReportKind::Canceled { step: format!("{n}{}", "x".repeat(100_000)) };
        let report = |n: i64| Report { at: n, kind: step(n) };
        spool.append(vec![report(1)]).unwrap();
        for n in 2..=200 {
            spool.append(vec![report(n)]).unwrap();
            assert_eq!(spool.batch().unwrap().unwrap().reports[0], report(n - 1));
            spool.forget(u64::try_from(n).unwrap() - 1).unwrap();
        }
        let length = std::fs::metadata(&path).unwrap().len();
        assert!(length <= COMPACT_FROM + 200_000, "{length}");
    }

    #[test]
    fn one_request_carries_no_more_than_it_may() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(&folder.path().join("spool.jsonl")).unwrap();
        spool.append(many(1, 2500)).unwrap();
        let mut seen = Vec::new();
        while let Some(batch) = spool.batch().unwrap() {
            assert!(batch.reports.len() <= MAX_REPORTS);
            assert_eq!(batch.first, seen.len() as u64 + 1);
            seen.extend(batch.reports);
            spool.forget(seen.len() as u64).unwrap();
        }
        assert_eq!(seen, many(1, 2500));

        let long = Report { at: 0, kind: ReportKind::Canceled { step: "x".repeat(MAX_REQUEST) } };
        spool.append(vec![long.clone(), long.clone()]).unwrap();
        assert_eq!(spool.batch().unwrap().unwrap().reports, [long]);
    }

    /// A file that cannot be written, as on a full disk: it is open for reading alone.
    fn on_a_full_disk(spool: &mut Spool, path: &Path) {
        spool.file = File::open(path).unwrap();
    }

    #[test]
    fn a_full_disk_is_bridged_in_memory_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.jsonl");
        let mut spool = Spool::create(&path).unwrap();
        spool.append(many(1, 2)).unwrap();
        let file = spool.file.try_clone().unwrap();
        on_a_full_disk(&mut spool, &path);
        spool.append(many(3, 3)).unwrap();
        // There is space again, but what is in memory goes first.
        spool.file = file;
        spool.append(many(4, 5)).unwrap();
        assert_eq!(spool.batch().unwrap().unwrap().reports, many(1, 2));
        spool.forget(2).unwrap();
        assert_eq!(spool.batch().unwrap(), Some(Batch { first: 3, reports: many(3, 5) }));
        spool.forget(5).unwrap();
        assert_eq!(spool.bytes_in_memory, 0);
        spool.append(many(6, 6)).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > 0, "the file is in use again");
        assert_eq!(spool.batch().unwrap(), Some(Batch { first: 6, reports: many(6, 6) }));
    }

    #[test]
    fn a_disk_that_stays_full_is_said_once_and_the_last_words_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.jsonl");
        let mut spool = Spool::create(&path).unwrap();
        on_a_full_disk(&mut spool, &path);
        let step = "x".repeat(MAX_IN_MEMORY / 2);
        let large = Report { at: 0, kind: ReportKind::Canceled { step } };
        spool.append(vec![large.clone()]).unwrap();
        let error = spool.append(vec![large.clone()]).unwrap_err();
        assert!(matches!(error, SpoolError::File { .. }), "{error}");
        spool.append(vec![large, report(4)]).unwrap();
        assert_eq!(spool.batch().unwrap().unwrap().reports.len(), 1, "no request is too large");
        spool.forget(3).unwrap();
        assert_eq!(spool.batch().unwrap(), Some(Batch { first: 4, reports: vec![report(4)] }));
    }

    #[test]
    fn a_full_spool_says_so_once_and_keeps_the_last_words_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(&folder.path().join("spool.jsonl")).unwrap();
        let size = usize::try_from(MAX_SPOOL / 2).unwrap();
        let huge = Report { at: 0, kind: ReportKind::Canceled { step: "x".repeat(size) } };
        spool.append(vec![huge.clone()]).unwrap();
        let error = spool.append(vec![report(2), huge.clone()]).unwrap_err();
        assert!(matches!(error, SpoolError::Full), "{error}");
        spool.append(many(4, 5)).unwrap();
        assert_eq!(spool.batch().unwrap().unwrap().reports.len(), 1, "first what the file has");
        assert!(spool.forget(1).unwrap());
        for (first, reports) in [(2, vec![report(2)]), (3, vec![huge]), (4, many(4, 5))] {
            assert_eq!(spool.batch().unwrap(), Some(Batch { first, reports: reports.clone() }));
            spool.forget(first + reports.len() as u64 - 1).unwrap();
        }
        assert_eq!(spool.batch().unwrap(), None);
    }
}
