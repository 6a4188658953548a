//! Starts the command of a step, and says in words why it cannot be started.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::guard::orders::Orders;

/// The argument that tells a command on which descriptor it answers.
const ANSWER_FD: &str = "--answer-fd";

/// How much of a text that a user wrote stands in a message.
const LONGEST_QUOTE: usize = 200;

/// The ends out of which comes what a command writes. What it has of them is closed in the guard, so
/// that they end when the step does.
pub(super) struct Pipes {
    pub(super) out: OwnedFd,
    pub(super) err: OwnedFd,
    /// For what it writes on the descriptor of its own, if it has one.
    pub(super) answer: Option<OwnedFd>,
}

/// Starts the command in the guard's own group, with its environment, its lock, the descriptor on
/// which it answers if it has one, and nothing else; returns its process.
pub(super) fn start(orders: &Orders) -> Result<(u32, Pipes), String> {
    let Some((program, arguments)) = orders.command.split_first() else {
        return Err("failed to start the step: its command is empty".to_owned());
    };
    let stdin = Stdio::from(input(orders)?);
    let answer = orders.answer.is_some().then(Answer::open).transpose();
    let answer =
        answer.map_err(|error| format!("failed to make a pipe for the step's answer: {error}"))?;
    let child = Command::new(program)
        .args(arguments)
        .args(answer.iter().flat_map(Answer::arguments))
        .current_dir(&orders.cwd)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            let why = reason(program, &orders.cwd, &error);
            format!("failed to start `{}`: {why}", quote(program))
        })?;
    let missing = || "failed to start the step: it has no pipe for its output".to_owned();
    let pid = child.id();
    let (out, err) = child.stdout.zip(child.stderr).ok_or_else(missing)?;
    let answer = answer.map(|answer| answer.read);
    Ok((pid, Pipes { out: out.into(), err: err.into(), answer }))
}

/// Opens what the command reads on its standard input.
pub(super) fn input(orders: &Orders) -> Result<File, String> {
    let path = orders.input.as_deref().unwrap_or(Path::new("/dev/null"));
    File::open(path).map_err(|error| {
        format!("failed to open the input of the step, {}: {error}", path.display())
    })
}

/// The pipe for what a command writes beside its output.
struct Answer {
    read: OwnedFd,
    write: OwnedFd,
}

impl Answer {
    /// Makes the pipe, whose end for writing the next command inherits: the guard starts only one.
    fn open() -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfd(&write, FdFlags::empty())?;
        Ok(Self { read, write })
    }

    fn arguments(&self) -> [OsString; 2] {
        [ANSWER_FD.into(), self.write.as_raw_fd().to_string().into()]
    }
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
