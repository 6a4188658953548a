//! Commits survive a kill at any moment: what was acknowledged is there, and nothing is there by
//! half.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use model::{Batch, EventKind, RunStatus, StepStatus};
use pointsman_store::{RunsFilter, Store};

use crate::world::{World, now, step_row, tags};

/// Tells the child where its database lies.
const DATABASE: &str = "POINTSMAN_TEST_DATABASE";

const KILLS: usize = 20;

/// Page that holds all the runs of the largest batch, and one more to see that there are no more.
const PAGE: u32 = 200;

#[test]
fn what_was_acknowledged_survives_a_kill_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pointsman.db");
    let mut acknowledged = 0;
    for round in 0..KILLS {
        // Acknowledgements to wait for: the kill falls into the commits that follow.
        acknowledged = kill_after(&path, round * 7 % 11).max(acknowledged);
        verify(&path, acknowledged);
    }
    assert!(acknowledged > 0);
}

/// Lets a child commit until it has acknowledged so many commits, kills it and returns the largest
/// change number that it has acknowledged.
fn kill_after(path: &Path, acknowledgements: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told =
        lines.by_ref().map(Result::unwrap).filter_map(|line| number(&line)).take(acknowledgements);
    let before = told.max();
    child.kill().unwrap();
    child.wait().unwrap();
    // What was told before the kill took effect counts too.
    let after = lines.map_while(Result::ok).filter_map(|line| number(&line)).max();
    before.max(after).unwrap_or(0)
}

/// Reads an acknowledgement; a line that was cut off is none.
fn number(line: &str) -> Option<u64> {
    line.strip_suffix('.')?.parse().ok()
}

#[tokio::main]
async fn verify(path: &Path, acknowledged: u64) {
    let store = Store::open(path).await.unwrap();
    let position = store.position().await.unwrap();
    assert!(position.change.get() >= acknowledged, "{position:?} but {acknowledged}");
    assert_eq!(store.check().await.unwrap(), []);
    let last = store.runs(&RunsFilter::default(), None, 1).await.unwrap();
    let Some(last) = last.first() else {
        return;
    };
    let (batch, size) = (last.run.tags.get("batch").unwrap(), last.run.tags.get("size").unwrap());
    let filter = RunsFilter { tags: tags(&[("batch", batch)]), ..RunsFilter::default() };
    let runs = store.runs(&filter, None, PAGE).await.unwrap();
    assert_eq!(runs.len(), size.parse::<usize>().unwrap());
    for stored in &runs {
        assert_eq!(stored.life.status, RunStatus::Starting);
        assert_eq!(store.steps(stored.run.id).await.unwrap().len(), 1);
        assert_eq!(store.events(stored.run.id, 0, 9).await.unwrap().len(), 3);
    }
    store.close().await;
}

/// Commits batch after batch and tells each one's last change number, until it is killed.
#[tokio::test]
#[ignore = "the child of the kill test"]
async fn child() {
    let Some(path) = std::env::var_os(DATABASE) else {
        return;
    };
    let _lock = Store::lock_for_daemon(Path::new(&path)).await.unwrap();
    let store = Store::open(Path::new(&path)).await.unwrap();
    let epoch = store.take_leadership("child", "", now(0)).await.unwrap();
    let mut world = World::after(store.position().await.unwrap());
    for round in 0_u64.. {
        let batch = batch(&mut world, 1 + round * 37 % 150);
        store.commit(epoch, &batch).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}.", batch.events.last().unwrap().change.get()).unwrap();
        out.flush().unwrap();
    }
}

/// Makes a batch of runs that start at once, each with the mark of the batch.
fn batch(world: &mut World, size: u64) -> Batch {
    let mut batch = Batch::default();
    let mark = world.event(None, EventKind::EngineEvent);
    let (name, count) = (mark.change.get().to_string(), size.to_string());
    batch.events.push(mark);
    for _ in 0..size {
        let mut run = world.submit(&mut batch, "a", &[("batch", &name), ("size", &count)]);
        world.go_on(&mut batch, &mut run, RunStatus::Starting);
        batch.steps.push(step_row(&run, "load", 0, StepStatus::WaitingForSlots));
        world.claim(&mut batch, &run, "load", "db");
    }
    batch
}
