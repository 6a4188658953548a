//! A daemon with a very long queue: its memory, how soon it starts runs after a restart, and how
//! long a submission takes meanwhile.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use coordinator::SubmitRequest;
use model::{Capacity, Settings};
use tokio::process::Command;

use crate::launcher::Work;
use crate::measure::{Times, heading, line, per_second, resident_mib};
use crate::world::{CLIENTS, World, folder, submission};

/// Names the part that is done by a process of its own, so that its memory is that of the daemon
/// alone.
pub(crate) const RESTARTED: &str = "restarted";

/// How many runs are queued; `POINTSMAN_BENCH_QUEUED` says another number.
const QUEUED: usize = 1_000_000;

/// How many submissions are timed, and from how many clients at a time.
const SUBMISSIONS: usize = 5_000;
const SUBMITTERS: usize = 32;

/// How many runs start after the restart.
const STARTED: u32 = 10;

pub(crate) async fn measure() {
    let asked = std::env::var("POINTSMAN_BENCH_QUEUED");
    let queued = asked.map_or(QUEUED, |number| number.parse().unwrap());
    heading(&format!("{queued} queued"));
    let folder = folder();
    fill(folder.path(), queued).await;
    let program = std::env::current_exe().unwrap();
    let restarted = Command::new(program).arg(RESTARTED).arg(folder.path()).status().await;
    assert!(restarted.unwrap().success());
}

/// Submits runs, of which none may start.
async fn fill(folder: &Path, queued: usize) {
    let settings = Settings { max_concurrent_runs: Capacity::AtMost(0), ..Settings::default() };
    let world = World::start(folder, settings, Work::Never).await;
    let begun = Instant::now();
    world.submit(4 * CLIENTS, queued, tagged).await;
    let rate = per_second(queued, begun);
    line("submitted, durable", &format!("{rate:.0} runs a second"));
    world.stop().await;
}

/// Starts a daemon on what another one has left, and measures it.
pub(crate) async fn restarted(folder: &Path) {
    let max_concurrent_runs = Capacity::AtMost(STARTED);
    let settings = Settings { max_concurrent_runs, ..Settings::default() };
    let begun = Instant::now();
    let world = World::start(folder, settings, Work::Never).await;
    world.launcher.wait_for(|counts| counts.launched > 0).await;
    let spent = begun.elapsed();
    line("restart to first admission", &format!("{:.2} s", spent.as_secs_f64()));
    let times = Times::new(world.submit(SUBMITTERS, SUBMISSIONS, tagged).await);
    let (median, p99) = (times.at_percent(50), times.at_percent(99));
    let label = format!("submission, {SUBMITTERS} at a time");
    line(&label, &format!("median {median:.2} ms  p99 {p99:.2} ms"));
    let (now, highest) = resident_mib();
    line("resident memory", &format!("{now} MiB, at its highest {highest} MiB"));
    world.stop().await;
}

/// Returns the submission of a run with two tags, of which one has 1,000 values.
fn tagged(number: usize) -> SubmitRequest {
    let tenant = format!("tenant-{}", number % 1_000);
    let tags = [("tenant".to_owned(), tenant), ("kind".to_owned(), "nightly".to_owned())];
    SubmitRequest { tags: BTreeMap::from(tags), ..submission("nothing") }
}
