//! Finds and reads the files. Knows nothing of what stands in them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use config::{MAX_FILE_BYTES, Problem};
use model::CodeLocation;
use thiserror::Error;

/// How many files of jobs a folder may hold; each is read whenever one of them changes.
pub(crate) const MAX_FILES: usize = 1_000;

/// Files that stand beside jobs and hold none.
const SETTINGS: [&str; 3] = ["pointsman.yaml", "dagster.yaml", "workspace.yaml"];

/// Says why the jobs of a code location cannot be started now.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreachable {
    /// No file is loaded that has this name.
    #[error("there is no code location `{0}`")]
    Unknown(CodeLocation),
    /// Its file was there and is not any more.
    #[error("the file of code location `{location}` is gone: {}", path.display())]
    Gone {
        /// The code location.
        location: CodeLocation,
        /// Where its file was.
        path: PathBuf,
    },
    /// Its file is there and cannot be read.
    #[error("the file of code location `{location}` cannot be read: {}: {reason}", path.display())]
    Unreadable {
        /// The code location.
        location: CodeLocation,
        /// Its file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// It is Python, and what is needed to execute it is missing.
    #[error("code location `{location}` cannot be executed: {} is missing", path.display())]
    PythonMissing {
        /// The code location.
        location: CodeLocation,
        /// The interpreter, the file that is loaded, or the folder in which it runs.
        path: PathBuf,
    },
}

/// Why a file could not be read.
#[derive(Debug)]
pub(crate) enum ReadFailure {
    /// There is no such file.
    Missing(Problem),
    /// There is one.
    Unreadable(Problem),
}

/// Reads a file as far as it may be read: one byte more than that shows that it is too large.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ReadFailure> {
    let shown = path.display().to_string();
    // Asked before it is opened: opening a pipe would wait for its writer.
    let metadata = fs::metadata(path).map_err(|error| failure(&shown, &error))?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a folder" } else { "no regular file" };
        let hint = "name a file of jobs, or a folder of such files where folders are named";
        let problem = Problem::of_file(&shown, format!("this is {what}"));
        return Err(ReadFailure::Unreadable(problem.with_hint(hint)));
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let file = File::open(path).map_err(|error| failure(&shown, &error))?;
    file.take(most).read_to_end(&mut bytes).map_err(|error| failure(&shown, &error))?;
    Ok(bytes)
}

/// Tells what the system says of a file, and what to do about it.
fn failure(shown: &str, error: &io::Error) -> ReadFailure {
    let problem = |message: &str, hint: &str| Problem::of_file(shown, message).with_hint(hint);
    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
        let hint = "create it, or name another one";
        return ReadFailure::Missing(problem("there is no such file or folder", hint));
    }
    if error.kind() == ErrorKind::PermissionDenied {
        let hint = "let the user that Pointsman runs as read it";
        return ReadFailure::Unreadable(problem("the file may not be read", hint));
    }
    let message = format!("the file cannot be read: {error}");
    ReadFailure::Unreadable(problem(&message, "is it on a disk that is away?"))
}

/// Says whether a file can be read now.
pub(crate) fn probe(path: &Path) -> io::Result<()> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
    }
    File::open(path)?.read(&mut [0]).map(drop)
}

/// What stands at a path that was given.
#[derive(Debug)]
pub(crate) enum Found {
    /// A folder with these files of jobs, in the order of their names.
    Folder(Vec<PathBuf>),
    /// A folder that cannot be listed, and why.
    Unlisted(String),
    /// A file, or nothing.
    FileOrNothing,
}

/// Looks what stands at a path.
pub(crate) fn look(path: &Path) -> Found {
    if !path.is_dir() {
        return Found::FileOrNothing;
    }
    match files_in(path) {
        Ok(files) if files.len() > MAX_FILES => {
            Found::Unlisted(format!("it holds more than {MAX_FILES} files of jobs"))
        }
        Ok(files) => Found::Folder(files),
        Err(error) => Found::Unlisted(error.to_string()),
    }
}

fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if is_of_jobs(&entry.file_name().to_string_lossy()) && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Returns whether a file of this name in a folder is one of jobs.
fn is_of_jobs(name: &str) -> bool {
    let is_yaml = [".yaml", ".yml"].iter().any(|ending| name.ends_with(ending));
    is_yaml && !name.starts_with('.') && !SETTINGS.contains(&name)
}
