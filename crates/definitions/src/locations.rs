//! The code locations that are loaded, for everybody who asks.
//!
//! A handle that is cheap to clone. What is known stands in an immutable image that is replaced as a
//! whole: whoever asks during a reload gets the old answer or the new one, never a mixture.
//! Loading, reloading, [`Locations::check_reachable`] and [`Locations::submission`] read files or wait
//! for Python: they belong on a thread that may block. Nobody waits for Python to load: `loading`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use config::{Problem, Problems};
use model::{CodeLocation, JobName, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::watch;
use wire::shim::Asset;

use crate::disk::{self, Unreachable};
use crate::find::{self, FindError};
use crate::image::{Image, Reads, changed};
use crate::job::{Job, JobSubmission, SubmissionError};
use crate::loading::{Loader, Loads};
use crate::python::{self, Listed, Listing, PythonHost, PythonLocation, RunRequest, Selection};
use crate::set::{Entry, Origin};

/// A set of code locations, loaded from files and by Python.
#[derive(Debug, Clone)]
pub struct Locations(pub(crate) Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    /// The files and folders that were given, from the root.
    paths: Vec<PathBuf>,
    /// What loads Python, if there may be any.
    pub(crate) loader: Option<Loader>,
    /// Held while files are read, so that of two reloads the later one wins: what names Python.
    reading: Mutex<Listed>,
    /// Held for a moment while something becomes known: which loads of Python are under way.
    pub(crate) loads: Mutex<Loads>,
    image: RwLock<Arc<Image>>,
    /// Counts the images.
    changes: watch::Sender<u64>,
}

/// The code locations that are Python, and what starts it.
#[derive(Debug)]
pub struct Python {
    /// Starts it.
    pub host: PythonHost,
    /// What names the locations.
    pub listings: Vec<Listing>,
    /// Where loads wait for Python.
    pub runtime: Handle,
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
    /// Since when it is in this state.
    pub since: Timestamp,
    /// Since when it is being loaded, for the first time or again, if it is.
    pub loading_since: Option<Timestamp>,
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
    /// It is Python that was never loaded before, and is being loaded; until then it has no jobs.
    Loading,
    /// It is.
    Loaded,
    /// Something is wrong with it; the jobs of its last good text, if there is one, stay.
    Failed(Arc<Problems>),
    /// It was there and is not any more; nor are its jobs.
    Gone,
}

impl LocationState {
    /// Whether two states are the same but for what is wrong.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// What was known of the code locations at some time.
#[derive(Debug, Clone)]
pub struct Snapshot(Arc<Image>);

impl Snapshot {
    /// Returns every location, loaded or not, ordered by name.
    pub fn locations(&self) -> Vec<Location> {
        let mut locations: Vec<Location> = self.0.entries.iter().map(shown).collect();
        locations.sort_by(|a, b| (&a.name, &a.origin).cmp(&(&b.name, &b.origin)));
        locations
    }
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
        Self::begin(paths, None, Listed::default(), now)
    }

    /// Reads files and folders as [`load`](Self::load) does, and begins to load Python: each location by
    /// itself, [`LocationState::Loading`] until that is done.
    pub fn load_with_python(
        paths: impl IntoIterator<Item = PathBuf>,
        python: Python,
        now: Timestamp,
    ) -> Self {
        let Python { host, listings, runtime } = python;
        Self::begin(paths, Some(Loader::new(host, runtime)), Listed::new(listings), now)
    }

    fn begin(
        paths: impl IntoIterator<Item = PathBuf>,
        loader: Option<Loader>,
        listed: Listed,
        now: Timestamp,
    ) -> Self {
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let mut seen = BTreeSet::new();
        let paths: Vec<PathBuf> =
            paths.into_iter().map(absolute).filter(|path| seen.insert(path.clone())).collect();
        let (loads, image) = (Mutex::default(), RwLock::default());
        let (reading, changes) = (Mutex::new(listed), watch::Sender::new(0));
        let shared = Shared { paths, loader, reading, loads, image, changes };
        let locations = Self(Arc::new(shared));
        locations.reload(now);
        locations
    }

    /// Reads all files anew, and begins to load all Python again. Each location is replaced as a whole
    /// or, if something is wrong with it, not at all. What is returned says nothing of Python, for which
    /// it is not waited: [`changes`](Self::changes) tells when it has come.
    pub fn reload(&self, now: Timestamp) -> Reloaded {
        let (reloaded, python) = self.read(now);
        for location in python {
            self.begin_load(&location, now);
        }
        reloaded
    }

    /// As [`reload`](Self::reload), but loads Python only where its files have changed.
    pub fn reload_changed(&self, now: Timestamp) -> Reloaded {
        let (reloaded, python) = self.read(now);
        for location in python {
            self.look_again(&location, now);
        }
        reloaded
    }

    /// Begins to load one location again; the files of jobs are read all together. Returns whether there
    /// is such a location.
    pub fn reload_one(&self, name: &CodeLocation, now: Timestamp) -> bool {
        let (_, python) = self.read(now);
        if let Some(location) = python.iter().find(|location| location.name == *name) {
            self.begin_load(location, now);
            return true;
        }
        self.image().entries.iter().any(|entry| entry.name == *name)
    }

    /// Reads the files of jobs and those that name Python. Returns what is Python.
    fn read(&self, now: Timestamp) -> (Reloaded, Vec<Arc<PythonLocation>>) {
        let shared = &*self.0;
        let mut listed = shared.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = listed.read();
        let found = Reads::of_files(&shared.paths, wrong, listed.folders(), &self.image());
        let python = listed.locations();
        let mut loads = shared.loads.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = loads.list(&python);
        if let Some(loader) = &shared.loader {
            loader.host().keep_only(|name| python.iter().any(|listed| listed.name == *name));
        }
        let reloaded = self.publish(&loads, now, |_| found.with_python(&python));
        for location in is_new {
            self.begin_under(&mut loads, &location, now);
        }
        (reloaded, python)
    }

    /// Replaces the image; whoever does holds the loads, so that nothing is lost in between.
    pub(crate) fn publish(
        &self,
        loads: &Loads,
        now: Timestamp,
        next: impl FnOnce(&Image) -> Reads,
    ) -> Reloaded {
        let old = self.image();
        let new = Image::new(next(&old), &old, loads, now);
        let changed = changed(&old.entries, &new.entries);
        *self.0.image.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        self.0.changes.send_modify(|count| *count += 1);
        Reloaded { changed }
    }

    /// Tells whenever something has become known, or has begun to be loaded.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Returns the locations that have never been loaded and are being loaded.
    pub fn loading(&self) -> Arc<BTreeSet<CodeLocation>> {
        Arc::clone(&self.image().loading)
    }

    /// Returns what is known now, to be asked later what has changed since.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.image())
    }

    /// Returns which locations have changed since then, and what is known now.
    pub fn changed_since(&self, Snapshot(then): &Snapshot) -> (Reloaded, Snapshot) {
        let now = self.image();
        (Reloaded { changed: changed(&then.entries, &now.entries) }, Snapshot(now))
    }

    pub(crate) fn image(&self) -> Arc<Image> {
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
        match (&job.python, &self.0.loader) {
            (Some(python), Some(loader)) if job.needs_plan(asked) => {
                python::plan(loader.host(), job, python, asked)
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
        self.snapshot().locations()
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
        folders.chain(image.python_folders().iter().cloned()).collect()
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
        let interpreter = self.0.loader.as_ref().map(|loader| loader.host().interpreter(of));
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

fn shown(entry: &Entry) -> Location {
    let live = entry.live();
    let jobs = live.into_iter().flat_map(|live| &live.jobs);
    let loaded_at = entry.good.as_ref().filter(|_| live.is_some()).map(|good| good.loaded_at);
    let warnings = match &entry.state {
        LocationState::Failed(problems) => problems.warnings().to_vec(),
        LocationState::Loaded => live.map(|live| live.warnings.clone()).unwrap_or_default(),
        LocationState::Loading | LocationState::Gone => Vec::new(),
    };
    Location {
        name: entry.name.clone(),
        origin: entry.origin.clone(),
        state: entry.state.clone(),
        since: entry.since,
        loading_since: entry.loading_since,
        loaded_at,
        jobs: jobs.filter(|job| !job.is_hidden()).map(|job| job.name.clone()).collect(),
        warnings,
    }
}
