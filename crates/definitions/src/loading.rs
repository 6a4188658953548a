//! Loads of Python: each location by itself, so that one that hangs delays no other.
//!
//! A newer wish for a location replaces an older one: its Python is ended, and what comes of it all the
//! same is dropped. What a load brings is put into the image; how Python is asked is no matter of this
//! file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::Timestamp;
use process::errand::Wanted;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

use crate::locations::Locations;
use crate::python::{self, PythonHost, PythonLocation, Stamp};
use crate::set::Parsed;

/// How many interpreters load code at one time: each keeps a processor busy for seconds.
const MAX_LOADS: usize = 4;

/// How long a load counts among these: one that takes longer mostly waits for something, and keeps no
/// other from its turn.
const BUSY: Duration = Duration::from_secs(10);

/// What loads Python.
#[derive(Debug)]
pub(crate) struct Loader {
    host: Arc<PythonHost>,
    runtime: Handle,
    at_once: Arc<Semaphore>,
}

/// Which loads are under way, and where files of Python are.
#[derive(Debug, Default)]
pub(crate) struct Loads {
    listed: BTreeSet<Arc<PythonLocation>>,
    under_way: BTreeMap<Arc<PythonLocation>, UnderWay>,
    folders: BTreeMap<Arc<PythonLocation>, BTreeSet<PathBuf>>,
    begun: u64,
}

#[derive(Debug)]
struct UnderWay {
    number: u64,
    since: Timestamp,
    /// How its files were when it began, once that is known.
    stamp: Option<[u8; 32]>,
    /// Whether its files may have changed while they were looked at.
    look_again: bool,
    /// Dropped when nobody wants it any more.
    _wanted: watch::Sender<()>,
}

/// A load that has begun.
struct Load {
    location: Arc<PythonLocation>,
    number: u64,
    wanted: Wanted,
    /// When it began, by both clocks: when it ends is counted from there.
    since: (Timestamp, Instant),
}

/// What came of a look at the files of a location that is being loaded.
enum Looked {
    /// They are known.
    Settled,
    /// Something was saved meanwhile: look again.
    Unsettled,
    /// Another load has taken its place.
    Unwanted,
}

impl Loader {
    pub(crate) fn new(host: PythonHost, runtime: Handle) -> Self {
        let at_once = Arc::new(Semaphore::new(MAX_LOADS));
        Self { host: Arc::new(host), runtime, at_once }
    }

    pub(crate) fn host(&self) -> &PythonHost {
        &self.host
    }
}

impl Loads {
    /// Takes over what there is now; loads of anything else are ended. Returns what is new.
    pub(crate) fn list(&mut self, now: &[Arc<PythonLocation>]) -> Vec<Arc<PythonLocation>> {
        let now: BTreeSet<Arc<PythonLocation>> = now.iter().cloned().collect();
        self.under_way.retain(|location, _| now.contains(location));
        self.folders.retain(|location, _| now.contains(location));
        let is_new = now.difference(&self.listed).cloned().collect();
        self.listed = now;
        is_new
    }

    /// Since when a location is being loaded, if it is.
    pub(crate) fn loading_since(&self, location: &Arc<PythonLocation>) -> Option<Timestamp> {
        self.under_way.get(location).map(|load| load.since)
    }

    /// The folders in which files of Python are.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.folders.values().flatten()
    }

    fn current(&mut self, load: &Load) -> Option<&mut UnderWay> {
        self.under_way.get_mut(&load.location).filter(|current| current.number == load.number)
    }
}

impl Load {
    fn now(&self) -> Timestamp {
        self.since.0.after(self.since.1.elapsed())
    }
}

impl Locations {
    /// Begins to load a location, whatever is known of it, unless that has just begun.
    pub(crate) fn begin_load(&self, location: &Arc<PythonLocation>, now: Timestamp) {
        let mut loads = self.loads();
        let has_just_begun = loads.loading_since(location) == Some(now);
        if !has_just_begun {
            self.begin_under(&mut loads, location, now);
        }
    }

    /// Looks at the files of a location, and loads it if they are not as they were.
    pub(crate) fn look_again(&self, location: &Arc<PythonLocation>, now: Timestamp) {
        let Some(loader) = &self.0.loader else { return };
        let (this, location, host) = (self.clone(), Arc::clone(location), Arc::clone(&loader.host));
        loader.runtime.spawn_blocking(move || {
            let stamp = python::look(&location, host.home());
            let mut loads = this.loads();
            let before = match loads.under_way.get_mut(&location) {
                Some(load) if load.stamp.is_none() => {
                    load.look_again = true;
                    return;
                }
                Some(load) => load.stamp,
                None => this.image().parsed(&location).and_then(|parsed| parsed.stamp),
            };
            if before != Some(stamp.digest) && loads.listed.contains(&location) {
                this.begin_under(&mut loads, &location, now);
            }
        });
    }

    fn loads(&self) -> MutexGuard<'_, Loads> {
        self.0.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to load a location in place of any load of it that is under way.
    pub(crate) fn begin_under(
        &self,
        loads: &mut Loads,
        location: &Arc<PythonLocation>,
        now: Timestamp,
    ) {
        let Some(loader) = &self.0.loader else { return };
        let (sender, wanted) = watch::channel(());
        loads.begun += 1;
        let number = loads.begun;
        let under_way =
            UnderWay { number, since: now, stamp: None, look_again: false, _wanted: sender };
        loads.under_way.insert(Arc::clone(location), under_way);
        self.publish(loads, now, |old| old.with_loaded(None));
        let since = (now, Instant::now());
        let load = Load { location: Arc::clone(location), number, wanted, since };
        let this = self.clone();
        loader.runtime.spawn(async move { this.carry_out(load).await });
    }

    async fn carry_out(self, load: Load) {
        let Some(loader) = &self.0.loader else { return };
        let failed = |stamp: [u8; 32], error: JoinError| {
            python::not_loaded(&load.location, stamp, &error.to_string())
        };
        let stamp = match self.look(loader, &load).await {
            Ok(Some(stamp)) => stamp,
            Ok(None) => return,
            Err(error) => return self.put(&load, failed([0; 32], error)),
        };
        let turn = Arc::clone(&loader.at_once).acquire_owned().await;
        if load.wanted.has_changed().is_err() {
            return;
        }
        let (host, location) = (Arc::clone(&loader.host), Arc::clone(&load.location));
        let (known, wanted) = (self.image().parsed(&location), load.wanted.clone());
        let mut under_way = spawn_blocking(move || {
            python::load(&host, &location, stamp, known.as_deref(), &wanted)
        });
        let result = if let Ok(result) = timeout(BUSY, &mut under_way).await {
            result
        } else {
            drop(turn);
            under_way.await
        };
        self.put(&load, result.unwrap_or_else(|error| failed(stamp, error)));
    }

    /// Looks at the files of a location until they stay as they are meanwhile; none, if another load has
    /// taken the place of this one.
    async fn look(&self, loader: &Loader, load: &Load) -> Result<Option<[u8; 32]>, JoinError> {
        loop {
            let (host, location) = (Arc::clone(&loader.host), Arc::clone(&load.location));
            let look = spawn_blocking(move || python::look(&location, host.home()));
            let Stamp { digest, folders } = look.await?;
            match self.note_looked(load, digest, folders) {
                Looked::Settled => return Ok(Some(digest)),
                Looked::Unsettled => {}
                Looked::Unwanted => return Ok(None),
            }
        }
    }

    /// Notes how the files of a location are that is being loaded.
    fn note_looked(&self, load: &Load, stamp: [u8; 32], folders: BTreeSet<PathBuf>) -> Looked {
        let mut loads = self.loads();
        let Some(current) = loads.current(load) else { return Looked::Unwanted };
        if std::mem::take(&mut current.look_again) {
            return Looked::Unsettled;
        }
        current.stamp = Some(stamp);
        loads.folders.insert(Arc::clone(&load.location), folders);
        self.publish(&loads, load.now(), |old| old.with_loaded(None));
        Looked::Settled
    }

    /// Puts what a load brought into the image, unless another has taken its place.
    fn put(&self, load: &Load, parsed: Arc<Parsed>) {
        let mut loads = self.loads();
        if loads.current(load).is_some() {
            loads.under_way.remove(&load.location);
            let loaded = Some((&load.location, parsed));
            self.publish(&loads, load.now(), |old| old.with_loaded(loaded));
        }
    }
}
