//! Which files matter to a code location that is Python: those that end in `.py` where it is loaded
//! from, with the folders to watch for changes.
//!
//! What Python really imports is not asked: a change of any of these files loads the location again.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::PythonLocation;

/// How many folders are looked into and watched at most, those that are nearest first: each costs the
/// kernel a watch. A change in a folder beyond them is loaded when somebody asks for it.
const MAX_FOLDERS: usize = 500;

/// How many files are looked at in one folder at most, for the same reason.
const MAX_FILES: usize = 5_000;

/// Folders that hold no code of the user's.
const PASSED_OVER: [&str; 4] = ["__pycache__", "node_modules", "site-packages", "target"];

/// The files of a location as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Says whether two looks saw the same.
    pub(crate) digest: [u8; 32],
    /// The folders in which they are.
    pub(crate) folders: BTreeSet<PathBuf>,
}

/// Looks at the files of a location; what stands in `home`, where the daemon keeps everything, are none.
pub(crate) fn look(location: &PythonLocation, home: &Path) -> Stamp {
    let of_file = location.file().and_then(Path::parent).map(Path::to_owned);
    let mut waiting: VecDeque<PathBuf> =
        of_file.into_iter().chain([location.target.working_directory.clone()]).collect();
    let mut folders = BTreeSet::new();
    let mut seen = BTreeSet::new();
    while let Some(folder) = waiting.pop_front() {
        if folders.len() == MAX_FOLDERS {
            break;
        }
        if folders.insert(folder.clone()) {
            let below = look_into(&folder, &mut seen);
            waiting.extend(below.into_iter().filter(|folder| folder != home));
        }
    }
    folders.retain(|folder| folder.is_dir());
    let mut hash = Sha256::new();
    for file in seen {
        hash.update(format!("{file:?}\n"));
    }
    Stamp { digest: hash.finalize().into(), folders }
}

/// A file with what changes when it is saved.
type Seen = (PathBuf, u64, i64, i64, u64);

/// Adds the files of a folder and returns the folders in it; one that cannot be read is empty.
fn look_into(folder: &Path, seen: &mut BTreeSet<Seen>) -> Vec<PathBuf> {
    let mut below = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_FILES) {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let Ok(kind) = entry.file_type() else { continue };
        let is_code = kind.is_dir()
            && !name.starts_with('.')
            && !PASSED_OVER.contains(&&*name)
            // A virtual environment.
            && !path.join("pyvenv.cfg").exists();
        if is_code {
            below.push(path);
        } else if path.extension().is_some_and(|ending| ending == "py")
            && let Ok(found) = fs::metadata(&path)
        {
            seen.insert((path, found.len(), found.mtime(), found.mtime_nsec(), found.ino()));
        }
    }
    below.sort();
    below
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::shim::{Target, TargetKind};

    fn location(folder: &Path) -> PythonLocation {
        let what = TargetKind::Module { module: "m".to_owned() };
        let target = Target { what, attribute: None, working_directory: folder.to_owned() };
        PythonLocation::new(target, None, None)
    }

    #[test]
    fn a_file_of_python_that_comes_changes_or_goes_is_noticed_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let of = |path: &str| folder.path().join(path);
        let location = location(folder.path());
        for path in ["team/inner", "team/__pycache__", ".git", "venv/lib", "home/runs"] {
            fs::create_dir_all(of(path)).unwrap();
        }
        fs::write(of("venv/pyvenv.cfg"), "").unwrap();
        fs::write(of("team/inner/defs.py"), "a = 1").unwrap();
        let first = look(&location, &of("home"));
        let folders = BTreeSet::from([of(""), of("team"), of("team/inner")]);
        assert_eq!(
            first.folders,
            folders.into_iter().map(|path| path.components().collect()).collect()
        );
        for path in
            ["team/__pycache__/defs.pyc", "venv/lib/x.py", ".git/y.py", "home/z.py", "notes.txt"]
        {
            fs::write(of(path), "").unwrap();
        }
        assert_eq!(look(&location, &of("home")), first);
        fs::write(of("team/inner/defs.py"), "a = 10").unwrap();
        let second = look(&location, &of("home"));
        assert_ne!(second, first);
        fs::write(of("new.py"), "").unwrap();
        assert_ne!(look(&location, &of("home")), second);
        fs::remove_file(of("new.py")).unwrap();
        assert_eq!(look(&location, &of("home")), second);
    }
}
