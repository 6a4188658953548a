//! The table of limits: each exists while somebody holds it, waits for it or could be blocked by it.

use std::collections::BTreeMap;
use std::ops::{Bound, Index, IndexMut};

use model::{LimitKey, PoolName};
use slab::Slab;

use crate::limit::{Demands, Limit};
use crate::needs::{Gate, LimitIx, Needs};
use crate::rules::Rules;

#[derive(Debug, Clone)]
pub(crate) struct LimitTable {
    limits: Slab<Limit>,
    by_key: BTreeMap<LimitKey, LimitIx>,
    /// `max_concurrent_runs`, which always exists.
    pub(crate) run_total: LimitIx,
}

impl LimitTable {
    pub(crate) fn new(rules: &Rules) -> Self {
        let mut table =
            Self { limits: Slab::new(), by_key: BTreeMap::new(), run_total: LimitIx(0) };
        table.run_total = table.find_or_add(LimitKey::MaxConcurrentRuns, rules);
        table
    }

    pub(crate) fn find(&self, key: &LimitKey) -> Option<LimitIx> {
        self.by_key.get(key).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Limit> {
        self.by_key.values().map(|ix| &self[*ix])
    }

    /// Returns the pools behind a name, or all, by name.
    pub(crate) fn pools_after(&self, after: Option<&PoolName>) -> impl Iterator<Item = &PoolName> {
        let from = match after {
            Some(pool) => Bound::Excluded(LimitKey::Pool(pool.clone())),
            None => Bound::Included(LimitKey::Pool(PoolName::least())),
        };
        // Limits of one kind stand together, so that the first of another kind ends this.
        self.by_key.range((from, Bound::Unbounded)).map_while(|(key, _)| match key {
            LimitKey::Pool(pool) => Some(pool),
            LimitKey::MaxConcurrentRuns
            | LimitKey::BranchDeployments
            | LimitKey::Tag { .. }
            | LimitKey::Location(_)
            | LimitKey::Hold => None,
        })
    }

    pub(crate) fn remove(&mut self, ix: LimitIx) {
        let limit = self.limits.remove(ix.0 as usize);
        self.by_key.remove(&limit.key);
    }

    /// Looks up what a run demands and adds the limits that do not exist yet.
    pub(crate) fn needs_of_run(&mut self, demands: Demands, rules: &Rules) -> Needs {
        let Demands { all, any, runs, roots } = demands;
        let mut ix = |key| self.find_or_add(key, rules);
        Needs {
            runs: runs.into_iter().map(&mut ix).collect(),
            roots: roots.into_iter().map(|(key, n)| (ix(key), n)).collect(),
            all: self.gates(all, rules),
            any: any.into_iter().map(|set| self.gates(set, rules)).collect(),
        }
    }

    /// Looks up what a step demands and adds the pools that do not exist yet.
    pub(crate) fn needs_of_claim(&mut self, units: Vec<(LimitKey, u32)>, rules: &Rules) -> Needs {
        Needs { all: self.gates(units, rules), ..Needs::default() }
    }

    fn gates(&mut self, units: Vec<(LimitKey, u32)>, rules: &Rules) -> Box<[Gate]> {
        units.into_iter().map(|(key, n)| Gate::units(self.find_or_add(key, rules), n)).collect()
    }

    fn find_or_add(&mut self, key: LimitKey, rules: &Rules) -> LimitIx {
        if let Some(ix) = self.find(&key) {
            return ix;
        }
        let limit = Limit::new(key.clone(), rules);
        let ix = LimitIx(u32::try_from(self.limits.insert(limit)).unwrap_or(u32::MAX));
        self.by_key.insert(key, ix);
        ix
    }
}

impl Index<LimitIx> for LimitTable {
    type Output = Limit;

    fn index(&self, ix: LimitIx) -> &Limit {
        &self.limits[ix.0 as usize]
    }
}

impl IndexMut<LimitIx> for LimitTable {
    fn index_mut(&mut self, ix: LimitIx) -> &mut Limit {
        &mut self.limits[ix.0 as usize]
    }
}
