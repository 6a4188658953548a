//! Reads what the kernel says of processes in `/proc`.
//!
//! What is read may be outdated the next moment; who acts on it holds the process by a pidfd first
//! (see `identity`).

use std::fs;
use std::io;

/// What `/proc/PID/stat` says of one process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stat {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    pub(crate) session: u32,
    /// Clock ticks from the boot of the machine to its start.
    pub(crate) started: u64,
    /// Whether it has ended with all its threads, so that its files are closed, and only waits to be
    /// reaped.
    pub(crate) has_ended: bool,
}

/// Reads one process; `None` if there is none of this number.
pub(crate) fn read(pid: u32) -> io::Result<Option<Stat>> {
    let text = match fs::read(format!("/proc/{pid}/stat")) {
        Ok(text) => text,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = String::from_utf8_lossy(&text);
    if is_just_being_reaped(&text) {
        return Ok(None);
    }
    parse(pid, &text).map(Some).ok_or_else(|| {
        let message = format!("/proc/{pid}/stat is not as expected");
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// Reads all processes that can be seen, ordered by number; those that end meanwhile are left out,
/// and those that other users hide.
pub(crate) fn all() -> io::Result<Vec<Stat>> {
    let mut stats = Vec::new();
    for pid in pids()? {
        match read(pid) {
            Ok(stat) => stats.extend(stat),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
        }
    }
    Ok(stats)
}

/// Lists the numbers of all processes that can be seen.
pub(crate) fn pids() -> io::Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc")? {
        pids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    pids.sort_unstable();
    Ok(pids)
}

/// Whether a file below `/proc/PID` could not be read because the process is gone.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

/// Whether a process is in no group any more, which it says by a number that none has.
fn is_just_being_reaped(text: &str) -> bool {
    fields(text).is_some_and(|fields| fields.get(2) == Some(&"-1"))
}

/// Splits what is regular. The name of the program stands in parentheses and may have any characters:
/// the fields follow the last parenthesis.
fn fields(text: &str) -> Option<Vec<&str>> {
    text.rsplit_once(')').map(|(_, rest)| rest.split_ascii_whitespace().collect())
}

fn parse(pid: u32, text: &str) -> Option<Stat> {
    let fields = fields(text)?;
    let state = *fields.first()?;
    let threads: u64 = fields.get(17)?.parse().ok()?;
    Some(Stat {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
        // The first thread may have ended before the others, which still have the files open.
        has_ended: matches!(state, "X" | "x") || (state == "Z" && threads <= 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_parentheses_and_blanks_is_skipped() {
        let text = "7 (a) Z 1 (b) S 4 5 6 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 991 0 0\n";
        let stat = parse(7, text).unwrap();
        assert_eq!((stat.parent, stat.group, stat.session, stat.started), (4, 5, 6, 991));
        assert!(!stat.has_ended);
    }

    #[test]
    fn a_process_has_ended_when_its_last_thread_has() {
        let has_ended = |state, threads| {
            let text =
                format!("7 (a) {state} 4 5 6 0 -1 0 0 0 0 0 0 0 0 0 20 0 {threads} 0 991 0\n");
            parse(7, &text).unwrap().has_ended
        };
        assert!(has_ended("Z", 1) && has_ended("X", 0));
        assert!(!has_ended("Z", 2) && !has_ended("S", 1) && !has_ended("T", 1));
    }

    #[test]
    fn a_process_that_is_just_being_reaped_is_gone() {
        let text = "7 (a) X 0 -1 -1 0 -1 0 0 0 0 0 0 0 0 0 20 0 0 0 991 0 0\n";
        assert!(is_just_being_reaped(text));
        assert!(!is_just_being_reaped("7 (a) S 1 2 3"));
    }

    #[test]
    fn the_process_that_asks_is_among_all() {
        let own = std::process::id();
        assert!(all().unwrap().iter().any(|stat| stat.pid == own && !stat.has_ended));
        assert!(read(u32::MAX).unwrap().is_none());
    }
}
