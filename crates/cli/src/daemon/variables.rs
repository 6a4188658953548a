//! The variables from which Python is started: those of the daemon. Here is decided which virtual
//! environment counts where none is active: the one in which this program is installed, as `pip` does it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

const VIRTUAL_ENV: &str = "VIRTUAL_ENV";

/// Returns the daemon's own variables, with the virtual environment that counts.
pub(super) fn variables() -> BTreeMap<OsString, OsString> {
    with_environment_of(std::env::vars_os().collect(), std::env::current_exe().ok().as_deref())
}

fn with_environment_of(
    mut variables: BTreeMap<OsString, OsString>,
    program: Option<&Path>,
) -> BTreeMap<OsString, OsString> {
    let is_active = variables.get(OsStr::new(VIRTUAL_ENV)).is_some_and(|folder| !folder.is_empty());
    if let Some(folder) = program.and_then(environment_of).filter(|_| !is_active) {
        variables.insert(VIRTUAL_ENV.into(), folder.into());
    }
    variables
}

/// The virtual environment into whose `bin` a program was installed.
fn environment_of(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?.parent()?;
    let is_environment = folder.join("pyvenv.cfg").is_file() && folder.join("bin/python").exists();
    is_environment.then(|| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_pip_installed_uses_the_python_that_it_was_installed_for() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(bin.join("python"), "").unwrap();
        let found = |given: &str| {
            let given = BTreeMap::from([(VIRTUAL_ENV.into(), given.into())]);
            let found = with_environment_of(given, Some(&bin.join("pointsman")));
            PathBuf::from(&found[OsStr::new(VIRTUAL_ENV)])
        };
        assert_eq!(found(""), Path::new(""), "no virtual environment yet");
        std::fs::write(folder.path().join("pyvenv.cfg"), "").unwrap();
        assert_eq!(found(""), folder.path());
        assert_eq!(found("/active"), Path::new("/active"));
    }
}
