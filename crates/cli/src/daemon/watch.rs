//! Watches the folders of the files of jobs and of Python, and loads again what was saved.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use definitions::Locations;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::start::now;

/// How long it must be quiet after a change before files are read: editors save in several steps.
const QUIET: Duration = Duration::from_millis(150);

/// How long it is waited for quiet: whatever else is written in the same folders, such as the output of
/// steps, does not keep a saved file from being loaded.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How many changes may wait to be noticed; one is enough to look at everything.
const MAX_WAITING: usize = 1;

/// Why folders cannot be watched.
#[derive(Debug, Error)]
#[error("cannot watch {}: {source}; use `pointsman serve`, and `pointsman code-location reload` after a change", .folder.display())]
pub(super) struct WatchError {
    folder: PathBuf,
    source: notify::Error,
}

/// Watches, as long as it is kept.
pub(super) struct Watcher {
    locations: Locations,
    folders: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    changes: mpsc::Receiver<()>,
}

impl Watcher {
    pub(super) fn new(locations: Locations) -> Result<Self, WatchError> {
        let (sender, changes) = mpsc::channel(MAX_WAITING);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Files are opened and read all the time; this changes none.
            if event.is_ok_and(|event| event.kind.is_access()) {
                return;
            }
            // If one waits already, it will see this change too.
            let _ = sender.try_send(());
        });
        let folders =
            watcher.map_err(|source| WatchError { folder: PathBuf::from("files"), source })?;
        let mut this = Self { locations, folders, watched: BTreeSet::new(), changes };
        this.follow()?;
        Ok(this)
    }

    /// Watches the folders that matter now, and no others; returns whether there are new ones.
    fn follow(&mut self) -> Result<bool, WatchError> {
        let wanted = self.locations.watched_folders();
        for folder in self.watched.difference(&wanted) {
            // One that is gone is watched no longer anyway.
            let _ = self.folders.unwatch(folder);
        }
        for folder in wanted.difference(&self.watched) {
            let watched = self.folders.watch(folder, RecursiveMode::NonRecursive);
            watched.map_err(|source| WatchError { folder: folder.clone(), source })?;
        }
        let has_more = !self.watched.is_superset(&wanted);
        self.watched = wanted;
        Ok(has_more)
    }

    /// Loads what is saved, as long as this is kept going. What comes of it the locations tell.
    pub(super) async fn run(mut self) {
        let mut news = self.locations.changes();
        loop {
            let is_saved = tokio::select! {
                saved = self.changes.recv() => match saved {
                    Some(()) => true,
                    None => return,
                },
                told = news.changed() => match told {
                    Ok(()) => false,
                    Err(_) => return,
                },
            };
            if is_saved {
                let quiet =
                    async { while let Ok(Some(())) = timeout(QUIET, self.changes.recv()).await {} };
                let _ = timeout(LONGEST_WAIT, quiet).await;
            } else if !self.follow().is_ok_and(|has_more| has_more) {
                continue;
            }
            // What was saved in a folder before it was watched is found now.
            let locations = self.locations.clone();
            let _ = spawn_blocking(move || locations.reload_changed(now())).await;
            let _ = self.follow();
        }
    }
}
