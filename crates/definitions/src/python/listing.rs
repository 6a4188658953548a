//! Which code locations are Python: those that were named, and those that stand in files, which are
//! read again whenever locations are. A file that cannot be used keeps what it named before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Code, MAX_FILE_BYTES, Problem, Problems};
use thiserror::Error;

use super::{PROJECT, PythonLocation, WORKSPACE, read_project, read_workspace};

/// Something that names code locations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// One location itself.
    Location(PythonLocation),
    /// A workspace file, absolute.
    Workspace {
        /// The file.
        file: PathBuf,
        /// The folder in which Python runs where the file does not say.
        current: PathBuf,
    },
    /// A folder: its workspace file, else its project, if it has one.
    Folder(PathBuf),
}

/// Says why a file does not name code locations.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problems}")]
pub struct ListingError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problems: Arc<Problems>,
}

impl Listing {
    /// Returns the locations that it names now.
    ///
    /// # Errors
    /// [`ListingError`] if the file cannot be read, or something is wrong in it.
    pub fn read(&self) -> Result<Vec<PythonLocation>, ListingError> {
        let (file, current) = match self {
            Self::Location(location) => return Ok(vec![location.clone()]),
            Self::Workspace { file, current } => (file.clone(), current.clone()),
            Self::Folder(folder) => {
                let files = [folder.join(WORKSPACE), folder.join(PROJECT)];
                match files.into_iter().find(|file| file.is_file()) {
                    Some(file) => (file, folder.clone()),
                    None => return Ok(Vec::new()),
                }
            }
        };
        let is_project = file.file_name().is_some_and(|name| name == PROJECT);
        let locations = text_of(&file).map_err(Problems::from).and_then(|text| {
            if is_project {
                read_project(&file, &String::from_utf8_lossy(&text))
            } else {
                read_workspace(&file, &current, &text)
            }
        });
        let locations = locations.and_then(|locations| distinct(&file, locations));
        locations.map_err(|problems| ListingError { file, problems: Arc::new(problems) })
    }

    /// The folder in which its file stands.
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Location(_) => None,
            Self::Workspace { file, .. } => file.parent(),
            Self::Folder(folder) => Some(folder),
        }
    }
}

fn text_of(file: &Path) -> Result<Vec<u8>, Problem> {
    let shown = file.display().to_string();
    let failed = |error: std::io::Error| {
        Problem::of_file(&shown, format!("the file cannot be read: {error}"))
    };
    // Asked before it is opened: opening a pipe would wait for its writer.
    let metadata = fs::metadata(file).map_err(failed)?;
    if !metadata.is_file() {
        return Err(Problem::of_file(&shown, "this is no regular file"));
    }
    if metadata.len() > MAX_FILE_BYTES as u64 {
        let message = format!("the file is larger than {MAX_FILE_BYTES} bytes");
        return Err(Problem::of_file(&shown, message).with_code(Code::TooLarge));
    }
    fs::read(file).map_err(failed)
}

/// Leaves out what is said twice, and refuses two that are called the same.
fn distinct(file: &Path, locations: Vec<PythonLocation>) -> Result<Vec<PythonLocation>, Problems> {
    let mut by_name: BTreeMap<String, PythonLocation> = BTreeMap::new();
    let mut kept = Vec::with_capacity(locations.len());
    for location in locations {
        match by_name.get(location.name.as_str()) {
            Some(known) if *known == location => {}
            Some(_) => {
                let message = format!("two code locations are called `{}`", location.name);
                let problem = Problem::of_file(&file.display().to_string(), message);
                return Err(problem.with_hint("give each its `location_name`").into());
            }
            None => {
                by_name.insert(location.name.to_string(), location.clone());
                kept.push(location);
            }
        }
    }
    Ok(kept)
}

/// The listings, with what each named when it was last read well.
#[derive(Debug, Default)]
pub(crate) struct Listed(Vec<(Listing, Vec<Arc<PythonLocation>>)>);

impl Listed {
    pub(crate) fn new(listings: Vec<Listing>) -> Self {
        Self(listings.into_iter().map(|listing| (listing, Vec::new())).collect())
    }

    /// Reads all again; returns what is wrong.
    pub(crate) fn read(&mut self) -> Vec<ListingError> {
        let mut errors = Vec::new();
        for (listing, named) in &mut self.0 {
            match listing.read() {
                Ok(now) => *named = now.into_iter().map(Arc::new).collect(),
                Err(error) => errors.push(error),
            }
        }
        errors
    }

    /// Returns every location that is named; of several of one name the first.
    pub(crate) fn locations(&self) -> Vec<Arc<PythonLocation>> {
        let mut seen = BTreeSet::new();
        let all = self.0.iter().flat_map(|(_, named)| named);
        all.filter(|location| seen.insert(location.name.clone())).cloned().collect()
    }

    /// Returns the folders of the files.
    pub(crate) fn folders(&self) -> impl Iterator<Item = PathBuf> {
        let folders = self.0.iter().filter_map(|(listing, _)| listing.folder());
        folders.map(Path::to_owned).filter(|folder| folder.is_dir())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(listed: &Listed) -> Vec<String> {
        listed.locations().iter().map(|one| format!("{}={one}", one.name)).collect()
    }

    #[test]
    fn a_folder_is_what_its_workspace_names_else_its_project() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let mut listed = Listed::new(vec![Listing::Folder(folder.path().to_owned())]);
        assert_eq!((listed.read(), names(&listed)), (vec![], vec![]));
        write(PROJECT, "[tool.dagster]\nmodule_name = 'team.defs'\n");
        assert_eq!(listed.read(), []);
        assert_eq!(names(&listed), ["team.defs=module team.defs"]);
        write(WORKSPACE, "load_from: [{python_module: other}]");
        assert_eq!(listed.read(), []);
        assert_eq!(names(&listed), ["other=module other"]);
    }

    #[test]
    fn a_file_that_cannot_be_used_keeps_what_it_named_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("team.yaml");
        let current = folder.path().to_owned();
        let mut listed = Listed::new(vec![Listing::Workspace { file: file.clone(), current }]);
        fs::write(&file, "load_from: [{python_module: a}, {python_module: a}]").unwrap();
        assert_eq!(listed.read(), []);
        let broken = [
            "load_from: [{python_modul: a}]",
            "load_from: [{python_module: a}, {python_module: {module_name: b, location_name: a}}]",
        ];
        for text in broken {
            fs::write(&file, text).unwrap();
            let errors = listed.read();
            assert_eq!(errors.len(), 1, "{text}");
            assert_eq!(names(&listed), ["a=module a"]);
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(listed.read()[0].file, file);
        assert_eq!(names(&listed), ["a=module a"]);
    }
}
