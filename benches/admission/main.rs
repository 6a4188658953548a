//! What the decisions of the admission core cost, how the cost grows with the queue, and what the
//! naive model, which walks the whole queue, takes for the same work in the same run.
//!
//! `benches/README.md` says what each line means.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot set up its world has nothing to measure"
)]
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod measure;
mod world;

use std::time::Duration;

use admission::Image;
use measure::{Sample, heading, line, resident_bytes};
use naive::Naive;
use world::{Core, World, WorldSize};

fn main() {
    memory(); // before others leave memory behind that it would use
    many_limits();
    two_limits_in_turn();
    distinct_values();
    freed_slot();
    two_pools_in_turn();
    reservation();
    explanation();
}

/// Most of the queue is blocked by one of 1,000 limits; one run ends, one comes, one starts.
fn many_limits() {
    heading(
        "1,000 limits, most runs blocked",
        "us for each run that is admitted, ends, is submitted",
    );
    let size = |queued| WorldSize { queued, values: 1_000, limit: 1 };
    let mut admissions = Vec::new();
    for queued in [1_000, 100_000, 1_000_000] {
        let sample = steady::<Image>(size(queued), 50, 2_000);
        line(&format!("{queued} queued"), &sample);
        admissions.push(sample.mean_nanos("admit"));
    }
    let [small, .., large] = admissions[..] else { return };
    println!("{:>34}  {}", "admissions a second, 1000000 queued", 1_000_000_000 / large.max(1));
    println!(
        "{:>34}  {}.{:02}",
        "admit, 1000000 : 1000 queued",
        large / small,
        large * 100 / small % 100
    );
    for (queued, rounds) in [(1_000, 5), (4_000, 1)] {
        line(&format!("{queued} queued, naive model"), &steady::<Naive>(size(queued), 50, rounds));
    }
}

/// Each distinct value has a limit of its own; every second run is blocked.
fn distinct_values() {
    heading("100,000 distinct tag values", "us for each run that is admitted, ends, is submitted");
    let size = |values| WorldSize { queued: 2 * values, values, limit: 1 };
    line("200000 queued", &steady::<Image>(size(100_000), 50, 2_000));
    line("2000 queued", &steady::<Image>(size(1_000), 50, 2_000));
    line("2000 queued, naive model", &steady::<Naive>(size(1_000), 50, 1));
}

fn steady<C: Core>(size: WorldSize, batch: u64, rounds: u64) -> Sample {
    let mut world: World<C> = World::with_values(size);
    world.submit(size.queued);
    let started = world.admit();
    world.submit(started);
    let mut sample = Sample::default();
    for _ in 0..rounds {
        sample.time("end", batch, || world.end(batch));
        let admitted = sample.time("admit", 0, || world.admit());
        sample.add("admit", admitted, Duration::ZERO);
        sample.time("submit", batch, || world.submit(batch));
    }
    sample
}

/// Every queued run needs two full limits, which free in turn; nobody gets both. With one line all
/// runs have the same needs; with many, each line needs a third limit of its own as well.
fn two_limits_in_turn() {
    heading("two limits free in turn, 100,000 runs need both", "us for each turn");
    for (lines, rounds) in [(1, 2_000), (1_000, 200), (10_000, 20)] {
        line(&format!("{lines} lines"), &turns::<Image>(100_000, lines, rounds));
    }
    line("1 line, 1000 runs", &turns::<Image>(1_000, 1, 2_000));
    line("1 line, 1000 runs, naive model", &turns::<Naive>(1_000, 1, 2));
}

fn turns<C: Core>(queued: u64, lines: u64, rounds: u64) -> Sample {
    let mut world: World<C> = World::between_two_limits(queued, lines);
    let mut sample = Sample::default();
    for _ in 0..rounds {
        sample.time("turn", 2, || world.swap_both_holders());
    }
    sample
}

/// Steps wait for one pool; a slot is freed and goes to the next.
fn freed_slot() {
    heading("one freed slot with waiting steps", "us from the freeing to the next grant");
    for (waiting, rounds) in [(1_000, 500), (100_000, 5_000)] {
        line(&format!("{waiting} waiting"), &slots::<Image>(waiting, rounds));
    }
    line("1000 waiting, naive model", &slots::<Naive>(1_000, 50));
}

fn slots<C: Core>(waiting: u64, rounds: u64) -> Sample {
    let mut world: World<C> = World::with_waiting_steps(waiting);
    let mut sample = Sample::default();
    for _ in 0..rounds {
        sample.time("free", 1, || world.free_one_slot());
    }
    sample
}

/// Steps that want two full pools and one more wait; the two pools free in turn, nobody gets both.
fn two_pools_in_turn() {
    heading("two pools free in turn, every waiting step needs both", "us for each turn");
    for (lines, rounds) in [(1, 2_000), (1_000, 200), (10_000, 20)] {
        line(&format!("{lines} lines"), &pool_turns::<Image>(lines, rounds));
    }
    line("100 lines", &pool_turns::<Image>(100, 200));
    line("100 lines, naive model", &pool_turns::<Naive>(100, 2));
}

fn pool_turns<C: Core>(lines: u64, rounds: u64) -> Sample {
    let mut world: World<C> = World::between_two_pools(lines);
    let mut sample = Sample::default();
    for _ in 0..rounds {
        sample.time("turn", 2, || world.swap_both_slots());
    }
    sample
}

/// As one freed slot, with wide claims waiting that small ones pass over and that reserve.
fn reservation() {
    heading("one freed slot while a wide claim reserves", "us from the freeing to the next grant");
    for (waiting, rounds) in [(1_000, 500), (100_000, 500)] {
        let mut world: World<Image> = World::with_waiting_steps(waiting);
        world.let_wide_claims_reserve(waiting / 10);
        let mut sample = Sample::default();
        for _ in 0..rounds {
            sample.time("free", 1, || world.free_one_slot());
        }
        line(&format!("{waiting} waiting, every tenth wide"), &sample);
    }
}

/// What it costs to say why the last run of the queue waits.
fn explanation() {
    heading("one explanation", "us");
    for queued in [1_000, 1_000_000] {
        let mut world: World<Image> =
            World::with_values(WorldSize { queued, values: 1_000, limit: 1 });
        world.submit(queued);
        world.admit();
        let mut sample = Sample::default();
        for _ in 0..100 {
            sample.time("explain", 1, || world.explain_the_last());
        }
        line(&format!("{queued} queued"), &sample);
    }
}

/// Resident memory of the image for each queued run with three tags, behind 1,000 limits.
fn memory() {
    heading("memory", "bytes for each queued run");
    let before = resident_bytes();
    let mut world: World<Image> =
        World::with_values(WorldSize { queued: 1_000_000, values: 1_000, limit: 1 });
    world.submit(1_000_000);
    println!("{:>34}  {}", "1000000 queued", (resident_bytes() - before) / 1_000_000);
    drop(world);
}
