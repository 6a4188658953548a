//! What is known of the code locations after they were read anew.
//!
//! Pure: files that were read go in, with what was known before and the time. A file that is broken
//! never replaces one that was good: its jobs stay as they were, and the problems are shown. Of two
//! files that want one name the one that has it keeps it, else the first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use config::{Code, Problem, Problems};
use model::{CodeLocation, Timestamp};

use crate::locations::LocationState;
use crate::python::PythonLocation;
use crate::read::Definitions;

/// How many locations whose files are gone are remembered, so that a folder in which files come and
/// go does not fill the memory.
const MAX_GONE: usize = 1_000;

/// The text of a file, and what came of it.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// The SHA-256 of the text: the same text need not be read twice.
    pub(crate) digest: [u8; 32],
    /// Says how the files of Python were when it was loaded.
    pub(crate) stamp: Option<[u8; 32]>,
    pub(crate) result: Result<Arc<Definitions>, Arc<Problems>>,
}

/// Where the jobs of a code location come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A file of jobs as commands, by its path from the root.
    File(PathBuf),
    /// Python.
    Python(Arc<PythonLocation>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Python(location) => location.fmt(f),
        }
    }
}

/// Something that was to be read.
#[derive(Debug)]
pub(crate) struct OriginRead {
    pub(crate) origin: Origin,
    pub(crate) content: Content,
}

/// What was found in a file.
#[derive(Debug)]
pub(crate) enum Content {
    Text(Arc<Parsed>),
    Unreadable(Arc<Problems>),
    Missing(Problem),
    /// It was not read: what is known of it stays.
    Kept,
}

/// What is known of one file and its code location.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) origin: Origin,
    pub(crate) name: CodeLocation,
    pub(crate) state: LocationState,
    /// Since when it is in this state.
    pub(crate) since: Timestamp,
    /// Since when it is being loaded, if it is.
    pub(crate) loading_since: Option<Timestamp>,
    /// The jobs of the last good text; those of a file that is gone are not launched.
    pub(crate) good: Option<Good>,
    /// The last text, good or not.
    pub(crate) parsed: Option<Arc<Parsed>>,
}

/// A text in which nothing was wrong, and when it was loaded.
#[derive(Debug, Clone)]
pub(crate) struct Good {
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) loaded_at: Timestamp,
}

impl Entry {
    /// Returns the definitions that are in force.
    pub(crate) fn live(&self) -> Option<&Definitions> {
        match self.state {
            LocationState::Loaded | LocationState::Failed(_) => {
                Some(&self.good.as_ref()?.definitions)
            }
            LocationState::Loading | LocationState::Gone => None,
        }
    }

    fn live_good(&self) -> Option<&Good> {
        self.live().and(self.good.as_ref())
    }

    /// Returns whether nothing has changed that a user sees.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let same_good = match (&self.good, &other.good) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one.definitions, &other.definitions),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_good && self.name == other.name && self.state == other.state
    }

    fn failed(self, problems: Arc<Problems>) -> Self {
        Self { state: LocationState::Failed(problems), ..self }
    }
}

/// Returns what is known after these files were read.
pub(crate) fn assemble(old: &[Entry], reads: Vec<OriginRead>, now: Timestamp) -> Vec<Entry> {
    let read: BTreeSet<Origin> = reads.iter().map(|read| read.origin.clone()).collect();
    let old = &follow(old, &read);
    let known: BTreeMap<&Origin, &Entry> = old.iter().map(|entry| (&entry.origin, entry)).collect();
    let entries = reads
        .into_iter()
        .map(|read| {
            let before = known.get(&read.origin).copied();
            entry_of(before, read, now)
        })
        .collect();
    let vanished = old.iter().filter(|entry| !read.contains(&entry.origin)).filter_map(gone);
    let mut entries = settle_names(&known, entries);
    let (mut is_gone, live): (Vec<Entry>, Vec<Entry>) =
        entries.drain(..).chain(vanished).partition(|entry| entry.state == LocationState::Gone);
    let taken: BTreeSet<&CodeLocation> = live.iter().map(|entry| &entry.name).collect();
    is_gone.retain(|entry| !taken.contains(&entry.name));
    is_gone.truncate(MAX_GONE);
    let dated = |entry: Entry| dated(&known, entry, now);
    live.into_iter().chain(is_gone).map(dated).collect()
}

/// Returns what was known, under where it comes from now: a location that is Python is the same one
/// if it is called the same, whatever else was changed in the file that names it.
fn follow(old: &[Entry], read: &BTreeSet<Origin>) -> Vec<Entry> {
    let known: BTreeSet<&Origin> = old.iter().map(|entry| &entry.origin).collect();
    let new: BTreeMap<&CodeLocation, &Origin> = read
        .iter()
        .filter(|origin| !known.contains(origin))
        .filter_map(|origin| match origin {
            Origin::Python(location) => Some((&location.name, origin)),
            Origin::File(_) => None,
        })
        .collect();
    let followed = |entry: &Entry| match &entry.origin {
        Origin::Python(location) if !read.contains(&entry.origin) => {
            let origin = new.get(&location.name).copied().unwrap_or(&entry.origin);
            Entry { origin: origin.clone(), ..entry.clone() }
        }
        Origin::Python(_) | Origin::File(_) => entry.clone(),
    };
    old.iter().map(followed).collect()
}

/// Says since when an entry is in its state.
fn dated(known: &BTreeMap<&Origin, &Entry>, entry: Entry, now: Timestamp) -> Entry {
    let before = known.get(&entry.origin).filter(|before| before.state.is_like(&entry.state));
    let since = match (&entry.state, &entry.good) {
        (LocationState::Loaded, Some(good)) => good.loaded_at,
        _ => before.map_or(now, |before| before.since),
    };
    Entry { since, ..entry }
}

/// Returns what a file is by itself, whatever the others say.
fn entry_of(before: Option<&Entry>, read: OriginRead, now: Timestamp) -> Entry {
    let OriginRead { origin, content } = read;
    let content = match (content, before) {
        (Content::Kept, Some(before)) => match &before.parsed {
            // Whether its name is still taken is decided anew.
            Some(parsed) => Content::Text(Arc::clone(parsed)),
            None => return before.clone(),
        },
        (content, _) => content,
    };
    let good = before.and_then(Entry::live_good).cloned();
    let name = match &good {
        Some(good) => good.definitions.location.clone(),
        None => name_of(&origin),
    };
    let plain = Entry {
        origin,
        name,
        state: LocationState::Loaded,
        since: now,
        loading_since: None,
        good,
        parsed: None,
    };
    match content {
        Content::Kept => Entry { state: LocationState::Loading, ..plain },
        Content::Missing(problem) => match before.and_then(gone) {
            Some(gone) => gone,
            None => plain.failed(Arc::new(problem.into())),
        },
        Content::Unreadable(problems) => plain.failed(problems),
        Content::Text(parsed) => {
            let entry = match &parsed.result {
                Err(problems) => plain.failed(Arc::clone(problems)),
                Ok(definitions) => loaded(plain, definitions, now),
            };
            Entry { parsed: Some(parsed), ..entry }
        }
    }
}

/// Puts new definitions into force; those that are in force already keep their time.
fn loaded(entry: Entry, definitions: &Arc<Definitions>, now: Timestamp) -> Entry {
    let is_same = |good: &Good| Arc::ptr_eq(&good.definitions, definitions);
    let good = entry
        .good
        .filter(is_same)
        .unwrap_or_else(|| Good { definitions: Arc::clone(definitions), loaded_at: now });
    Entry { name: definitions.location.clone(), good: Some(good), ..entry }
}

/// Returns what stays of a file that is not there any more: which jobs it had, if it had any.
fn gone(entry: &Entry) -> Option<Entry> {
    entry.good.as_ref()?;
    let state = LocationState::Gone;
    Some(Entry { state, loading_since: None, parsed: None, ..entry.clone() })
}

/// Gives each name to one file: first to those that have it, then to the others in their order.
fn settle_names(known: &BTreeMap<&Origin, &Entry>, entries: Vec<Entry>) -> Vec<Entry> {
    let held = |entry: &Entry| {
        let before = known.get(&entry.origin).copied();
        before.and_then(Entry::live_good).cloned()
    };
    let mut owners: BTreeMap<CodeLocation, Origin> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.live().is_some()) {
        if held(entry).is_some_and(|good| good.definitions.location == entry.name) {
            owners.entry(entry.name.clone()).or_insert_with(|| entry.origin.clone());
        }
    }
    let mut settled = Vec::with_capacity(entries.len());
    for entry in entries {
        if entry.live().is_none() {
            settled.push(entry);
            continue;
        }
        let owner = owners.entry(entry.name.clone()).or_insert_with(|| entry.origin.clone());
        if *owner == entry.origin {
            settled.push(entry);
            continue;
        }
        let problem = name_is_taken(&entry, owner);
        let fallback = held(&entry).filter(|good| !owners.contains_key(&good.definitions.location));
        let name = match &fallback {
            Some(good) => good.definitions.location.clone(),
            None => entry.name.clone(),
        };
        if fallback.is_some() {
            owners.insert(name.clone(), entry.origin.clone());
        }
        let entry = Entry { name, good: fallback, ..entry };
        settled.push(entry.failed(Arc::new(problem.into())));
    }
    settled
}

fn name_is_taken(entry: &Entry, owner: &Origin) -> Problem {
    let named_at = entry.good.as_ref().and_then(|good| good.definitions.named_at.clone());
    Problem {
        file: entry.origin.to_string(),
        place: named_at,
        message: format!("there is a code location `{}` already: {owner}", entry.name),
        hint: Some(match &entry.origin {
            Origin::File(_) => "give this one another name with `location: NAME`".to_owned(),
            Origin::Python(_) => {
                "name both in a workspace file and give each its `location_name`".to_owned()
            }
        }),
        code: Code::Conflict,
    }
}

/// Names a location whose file does not say: by the stem of the file, made fit to be a name.
fn name_of(origin: &Origin) -> CodeLocation {
    match origin {
        Origin::File(path) => {
            CodeLocation::like(&path.file_stem().unwrap_or_default().to_string_lossy())
        }
        Origin::Python(location) => location.name.clone(),
    }
}
