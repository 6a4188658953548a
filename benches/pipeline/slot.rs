//! How long a slot that is given back lies idle: from the report of the end of its step until the
//! next worker's poll is answered with the grant, which is durable by then.

use model::{Capacity, PoolLimit, PoolName, PoolSettings, Settings};

use crate::launcher::Work;
use crate::measure::{Times, heading, line};
use crate::world::{CLIENTS, World, folder, submission};

/// How often the slot is handed on.
const TURNS: usize = 500;

pub(crate) async fn measure() {
    heading("freed slot to the next grant, durable (ms)");
    for waiting in [10, 1_000] {
        let times = hand_on(waiting).await;
        let (median, p99) = (times.at_percent(50), times.at_percent(99));
        line(&format!("{waiting} waiting"), &format!("median {median:.2}  p99 {p99:.2}"));
    }
}

/// Hands the one slot of a pool on while so many workers wait for it; runs in the queue take the
/// places of those that have ended.
async fn hand_on(waiting: u32) -> Times {
    let folder = folder();
    let settings = Settings {
        max_concurrent_runs: Capacity::Unlimited,
        // Without it no run is started whose step would wait.
        pools: PoolSettings { run_buffer: waiting, ..PoolSettings::default() },
        ..Settings::default()
    };
    let world = World::start(folder.path(), settings, Work::Pooled).await;
    let (pool, limit) = (PoolName::new("db").unwrap(), PoolLimit::new(1).unwrap());
    world.handle.set_pool_limit(pool, Some(limit)).await.unwrap();
    let in_progress = waiting as usize + 1;
    let runs = in_progress + TURNS;
    world.submit(CLIENTS, runs, |_| submission("pooled")).await;
    world.launcher.wait_for(|counts| counts.asked == in_progress).await;
    world.launcher.go_on();
    world.launcher.wait_for(|counts| counts.ended == runs).await;
    let mut times = world.launcher.handed_on();
    world.stop().await;
    // After that the queue is empty, and fewer and fewer wait.
    times.truncate(TURNS);
    Times::new(times)
}
