//! Ends everything that descends from a guard or a keeper, wherever it has moved to.

use std::collections::BTreeSet;
use std::io;

use crate::identity::{Identity, Signal};
use crate::proc::{self, Stat};

/// Sends SIGTERM to the descendants of a process that have left the group that it leads.
pub(super) fn terminate_those_outside(root: u32) -> io::Result<()> {
    signal(root, Signal::Terminate, |stat| stat.group != root).map(drop)
}

/// Sends SIGKILL to every descendant of a process; returns those that got it. One that is started
/// meanwhile is missed: ask again until none is left.
pub(super) fn kill(root: u32) -> io::Result<Vec<Identity>> {
    signal(root, Signal::Kill, |_| true)
}

fn signal(
    root: u32,
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

fn descendants_of(ancestor: u32, stats: &[Stat]) -> Vec<&Stat> {
    let mut known = BTreeSet::from([ancestor]);
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

    #[test]
    fn descendants_are_found_in_whatever_order_their_numbers_are() {
        let stat =
            |pid, parent| Stat { pid, parent, group: 0, session: 0, started: 0, has_ended: false };
        let stats = [stat(1, 0), stat(2, 9), stat(3, 2), stat(4, 1), stat(8, 1), stat(9, 8)];
        let found: Vec<u32> = descendants_of(8, &stats).iter().map(|stat| stat.pid).collect();
        assert_eq!(found, [9, 2, 3]);
    }
}
