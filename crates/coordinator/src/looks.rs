//! Which looks at attempts are under way: one at a time for each attempt.
//!
//! Two of them could overtake each other, and what the older one saw would then be taken for the
//! newer; and a launcher that hangs would be asked more and more.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Attempt, RunId};

/// Which attempt of which run.
type Key = (RunId, Attempt);

/// The looks under way, each with how many were asked for since it was.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looks(Arc<Mutex<BTreeMap<Key, u32>>>);

/// A look that is to be made. It is under way until it is ended or dropped.
#[derive(Debug)]
pub(crate) struct Look {
    looks: Looks,
    key: Key,
    is_ended: bool,
}

impl Looks {
    /// Takes note that a look is asked for; returns none if one is under way.
    pub(crate) fn ask(&self, run: RunId, attempt: Attempt) -> Option<Look> {
        let key = (run, attempt);
        match self.all().entry(key) {
            Entry::Vacant(place) => {
                place.insert(0);
                Some(Look { looks: self.clone(), key, is_ended: false })
            }
            Entry::Occupied(mut asked) => {
                *asked.get_mut() += 1;
                None
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Key, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look {
    /// Ends the look, and returns how many were asked for since it was: what it saw may be older
    /// than they are.
    pub(crate) fn end(mut self) -> u32 {
        self.is_ended = true;
        self.looks.all().remove(&self.key).unwrap_or_default()
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        if !self.is_ended {
            self.looks.all().remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunId = RunId::from_u128(1);

    #[test]
    fn one_look_at_an_attempt_is_under_way_at_a_time() {
        let looks = Looks::default();
        let first = looks.ask(RUN, Attempt::FIRST).unwrap();
        assert!(looks.ask(RUN, Attempt::FIRST).is_none());
        assert!(looks.ask(RUN, Attempt::FIRST).is_none());
        assert!(looks.ask(RunId::from_u128(2), Attempt::FIRST).is_some(), "another run");
        assert_eq!(first.end(), 2);
        let next = looks.ask(RUN, Attempt::FIRST).unwrap();
        assert_eq!(next.end(), 0);
    }

    #[test]
    fn a_look_that_is_given_up_makes_room_for_the_next() {
        let looks = Looks::default();
        drop(looks.ask(RUN, Attempt::FIRST).unwrap());
        assert!(looks.ask(RUN, Attempt::FIRST).is_some());
    }
}
