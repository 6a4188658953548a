//! The explanations. Which limits block is asked of the very code that decides
//! ([`Image::run_blockers`], [`Image::claim_blockers`]); here they get their numbers and holders.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    ClaimOrder, ClaimState, Count, Explanation, Granularity, Holder, HolderOf, Holders, LimitKey,
    Reason, Remedy, RunId, RunStatus, Seq, StepId,
};

use crate::image::{ClaimEntry, Image};
use crate::limit::{Asker, Limit};
use crate::lines::Lines;
use crate::needs::{Extent, Gate, LimitIx, Needs, Wants};

/// How many holders a reason names.
const HOLDERS_SHOWN: usize = 10;

/// How many of those who wait, and of the lines they wait in, are looked at to count those ahead;
/// so that an explanation costs the same however long the queue is.
const AHEAD_LOOKED_AT: usize = 1000;

impl Image {
    /// Returns why a run has not started: every limit that blocks it now.
    ///
    /// None if the run is neither queued nor in progress.
    pub fn explain_run(&self, run: RunId) -> Option<Explanation> {
        let entry = self.entry(run).ok()?;
        if entry.run.status != RunStatus::Queued {
            return Some(Explanation::Holding);
        }
        let (mut reasons, order) = (Vec::new(), self.order(self.runs.find(run).ok()?));
        if !self.has_run_room() {
            let run_total = self.limits.run_total;
            let ahead = count_ahead(&self.queue, run_total, order, |_| true);
            reasons.push(self.reason(run_total, 1, Asker::Run, ahead));
        }
        let blockers = self.run_blockers(&entry.needs, Extent::Everything);
        for (limit, units) in widest(&blockers) {
            let ahead = if self.limits[limit].key == LimitKey::Hold {
                Count::Exactly(0)
            } else {
                count_ahead(&self.queue, limit, order, |needs| needs.is_gated_by(limit))
            };
            reasons.push(self.reason(limit, units, Asker::Run, ahead));
        }
        Some(explanation(reasons))
    }

    /// Returns why a step has not got its slots: every pool that blocks it now.
    ///
    /// None if the step has not asked for slots.
    pub fn explain_step(&self, step: &StepId) -> Option<Explanation> {
        let order = *self.entry(step.run).ok()?.claims.get(&step.step)?;
        let entry = self.claims.get(&order)?;
        if entry.claim.state == ClaimState::Granted {
            return Some(Explanation::Holding);
        }
        let blockers = self.claim_blockers(order, &entry.needs);
        let reasons = blockers.into_iter().map(|gate| self.claim_reason(gate, order, &entry.needs));
        Some(explanation(reasons.collect()))
    }

    fn claim_reason(&self, gate: Gate, order: ClaimOrder, needs: &Needs) -> Reason {
        let ahead = count_ahead(&self.waiters, gate.limit, order, |_| true);
        let units = widest(&needs.all).remove(&gate.limit).unwrap_or_default();
        let reason = self.reason(gate.limit, units, Asker::Claim, ahead);
        let reserver = match gate.wants {
            Wants::Units(_) => None,
            Wants::NoReservation => self.reservations.reserver(gate.limit),
        };
        match reserver.and_then(|reserver| self.claims.get(&reserver)) {
            None => reason,
            Some(ClaimEntry { claim, .. }) => Reason {
                reserved_by: Some(claim.step.clone()),
                remedy: Remedy::FreeReservation(claim.step.clone()),
                ..reason
            },
        }
    }

    fn reason(&self, limit: LimitIx, units: u32, asker: Asker, ahead: Count) -> Reason {
        let limit = &self.limits[limit];
        let room = limit.room(asker, &self.rules.settings.pools);
        Reason {
            limit: limit.key.clone(),
            capacity: limit.capacity,
            usage: limit.usage,
            counts_slots: self.counts_slots(limit),
            wanted: units,
            holders: self.holders(limit, asker),
            reserved_by: None,
            ahead,
            remedy: limit.remedy(units, room, &self.rules),
        }
    }

    fn counts_slots(&self, limit: &Limit) -> bool {
        let is_pool = matches!(limit.key, LimitKey::Pool(_));
        is_pool && self.rules.settings.pools.granularity == Granularity::Op
    }

    /// Returns those who take what the asker cannot have.
    fn holders(&self, limit: &Limit, asker: Asker) -> Holders {
        let is_held_by_steps = self.counts_slots(limit);
        let (none, no_roots) = (BTreeSet::new(), BTreeMap::new());
        let (runs, granted) =
            if is_held_by_steps { (&none, Some(&limit.granted)) } else { (&limit.runs, None) };
        let (roots, pending) = match asker {
            Asker::Run if is_held_by_steps => (&limit.roots, Some(&limit.pending)),
            Asker::Run | Asker::Claim => (&no_roots, None),
        };
        let len = |claims: Option<&BTreeSet<ClaimOrder>>| claims.map_or(0, BTreeSet::len);
        let all = runs.len() + roots.len() + len(granted) + len(pending);
        let runs = runs.iter().filter_map(|seq| self.run_holder(*seq, HolderOf::Run, 1));
        let roots = roots.iter().filter_map(|(seq, n)| self.run_holder(*seq, HolderOf::Roots, *n));
        let claims = granted.into_iter().chain(pending).flatten();
        let steps = claims.filter_map(|order| self.step_holder(*order, &limit.key));
        let shown: Vec<Holder> = runs.chain(roots).chain(steps).take(HOLDERS_SHOWN).collect();
        Holders { more: all - shown.len(), shown }
    }

    fn run_holder(&self, seq: Seq, of: HolderOf, units: u64) -> Option<Holder> {
        self.runs.at_seq(seq).map(|entry| Holder { run: entry.run.id, of, units })
    }

    fn step_holder(&self, order: ClaimOrder, pool: &LimitKey) -> Option<Holder> {
        let claim = &self.claims.get(&order)?.claim;
        let step = claim.step.step.clone();
        let of = match claim.state {
            ClaimState::Granted => HolderOf::Step(step),
            ClaimState::Pending => HolderOf::PendingStep(step),
        };
        let is_it = |name: &model::PoolName| matches!(pool, LimitKey::Pool(pool) if pool == name);
        let units = claim.demand.iter().find(|(name, _)| is_it(name))?.1.get().into();
        Some(Holder { run: claim.step.run, of, units })
    }
}

fn explanation(mut reasons: Vec<Reason>) -> Explanation {
    reasons.sort_by(|a, b| (&a.limit, &a.reserved_by).cmp(&(&b.limit, &b.reserved_by)));
    if reasons.is_empty() { Explanation::Eligible } else { Explanation::Blocked(reasons) }
}

/// Returns the most units that gates want of each limit. The change that lets these through lets
/// through every one of them.
fn widest(gates: &[Gate]) -> BTreeMap<LimitIx, u32> {
    let mut widest = BTreeMap::new();
    for gate in gates {
        if let Wants::Units(units) = gate.wants {
            let most: &mut u32 = widest.entry(gate.limit).or_default();
            *most = units.max(*most);
        }
    }
    widest
}

/// Counts those who name a limit and wait for it and come before `order`, up to a bound.
fn count_ahead<K: Copy + Ord>(
    lines: &Lines<K>,
    limit: LimitIx,
    order: K,
    waits: impl Fn(&Needs) -> bool,
) -> Count {
    let (mut looked_at, mut ahead) = (0, 0);
    for line in lines.naming(limit).map(|line| lines.line(line)) {
        looked_at += 1;
        let left = if waits(&line.needs) { AHEAD_LOOKED_AT.saturating_sub(looked_at) } else { 0 };
        let before = line.members.range(..order).take(left).count();
        looked_at += before;
        ahead += before;
        if looked_at >= AHEAD_LOOKED_AT {
            return Count::AtLeast(ahead);
        }
    }
    Count::Exactly(ahead)
}
