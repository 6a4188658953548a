//! Notices when one of some files is saved, made or removed, whoever else writes beside them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long it must be quiet after a change before a file is read: editors save in several steps,
/// in between which it may be gone.
const QUIET: Duration = Duration::from_millis(150);

/// How long it is waited for quiet.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How many changes may wait to be noticed; one is enough to look at everything.
const MAX_WAITING: usize = 1;

/// Why files cannot be watched.
#[derive(Debug, Error)]
#[error("cannot watch {}: {source}; use `pointsman serve`, and SIGHUP after a change", .folder.display())]
pub(super) struct SavedError {
    folder: PathBuf,
    source: notify::Error,
}

/// Watches, as long as it is kept.
pub(super) struct Saved {
    changes: mpsc::Receiver<()>,
    /// Whether a change was noticed that nobody was told of.
    is_noticed: bool,
    _folders: RecommendedWatcher,
}

impl Saved {
    /// Watches the files with these names in these folders.
    pub(super) fn new(folders: &[PathBuf], names: Vec<OsString>) -> Result<Self, SavedError> {
        let (sender, changes) = mpsc::channel(MAX_WAITING);
        let is_meant = move |path: &PathBuf| {
            path.file_name().is_some_and(|name| names.iter().any(|wanted| wanted == name))
        };
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Without a file nothing is known, so everything may have changed.
            let is_news = event.is_ok_and(|event| {
                let is_any = event.paths.is_empty() || event.paths.iter().any(&is_meant);
                !event.kind.is_access() && is_any
            });
            if is_news {
                // If one waits already, it will see this change too.
                let _ = sender.try_send(());
            }
        });
        let fails = |folder: &Path| {
            let folder = folder.to_owned();
            move |source| SavedError { folder, source }
        };
        let mut watcher = watcher.map_err(fails(Path::new("files")))?;
        for folder in folders {
            watcher.watch(folder, RecursiveMode::NonRecursive).map_err(fails(folder))?;
        }
        Ok(Self { changes, is_noticed: false, _folders: watcher })
    }

    /// Waits until something was saved, and it is quiet again. Dropped before that, it loses nothing.
    pub(super) async fn next(&mut self) {
        if !self.is_noticed && self.changes.recv().await.is_none() {
            return std::future::pending().await;
        }
        self.is_noticed = true;
        let quiet = async { while let Ok(Some(())) = timeout(QUIET, self.changes.recv()).await {} };
        let _ = timeout(LONGEST_WAIT, quiet).await;
        self.is_noticed = false;
    }
}
