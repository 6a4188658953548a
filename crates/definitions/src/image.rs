//! All that is known of the code locations at one time, and how the next image comes of what was read.
//!
//! An image never changes; `set` decides what each location is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{CodeLocation, JobName, Timestamp};

use crate::disk::{self, Found};
use crate::job::Job;
use crate::loading::Loads;
use crate::locations::{LocationState, Root};
use crate::python::{ListingError, PythonLocation};
use crate::reading::read;
use crate::set::{self, Content, Entry, Origin, OriginRead, Parsed};

#[derive(Debug, Default)]
pub(crate) struct Image {
    pub(crate) roots: Vec<Root>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) by_job: BTreeMap<JobName, Vec<Arc<Job>>>,
    /// The locations that have never been loaded.
    pub(crate) loading: Arc<BTreeSet<CodeLocation>>,
    /// The folders of the files that name Python.
    listing_folders: BTreeSet<PathBuf>,
    /// Those, and the folders in which files of Python are.
    python_folders: BTreeSet<PathBuf>,
}

/// What the next image is made of.
pub(crate) struct Reads {
    roots: Vec<Root>,
    listing_folders: BTreeSet<PathBuf>,
    found: Vec<OriginRead>,
}

impl Reads {
    /// Reads the files of jobs that are new or have changed; `wrong` are the files that should name
    /// Python, and do not.
    pub(crate) fn of_files(
        paths: &[PathBuf],
        wrong: Vec<ListingError>,
        listing_folders: impl Iterator<Item = PathBuf>,
        old: &Image,
    ) -> Self {
        let mut files = Vec::new();
        let mut roots = Vec::new();
        for path in paths {
            let (root, of_root) = look(path, old);
            roots.push(root);
            files.extend(of_root);
        }
        let mut seen = BTreeSet::new();
        files.retain(|file: &PathBuf| seen.insert(file.clone()));
        let reads = files.into_iter().map(|path| read(path, &old.entries));
        let wrong = wrong.into_iter().map(|ListingError { file, problems }| OriginRead {
            origin: Origin::File(file),
            content: Content::Unreadable(problems),
        });
        let found = reads.chain(wrong).collect();
        Self { roots, found, listing_folders: listing_folders.collect() }
    }

    /// Adds what is Python now, as far as it is known.
    pub(crate) fn with_python(mut self, python: &[Arc<PythonLocation>]) -> Self {
        let origins = python.iter().map(|location| Origin::Python(Arc::clone(location)));
        self.found.extend(origins.map(kept));
        self
    }
}

impl Image {
    pub(crate) fn new(next: Reads, old: &Self, loads: &Loads, now: Timestamp) -> Self {
        let Reads { roots, listing_folders, found } = next;
        let mut entries = set::assemble(&old.entries, found, now);
        let mut by_job: BTreeMap<JobName, Vec<Arc<Job>>> = BTreeMap::new();
        for job in entries.iter().filter_map(Entry::live).flat_map(|live| &live.jobs) {
            by_job.entry(job.name.clone()).or_default().push(Arc::clone(job));
        }
        for jobs in by_job.values_mut() {
            jobs.sort_by(|a, b| a.location.cmp(&b.location));
        }
        for entry in &mut entries {
            if let Origin::Python(location) = &entry.origin {
                entry.loading_since = loads.loading_since(location);
            }
        }
        let is_loading = |entry: &&Entry| entry.state == LocationState::Loading;
        let loading = entries.iter().filter(is_loading).map(|entry| entry.name.clone());
        let python_folders = listing_folders.iter().chain(loads.folders()).cloned().collect();
        Self {
            roots,
            loading: Arc::new(loading.collect()),
            entries,
            by_job,
            listing_folders,
            python_folders,
        }
    }

    /// One location was loaded, or none, and all else is as it was.
    pub(crate) fn with_loaded(&self, loaded: Option<(&Arc<PythonLocation>, Arc<Parsed>)>) -> Reads {
        let is_there = |entry: &&Entry| entry.state != LocationState::Gone;
        let there = self.entries.iter().filter(is_there);
        let mut found: Vec<OriginRead> = there.map(|entry| kept(entry.origin.clone())).collect();
        if let Some((location, parsed)) = loaded {
            let origin = Origin::Python(Arc::clone(location));
            // One that is named no longer is loaded in vain.
            if let Some(read) = found.iter_mut().find(|read| read.origin == origin) {
                read.content = Content::Text(parsed);
            }
        }
        let (roots, listing_folders) = (self.roots.clone(), self.listing_folders.clone());
        Reads { roots, listing_folders, found }
    }

    /// Returns what was read last of a location that is Python.
    pub(crate) fn parsed(&self, location: &PythonLocation) -> Option<Arc<Parsed>> {
        let is_it = |entry: &&Entry| match &entry.origin {
            Origin::Python(known) => **known == *location,
            Origin::File(_) => false,
        };
        self.entries.iter().find(is_it)?.parsed.clone()
    }

    /// The folders in which something stands that matters to Python.
    pub(crate) fn python_folders(&self) -> &BTreeSet<PathBuf> {
        &self.python_folders
    }

    /// Returns whether a path was a folder when it was last looked at.
    fn was_folder(&self, wanted: &Path) -> bool {
        self.roots.iter().any(|root| match root {
            Root::Folder(path, _) | Root::Unlisted(path, _) => path == wanted,
            Root::File(_) => false,
        })
    }
}

fn kept(origin: Origin) -> OriginRead {
    OriginRead { origin, content: Content::Kept }
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

/// Returns the names of what a user sees differently in two images.
pub(crate) fn changed(old: &[Entry], new: &[Entry]) -> Vec<CodeLocation> {
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
