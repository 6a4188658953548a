//! The home: whether it is there, whose it is, whether it can be written; its token; its disk.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};
use wire::client::TOKEN_FILE;

use super::finding::Finding;

/// Less than this, and the next commits may fail: the write-ahead log alone grows to 16 MiB.
const TOO_LITTLE: u64 = 64 << 20;

/// Less than this, and logs of steps may fill it soon.
const LITTLE: u64 = 1 << 30;

/// So many files can be made at least: each step of a run makes a few.
const FEW_FILES: u64 = 10_000;

/// How many digits a token has.
const TOKEN_DIGITS: usize = 64;

/// Looks at a home; returns whether it is there.
pub(super) fn check(findings: &mut Vec<Finding>, home: &Path) -> bool {
    let shown = home.display();
    let found = match fs::metadata(home) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            findings.push(Finding::warning(
                "home",
                format!("{shown} is not there: no server was ever started for it"),
                "`pointsman dev` makes it; or name another one with --home or POINTSMAN_HOME",
            ));
            return false;
        }
        Err(error) => {
            let message = format!("cannot look at {shown}: {error}");
            findings.push(Finding::problem("home", message, "run as the user who owns it"));
            return false;
        }
    };
    if !found.is_dir() {
        let remedy = "name a folder with --home or POINTSMAN_HOME";
        findings.push(Finding::problem("home", format!("{shown} is no folder"), remedy));
        return false;
    }
    findings.push(folder(home, &found));
    findings.push(token(&home.join(TOKEN_FILE)));
    findings.push(disk(home));
    true
}

fn folder(home: &Path, found: &fs::Metadata) -> Finding {
    let shown = home.display();
    let user = rustix::process::geteuid().as_raw();
    let mode = found.mode() & 0o777;
    if let Err(error) = access(home, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let message = format!("{shown} cannot be written: {}", std::io::Error::from(error));
        let remedy = "run as the user who owns it, make it writable, or name another home";
        return Finding::problem("home", message, remedy);
    }
    if found.uid() != user {
        let message = format!("{shown} belongs to user {}, and you are {user}", found.uid());
        return Finding::warning("home", message, "run as the user who runs the server");
    }
    if mode & 0o077 != 0 {
        let message = format!("others may look into {shown} (mode {mode:o})");
        return Finding::warning("home", message, format!("chmod 700 {shown}"));
    }
    Finding::ok("home", format!("{shown}, yours alone"))
}

fn token(path: &Path) -> Finding {
    let shown = path.display();
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::ok("token", "none yet; the server draws one when it is started");
        }
        Err(error) => {
            let message = format!("cannot look at {shown}: {error}");
            return Finding::problem("token", message, "run as the user who owns the home");
        }
    };
    let mode = found.mode() & 0o777;
    if mode & 0o077 != 0 {
        let message = format!("others may read {shown} (mode {mode:o}): the server refuses it");
        let remedy = format!("chmod 600 {shown}; if others may have read it, delete it instead");
        return Finding::problem("token", message, remedy);
    }
    match fs::read_to_string(path) {
        Ok(text) if is_token(text.trim()) => {
            Finding::ok("token", "there, and readable by you alone")
        }
        Ok(_) => {
            let remedy = format!("delete {shown} and start the server again: it draws a new one");
            Finding::problem("token", format!("{shown} holds no token"), remedy)
        }
        Err(error) => {
            let message = format!("cannot read {shown}: {error}");
            Finding::problem("token", message, "run as the user who owns the home")
        }
    }
}

fn is_token(text: &str) -> bool {
    text.len() == TOKEN_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn disk(home: &Path) -> Finding {
    let found = match statvfs(home) {
        Ok(found) => found,
        Err(error) => {
            let message = format!("cannot ask how full it is: {}", std::io::Error::from(error));
            return Finding::warning("disk", message, "look with `df`");
        }
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let told = format!("{} free below {}", size(free), home.display());
    let space = "free some space; `pointsman run delete --ended --older-than 30d` deletes old runs";
    // Some filesystems do not count files and say 0 of 0.
    if found.f_files > 0 && found.f_favail < FEW_FILES {
        let message = format!("only {} more files can be made there", found.f_favail);
        return Finding::problem("disk", message, space);
    }
    match free {
        0..TOO_LITTLE => Finding::problem("disk", told, space),
        TOO_LITTLE..LITTLE => Finding::warning("disk", told, space),
        _ => Finding::ok("disk", told),
    }
}

/// Returns a number of bytes in words.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(u32, &str); 3] = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    for (shift, unit) in UNITS {
        if bytes >> shift > 0 {
            let tenths = (bytes >> (shift - 10)).saturating_mul(10) >> 10;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_its_largest_unit() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (16 << 20, "16.0 MiB"),
            (5 << 40, "5120.0 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
