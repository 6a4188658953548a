//! Lines: those with equal needs wait behind one another, so that only the first of each line
//! matters; whole lines park before a closed gate and wake when it opens.
//!
//! Knows nothing of runs, claims or limits: it is told which gates are closed and when one may
//! have changed. What it guarantees: [`Lines::best`] is the best first member of all lines that
//! are not parked before closed gates only.

use std::collections::{BTreeMap, BTreeSet};

use slab::Slab;

use crate::needs::{Gate, LimitIx, SharedNeeds};

/// Where a line stands in [`Lines`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineIx(u32);

/// Lines of members that are ordered by `K`, the best first.
#[derive(Debug, Clone)]
pub(crate) struct Lines<K> {
    all: Slab<Line<K>>,
    by_needs: BTreeMap<SharedNeeds, LineIx>,
    /// The lines that have to be looked at.
    ready: BTreeSet<(K, LineIx)>,
    /// The gates before which some line is parked.
    gates: BTreeMap<Gate, Parking<K>>,
    /// The open ones among them, by the best line parked there.
    open: BTreeSet<((K, LineIx), Gate)>,
    /// The lines whose needs name a limit in whatever way.
    naming: BTreeMap<LimitIx, BTreeSet<LineIx>>,
}

/// Those who have equal needs.
#[derive(Debug, Clone)]
pub(crate) struct Line<K> {
    pub(crate) needs: SharedNeeds,
    pub(crate) members: BTreeSet<K>,
    /// The key under which the line is found: never worse than its best member that may go.
    pub(crate) filed: K,
    pub(crate) place: Place,
}

/// The one place where a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Ready,
    Parked(Vec<Gate>),
}

impl<K: Copy + Ord> Line<K> {
    /// Returns the best member.
    pub(crate) fn first(&self) -> K {
        self.members.first().copied().unwrap_or(self.filed)
    }
}

#[derive(Debug, Clone)]
struct Parking<K> {
    lines: BTreeSet<(K, LineIx)>,
    is_open: bool,
}

impl<K: Copy + Ord> Lines<K> {
    pub(crate) fn new() -> Self {
        Self {
            all: Slab::new(),
            by_needs: BTreeMap::new(),
            ready: BTreeSet::new(),
            gates: BTreeMap::new(),
            open: BTreeSet::new(),
            naming: BTreeMap::new(),
        }
    }

    pub(crate) fn line(&self, line: LineIx) -> &Line<K> {
        &self.all[line.0 as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Line<K>> {
        self.all.iter().map(|(_, line)| line)
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = LineIx> {
        self.by_needs.values().copied()
    }

    /// Returns whether any line's needs name a limit.
    pub(crate) fn names(&self, limit: LimitIx) -> bool {
        self.naming.contains_key(&limit)
    }

    /// Returns the lines whose needs name a limit in whatever way.
    pub(crate) fn naming(&self, limit: LimitIx) -> impl Iterator<Item = LineIx> {
        self.naming.get(&limit).into_iter().flatten().copied()
    }

    /// Puts a member into the line of its needs.
    pub(crate) fn join(&mut self, needs: &SharedNeeds, member: K) -> LineIx {
        let Some(&line) = self.by_needs.get(needs) else {
            return self.open_line(needs.clone(), member);
        };
        let state = &mut self.all[line.0 as usize];
        state.members.insert(member);
        if member < state.filed {
            self.refile(line, member);
        }
        line
    }

    /// Takes a member out of its line; the last one takes the line with it.
    pub(crate) fn leave(&mut self, line: LineIx, member: K) {
        let state = &mut self.all[line.0 as usize];
        state.members.remove(&member);
        match state.members.first().copied() {
            None => self.close_line(line),
            Some(first) if state.filed == member => self.refile(line, first),
            Some(_) => {}
        }
    }

    /// Returns the line to look at next.
    pub(crate) fn best(&self) -> Option<LineIx> {
        let ready = self.ready.first().copied();
        let open = self.open.first().map(|(line, _)| *line);
        match (ready, open) {
            (Some(a), Some(b)) => Some(a.min(b).1),
            (one, other) => one.or(other).map(|(_, line)| line),
        }
    }

    /// Parks a line before gates that are all closed.
    pub(crate) fn park(&mut self, line: LineIx, gates: Vec<Gate>) {
        self.unfile(line);
        self.all[line.0 as usize].place = Place::Parked(gates);
        self.file(line);
    }

    /// Has a line looked at again, under the key of one of its members.
    pub(crate) fn make_ready(&mut self, line: LineIx, key: K) {
        self.unfile(line);
        let state = &mut self.all[line.0 as usize];
        state.place = Place::Ready;
        state.filed = key;
        self.file(line);
    }

    /// Opens or closes gates of a limit, because its room has changed: before, so many units were
    /// the most that fitted, now so many are. Only the gates between the two are touched.
    pub(crate) fn reconsider(&mut self, limit: LimitIx, before: u32, after: u32) {
        if before == after {
            return;
        }
        let first = Gate::units(limit, before.min(after).saturating_add(1));
        let last = Gate::units(limit, before.max(after));
        for (gate, parking) in self.gates.range_mut(first..=last) {
            let was_best = parking.best_if_open();
            parking.is_open = after > before;
            move_key(&mut self.open, *gate, was_best, parking.best_if_open());
        }
    }

    /// Returns whether a gate lets through, as far as those who are parked there know.
    pub(crate) fn is_open(&self, gate: Gate) -> bool {
        self.gates.get(&gate).is_some_and(|parking| parking.is_open)
    }

    /// Checks that each line is filed in its one place, and that nothing else is filed anywhere.
    pub(crate) fn audit(&self) -> Result<(), String> {
        let mut ready = BTreeSet::new();
        let mut parked: BTreeMap<Gate, BTreeSet<(K, LineIx)>> = BTreeMap::new();
        for ix in self.lines() {
            let line = self.line(ix);
            match &line.place {
                Place::Ready => {
                    ready.insert((line.filed, ix));
                }
                Place::Parked(gates) => {
                    for gate in gates {
                        parked.entry(*gate).or_default().insert((line.filed, ix));
                    }
                }
            }
        }
        let open = self.gates.iter().filter_map(|(gate, at)| Some((at.best_if_open()?, *gate)));
        let is_true = ready == self.ready
            && parked.keys().eq(self.gates.keys())
            && parked.values().eq(self.gates.values().map(|parking| &parking.lines))
            && open.collect::<BTreeSet<_>>() == self.open
            && self.all.len() == self.by_needs.len();
        if is_true { Ok(()) } else { Err("a line is not filed where it is".to_owned()) }
    }

    fn open_line(&mut self, needs: SharedNeeds, member: K) -> LineIx {
        let limits = needs.limits();
        let line = Line {
            needs: needs.clone(),
            members: BTreeSet::from([member]),
            filed: member,
            place: Place::Ready,
        };
        let line = LineIx(u32::try_from(self.all.insert(line)).unwrap_or(u32::MAX));
        self.by_needs.insert(needs, line);
        for limit in limits {
            self.naming.entry(limit).or_default().insert(line);
        }
        self.file(line);
        line
    }

    fn close_line(&mut self, line: LineIx) {
        self.unfile(line);
        let state = self.all.remove(line.0 as usize);
        self.by_needs.remove(&state.needs);
        for limit in state.needs.limits() {
            if let Some(lines) = self.naming.get_mut(&limit) {
                lines.remove(&line);
                if lines.is_empty() {
                    self.naming.remove(&limit);
                }
            }
        }
    }

    fn refile(&mut self, line: LineIx, key: K) {
        let before = std::mem::replace(&mut self.all[line.0 as usize].filed, key);
        self.move_entry(line, Some(before), Some(key));
    }

    fn file(&mut self, line: LineIx) {
        self.move_entry(line, None, Some(self.line(line).filed));
    }

    fn unfile(&mut self, line: LineIx) {
        self.move_entry(line, Some(self.line(line).filed), None);
    }

    /// Moves the entry of a line from one key to another at the place where the line is. A gate
    /// that is open stays so, even if nobody else is parked there.
    fn move_entry(&mut self, line: LineIx, from: Option<K>, to: Option<K>) {
        match &self.all[line.0 as usize].place {
            Place::Ready => move_key(&mut self.ready, line, from, to),
            Place::Parked(gates) => {
                for gate in gates {
                    let parking = self.gates.entry(*gate).or_insert_with(Parking::closed);
                    let before = parking.best_if_open();
                    move_key(&mut parking.lines, line, from, to);
                    let after = parking.best_if_open();
                    if parking.lines.is_empty() {
                        self.gates.remove(gate);
                    }
                    if before != after {
                        move_key(&mut self.open, *gate, before, after);
                    }
                }
            }
        }
    }
}

/// Moves the entry of one line or gate from one key to another.
fn move_key<K: Ord, T: Ord + Copy>(
    entries: &mut BTreeSet<(K, T)>,
    of: T,
    from: Option<K>,
    to: Option<K>,
) {
    if let Some(key) = from {
        entries.remove(&(key, of));
    }
    if let Some(key) = to {
        entries.insert((key, of));
    }
}

impl<K: Copy + Ord> Parking<K> {
    fn closed() -> Self {
        Self { lines: BTreeSet::new(), is_open: false }
    }

    fn best_if_open(&self) -> Option<(K, LineIx)> {
        self.lines.first().copied().filter(|_| self.is_open)
    }
}
