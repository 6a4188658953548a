//! Pools, at both granularities.
//!
//! At run granularity a run takes one slot of each pool that any of its steps uses, whatever their
//! weights, and step claims are recorded, never refused. At op granularity steps take the slots; a
//! run is held back only if it has no root without a pool and no root's demand fits whole.

use model::{
    Capacity, Demand, Granularity, LimitKey, PoolBlocking, PoolLimit, PoolName, PoolSettings,
    Remedy, Run, Usage,
};

use super::{Asker, Demands, Room};
use crate::rules::Rules;

/// Every run counts what it uses, whether or not it had to wait for it: the granularity may change
/// while it is in progress.
pub(super) fn demand(run: &Run, settings: &PoolSettings, demands: &mut Demands) {
    demands.runs.extend(run.pools.all().cloned().map(LimitKey::Pool));
    let roots = run.pools.root_slots();
    demands.roots.extend(roots.into_iter().map(|(pool, n)| (LimitKey::Pool(pool.clone()), n)));
    match (settings.blocking, settings.granularity) {
        (PoolBlocking::StepsOnly, _) => {}
        (PoolBlocking::HoldsRunsBack, Granularity::Run) => {
            demands.all.extend(run.pools.all().cloned().map(|pool| (LimitKey::Pool(pool), 1)));
        }
        (PoolBlocking::HoldsRunsBack, Granularity::Op) if run.pools.has_pool_free_root() => {}
        (PoolBlocking::HoldsRunsBack, Granularity::Op) => {
            demands.any.extend(run.pools.roots().map(|(demand, _)| units_of(demand)));
        }
    }
}

/// Returns the units of each pool that a step demands.
pub(crate) fn units_of(demand: &Demand) -> Vec<(LimitKey, u32)> {
    demand.iter().map(|(pool, slots)| (LimitKey::Pool(pool.clone()), slots.get())).collect()
}

/// The pool's own limit, else the default limit, else none.
pub(super) fn capacity(pool: &PoolName, rules: &Rules) -> Capacity {
    let own = rules.pool_limits.get(pool).copied();
    own.or(rules.settings.pools.default_limit)
        .map_or(Capacity::Unlimited, |limit| Capacity::AtMost(limit.get()))
}

/// The room at op granularity. A run stands behind all steps that hold or wait for slots, and
/// behind the root steps of runs that have just started; a step only behind those that hold slots.
pub(super) fn room(
    capacity: Capacity,
    usage: Usage,
    asker: Asker,
    settings: &PoolSettings,
) -> Room {
    match asker {
        Asker::Claim => Room { capacity, taken: usage.granted, buffer: 0 },
        Asker::Run => Room {
            capacity,
            taken: usage.granted + usage.pending + usage.roots,
            buffer: settings.run_buffer.into(),
        },
    }
}

pub(super) fn remedy(units: u32, room: Room) -> Remedy {
    let wanted = room.capacity_for(units);
    if wanted <= PoolLimit::MAX {
        Remedy::RaiseTo(wanted)
    } else if units > PoolLimit::MAX {
        Remedy::WantAtMost(PoolLimit::MAX)
    } else {
        Remedy::FreeUnits(wanted - PoolLimit::MAX)
    }
}
