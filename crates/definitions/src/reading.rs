//! Reads code locations anew, as far as that is needed: files whose text has changed, and Python whose
//! files have. What becomes of what was read is decided in `set`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::disk::{self, ReadFailure};
use crate::locations::Python;
use crate::python::{self, PythonHost, PythonLocation, Stamp};
use crate::read::{Definitions, FilePath};
use crate::set::{Content, Entry, Origin, OriginRead, Parsed};

/// How many interpreters load code at one time: each keeps a processor busy for seconds.
const MAX_LOADS: usize = 4;

/// What is loaded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything.
    All,
    /// Python is started only if one of its files has changed.
    Changed,
}

/// Reads a file; a text that is known is not taken apart again.
pub(crate) fn read(path: PathBuf, old: &[Entry]) -> OriginRead {
    let content = match disk::read(&path) {
        Err(ReadFailure::Missing(problem)) => Content::Missing(problem),
        Err(ReadFailure::Unreadable(problem)) => Content::Unreadable(problem),
        Ok(bytes) => {
            let digest: [u8; 32] = Sha256::digest(&bytes).into();
            let known = known(old, &Origin::File(path.clone()));
            let parsed = known.filter(|parsed| parsed.digest == digest);
            Content::Text(parsed.unwrap_or_else(|| parse(&path, &bytes, digest)))
        }
    };
    OriginRead { origin: Origin::File(path), content }
}

/// Returns what was read last of something.
fn known(old: &[Entry], origin: &Origin) -> Option<Arc<Parsed>> {
    old.iter().find(|entry| entry.origin == *origin).and_then(|entry| entry.parsed.clone())
}

/// Loads what is Python, some locations at a time; returns the folders of its files too.
pub(crate) fn read_python(
    Python { host, locations }: &Python,
    scope: Scope,
    old: &[Entry],
) -> (Vec<OriginRead>, BTreeSet<PathBuf>) {
    let (mut reads, mut folders) = (Vec::new(), BTreeSet::new());
    let Some(host) = host else { return (reads, folders) };
    let locations: Vec<Arc<PythonLocation>> = locations.iter().cloned().map(Arc::new).collect();
    for some in locations.chunks(MAX_LOADS) {
        let loaded = std::thread::scope(|scope_of_threads| {
            let load = |location: &Arc<PythonLocation>| {
                let location = Arc::clone(location);
                scope_of_threads.spawn(move || read_one(host, &location, scope, old))
            };
            let threads: Vec<_> = some.iter().map(load).collect();
            threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        for (read, stamp) in loaded.into_iter().flatten() {
            folders.extend(stamp.folders);
            reads.push(read);
        }
    }
    (reads, folders)
}

fn read_one(
    host: &PythonHost,
    location: &Arc<PythonLocation>,
    scope: Scope,
    old: &[Entry],
) -> (OriginRead, Stamp) {
    let stamp = python::look(location, host.home());
    let origin = Origin::Python(Arc::clone(location));
    let known = known(old, &origin);
    let is_same = |known: &&Arc<Parsed>| known.stamp == Some(stamp.digest);
    let parsed = match (scope, known.as_ref().filter(is_same)) {
        (Scope::Changed, Some(known)) => Arc::clone(known),
        (Scope::Changed | Scope::All, _) => {
            python::load(host, location, stamp.digest, known.as_deref())
        }
    };
    (OriginRead { origin, content: Content::Text(parsed) }, stamp)
}

fn parse(path: &Path, bytes: &[u8], digest: [u8; 32]) -> Arc<Parsed> {
    let shown = path.display().to_string();
    let file = FilePath { shown: &shown, absolute: path };
    let result = Definitions::read(file, bytes).map(Arc::new).map_err(Arc::new);
    Arc::new(Parsed { digest, stamp: None, result })
}
