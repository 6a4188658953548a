//! Which configuration file is read.

use std::path::{Path, PathBuf};

use thiserror::Error;

const OURS: &str = "pointsman.yaml";
const DAGSTERS: &str = "dagster.yaml";

/// Says why it is not clear which file is meant.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum DiscoveryError {
    #[error(
        "there are both {} and {}: remove one, or name one with --config",
        .0.join(OURS).display(), .0.join(DAGSTERS).display()
    )]
    TwoFiles(PathBuf),
}

/// Finds the file: the one that is named, else one in `$POINTSMAN_HOME`, else in `$DAGSTER_HOME`;
/// `None` if there is none.
pub(crate) fn find(
    named: Option<&Path>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<PathBuf>, DiscoveryError> {
    if let Some(path) = named {
        return Ok(Some(path.to_owned()));
    }
    let home = |name| {
        let path = variable(name).filter(|path| !path.is_empty());
        path.map(PathBuf::from)
    };
    if let Some(ours) = home("POINTSMAN_HOME")
        && let Some(found) = in_our_home(&ours)?
    {
        return Ok(Some(found));
    }
    let theirs = home("DAGSTER_HOME").map(|home| home.join(DAGSTERS));
    Ok(theirs.filter(|path| path.exists()))
}

fn in_our_home(home: &Path) -> Result<Option<PathBuf>, DiscoveryError> {
    let [ours, theirs] = [OURS, DAGSTERS].map(|name| Some(home.join(name)).filter(|p| p.exists()));
    match (ours, theirs) {
        (Some(_), Some(_)) => Err(DiscoveryError::TwoFiles(home.to_owned())),
        (found, None) | (None, found) => Ok(found),
    }
}
