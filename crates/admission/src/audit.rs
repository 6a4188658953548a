//! The self-check: whether the indexes of an image still tell the truth.
//!
//! Walks everything, so it is for tests, for played scenarios and for the start after a crash.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Debug;

use model::{Capacity, ClaimOrder, LimitKey, Priority, Seq, Usage};
use thiserror::Error;

use crate::image::Image;
use crate::limit::Asker;
use crate::lines::{Line, Lines, Place};
use crate::needs::{Extent, Gate, Wants};

/// Says which index no longer tells the truth.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct AuditError(String);

/// An image without its indexes, each limit by name: what two equal images have in common.
#[derive(Debug, PartialEq, Eq)]
struct Picture {
    limits: BTreeMap<LimitKey, LimitPicture>,
    queue: Vec<Vec<(Reverse<Priority>, Seq)>>,
    waiting: Vec<Vec<ClaimOrder>>,
    reservers: BTreeMap<LimitKey, ClaimOrder>,
}

#[derive(Debug, PartialEq, Eq)]
struct LimitPicture {
    capacity: Capacity,
    usage: Usage,
    runs: Vec<Seq>,
    roots: Vec<(Seq, u64)>,
    granted: Vec<ClaimOrder>,
    pending: Vec<ClaimOrder>,
}

impl Image {
    /// Checks that nothing derived has drifted from the facts: usage, holders and lines equal
    /// those of an image built anew, each line is in one place and found there, and no parked line
    /// could go.
    ///
    /// # Errors
    /// [`AuditError`] names the first index that is wrong.
    pub fn audit(&self) -> Result<(), AuditError> {
        self.queue.audit().map_err(AuditError)?;
        self.waiters.audit().map_err(AuditError)?;
        self.audit_queue()?;
        self.audit_waiters()?;
        self.audit_against_rebuild()
    }

    fn audit_queue(&self) -> Result<(), AuditError> {
        for line in self.queue.iter() {
            let is_blocked = !self.run_blockers(&line.needs, Extent::Proof).is_empty();
            let may_park = |gate| self.has_room(gate, Asker::Run);
            audit_place(&self.queue, line, is_blocked, may_park)?;
            expect_equal("key of a line of runs", &line.filed, &line.first())?;
        }
        Ok(())
    }

    fn audit_waiters(&self) -> Result<(), AuditError> {
        for line in self.waiters.iter() {
            let has_room = |gate| self.has_room(gate, Asker::Claim);
            let may_go = self.first_unreserved(line).ok();
            let is_blocked =
                may_go.is_none() || !line.needs.blockers(Extent::Proof, has_room).is_empty();
            let is_open = |gate: Gate| gate.wants != Wants::NoReservation && has_room(gate);
            audit_place(&self.waiters, line, is_blocked, is_open)?;
            let is_found = may_go.is_none_or(|order| line.filed <= order);
            expect_equal("whether a line of claims is found in time", &is_found, &true)?;
        }
        Ok(())
    }

    fn audit_against_rebuild(&self) -> Result<(), AuditError> {
        let (rebuilt, granted) =
            Self::new(self.facts()).map_err(|refused| AuditError(refused.to_string()))?;
        expect_equal("claims that a rebuild grants", &granted, &Vec::new())?;
        let (mine, anew) = (self.picture(), rebuilt.picture());
        expect_equal("queue", &mine.queue, &anew.queue)?;
        expect_equal("waiting claims", &mine.waiting, &anew.waiting)?;
        expect_equal("reservations", &mine.reservers, &anew.reservers)?;
        for (key, limit) in &mine.limits {
            expect_equal(&key.to_string(), &Some(limit), &anew.limits.get(key))?;
        }
        expect_equal("number of limits", &mine.limits.len(), &anew.limits.len())
    }

    fn picture(&self) -> Picture {
        let limits = self.limits.iter().map(|limit| {
            let picture = LimitPicture {
                capacity: limit.capacity,
                usage: limit.usage,
                runs: limit.runs.iter().copied().collect(),
                roots: limit.roots.iter().map(|(seq, n)| (*seq, *n)).collect(),
                granted: limit.granted.iter().copied().collect(),
                pending: limit.pending.iter().copied().collect(),
            };
            (limit.key.clone(), picture)
        });
        let reservers = self.reservations.reservers();
        Picture {
            limits: limits.collect(),
            queue: members(&self.queue, |order| (order.priority, order.seq)),
            waiting: members(&self.waiters, |order| *order),
            reservers: reservers.map(|(ix, order)| (self.limits[ix].key.clone(), order)).collect(),
        }
    }
}

/// A parked line is blocked as long as the gates it is parked at are closed, and every gate knows
/// whether it is open.
fn audit_place<K: Copy + Ord + Debug>(
    lines: &Lines<K>,
    line: &Line<K>,
    is_blocked: bool,
    is_open: impl Fn(Gate) -> bool,
) -> Result<(), AuditError> {
    let Place::Parked(gates) = &line.place else {
        return Ok(());
    };
    for gate in gates {
        let what = format!("whether {gate:?} is open for {line:?}");
        expect_equal(&what, &lines.is_open(*gate), &is_open(*gate))?;
    }
    let stays = gates.iter().all(|gate| !lines.is_open(*gate));
    expect_equal(&format!("whether {line:?} may stay parked"), &(!stays || is_blocked), &true)
}

/// Returns the members of each line, the line with the best first member first.
fn members<K: Copy + Ord, T: Ord>(lines: &Lines<K>, order: impl Fn(&K) -> T) -> Vec<Vec<T>> {
    let mut all: Vec<Vec<T>> =
        lines.iter().map(|line| line.members.iter().map(&order).collect()).collect();
    all.sort();
    all
}

fn expect_equal<T: PartialEq + Debug>(what: &str, is: &T, should: &T) -> Result<(), AuditError> {
    if is == should {
        return Ok(());
    }
    Err(AuditError(format!("{what}: is {is:?}, should be {should:?}")))
}
