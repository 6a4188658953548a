//! The code locations that are loaded, for everybody who asks.
//!
//! A handle that is cheap to clone. What is known stands in an immutable image that is replaced as a
//! whole: whoever asks during a reload gets the old answer or the new one, never a mixture.
//! Loading, reloading, [`Locations::check_reachable`] and [`Locations::submission`] read files or wait
//! for Python: they belong on a thread that may block.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use config::{Problem, Problems};
use model::{CodeLocation, JobName, Timestamp};
use wire::shim::Asset;

use crate::disk::{self, Found, Unreachable};
use crate::find::{self, FindError};
use crate::job::{Job, JobSubmission, SubmissionError};
use crate::python::{self, PythonHost, PythonLocation, RunRequest, Selection};
use crate::reading::{Scope, read, read_python};
use crate::set::{self, Entry, Origin, OriginRead};

/// A set of code locations, loaded from files.
#[derive(Debug, Clone)]
pub struct Locations(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The files and folders that were given, from the root.
    paths: Vec<PathBuf>,
    python: Python,
    /// Held while files are read, so that of two reloads the later one wins.
    reloading: Mutex<()>,
    image: RwLock<Arc<Image>>,
}

/// The code locations that are Python, and what starts it.
#[derive(Debug, Default)]
pub struct Python {
    /// Starts it; without, no location that is Python is loaded.
    pub host: Option<PythonHost>,
    /// The locations.
    pub locations: Vec<PythonLocation>,
}

#[derive(Debug, Default)]
struct Image {
    roots: Vec<Root>,
    entries: Vec<Entry>,
    /// The folders in which files of Python are.
    python_folders: BTreeSet<PathBuf>,
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
    /// Where it comes from.
    pub origin: Origin,
    /// Whether its file is in force as it is.
    pub state: LocationState,
    /// When the jobs that are in force were loaded; none if there are none.
    pub loaded_at: Option<Timestamp>,
    /// The names of the jobs that are in force and listed, in the order of the file.
    pub jobs: Vec<JobName>,
    /// What to know although nothing is wrong.
    pub warnings: Vec<Problem>,
}

/// An asset with where it comes from.
#[derive(Debug, Clone)]
pub struct LocatedAsset {
    /// The code location.
    pub location: CodeLocation,
    /// The asset.
    pub asset: Asset,
    /// The job of all assets that makes it, too.
    pub job: Option<JobName>,
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
        Self::load_with_python(paths, Python::default(), now)
    }

    /// Loads files and folders as [`load`](Self::load) does, and code locations that are Python.
    pub fn load_with_python(
        paths: impl IntoIterator<Item = PathBuf>,
        python: Python,
        now: Timestamp,
    ) -> Self {
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let mut seen = BTreeSet::new();
        let paths: Vec<PathBuf> =
            paths.into_iter().map(absolute).filter(|path| seen.insert(path.clone())).collect();
        let (reloading, image) = (Mutex::default(), RwLock::default());
        let locations = Self(Arc::new(Shared { paths, python, reloading, image }));
        locations.reload(now);
        locations
    }

    /// Reads everything anew. Each location is replaced as a whole or, if something is wrong with it,
    /// not at all.
    pub fn reload(&self, now: Timestamp) -> Reloaded {
        self.read(Scope::All, now)
    }

    /// As [`reload`](Self::reload), but starts Python only for locations whose files have changed.
    pub fn reload_changed(&self, now: Timestamp) -> Reloaded {
        self.read(Scope::Changed, now)
    }

    fn read(&self, scope: Scope, now: Timestamp) -> Reloaded {
        let shared = &*self.0;
        let _only = shared.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.image();
        let new = Image::read(shared, scope, &old, now);
        let changed = changed(&old.entries, &new.entries);
        *shared.image.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Reloaded { changed }
    }

    fn image(&self) -> Arc<Image> {
        Arc::clone(&self.0.image.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns every job that is in force and listed, ordered by name, then by location.
    pub fn jobs(&self) -> Vec<Arc<Job>> {
        let image = self.image();
        image.by_job.values().flatten().filter(|job| !job.is_hidden()).cloned().collect()
    }

    /// Returns every asset of the locations that are in force, ordered by location and key; jobs that
    /// are not listed are not named.
    pub fn assets(&self) -> Vec<LocatedAsset> {
        let image = self.image();
        let mut assets = Vec::new();
        for live in image.entries.iter().filter_map(Entry::live) {
            let hidden: Vec<&Arc<Job>> = live.jobs.iter().filter(|job| job.is_hidden()).collect();
            for asset in &live.assets {
                let is_of =
                    |job: &&&Arc<Job>| asset.jobs.iter().any(|name| *name == job.name.as_str());
                let job = hidden.iter().find(is_of).map(|job| job.name.clone());
                let is_listed = |name: &String| !hidden.iter().any(|job| job.name.as_str() == name);
                let mut asset = asset.clone();
                asset.jobs.retain(is_listed);
                assets.push(LocatedAsset { location: live.location.clone(), asset, job });
            }
        }
        assets.sort_by(|a, b| (&a.location, &a.asset.key).cmp(&(&b.location, &b.asset.key)));
        assets
    }

    /// Returns what a run of a job is submitted with: at once if it is like every other run of the
    /// job, else as Dagster plans it, for which Python is started.
    ///
    /// # Errors
    /// [`SubmissionError`] says why there can be no such run.
    pub fn submission(
        &self,
        job: &Job,
        asked: &RunRequest,
    ) -> Result<JobSubmission, SubmissionError> {
        match (&job.python, &self.0.python.host) {
            (Some(python), Some(host)) if job.needs_plan(asked) => {
                python::plan(host, job, python, asked)
            }
            _ if asked.selection != Selection::default() => Err(SubmissionError::NoSelection),
            _ => job.submission(&asked.tags, asked.config.as_ref()),
        }
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
        locations.sort_by(|a, b| (&a.name, &a.origin).cmp(&(&b.name, &b.origin)));
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
        folders.chain(image.python_folders.iter().cloned()).collect()
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
        let location = location.clone();
        let path = match &entry.origin {
            Origin::File(path) => path.clone(),
            Origin::Python(python) => return self.check_python(location, python),
        };
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

impl Locations {
    /// Checks that what Python needs to execute a location is there.
    fn check_python(&self, location: CodeLocation, of: &PythonLocation) -> Result<(), Unreachable> {
        let interpreter = self.0.python.host.as_ref().map(|host| host.interpreter(of));
        // One without a slash is looked for in PATH when it is started.
        let interpreter = interpreter.filter(|path| path.components().count() > 1);
        let needed = [Some(of.target.working_directory.clone()), interpreter];
        let file = of.file().map(Path::to_owned);
        match needed.into_iter().chain([file]).flatten().find(|path| !path.exists()) {
            Some(path) => Err(Unreachable::PythonMissing { location, path }),
            None => Ok(()),
        }
    }
}

impl Image {
    fn read(shared: &Shared, scope: Scope, old: &Self, now: Timestamp) -> Self {
        let mut files = Vec::new();
        let mut roots = Vec::new();
        for path in &shared.paths {
            let (root, of_root) = look(path, old);
            roots.push(root);
            files.extend(of_root);
        }
        let mut seen = BTreeSet::new();
        files.retain(|file: &PathBuf| seen.insert(file.clone()));
        let mut reads: Vec<OriginRead> =
            files.into_iter().map(|path| read(path, &old.entries)).collect();
        let (of_python, python_folders) = read_python(&shared.python, scope, &old.entries);
        reads.extend(of_python);
        let entries = set::assemble(&old.entries, reads, now);
        let mut by_job: BTreeMap<JobName, Vec<Arc<Job>>> = BTreeMap::new();
        for job in entries.iter().filter_map(Entry::live).flat_map(|live| &live.jobs) {
            by_job.entry(job.name.clone()).or_default().push(Arc::clone(job));
        }
        for jobs in by_job.values_mut() {
            jobs.sort_by(|a, b| a.location.cmp(&b.location));
        }
        Self { roots, entries, python_folders, by_job }
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
            let known = old.entries.iter().filter_map(|entry| match &entry.origin {
                Origin::File(file) if file.parent() == Some(path) => Some(file.clone()),
                Origin::File(_) | Origin::Python(_) => None,
            });
            (Root::Unlisted(path.to_owned(), reason), known.collect())
        }
        Found::FileOrNothing if old.was_folder(path) && !path.is_file() => {
            (Root::Unlisted(path.to_owned(), "the folder is gone".to_owned()), Vec::new())
        }
        Found::FileOrNothing => (Root::File(path.to_owned()), vec![path.to_owned()]),
    }
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
        origin: entry.origin.clone(),
        state: entry.state.clone(),
        loaded_at,
        jobs: jobs.filter(|job| !job.is_hidden()).map(|job| job.name.clone()).collect(),
        warnings,
    }
}

fn changed(old: &[Entry], new: &[Entry]) -> Vec<CodeLocation> {
    let by_origin = |entries: &[Entry]| -> BTreeMap<Origin, Entry> {
        entries.iter().map(|entry| (entry.origin.clone(), entry.clone())).collect()
    };
    let (before, after) = (by_origin(old), by_origin(new));
    let differs = |entry: &&Entry, others: &BTreeMap<Origin, Entry>| {
        !others.get(&entry.origin).is_some_and(|other| other.is_as(entry))
    };
    let went = old.iter().filter(|entry| differs(entry, &after));
    let came = new.iter().filter(|entry| differs(entry, &before));
    let names: BTreeSet<CodeLocation> = went.chain(came).map(|entry| entry.name.clone()).collect();
    names.into_iter().collect()
}
