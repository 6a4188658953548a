//! What is in force now: the settings, the pools' own limits, the paused locations and the time.

use std::collections::{BTreeMap, BTreeSet};

use model::{CodeLocation, PoolLimit, PoolName, Settings, Timestamp};

#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) settings: Settings,
    pub(crate) pool_limits: BTreeMap<PoolName, PoolLimit>,
    pub(crate) now: Timestamp,
    /// Until when each paused code location is paused.
    paused: BTreeMap<CodeLocation, Timestamp>,
    /// The same by instant, so that the passing of time looks only at pauses that end.
    resumes: BTreeSet<(Timestamp, CodeLocation)>,
    /// The code locations that have never been loaded and are being loaded.
    loading: BTreeSet<CodeLocation>,
}

impl Rules {
    pub(crate) fn new(
        now: Timestamp,
        settings: Settings,
        pool_limits: Vec<(PoolName, PoolLimit)>,
        paused: Vec<(CodeLocation, Timestamp)>,
        loading: BTreeSet<CodeLocation>,
    ) -> Self {
        let pool_limits = pool_limits.into_iter().collect();
        let mut rules = Self { settings, pool_limits, now, loading, ..Self::default() };
        for (location, until) in paused {
            rules.pause(&location, until);
        }
        rules
    }

    /// Returns each paused code location and until when it is paused, by name.
    pub(crate) fn paused(&self) -> impl Iterator<Item = (&CodeLocation, Timestamp)> {
        self.paused.iter().map(|(location, until)| (location, *until))
    }

    /// Returns until when a code location is paused, if it is.
    pub(crate) fn paused_until(&self, location: &CodeLocation) -> Option<Timestamp> {
        self.paused.get(location).copied()
    }

    /// Returns the code locations that are being loaded for the first time.
    pub(crate) fn loading(&self) -> &BTreeSet<CodeLocation> {
        &self.loading
    }

    /// Takes over which code locations are being loaded; returns those for which that is news.
    pub(crate) fn set_loading(&mut self, loading: BTreeSet<CodeLocation>) -> Vec<CodeLocation> {
        let news = self.loading.symmetric_difference(&loading).cloned().collect();
        self.loading = loading;
        news
    }

    /// Returns when the first pause ends.
    pub(crate) fn next_resume(&self) -> Option<Timestamp> {
        self.resumes.first().map(|(until, _)| *until)
    }

    /// Pauses a code location until an instant, in place of any earlier pause.
    pub(crate) fn pause(&mut self, location: &CodeLocation, until: Timestamp) {
        self.resume(location);
        if until > self.now {
            self.paused.insert(location.clone(), until);
            self.resumes.insert((until, location.clone()));
        }
    }

    pub(crate) fn resume(&mut self, location: &CodeLocation) {
        if let Some(until) = self.paused.remove(location) {
            self.resumes.remove(&(until, location.clone()));
        }
    }

    /// Moves the time on and returns the code locations whose pause is over by then.
    pub(crate) fn pass_time(&mut self, now: Timestamp) -> Vec<CodeLocation> {
        self.now = self.now.max(now);
        let mut over = Vec::new();
        while let Some((until, location)) = self.resumes.first().cloned() {
            if until > self.now {
                break;
            }
            self.resume(&location);
            over.push(location);
        }
        over
    }
}
