//! The runs of the image: each in a place of its own, found by id or by sequence.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};

use model::{ClaimOrder, Priority, Run, RunId, Seq, StepKey};
use slab::Slab;

use crate::event::{Refused, RunFacts};
use crate::lines::LineIx;
use crate::needs::SharedNeeds;

/// The place of a run in the image. It stays the same from entering to leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunIx(u32);

/// A run with what the image knows of it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) run: Run,
    /// What its tag says; one that cannot be read counts as 0.
    pub(crate) priority: Priority,
    pub(crate) is_held: bool,
    pub(crate) is_first_pass_done: bool,
    pub(crate) needs: SharedNeeds,
    /// Its line, while it is queued.
    pub(crate) line: Option<LineIx>,
    pub(crate) claims: BTreeMap<StepKey, ClaimOrder>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Runs {
    places: Slab<Entry>,
    by_id: BTreeMap<RunId, RunIx>,
    by_seq: BTreeMap<Seq, RunIx>,
}

impl Runs {
    pub(crate) fn find(&self, run: RunId) -> Result<RunIx, Refused> {
        self.by_id.get(&run).copied().ok_or(Refused::UnknownRun(run))
    }

    pub(crate) fn at_seq(&self, seq: Seq) -> Option<&Entry> {
        self.by_seq.get(&seq).map(|ix| &self[*ix])
    }

    pub(crate) fn count(&self) -> u64 {
        self.places.len() as u64
    }

    /// Returns every run by sequence.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.by_seq.values().map(|ix| &self[*ix])
    }

    /// Gives a run its place; it stands in no line yet.
    ///
    /// # Errors
    /// [`Refused`] if its id or its sequence number belongs to another run.
    pub(crate) fn insert(&mut self, facts: RunFacts) -> Result<RunIx, Refused> {
        let RunFacts { run, is_held, is_first_pass_done } = facts;
        if self.by_id.contains_key(&run.id) {
            return Err(Refused::RunExists(run.id));
        }
        if self.by_seq.contains_key(&run.seq) {
            return Err(Refused::SeqTaken(run.seq));
        }
        let (id, seq) = (run.id, run.seq);
        let priority = run.tags.priority().unwrap_or_default();
        let (needs, line, claims) = (SharedNeeds::default(), None, BTreeMap::new());
        let entry = Entry { run, priority, is_held, is_first_pass_done, needs, line, claims };
        let ix = RunIx(u32::try_from(self.places.insert(entry)).unwrap_or(u32::MAX));
        self.by_id.insert(id, ix);
        self.by_seq.insert(seq, ix);
        Ok(ix)
    }

    pub(crate) fn remove(&mut self, ix: RunIx) {
        let entry = self.places.remove(ix.0 as usize);
        self.by_id.remove(&entry.run.id);
        self.by_seq.remove(&entry.run.seq);
    }
}

impl Index<RunIx> for Runs {
    type Output = Entry;

    fn index(&self, ix: RunIx) -> &Entry {
        &self.places[ix.0 as usize]
    }
}

impl IndexMut<RunIx> for Runs {
    fn index_mut(&mut self, ix: RunIx) -> &mut Entry {
        &mut self.places[ix.0 as usize]
    }
}
