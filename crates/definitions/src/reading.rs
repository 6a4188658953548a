//! Reads files of jobs anew, as far as that is needed: those whose text has changed. What becomes of
//! what was read is decided in `set`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::disk::{self, ReadFailure};
use crate::read::{Definitions, FilePath};
use crate::set::{Content, Entry, Origin, OriginRead, Parsed};

/// Reads a file; a text that is known is not taken apart again.
pub(crate) fn read(path: PathBuf, old: &[Entry]) -> OriginRead {
    let content = match disk::read(&path) {
        Err(ReadFailure::Missing(problem)) => Content::Missing(problem),
        Err(ReadFailure::Unreadable(problem)) => Content::Unreadable(Arc::new(problem.into())),
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

fn parse(path: &Path, bytes: &[u8], digest: [u8; 32]) -> Arc<Parsed> {
    let shown = path.display().to_string();
    let file = FilePath { shown: &shown, absolute: path };
    let result = Definitions::read(file, bytes).map(Arc::new).map_err(Arc::new);
    Arc::new(Parsed { digest, stamp: None, result })
}
