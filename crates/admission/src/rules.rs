//! What is in force now: the settings, the pools' own limits, the paused locations and the time.

use std::collections::BTreeMap;

use model::{CodeLocation, PoolLimit, PoolName, Settings, Timestamp};

#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) settings: Settings,
    pub(crate) pool_limits: BTreeMap<PoolName, PoolLimit>,
    /// Until when each paused code location is paused; always later than `now`.
    pub(crate) paused: BTreeMap<CodeLocation, Timestamp>,
    pub(crate) now: Timestamp,
}

impl Rules {
    /// Moves the time on and returns the code locations whose pause is over by then.
    pub(crate) fn pass_time(&mut self, now: Timestamp) -> Vec<CodeLocation> {
        self.now = self.now.max(now);
        let over: Vec<CodeLocation> = self
            .paused
            .iter()
            .filter(|(_, until)| **until <= self.now)
            .map(|(location, _)| location.clone())
            .collect();
        for location in &over {
            self.paused.remove(location);
        }
        over
    }
}
