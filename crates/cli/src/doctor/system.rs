//! How many files the server may have open: each run in progress speaks to it over one or two.

use std::fs;

use super::finding::Finding;

/// With fewer than this, some hundred runs in progress are too many.
const FEW: u64 = 1024;

const REMEDY: &str = "raise it before the server is started: `ulimit -n 65536`, or LimitNOFILE= in its \
                      service file";

/// Looks at the bound of the daemon, or at the one that a daemon started from here would have.
pub(super) fn check(findings: &mut Vec<Finding>, daemon: Option<u32>) {
    let process = daemon.map_or("self".to_owned(), |pid| pid.to_string());
    // Where the system does not tell, there is nothing to say.
    let Ok(limits) = fs::read_to_string(format!("/proc/{process}/limits")) else { return };
    let Some(most) = open_files(&limits) else { return };
    let whose = if daemon.is_some() { "the server" } else { "a server started from here" };
    let used = daemon.and_then(|_| Some(fs::read_dir(format!("/proc/{process}/fd")).ok()?.count()));
    let used = used.unwrap_or(0) as u64;
    findings.push(if used.saturating_mul(10) > most.saturating_mul(8) {
        let message = format!("the server has {used} of {most} files open");
        Finding::problem("open files", message, REMEDY)
    } else if most < FEW {
        let message = format!("{whose} may have only {most} files open");
        Finding::warning("open files", message, REMEDY)
    } else {
        Finding::ok("open files", format!("{whose} may have {most} files open"))
    });
}

/// Reads the bound that is in force from what `/proc` tells.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_in_force_is_the_first_number() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024   524288   files\n";
        assert_eq!(open_files(limits), Some(1024));
        assert_eq!(open_files("Max open files   unlimited unlimited files"), Some(u64::MAX));
        assert_eq!(open_files(""), None);
    }
}
