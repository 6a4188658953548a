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
    /// The file cannot be written or read.
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
    /// What could not be written any more: the last words of a worker whose file failed.
    last_words: VecDeque<Report>,
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
            last_words: VecDeque::new(),
            has_failed: false,
            received: 0,
        })
    }

    /// Keeps reports. Once that has failed, these and all later ones are kept in memory, behind what
    /// the file has: the last words of a worker that must end now.
    ///
    /// # Errors
    /// They do not fit into the file any more, or cannot be written; said once.
    pub fn append(&mut self, reports: Vec<Report>) -> Result<(), SpoolError> {
        if self.has_failed {
            self.last_words.extend(reports);
            return Ok(());
        }
        let written = self.write(&reports);
        if written.is_err() {
            self.has_failed = true;
            self.last_words.extend(reports);
        }
        written
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
            let reports: Vec<Report> = self.last_words.iter().take(MAX_REPORTS).cloned().collect();
            return Ok((!reports.is_empty()).then_some(Batch { first, reports }));
        }
        let (mut count, mut bytes) = (0, 0);
        for length in self.lengths.iter().take(MAX_REPORTS) {
            if count > 0 && bytes + length > MAX_REQUEST {
                break;
            }
            count += 1;
            bytes += length;
        }
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
            } else if self.last_words.pop_front().is_none() {
                break;
            }
            self.received += 1;
        }
        if self.lengths.is_empty() && self.end > 0 {
            self.file.set_len(0).map_err(failed("empty the file of"))?;
            (self.start, self.end) = (0, 0);
        }
        Ok(self.received > before)
    }

    /// The number of the last report that was received, 0 if none was.
    pub fn received(&self) -> u64 {
        self.received
    }
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

    #[test]
    fn a_full_spool_says_so_once_and_keeps_the_last_words_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(&folder.path().join("spool.jsonl")).unwrap();
        let size = usize::try_from(MAX_SPOOL / 2).unwrap();
        let huge = Report { at: 0, kind: ReportKind::Canceled { step: "x".repeat(size) } };
        spool.append(vec![huge.clone()]).unwrap();
        let error = spool.append(vec![report(2), huge]).unwrap_err();
        assert!(matches!(error, SpoolError::Full), "{error}");
        spool.append(many(4, 5)).unwrap();
        assert_eq!(spool.batch().unwrap().unwrap().reports.len(), 1, "first what the file has");
        assert!(spool.forget(1).unwrap());
        let Batch { first, reports } = spool.batch().unwrap().unwrap();
        assert_eq!((first, &reports[0], &reports[2..]), (2, &report(2), &many(4, 5)[..]));
        assert!(spool.forget(5).unwrap());
        assert_eq!(spool.batch().unwrap(), None);
    }
}
