//! Which configuration file is read.
//!
//! A file that is not there means defaults; a file that cannot be looked at never does.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use thiserror::Error;

const OURS: &str = "pointsman.yaml";
const DAGSTERS: &str = "dagster.yaml";

/// Says why it is not clear which file is meant.
#[derive(Debug, Error)]
pub(crate) enum DiscoveryError {
    #[error(
        "there are both {} and {}: remove one, or name the one that is meant",
        .0.join(OURS).display(), .0.join(DAGSTERS).display()
    )]
    TwoFiles(PathBuf),
    #[error("{variable} is set to {}, which is no directory", .home.display())]
    NoDirectory { variable: &'static str, home: PathBuf },
    #[error("{} is a link to a file that does not exist", .0.display())]
    DanglingLink(PathBuf),
    #[error("cannot look at {}: {source}", .path.display())]
    Hidden { path: PathBuf, source: Error },
}

/// Finds the file: the one that is named, else one in the home, else in `$DAGSTER_HOME`; `None` if
/// there is none.
pub(crate) fn find(
    named: Option<&Path>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<PathBuf>, DiscoveryError> {
    if let Some(path) = named {
        return Ok(Some(path.to_owned()));
    }
    let ours = match home("POINTSMAN_HOME", variable)? {
        Some(ours) => Some(ours),
        None => usual_home(variable)?,
    };
    if let Some(ours) = ours
        && let Some(found) = in_our_home(&ours)?
    {
        return Ok(Some(found));
    }
    match home("DAGSTER_HOME", variable)? {
        Some(theirs) => entry(&theirs, DAGSTERS),
        None => Ok(None),
    }
}

/// Returns the folders that are there of those in which a file is looked for, and its names.
pub(crate) fn places(
    ours: &Path,
    named: Option<&Path>,
    theirs: Option<&OsStr>,
) -> (Vec<PathBuf>, Vec<OsString>) {
    if let Some((named, name)) = named.and_then(|named| Some((named, named.file_name()?))) {
        let folder = named.parent().filter(|folder| !folder.as_os_str().is_empty());
        return (vec![folder.unwrap_or(Path::new(".")).to_owned()], vec![name.to_owned()]);
    }
    let folders = [Some(ours), theirs.map(Path::new)].into_iter().flatten();
    let folders = folders.filter(|folder| folder.is_dir()).map(Path::to_owned);
    (folders.collect(), vec![OURS.into(), DAGSTERS.into()])
}

/// Returns the directory that a variable names; one that is empty names none.
fn home(
    name: &'static str,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<PathBuf>, DiscoveryError> {
    let Some(home) = variable(name).filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    match fs::metadata(&home) {
        Ok(found) if found.is_dir() => Ok(Some(home)),
        Ok(_) => Err(DiscoveryError::NoDirectory { variable: name, home }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(DiscoveryError::NoDirectory { variable: name, home })
        }
        Err(source) => Err(DiscoveryError::Hidden { path: home, source }),
    }
}

/// Returns the home that a daemon has when no variable names one, if it is there.
fn usual_home(
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<PathBuf>, DiscoveryError> {
    let as_text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
    let path = crate::home::find(None, &as_text);
    match fs::metadata(&path) {
        Ok(found) => Ok(found.is_dir().then_some(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DiscoveryError::Hidden { path, source }),
    }
}

fn in_our_home(home: &Path) -> Result<Option<PathBuf>, DiscoveryError> {
    match (entry(home, OURS)?, entry(home, DAGSTERS)?) {
        (Some(_), Some(_)) => Err(DiscoveryError::TwoFiles(home.to_owned())),
        (found, None) | (None, found) => Ok(found),
    }
}

/// Finds a name in a directory that exists; `None` only if there is no such name.
fn entry(home: &Path, name: &str) -> Result<Option<PathBuf>, DiscoveryError> {
    let path = home.join(name);
    match fs::symlink_metadata(&path) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DiscoveryError::Hidden { path, source }),
    }
    match fs::metadata(&path) {
        Ok(_) => Ok(Some(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(DiscoveryError::DanglingLink(path))
        }
        Err(source) => Err(DiscoveryError::Hidden { path, source }),
    }
}
