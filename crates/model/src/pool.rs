//! Pools: shared resources with slots, what a step wants of them, and what a run uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use thiserror::Error;

use crate::id::PoolName;

/// A number of slots that is at least one.
pub type Slots = NonZeroU32;

/// The number of slots of a pool: 0 to 1000 (Dagster's bounds). 0 lets nothing through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolLimit(u32);

/// Says why a number cannot be the limit of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PoolLimitError {
    /// More than [`PoolLimit::MAX`].
    #[error("a pool limit of {0} is too large: it must be between 0 and 1000")]
    TooLarge(i64),
    /// Less than 0.
    #[error("a pool limit of {0} is negative: it must be between 0 and 1000")]
    Negative(i64),
}

impl PoolLimit {
    /// The largest limit a pool can have.
    pub const MAX: u32 = 1000;

    /// Takes a number as a pool's limit.
    ///
    /// # Errors
    /// [`PoolLimitError`] if it is not between 0 and [`PoolLimit::MAX`].
    pub fn new(number: i64) -> Result<Self, PoolLimitError> {
        match u32::try_from(number) {
            Ok(slots) if slots <= Self::MAX => Ok(Self(slots)),
            _ if number < 0 => Err(PoolLimitError::Negative(number)),
            _ => Err(PoolLimitError::TooLarge(number)),
        }
    }

    /// Returns the number of slots.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for PoolLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who holds the slots of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Granularity {
    /// Each step takes its slots while it runs.
    #[default]
    Op,
    /// Each run takes one slot in every pool that any of its steps uses, from its start to its end.
    Run,
}

/// The slots that one step wants, all or nothing, over one or several pools; empty if it uses none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Demand(Box<[(PoolName, Slots)]>);

impl Demand {
    /// Returns the demand for one slot of one pool.
    pub fn one(pool: PoolName) -> Self {
        Self(Box::new([(pool, Slots::MIN)]))
    }

    /// Returns each pool with the slots wanted of it, ordered by pool.
    pub fn iter(&self) -> impl Iterator<Item = (&PoolName, Slots)> {
        self.0.iter().map(|(pool, slots)| (pool, *slots))
    }

    /// Returns whether no slot is wanted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether more than one slot is wanted, of one pool or of several.
    pub fn is_wide(&self) -> bool {
        self.0.len() > 1 || self.0.iter().any(|(_, slots)| slots.get() > 1)
    }
}

impl FromIterator<(PoolName, Slots)> for Demand {
    /// Collects the slots wanted; a pool named twice wants the sum.
    fn from_iter<I: IntoIterator<Item = (PoolName, Slots)>>(slots: I) -> Self {
        let mut sums: BTreeMap<PoolName, Slots> = BTreeMap::new();
        for (pool, wanted) in slots {
            sums.entry(pool)
                .and_modify(|sum| *sum = sum.saturating_add(wanted.get()))
                .or_insert(wanted);
        }
        Self(sums.into_iter().collect())
    }
}

/// What a run uses of the pools, fixed when it is submitted.
///
/// A *root* is a step without a step before it in the run. Cheap to clone and shared by the runs of
/// one job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunPools(Arc<Parts>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    roots: BTreeMap<Demand, u32>,
    has_pool_free_root: bool,
    all: BTreeSet<PoolName>,
}

impl RunPools {
    /// Takes the demands of a run's root steps (an empty demand is a root that needs no pool) and
    /// the pools that its later steps use. A run that names no root has one that needs no pool.
    pub fn new(
        roots: impl IntoIterator<Item = Demand>,
        later_pools: impl IntoIterator<Item = PoolName>,
    ) -> Self {
        let mut counted: BTreeMap<Demand, u32> = BTreeMap::new();
        for demand in roots {
            *counted.entry(demand).or_default() += 1;
        }
        let has_pool_free_root = counted.remove(&Demand::default()).is_some() || counted.is_empty();
        let of_roots =
            counted.keys().flat_map(|demand| demand.iter().map(|(pool, _)| pool.clone()));
        let all = of_roots.chain(later_pools).collect();
        Self(Arc::new(Parts { roots: counted, has_pool_free_root, all }))
    }

    /// Returns what a run without pools uses.
    pub fn none() -> Self {
        Self::new([], [])
    }

    /// Returns each distinct demand of the roots that need a pool, with the number of such roots.
    pub fn roots(&self) -> impl Iterator<Item = (&Demand, u32)> {
        self.0.roots.iter().map(|(demand, count)| (demand, *count))
    }

    /// Returns whether some root needs no pool, so that the run has something to do in any case.
    pub fn has_pool_free_root(&self) -> bool {
        self.0.has_pool_free_root
    }

    /// Returns every pool that any step of the run uses.
    pub fn all(&self) -> impl Iterator<Item = &PoolName> {
        self.0.all.iter()
    }

    /// Returns the slots that all roots want together, per pool.
    pub fn root_slots(&self) -> BTreeMap<&PoolName, u64> {
        let mut sums = BTreeMap::new();
        for (demand, count) in self.roots() {
            for (pool, slots) in demand.iter() {
                let sum: &mut u64 = sums.entry(pool).or_default();
                *sum += u64::from(slots.get()) * u64::from(count);
            }
        }
        sums
    }
}

impl Default for RunPools {
    fn default() -> Self {
        Self::none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(name: &str) -> PoolName {
        PoolName::new(name).unwrap()
    }

    #[test]
    fn a_pool_limit_is_between_0_and_1000() {
        assert_eq!(PoolLimit::new(0).map(PoolLimit::get), Ok(0));
        assert_eq!(PoolLimit::new(1000).map(PoolLimit::get), Ok(1000));
        assert_eq!(PoolLimit::new(-1), Err(PoolLimitError::Negative(-1)));
        assert_eq!(PoolLimit::new(1001), Err(PoolLimitError::TooLarge(1001)));
        assert_eq!(PoolLimit::new(i64::MAX), Err(PoolLimitError::TooLarge(i64::MAX)));
        assert_eq!(PoolLimit::new(i64::MIN), Err(PoolLimitError::Negative(i64::MIN)));
    }

    #[test]
    fn a_run_that_names_no_root_has_one_that_needs_no_pool() {
        assert!(RunPools::new([], [pool("late")]).has_pool_free_root());
        assert!(!RunPools::new([Demand::one(pool("db"))], []).has_pool_free_root());
        let mixed = RunPools::new([Demand::one(pool("db")), Demand::default()], []);
        assert!(mixed.has_pool_free_root());
    }

    #[test]
    fn the_roots_want_the_sum_of_their_slots() {
        let wide: Demand =
            [(pool("db"), Slots::new(3).unwrap()), (pool("gpu"), Slots::MIN)].into_iter().collect();
        let pools = RunPools::new([Demand::one(pool("db")), Demand::one(pool("db")), wide], []);
        let sums: Vec<_> = pools.root_slots().into_iter().collect();
        assert_eq!(sums, [(&pool("db"), 5), (&pool("gpu"), 1)]);
    }
}
