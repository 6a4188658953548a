//! The home of a daemon: the folder with everything that it keeps.

use std::fs::DirBuilder;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::home;

/// Why there is no home.
#[derive(Debug, Error)]
pub(crate) enum HomeError {
    #[error("cannot make the home {}: {source}", .path.display())]
    NotMade { path: PathBuf, source: Error },
    #[error("the home {} is no folder", .0.display())]
    NoFolder(PathBuf),
}

/// Returns the home, made if it is not there; absolute, because it is handed to workers.
pub(crate) fn find_and_make(named: Option<&Path>) -> Result<PathBuf, HomeError> {
    let home = home::find(named.map(Path::to_owned), &|name| std::env::var(name).ok());
    let home = std::path::absolute(&home)
        .map_err(|source| HomeError::NotMade { path: home.clone(), source })?;
    make(&home)?;
    Ok(home)
}

/// Makes a home that is not there, readable by its owner alone.
fn make(home: &Path) -> Result<(), HomeError> {
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
