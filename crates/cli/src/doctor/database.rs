//! The database and the clock: what is stored must be as the rules promise, and not of the future.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use model::Timestamp;
use store::{InspectError, Inspection, Store};

use super::finding::Finding;
use super::home::size;
use crate::daemon::DATABASE;
use crate::remote::now;
use crate::show::interval;

/// How far the clock may lie behind what is stored: clocks are set by a little now and then.
const BEHIND: Duration = Duration::from_secs(5);

/// 2026-01-01: before this there was no Pointsman, so that a clock that says so is wrong.
const FIRST_DAY: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// Looks at the database of a home, and at the clock.
pub(super) async fn check(findings: &mut Vec<Finding>, home: &Path) {
    let path = home.join(DATABASE);
    let owner = std::fs::metadata(&path).ok().map(|found| found.uid());
    let user = rustix::process::geteuid().as_raw();
    // Reading it makes files beside it, which the server could not write if they were another's.
    if let Some(owner) = owner.filter(|owner| *owner != user) {
        let message = format!("not looked at: it belongs to user {owner}, and you are {user}");
        findings.push(Finding::warning("database", message, "run as the user who runs the server"));
        return;
    }
    let newest = match Store::inspect(&path).await {
        Ok(None) => {
            findings.push(Finding::ok("database", "none yet; the server makes it"));
            None
        }
        Ok(Some(inspection)) => {
            findings.push(stored(&path, &inspection));
            inspection.newest_event
        }
        Err(error) => {
            findings.push(unreadable(&error));
            None
        }
    };
    // Asked last: a server goes on storing while a large database is looked at.
    findings.push(clock(now(), newest));
}

fn stored(path: &Path, inspection: &Inspection) -> Finding {
    let bytes = std::fs::metadata(path).map_or(0, |found| found.len());
    match inspection.violations.as_slice() {
        _ if inspection.is_older => {
            let message = "of an earlier version; the server updates it when it is started";
            Finding::ok("database", message)
        }
        [] => Finding::ok("database", format!("{}, and all in it is as it must be", size(bytes))),
        [first, more @ ..] => {
            let others = if more.is_empty() {
                String::new()
            } else {
                format!(", and {} more of this sort", more.len())
            };
            let remedy = format!(
                "stop the server, keep a copy of {} and of the files that begin with its name, and \
                 restore a backup",
                path.display()
            );
            Finding::problem("database", format!("{first}{others}"), remedy)
        }
    }
}

fn unreadable(error: &InspectError) -> Finding {
    let cause =
        std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
    let remedy = "do not delete it: it holds all runs; keep a copy before anything is tried";
    Finding::problem("database", format!("{error}{cause}"), remedy)
}

fn clock(now: Timestamp, newest: Option<Timestamp>) -> Finding {
    let remedy = "set it (`timedatectl` shows it); until then times and ages are told wrong";
    if now < FIRST_DAY {
        let message = format!("the clock says {}, which is in the past", wire::api::Time(now));
        return Finding::problem("clock", message, remedy);
    }
    match newest {
        Some(newest) if newest.since(now) > BEHIND => {
            let behind = interval(newest.since(now));
            let message = format!("the clock is {behind} behind the last thing that was stored");
            Finding::problem("clock", message, remedy)
        }
        Some(_) => Finding::ok("clock", "behind nothing that was stored"),
        None => Finding::ok("clock", "nothing speaks against it"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_clock_behind_what_is_stored_is_a_problem() {
        let now = Timestamp::from_micros(FIRST_DAY.as_micros() + 3_600_000_000);
        let verdict = |now, newest| clock(now, newest).verdict;
        assert_eq!(verdict(now, Some(now.after(BEHIND))), Verdict::Ok);
        let hour = Duration::from_hours(1);
        assert_eq!(verdict(now, Some(now.after(hour))), Verdict::Problem);
        assert!(clock(now, Some(now.after(hour))).message.contains("1h 00m behind"));
        assert_eq!(verdict(now.after(hour), Some(now)), Verdict::Ok);
        assert_eq!(verdict(Timestamp::EPOCH, None), Verdict::Problem);
    }
}
