//! The home: the folder with everything that one Pointsman keeps.

use std::fs::DirBuilder;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why there is no home.
#[derive(Debug, Error)]
pub(crate) enum HomeError {
    #[error(
        "there is no home: name one with --home, or set POINTSMAN_HOME (HOME is not set either)"
    )]
    Nowhere,
    #[error("cannot make the home {}: {source}", .path.display())]
    NotMade { path: PathBuf, source: Error },
    #[error("the home {} is no folder", .0.display())]
    NoFolder(PathBuf),
}

/// Returns the home that is named, else `$POINTSMAN_HOME`, else `.pointsman` in the user's own
/// folder; absolute, but not looked at.
pub(crate) fn find(named: Option<&Path>) -> Result<PathBuf, HomeError> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let found = match (named, variable("POINTSMAN_HOME"), variable("HOME")) {
        (Some(named), _, _) => named.to_owned(),
        (None, Some(home), _) => PathBuf::from(home),
        (None, None, Some(user)) => PathBuf::from(user).join(".pointsman"),
        (None, None, None) => return Err(HomeError::Nowhere),
    };
    std::path::absolute(&found).map_err(|source| HomeError::NotMade { path: found, source })
}

/// Makes a home that is not there, readable by its owner alone.
pub(crate) fn make(home: &Path) -> Result<(), HomeError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(home);
    match made {
        Ok(()) if home.is_dir() => Ok(()),
        Ok(()) => Err(HomeError::NoFolder(home.to_owned())),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(HomeError::NoFolder(home.to_owned()))
        }
        Err(source) => Err(HomeError::NotMade { path: home.to_owned(), source }),
    }
}
