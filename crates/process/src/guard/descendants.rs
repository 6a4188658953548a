//! Ends everything that descends from a guard or a keeper, wherever it has moved to.

use std::collections::BTreeSet;
use std::io;

use crate::identity::{Identity, Signal};
use crate::proc::{self, Stat};

/// Sends SIGTERM to the descendants of a process that have left the group that it leads.
pub(super) fn terminate_those_outside(root: Identity) -> io::Result<()> {
    signal(root, Signal::Terminate, |stat| stat.group != root.pid).map(drop)
}

/// Sends SIGKILL to every descendant of a process; returns those that got it. One that is started
/// meanwhile is missed: ask again until none is left.
pub(super) fn kill(root: Identity) -> io::Result<Vec<Identity>> {
    signal(root, Signal::Kill, |_| true)
}

fn signal(
    root: Identity,
    signal: Signal,
    is_meant: impl Fn(&Stat) -> bool,
) -> io::Result<Vec<Identity>> {
    let stats = proc::all()?;
    let mut reached = Vec::new();
    for stat in descendants_of(root, &stats) {
        let identity = Identity { pid: stat.pid, started: stat.started };
        // One that runs as another user cannot be signalled; it is waited for.
        if !stat.has_ended && is_meant(stat) && identity.signal(signal).is_ok() {
            reached.push(identity);
        }
    }
    Ok(reached)
}

/// Lists the descendants of a process; one whose number is another's by now has none.
fn descendants_of(ancestor: Identity, stats: &[Stat]) -> Vec<&Stat> {
    let is_it = |stat: &Stat| stat.pid == ancestor.pid && stat.started == ancestor.started;
    let mut known: BTreeSet<u32> =
        stats.iter().filter(|stat| is_it(stat)).map(|stat| stat.pid).collect();
    let mut found: Vec<&Stat> = Vec::new();
    loop {
        let before = found.len();
        for stat in stats {
            if known.contains(&stat.parent) && known.insert(stat.pid) {
                found.push(stat);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(pid: u32, parent: u32) -> Stat {
        let started = u64::from(pid) * 10;
        Stat { pid, parent, group: 0, session: 0, started, has_ended: false }
    }

    #[test]
    fn descendants_are_found_in_whatever_order_their_numbers_are() {
        let stats = [stat(1, 0), stat(2, 9), stat(3, 2), stat(4, 1), stat(8, 1), stat(9, 8)];
        let ancestor = Identity { pid: 8, started: 80 };
        let found: Vec<u32> =
            descendants_of(ancestor, &stats).iter().map(|stat| stat.pid).collect();
        assert_eq!(found, [9, 2, 3]);
    }

    #[test]
    fn a_stranger_with_the_number_of_the_ancestor_has_none_of_its_descendants() {
        let stats = [stat(8, 1), stat(9, 8)];
        assert!(descendants_of(Identity { pid: 8, started: 79 }, &stats).is_empty());
    }
}
