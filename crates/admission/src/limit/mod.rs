//! Limits are one thing: a counter with a capacity. Each kind has a file here that says what a run
//! demands of it, how much it lets through, what counts as taken, and how it can be freed.
//!
//! A new kind is a new file and a line in each `match` of this one.

mod branch;
mod hold;
mod location;
mod pool;
mod run_total;
mod tag;

pub(crate) use pool::units_of;

use std::collections::{BTreeMap, BTreeSet};

use model::{Capacity, ClaimOrder, Granularity, LimitKey, PoolSettings, Remedy, Run, Seq, Usage};

use crate::rules::Rules;

/// One limit with what is taken of it and by whom.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) key: LimitKey,
    pub(crate) capacity: Capacity,
    pub(crate) usage: Usage,
    /// The runs that `usage.runs` counts.
    pub(crate) runs: BTreeSet<Seq>,
    /// The runs and root slots that `usage.roots` counts.
    pub(crate) roots: BTreeMap<Seq, u64>,
    /// The claims that `usage.granted` counts.
    pub(crate) granted: BTreeSet<ClaimOrder>,
    /// The claims that `usage.pending` counts.
    pub(crate) pending: BTreeSet<ClaimOrder>,
}

/// Who asks for room: a pool answers a queued run and a step's claim differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    Run,
    Claim,
}

/// What a limit can still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    capacity: Capacity,
    taken: u64,
    buffer: u64,
}

/// What a run demands, limit by limit, before the limits have been looked up.
#[derive(Debug, Default)]
pub(crate) struct Demands {
    /// The units that must all be free.
    pub(crate) all: Vec<(LimitKey, u32)>,
    /// If there are any sets, the units of one set must all be free.
    pub(crate) any: Vec<Vec<(LimitKey, u32)>>,
    /// The limits that count the run while it is in progress.
    pub(crate) runs: Vec<LimitKey>,
    /// The pools that count its root steps until its first scheduling pass is done.
    pub(crate) roots: Vec<(LimitKey, u64)>,
}

impl Demands {
    /// Asks every kind of limit what it wants of a run.
    pub(crate) fn of(run: &Run, is_held: bool, rules: &Rules) -> Self {
        let mut demands = Self::default();
        run_total::demand(&mut demands);
        branch::demand(run, &mut demands);
        tag::demand(run, &rules.settings.tag_limits, &mut demands);
        pool::demand(run, &rules.settings.pools, &mut demands);
        location::demand(run, &mut demands);
        hold::demand(is_held, &mut demands);
        demands
    }

    /// Adds a limit that takes one unit of each run in progress.
    fn one_of(&mut self, key: LimitKey) {
        self.all.push((key.clone(), 1));
        self.runs.push(key);
    }
}

impl Limit {
    pub(crate) fn new(key: LimitKey, rules: &Rules) -> Self {
        Self {
            capacity: capacity(&key, rules),
            key,
            usage: Usage::default(),
            runs: BTreeSet::new(),
            roots: BTreeMap::new(),
            granted: BTreeSet::new(),
            pending: BTreeSet::new(),
        }
    }

    pub(crate) fn room(&self, asker: Asker, pools: &PoolSettings) -> Room {
        let plain = Room { capacity: self.capacity, taken: self.usage.runs, buffer: 0 };
        match (&self.key, pools.granularity) {
            (LimitKey::Pool(_), Granularity::Op) => {
                pool::room(self.capacity, self.usage, asker, pools)
            }
            (LimitKey::Pool(_), Granularity::Run) if asker == Asker::Claim => Room::UNLIMITED,
            (
                LimitKey::MaxConcurrentRuns
                | LimitKey::BranchDeployments
                | LimitKey::Tag { .. }
                | LimitKey::Pool(_)
                | LimitKey::Location(_)
                | LimitKey::Hold,
                Granularity::Op | Granularity::Run,
            ) => plain,
        }
    }

    pub(crate) fn remedy(&self, units: u32, room: Room, rules: &Rules) -> Remedy {
        match &self.key {
            LimitKey::MaxConcurrentRuns | LimitKey::BranchDeployments | LimitKey::Tag { .. } => {
                Remedy::RaiseTo(room.capacity_for(units))
            }
            LimitKey::Pool(_) => pool::remedy(units, room),
            LimitKey::Location(location) => location::remedy(location, rules),
            LimitKey::Hold => Remedy::Release,
        }
    }

    pub(crate) fn add_granted(&mut self, claim: ClaimOrder, slots: u64) {
        self.usage.granted += slots;
        self.granted.insert(claim);
    }

    pub(crate) fn remove_granted(&mut self, claim: ClaimOrder, slots: u64) {
        self.usage.granted -= slots;
        self.granted.remove(&claim);
    }

    pub(crate) fn add_pending(&mut self, claim: ClaimOrder, slots: u64) {
        self.usage.pending += slots;
        self.pending.insert(claim);
    }

    pub(crate) fn remove_pending(&mut self, claim: ClaimOrder, slots: u64) {
        self.usage.pending -= slots;
        self.pending.remove(&claim);
    }

    /// Returns whether nobody holds or waits for any of it, as far as usage tells.
    pub(crate) fn is_unused(&self) -> bool {
        self.usage == Usage::default()
    }
}

/// Returns how much a limit lets through at one time.
pub(crate) fn capacity(key: &LimitKey, rules: &Rules) -> Capacity {
    match key {
        LimitKey::MaxConcurrentRuns => rules.settings.max_concurrent_runs,
        LimitKey::BranchDeployments => rules.settings.max_branch_deployment_runs,
        LimitKey::Tag { key, scope } => tag::capacity(key, scope, &rules.settings.tag_limits),
        LimitKey::Pool(pool) => pool::capacity(pool, rules),
        LimitKey::Location(location) => location::capacity(location, rules),
        LimitKey::Hold => hold::CAPACITY,
    }
}

impl Room {
    const UNLIMITED: Self = Self { capacity: Capacity::Unlimited, taken: 0, buffer: 0 };

    /// Returns whether so many units may be taken now.
    pub(crate) fn has(self, units: u32) -> bool {
        units <= self.largest()
    }

    /// Returns the most units that may be taken at once now. What is larger than the whole limit
    /// never fits, whatever the buffer.
    pub(crate) fn largest(self) -> u32 {
        match self.capacity {
            Capacity::Unlimited => u32::MAX,
            Capacity::AtMost(limit) => {
                let free = (u64::from(limit) + self.buffer).saturating_sub(self.taken);
                u32::try_from(free).unwrap_or(u32::MAX).min(limit)
            }
        }
    }

    /// Returns the smallest capacity at which so many units would fit now.
    fn capacity_for(self, units: u32) -> u32 {
        let units = u64::from(units);
        let wanted = (self.taken + units).saturating_sub(self.buffer).max(units);
        u32::try_from(wanted).unwrap_or(u32::MAX)
    }
}
