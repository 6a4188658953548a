//! The processes that this one has started, however deep and whether or not their parents are gone:
//! their processor time, and their end.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, wait};
use tokio::process::Child;
use tokio::time::{Instant, sleep};

/// In what the kernel counts processor time for programs, on every architecture that there is.
const TICKS_A_SECOND: f64 = 100.0;

/// How long a server may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(20);

const LOOK: Duration = Duration::from_millis(50);

/// Makes this process the parent of every process below it whose own parent ends.
pub(crate) fn adopt_orphans() {
    set_child_subreaper(Some(rustix::process::getpid())).unwrap();
}

/// What a process says of itself.
struct Entry {
    parent: i32,
    /// Its own processor time and that of its children that have ended and were waited for, in ticks.
    ticks: u64,
    /// That of its children alone.
    of_children: u64,
}

/// Returns the processor time that all processes below this one have used since it began, in seconds.
/// What ends is counted by whoever waits for it, at last by this process.
pub(crate) fn processor_seconds() -> f64 {
    let all = entries();
    let own = i32::try_from(std::process::id()).unwrap();
    let below = below(own, &all).into_iter().filter_map(|pid| all.get(&pid));
    let ticks: u64 = below.map(|entry| entry.ticks).sum();
    let reaped = all.get(&own).map_or(0, |entry| entry.of_children);
    #[expect(clippy::cast_precision_loss, reason = "it would take ages")]
    let ticks = (ticks + reaped) as f64;
    ticks / TICKS_A_SECOND
}

/// Asks a server to stop as Ctrl-C does, then ends whatever is left of all that this process started.
pub(crate) async fn stop(mut server: Child) {
    let pid = server.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::INT);
    }
    if tokio::time::timeout(STOP, server.wait()).await.is_err() {
        let _ = server.kill().await;
    }
    let begun = Instant::now();
    loop {
        reap();
        let left = below_this();
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < STOP, "these processes do not end: {left:?}");
        for pid in left {
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        sleep(LOOK).await;
    }
}

/// Waits for what has ended and has no other parent any more, whatever its group.
fn reap() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

fn below_this() -> Vec<i32> {
    below(i32::try_from(std::process::id()).unwrap(), &entries())
}

fn below(root: i32, all: &BTreeMap<i32, Entry>) -> Vec<i32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(all.iter().filter(|(_, entry)| entry.parent == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}

fn entries() -> BTreeMap<i32, Entry> {
    let folders = fs::read_dir("/proc").unwrap().flatten();
    let pids = folders.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: i32| Some((pid, entry(pid)?))).collect()
}

fn entry(pid: i32) -> Option<Entry> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets, and may have any characters in it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let field: Vec<&str> = fields.split(' ').collect();
    let number = |at: usize| field.get(at)?.parse::<u64>().ok();
    let of_children = number(13)? + number(14)?;
    let ticks = number(11)? + number(12)? + of_children;
    Some(Entry { parent: field.get(1)?.parse().ok()?, ticks, of_children })
}
