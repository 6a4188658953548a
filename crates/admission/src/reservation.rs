//! Reservations: how a claim for many slots is kept from waiting for ever behind small ones.
//!
//! A claim for more than one slot that is the first of its line is *passed over* from the moment
//! when a claim behind it is granted slots in one of its pools. Passed over for longer than
//! `reserve_after`, it reserves those of its pools that have a limit: nobody who asked later is granted there until it has
//! its slots or is withdrawn. A pool has at most one reserver, the best by claim order; a
//! reservation holds no slot, and a claim that is larger than a limit never reserves. Off unless
//! `reserve_after` is set.

use std::collections::BTreeMap;
use std::ops::Bound;

use model::{Capacity, ClaimOrder, Granularity};

use crate::image::Image;
use crate::lines::Line;
use crate::needs::{Gate, LimitIx, Needs, Wants};

impl Image {
    /// Finds out who reserves which pool now; where that has changed, all who wait are looked at
    /// again.
    pub(crate) fn assign_reservations(&mut self) {
        if self.passed_over.is_empty() && self.reservers.is_empty() {
            return;
        }
        let reservers = self.find_reservers();
        let before = std::mem::replace(&mut self.reservers, reservers);
        let changed = |pool: &&LimitIx| before.get(pool) != self.reservers.get(pool);
        let pools = before.keys().chain(self.reservers.keys()).filter(changed);
        for pool in pools {
            let lines: Vec<_> = self.waiters.naming(*pool).collect();
            for line in lines {
                if let Some(first) = self.waiters.line(line).members.first().copied() {
                    self.waiters.make_ready(line, first);
                }
            }
        }
    }

    fn find_reservers(&self) -> BTreeMap<LimitIx, ClaimOrder> {
        let mut reservers = BTreeMap::new();
        let settings = &self.rules.settings;
        let (Some(bound), Granularity::Op) = (settings.reserve_after, settings.pools.granularity)
        else {
            return reservers;
        };
        for (order, since) in &self.passed_over {
            let Some(entry) = self.claims.get(order) else {
                continue;
            };
            let is_overdue = since.after(bound) <= self.rules.now;
            let is_limited = |pool: &LimitIx| self.limits[*pool].capacity != Capacity::Unlimited;
            let pools: Vec<LimitIx> =
                entry.needs.gated_by().into_iter().filter(is_limited).collect();
            let is_taken = pools.iter().any(|pool| reservers.contains_key(pool));
            if is_overdue && !is_taken && self.can_ever_fit(&entry.needs) {
                reservers.extend(pools.into_iter().map(|pool| (pool, *order)));
            }
        }
        reservers
    }

    fn can_ever_fit(&self, needs: &Needs) -> bool {
        needs.all.iter().all(|gate| match gate.wants {
            Wants::Units(slots) => self.limits[gate.limit].capacity.is_at_least(slots),
            Wants::NoReservation => true,
        })
    }

    /// Notes which claims the granting of one has passed over.
    pub(crate) fn note_passed_over(&mut self, granted: ClaimOrder) {
        let settings = &self.rules.settings;
        if settings.reserve_after.is_none() || settings.pools.granularity == Granularity::Run {
            return;
        }
        let Some(entry) = self.claims.get(&granted) else {
            return;
        };
        let lines = entry.needs.gated_by().into_iter().flat_map(|pool| self.waiters.naming(pool));
        for line in lines {
            let Some(first) = self.waiters.line(line).members.first() else {
                continue;
            };
            let is_wide = self.claims.get(first).is_some_and(|entry| entry.claim.demand.is_wide());
            if is_wide && *first < granted {
                self.passed_over.entry(*first).or_insert(self.rules.now);
            }
        }
    }

    /// Returns the best claim of a line that no reservation stops, or the gate that stops all.
    ///
    /// Whoever asked no later than every reserver of these pools may go (the reserver itself among
    /// them). Of claims with one priority the first is the oldest, so one look at each is enough.
    pub(crate) fn first_unreserved(&self, line: &Line<ClaimOrder>) -> Result<ClaimOrder, Gate> {
        let strictest = self.reservations(&line.needs).min_by_key(|(reserver, _)| reserver.asked());
        let mut next = line.members.first();
        while let Some(order) = next {
            if strictest.is_none_or(|(reserver, _)| order.asked() <= reserver.asked()) {
                return Ok(*order);
            }
            let behind = (Bound::Excluded(order.end_of_priority()), Bound::Unbounded);
            next = line.members.range(behind).next();
        }
        Err(strictest.map_or(Gate::reservation(LimitIx(0)), |(_, gate)| gate))
    }

    /// Returns the reservations that stop a claim.
    pub(crate) fn reserved_against(
        &self,
        order: ClaimOrder,
        needs: &Needs,
    ) -> impl Iterator<Item = Gate> {
        self.reservations(needs)
            .filter(move |(reserver, _)| reserver.asked() < order.asked())
            .map(|(_, gate)| gate)
    }

    fn reservations(&self, needs: &Needs) -> impl Iterator<Item = (ClaimOrder, Gate)> {
        needs.gated_by().into_iter().filter_map(|pool| {
            self.reservers.get(&pool).map(|reserver| (*reserver, Gate::reservation(pool)))
        })
    }
}
