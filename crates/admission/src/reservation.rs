//! Reservations: how a claim for many slots is kept from waiting for ever behind small ones.
//!
//! A claim for more than one slot is *passed over* from the moment when a claim that asked later is
//! granted slots in one of its pools. Passed over for `reserve_after`, it is *overdue* and reserves
//! its pools: nobody who asked later is granted there until it has its slots or is withdrawn. A pool
//! has at most one reserver, the best by claim order. A reservation holds no slot; pools without a
//! limit are never reserved, and a claim that is larger than a limit never reserves. Off unless
//! `reserve_after` is set.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use model::{Capacity, ClaimOrder, Granularity, Timestamp};

use crate::image::{ClaimEntry, Image};
use crate::lines::Line;
use crate::needs::{Gate, LimitIx, Needs, Wants};

/// Who was passed over, and who reserves what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reservations {
    /// The waiting claims for more than one slot that nobody has passed over yet, by pool and age.
    not_passed_over: BTreeMap<LimitIx, BTreeMap<u64, ClaimOrder>>,
    /// The others, and since when.
    passed_over: BTreeMap<ClaimOrder, Timestamp>,
    /// Those of them that are not overdue yet.
    ripening: BTreeSet<(Timestamp, ClaimOrder)>,
    overdue: BTreeSet<ClaimOrder>,
    /// The claim that reserves each reserved pool.
    reservers: BTreeMap<LimitIx, ClaimOrder>,
    /// Whether the reservers may no longer be right.
    is_stale: bool,
}

impl Reservations {
    pub(crate) fn passed_over_since(&self, order: ClaimOrder) -> Option<Timestamp> {
        self.passed_over.get(&order).copied()
    }

    pub(crate) fn reserver(&self, pool: LimitIx) -> Option<ClaimOrder> {
        self.reservers.get(&pool).copied()
    }

    pub(crate) fn reservers(&self) -> impl Iterator<Item = (LimitIx, ClaimOrder)> {
        self.reservers.iter().map(|(pool, order)| (*pool, *order))
    }

    /// Has the reservers found anew: a limit has changed.
    pub(crate) fn invalidate(&mut self) {
        self.is_stale = true;
    }

    /// Takes note of a claim for more than one slot that begins to wait.
    pub(crate) fn watch(&mut self, entry: &ClaimEntry, passed_over_since: Option<Timestamp>) {
        let order = entry.claim.order;
        if let Some(since) = passed_over_since {
            self.passed_over.insert(order, since);
            self.ripening.insert((since, order));
            return;
        }
        for pool in entry.needs.gated_by() {
            self.not_passed_over.entry(pool).or_default().insert(order.asked(), order);
        }
    }

    /// Forgets a claim that waits no longer.
    pub(crate) fn unwatch(&mut self, entry: &ClaimEntry) {
        let order = entry.claim.order;
        self.forget_not_passed_over(order, &entry.needs);
        if let Some(since) = self.passed_over.remove(&order) {
            self.ripening.remove(&(since, order));
            self.overdue.remove(&order);
            self.is_stale |= self.reservers.values().any(|reserver| *reserver == order);
        }
    }

    fn forget_not_passed_over(&mut self, order: ClaimOrder, needs: &Needs) {
        for pool in needs.gated_by() {
            if let Some(waiting) = self.not_passed_over.get_mut(&pool) {
                waiting.remove(&order.asked());
                if waiting.is_empty() {
                    self.not_passed_over.remove(&pool);
                }
            }
        }
    }

    /// Notes that claims whose time is up are overdue.
    fn ripen(&mut self, now: Timestamp, bound: Duration) {
        while let Some((since, order)) = self.ripening.first().copied() {
            if since.after(bound) > now {
                return;
            }
            self.ripening.remove(&(since, order));
            self.overdue.insert(order);
            self.is_stale = true;
        }
    }
}

impl Image {
    /// How long a claim may be passed over; none if nobody reserves.
    fn reserve_bound(&self) -> Option<Duration> {
        match self.rules.settings.pools.granularity {
            Granularity::Op => self.rules.settings.reserve_after,
            Granularity::Run => None,
        }
    }

    /// Returns when the next claim becomes overdue.
    pub(crate) fn next_overdue(&self) -> Option<Timestamp> {
        let (since, _) = self.reservations.ripening.first()?;
        Some(since.after(self.reserve_bound()?))
    }

    /// Notes which claims the granting of one has passed over: each is noted once in its life.
    pub(crate) fn note_passed_over(&mut self, granted: ClaimOrder) {
        let (Some(_), Some(entry)) = (self.reserve_bound(), self.claims.get(&granted)) else {
            return;
        };
        for pool in entry.needs.gated_by() {
            if !self.is_limited(pool) {
                continue;
            }
            let waiting = self.reservations.not_passed_over.get(&pool);
            let older = waiting.into_iter().flat_map(|waiting| waiting.range(..granted.asked()));
            for order in older.map(|(_, order)| *order).collect::<Vec<_>>() {
                if let Some(entry) = self.claims.get(&order) {
                    self.reservations.forget_not_passed_over(order, &entry.needs);
                    self.reservations.watch(entry, Some(self.rules.now));
                }
            }
        }
    }

    /// Finds out who reserves which pool now; where that has changed, all who wait are looked at
    /// again.
    pub(crate) fn assign_reservations(&mut self) {
        let Some(bound) = self.reserve_bound() else { return };
        self.reservations.ripen(self.rules.now, bound);
        if !std::mem::take(&mut self.reservations.is_stale) {
            return;
        }
        let now = self.find_reservers();
        let before = std::mem::replace(&mut self.reservations.reservers, now.clone());
        let pools: BTreeSet<LimitIx> = before.keys().chain(now.keys()).copied().collect();
        for pool in pools.into_iter().filter(|pool| before.get(pool) != now.get(pool)) {
            let lines: Vec<_> = self.waiters.naming(pool).collect();
            for line in lines {
                self.waiters.make_ready(line, self.waiters.line(line).first());
            }
        }
    }

    fn find_reservers(&self) -> BTreeMap<LimitIx, ClaimOrder> {
        let mut reservers = BTreeMap::new();
        for order in &self.reservations.overdue {
            let Some(entry) = self.claims.get(order) else { continue };
            let pools = entry.needs.gated_by().into_iter().filter(|pool| self.is_limited(*pool));
            let pools: Vec<LimitIx> = pools.collect();
            let is_taken = pools.iter().any(|pool| reservers.contains_key(pool));
            if !is_taken && self.can_ever_fit(&entry.needs) {
                reservers.extend(pools.into_iter().map(|pool| (pool, *order)));
            }
        }
        reservers
    }

    fn is_limited(&self, pool: LimitIx) -> bool {
        self.limits[pool].capacity != Capacity::Unlimited
    }

    fn can_ever_fit(&self, needs: &Needs) -> bool {
        needs.all.iter().all(|gate| match gate.wants {
            Wants::Units(slots) => self.limits[gate.limit].capacity.is_at_least(slots),
            Wants::NoReservation => true,
        })
    }

    /// Returns the best claim of a line that no reservation stops, or the gate that stops all.
    ///
    /// Whoever asked no later than every reserver of these pools may go (the reserver itself among
    /// them). Of claims with one priority the first is the oldest, so one look at each is enough.
    pub(crate) fn first_unreserved(&self, line: &Line<ClaimOrder>) -> Result<ClaimOrder, Gate> {
        let strictest = self.reservations_of(&line.needs).min_by_key(|(by, _)| by.asked());
        let Some((reserver, gate)) = strictest else { return Ok(line.first()) };
        let mut next = line.members.first();
        while let Some(order) = next {
            if order.asked() <= reserver.asked() {
                return Ok(*order);
            }
            let behind = (Bound::Excluded(order.end_of_priority()), Bound::Unbounded);
            next = line.members.range(behind).next();
        }
        Err(gate)
    }

    /// Returns the reservations that stop a claim.
    pub(crate) fn reserved_against(
        &self,
        order: ClaimOrder,
        needs: &Needs,
    ) -> impl Iterator<Item = Gate> {
        self.reservations_of(needs)
            .filter(move |(reserver, _)| reserver.asked() < order.asked())
            .map(|(_, gate)| gate)
    }

    fn reservations_of(&self, needs: &Needs) -> impl Iterator<Item = (ClaimOrder, Gate)> {
        needs.gated_by().into_iter().filter_map(|pool| {
            self.reservations.reserver(pool).map(|order| (order, Gate::reservation(pool)))
        })
    }
}
