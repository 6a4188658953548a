//! What has to be open before a run or a claim may go: gates, all of them or one of several sets.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Where a limit stands in the image's table of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LimitIx(pub(crate) u32);

/// A condition on one limit: open or closed, the same for everybody who stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gate {
    pub(crate) limit: LimitIx,
    pub(crate) wants: Wants,
}

/// What a gate asks of its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wants {
    /// Room for so many units.
    Units(u32),
    /// No reservation against those who wait here.
    NoReservation,
}

impl Gate {
    pub(crate) fn units(limit: LimitIx, units: u32) -> Self {
        Self { limit, wants: Wants::Units(units) }
    }

    pub(crate) fn reservation(limit: LimitIx) -> Self {
        Self { limit, wants: Wants::NoReservation }
    }
}

/// The demand signature: whoever has an equal one can wait in the same line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Needs {
    /// Every one of these must be open.
    pub(crate) all: Box<[Gate]>,
    /// If there are any sets, all gates of at least one set must be open.
    pub(crate) any: Box<[Box<[Gate]>]>,
    /// The limits that count the run once while it is in progress.
    pub(crate) runs: Box<[LimitIx]>,
    /// The pools that count the run's root steps until its first scheduling pass is done.
    pub(crate) roots: Box<[(LimitIx, u64)]>,
}

/// How much of what blocks is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// As few gates as prove that it is blocked.
    Proof,
    /// Every gate that blocks.
    Everything,
}

impl Needs {
    /// Returns closed gates that block; none if nothing does. As long as the gates of a proof stay
    /// closed, it stays blocked.
    pub(crate) fn blockers(&self, extent: Extent, is_open: impl Fn(Gate) -> bool) -> Vec<Gate> {
        let wanted = match extent {
            Extent::Proof => 1,
            Extent::Everything => usize::MAX,
        };
        let closed = |gates: &[Gate]| -> Vec<Gate> {
            gates.iter().copied().filter(|gate| !is_open(*gate)).take(wanted).collect()
        };
        let mut blockers = closed(&self.all);
        if !blockers.is_empty() && extent == Extent::Proof {
            return blockers;
        }
        let each_set: Vec<Vec<Gate>> = self.any.iter().map(|set| closed(set)).collect();
        if each_set.iter().all(|set| !set.is_empty()) {
            blockers.extend(each_set.into_iter().flatten());
        }
        blockers.sort_unstable();
        blockers.dedup();
        blockers
    }

    /// Returns every limit that decides whether it is blocked.
    pub(crate) fn gated_by(&self) -> BTreeSet<LimitIx> {
        self.all.iter().chain(self.any.iter().flatten()).map(|gate| gate.limit).collect()
    }

    /// Returns whether this limit can block.
    pub(crate) fn is_gated_by(&self, limit: LimitIx) -> bool {
        self.all.iter().chain(self.any.iter().flatten()).any(|gate| gate.limit == limit)
    }

    /// Returns every limit that is named.
    pub(crate) fn limits(&self) -> BTreeSet<LimitIx> {
        let mut limits = self.gated_by();
        limits.extend(self.runs.iter().copied());
        limits.extend(self.roots.iter().map(|(limit, _)| *limit));
        limits
    }
}

/// Needs are shared by all who wait in one line.
pub(crate) type SharedNeeds = Arc<Needs>;
