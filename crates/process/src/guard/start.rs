//! Starts the command of a step, and says in words why it cannot be started.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::guard::orders::Orders;

/// How much of a text that a user wrote stands in a message.
const LONGEST_QUOTE: usize = 200;

/// Starts the command in the guard's own group, with its environment, its lock and nothing else.
pub(super) fn start(orders: &Orders) -> Result<Child, String> {
    let Some((program, arguments)) = orders.command.split_first() else {
        return Err("failed to start the step: its command is empty".to_owned());
    };
    Command::new(program)
        .args(arguments)
        .current_dir(&orders.cwd)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            let quoted = quote(program);
            format!("failed to start `{quoted}`: {}", reason(program, &orders.cwd, &error))
        })
}

/// Says in words why a program was not started from a folder, and how to mend it.
pub(crate) fn reason(program: &OsStr, cwd: &Path, error: &io::Error) -> String {
    let folder = quote(cwd.as_os_str());
    if !cwd.is_dir() {
        return format!("its folder {folder} is missing or not a folder");
    }
    let is_path = program.as_encoded_bytes().contains(&b'/');
    let file = cwd.join(program);
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound && !is_path {
        let path = std::env::var_os("PATH").unwrap_or_default();
        format!("no folder of PATH has a program of this name; PATH is {}", quote(&path))
    } else if kind == io::ErrorKind::NotFound && file.exists() {
        "the interpreter that its first line names does not exist".to_owned()
    } else if kind == io::ErrorKind::NotFound {
        format!("no such file (looked for from the folder {folder})")
    } else if kind == io::ErrorKind::PermissionDenied && is_path && is_plain_file(&file) {
        "the file is not executable; make it so with `chmod +x`".to_owned()
    } else if kind == io::ErrorKind::ArgumentListTooLong {
        "its arguments and environment are longer than the system allows".to_owned()
    } else {
        error.to_string()
    }
}

fn is_plain_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 == 0)
}

/// Shows a text that a user wrote, shortened.
pub(crate) fn quote(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    let short: String = text.chars().take(LONGEST_QUOTE).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}
