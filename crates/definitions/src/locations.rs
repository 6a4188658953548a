//! The code locations that are loaded, for everybody who asks.
//!
//! A handle that is cheap to clone. What is known stands in an immutable image that is replaced as a
//! whole: whoever asks during a reload gets the old answer or the new one, never a mixture.
//! Loading, reloading and [`Locations::check_reachable`] read files: they belong on a thread that
//! may block.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use config::{Problem, Problems};
use model::{CodeLocation, JobName, Timestamp};
use sha2::{Digest, Sha256};

use crate::disk::{self, Found, ReadFailure, Unreachable};
use crate::find::{self, FindError};
use crate::job::Job;
use crate::read::{Definitions, FilePath};
use crate::set::{self, Content, Entry, FileRead, Parsed};

/// A set of code locations, loaded from files.
#[derive(Debug, Clone)]
pub struct Locations(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The files and folders that were given, from the root.
    paths: Vec<PathBuf>,
    /// Held while files are read, so that of two reloads the later one wins.
    reloading: Mutex<()>,
    image: RwLock<Arc<Image>>,
}

#[derive(Debug, Default)]
struct Image {
    roots: Vec<Root>,
    entries: Vec<Entry>,
    by_job: BTreeMap<JobName, Vec<Arc<Job>>>,
}

/// A path that was given, and what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A file of jobs. Whether it can be read is told with its location.
    File(PathBuf),
    /// A folder with so many files of jobs; none is fine, they may come later.
    Folder(PathBuf, usize),
    /// A folder that was there and is gone, or cannot be listed, and why. What was known of its
    /// files is kept as far as they can be read.
    Unlisted(PathBuf, String),
}

/// A code location as it is shown.
#[derive(Debug, Clone)]
pub struct Location {
    /// Its name.
    pub name: CodeLocation,
    /// Its file, from the root.
    pub path: PathBuf,
    /// Whether its file is in force as it is.
    pub state: LocationState,
    /// When the jobs that are in force were loaded; none if there are none.
    pub loaded_at: Option<Timestamp>,
    /// The names of the jobs that are in force, in the order of the file.
    pub jobs: Vec<JobName>,
    /// What to know although nothing is wrong.
    pub warnings: Vec<Problem>,
}

/// Whether the file of a code location is in force as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationState {
    /// It is.
    Loaded,
    /// Something is wrong with it; the jobs of its last good text, if there is one, stay.
    Failed(Arc<Problems>),
    /// It was there and is not any more; nor are its jobs.
    Gone,
}

/// What a reload has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// The locations that came, changed, failed, recovered or went, ordered by name.
    pub changed: Vec<CodeLocation>,
}

impl Locations {
    /// Loads files, and folders of files (`*.yaml` and `*.yml`, not those in folders below). It
    /// never fails as a whole: each location is loaded or shows its problems.
    pub fn load(paths: impl IntoIterator<Item = PathBuf>, now: Timestamp) -> Self {
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let mut seen = BTreeSet::new();
        let paths: Vec<PathBuf> =
            paths.into_iter().map(absolute).filter(|path| seen.insert(path.clone())).collect();
        let (reloading, image) = (Mutex::default(), RwLock::default());
        let locations = Self(Arc::new(Shared { paths, reloading, image }));
        locations.reload(now);
        locations
    }

    /// Reads all files anew. Each location is replaced as a whole or, if something is wrong with
    /// its file, not at all.
    pub fn reload(&self, now: Timestamp) -> Reloaded {
        let shared = &*self.0;
        let _only = shared.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.image();
        let new = Image::read(&shared.paths, &old, now);
        let changed = changed(&old.entries, &new.entries);
        *shared.image.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Reloaded { changed }
    }

    fn image(&self) -> Arc<Image> {
        Arc::clone(&self.0.image.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns every job that is in force, ordered by name, then by location.
    pub fn jobs(&self) -> Vec<Arc<Job>> {
        self.image().by_job.values().flatten().cloned().collect()
    }

    /// Finds a job by its name, and by its location if several have one of this name.
    ///
    /// # Errors
    /// [`FindError`] if there is none, or several.
    pub fn find(
        &self,
        job: &JobName,
        location: Option<&CodeLocation>,
    ) -> Result<Arc<Job>, FindError> {
        let image = self.image();
        let of_name = image.by_job.get(job).map(Vec::as_slice).unwrap_or_default();
        find::find(&image.entries, of_name, job, location)
    }

    /// Returns every location, loaded or not, ordered by name.
    pub fn locations(&self) -> Vec<Location> {
        let image = self.image();
        let mut locations: Vec<Location> = image.entries.iter().map(shown).collect();
        locations.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
        locations
    }

    /// Returns the paths that were given, with what stands there.
    pub fn roots(&self) -> Vec<Root> {
        self.image().roots.clone()
    }

    /// Returns the folders in which something may change that matters: after a change in one of
    /// them, reload.
    pub fn watched_folders(&self) -> BTreeSet<PathBuf> {
        let parent = |path: &Path| path.parent().unwrap_or(path).to_owned();
        let image = self.image();
        let folders = image.roots.iter().map(|root| match root {
            Root::Folder(path, _) => path.clone(),
            Root::Unlisted(path, _) if path.is_dir() => path.clone(),
            Root::File(path) | Root::Unlisted(path, _) => parent(path),
        });
        folders.collect()
    }

    /// Checks that the file of a location can be read now: its jobs should not be started while it
    /// cannot.
    ///
    /// # Errors
    /// [`Unreachable`] says why.
    pub fn check_reachable(&self, location: &CodeLocation) -> Result<(), Unreachable> {
        let image = self.image();
        let named = |entry: &&Entry| entry.name == *location;
        let is_live = |entry: &&Entry| entry.live().is_some();
        let entry = image.entries.iter().filter(named).find(is_live);
        let Some(entry) = entry.or_else(|| image.entries.iter().find(named)) else {
            return Err(Unreachable::Unknown(location.clone()));
        };
        let (location, path) = (location.clone(), entry.path.clone());
        match disk::probe(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Unreachable::Gone { location, path })
            }
            Err(error) => {
                Err(Unreachable::Unreadable { location, path, reason: error.to_string() })
            }
        }
    }
}

impl Image {
    fn read(paths: &[PathBuf], old: &Self, now: Timestamp) -> Self {
        let mut files = Vec::new();
        let mut roots = Vec::new();
        for path in paths {
            let (root, of_root) = look(path, old);
            roots.push(root);
            files.extend(of_root);
        }
        let mut seen = BTreeSet::new();
        files.retain(|file: &PathBuf| seen.insert(file.clone()));
        let reads = files.into_iter().map(|path| read(path, &old.entries)).collect();
        let entries = set::assemble(&old.entries, reads, now);
        let mut by_job: BTreeMap<JobName, Vec<Arc<Job>>> = BTreeMap::new();
        for job in entries.iter().filter_map(Entry::live).flat_map(|live| &live.jobs) {
            by_job.entry(job.name.clone()).or_default().push(Arc::clone(job));
        }
        for jobs in by_job.values_mut() {
            jobs.sort_by(|a, b| a.location.cmp(&b.location));
        }
        Self { roots, entries, by_job }
    }

    /// Returns whether a path was a folder when it was last looked at.
    fn was_folder(&self, wanted: &Path) -> bool {
        self.roots.iter().any(|root| match root {
            Root::Folder(path, _) | Root::Unlisted(path, _) => path == wanted,
            Root::File(_) => false,
        })
    }
}

/// Returns what stands at a path, and the files there.
fn look(path: &Path, old: &Image) -> (Root, Vec<PathBuf>) {
    match disk::look(path) {
        Found::Folder(files) => (Root::Folder(path.to_owned(), files.len()), files),
        Found::Unlisted(reason) => {
            let known = old.entries.iter().map(|entry| entry.path.clone());
            let known = known.filter(|file| file.parent() == Some(path)).collect();
            (Root::Unlisted(path.to_owned(), reason), known)
        }
        Found::FileOrNothing if old.was_folder(path) && !path.is_file() => {
            (Root::Unlisted(path.to_owned(), "the folder is gone".to_owned()), Vec::new())
        }
        Found::FileOrNothing => (Root::File(path.to_owned()), vec![path.to_owned()]),
    }
}

/// Reads a file; a text that is known is not taken apart again.
fn read(path: PathBuf, old: &[Entry]) -> FileRead {
    let content = match disk::read(&path) {
        Err(ReadFailure::Missing(problem)) => Content::Missing(problem),
        Err(ReadFailure::Unreadable(problem)) => Content::Unreadable(problem),
        Ok(bytes) => {
            let digest: [u8; 32] = Sha256::digest(&bytes).into();
            let known = old.iter().find(|entry| entry.path == path);
            let known = known.and_then(|entry| entry.parsed.clone());
            let parsed = known.filter(|parsed| parsed.digest == digest);
            Content::Text(parsed.unwrap_or_else(|| parse(&path, &bytes, digest)))
        }
    };
    FileRead { path, content }
}

fn parse(path: &Path, bytes: &[u8], digest: [u8; 32]) -> Arc<Parsed> {
    let shown = path.display().to_string();
    let file = FilePath { shown: &shown, absolute: path };
    let result = Definitions::read(file, bytes).map(Arc::new).map_err(Arc::new);
    Arc::new(Parsed { digest, result })
}

fn shown(entry: &Entry) -> Location {
    let live = entry.live();
    let jobs = live.into_iter().flat_map(|live| &live.jobs);
    let loaded_at = entry.good.as_ref().filter(|_| live.is_some()).map(|good| good.loaded_at);
    let warnings = match &entry.state {
        LocationState::Failed(problems) => problems.warnings().to_vec(),
        LocationState::Loaded => live.map(|live| live.warnings.clone()).unwrap_or_default(),
        LocationState::Gone => Vec::new(),
    };
    Location {
        name: entry.name.clone(),
        path: entry.path.clone(),
        state: entry.state.clone(),
        loaded_at,
        jobs: jobs.map(|job| job.name.clone()).collect(),
        warnings,
    }
}

fn changed(old: &[Entry], new: &[Entry]) -> Vec<CodeLocation> {
    let by_path = |entries: &[Entry]| -> BTreeMap<PathBuf, Entry> {
        entries.iter().map(|entry| (entry.path.clone(), entry.clone())).collect()
    };
    let (before, after) = (by_path(old), by_path(new));
    let differs = |entry: &&Entry, others: &BTreeMap<PathBuf, Entry>| {
        !others.get(&entry.path).is_some_and(|other| other.is_as(entry))
    };
    let went = old.iter().filter(|entry| differs(entry, &after));
    let came = new.iter().filter(|entry| differs(entry, &before));
    let names: BTreeSet<CodeLocation> = went.chain(came).map(|entry| entry.name.clone()).collect();
    names.into_iter().collect()
}
