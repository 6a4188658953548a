//! Commits: all or nothing, under the epoch of the leader.

use std::pin::pin;

use futures_util::FutureExt;
use model::{Batch, Change, EventKind, RunChange, RunLife, RunStatus, StepStatus};
use pointsman_store::{CommitError, Position, RunsFilter, Store};

use super::{broken, everything, ids, leader};
use crate::world::{World, step_row, submission, tags};

pub(crate) async fn what_is_committed_is_loaded(store: &Store) {
    let epoch = leader(store).await;
    let (mut world, mut batch) = (World::default(), Batch::default());
    let mut first = world.submit(&mut batch, "a", &[("team", "x"), ("dagster/priority", "3")]);
    let mut second = world.submit(&mut batch, "b", &[]);
    let third = world.submit(&mut batch, "b", &[]);
    store.commit(epoch, &batch).await.unwrap();
    let mut batch = Batch::default();
    world.go_on(&mut batch, &mut first, RunStatus::Starting);
    world.go_on(&mut batch, &mut second, RunStatus::Canceled);
    let claim = world.claim(&mut batch, &first, "load", "db");
    let freed = world.claim(&mut batch, &first, "save", "db");
    batch.freed.push(freed.step);
    batch.steps.push(step_row(&first, "load", 0, StepStatus::WaitingForSlots));
    batch.steps.push(step_row(&second, "gone", 0, StepStatus::Canceled));
    store.commit(epoch, &batch).await.unwrap();

    let loaded = store.load().await.unwrap();
    let runs: Vec<_> = loaded.runs.iter().map(|stored| (&stored.run, &stored.life)).collect();
    assert_eq!(runs, [(&first.run, &first.life), (&third.run, &third.life)]);
    assert_eq!(loaded.claims, [claim]);
    assert_eq!(loaded.steps, batch.steps[..1]);
    let last = batch.events.last().unwrap().change;
    assert_eq!(loaded.position, Position { epoch, change: last, seq: third.run.seq, claim: 2 },);
    assert_eq!(store.position().await.unwrap(), loaded.position);
    assert_eq!(store.last_change().await.unwrap(), last);
    assert_eq!(store.check().await.unwrap(), []);
}

pub(crate) async fn a_run_that_is_retagged_is_found_by_its_new_tags_alone(store: &Store) {
    let epoch = leader(store).await;
    let (mut world, mut batch) = (World::default(), Batch::default());
    let mut first = world.submit(&mut batch, "a", &[("team", "x"), ("old", "1")]);
    let mut second = world.submit(&mut batch, "a", &[("team", "x")]);
    let third = world.submit(&mut batch, "a", &[("dagster/priority", "1")]);
    store.commit(epoch, &batch).await.unwrap();
    let mut batch = Batch::default();
    world.retag(&mut batch, &mut first, &[("team", "y"), ("new", "1"), ("dagster/priority", "9")]);
    world.retag(&mut batch, &mut second, &[]);
    store.commit(epoch, &batch).await.unwrap();

    let loaded = store.load().await.unwrap();
    let runs: Vec<_> = loaded.runs.iter().map(|stored| (&stored.run, &stored.life)).collect();
    let expected = [&first, &second, &third].map(|new| (&new.run, &new.life));
    assert_eq!(runs, expected);
    for (key, value, found) in [
        ("team", "x", vec![]),
        ("old", "1", vec![]),
        ("team", "y", vec![first.run.id]),
        ("new", "1", vec![first.run.id]),
        ("dagster/priority", "1", vec![third.run.id]),
    ] {
        let filter = RunsFilter { tags: tags(&[(key, value)]), ..RunsFilter::default() };
        assert_eq!(ids(&store.runs(&filter, None, 10).await.unwrap()), found, "{key}={value}");
    }
    let queue = store.queue_page(None, 10).await.unwrap();
    assert_eq!(ids(&queue), [first.run.id, third.run.id, second.run.id]);
    assert_eq!(store.check().await.unwrap(), []);
}

pub(crate) async fn a_leader_of_the_past_writes_nothing(store: &Store) {
    let old = leader(store).await;
    let new = leader(store).await;
    assert!(new > old);
    let (mut world, mut batch) = (World::default(), Batch::default());
    world.submit(&mut batch, "a", &[]);
    let before = everything(store).await;
    match store.commit(old, &batch).await {
        Err(CommitError::EpochLost { latest }) => assert_eq!(latest, new),
        other => panic!("the old leader should be refused, but: {other:?}"),
    }
    assert_eq!(everything(store).await, before);
    store.commit(new, &batch).await.unwrap();
}

pub(crate) async fn a_gap_in_the_change_numbers_is_refused(store: &Store) {
    let epoch = leader(store).await;
    let (mut world, mut batch) = (World::default(), Batch::default());
    world.submit(&mut batch, "a", &[]);
    store.commit(epoch, &batch).await.unwrap();

    let mut next = Batch::default();
    world.submit(&mut next, "a", &[]);
    let mut late = next.clone();
    late.events.remove(0);
    assert_eq!(broken(store, epoch, &late).await, "change 4 does not follow change 2");
    let mut torn = next.clone();
    torn.events[1].change = Change::new(5);
    assert_eq!(broken(store, epoch, &torn).await, "change 5 does not follow change 3");
    broken(store, epoch, &batch).await;
    store.commit(epoch, &next).await.unwrap();
}

pub(crate) async fn an_id_or_key_that_is_taken_is_refused(store: &Store) {
    let epoch = leader(store).await;
    let (mut world, mut batch) = (World::default(), Batch::default());
    let first = world.submit(&mut batch, "a", &[]);
    batch.new_runs[0].submission = submission("a", Some("key"));
    store.commit(epoch, &batch).await.unwrap();

    let mut next = Batch::default();
    world.submit(&mut next, "a", &[]);
    let mut same_id = next.clone();
    same_id.new_runs[0].run.id = first.run.id;
    assert!(broken(store, epoch, &same_id).await.contains("runs.id"));
    let mut same_key = next.clone();
    same_key.new_runs[0].submission = submission("a", Some("key"));
    assert!(broken(store, epoch, &same_key).await.contains("idempotency.key"));
    let mut same_seq = next.clone();
    same_seq.new_runs[0].run.seq = first.run.seq;
    assert!(broken(store, epoch, &same_seq).await.contains("runs.seq"));
    store.commit(epoch, &next).await.unwrap();
}

pub(crate) async fn a_run_that_has_ended_does_not_come_back(store: &Store) {
    let epoch = leader(store).await;
    let mut world = World::default();
    for end in [RunStatus::Success, RunStatus::Failure, RunStatus::Canceled] {
        let mut batch = Batch::default();
        let mut run = world.submit(&mut batch, "a", &[]);
        store.commit(epoch, &batch).await.unwrap();
        let mut batch = Batch::default();
        world.go_on(&mut batch, &mut run, end);
        store.commit(epoch, &batch).await.unwrap();
        for back in RunStatus::ALL.into_iter().filter(|status| *status != end) {
            let life = RunLife { status: back, ..run.life.clone() };
            let change = RunChange { run: run.run.id, life, tags: None };
            let batch = Batch { changed_runs: vec![change], ..Batch::default() };
            let why = broken(store, epoch, &batch).await;
            assert!(why.contains("a run that has ended cannot change its status"), "{why}");
        }
    }
}

pub(crate) async fn what_belongs_to_no_stored_run_is_refused(store: &Store) {
    let epoch = leader(store).await;
    let mut world = World::default();
    let absent = world.submit(&mut Batch::default(), "a", &[]);
    let mut changed = Batch::default();
    World::default().go_on(&mut changed, &mut absent.clone(), RunStatus::Starting);
    changed.events.clear();
    let steps = vec![step_row(&absent, "load", 0, StepStatus::Running)];
    let mut claimed = Batch::default();
    World::default().claim(&mut claimed, &absent, "load", "db");
    let mut told = Batch::default();
    told.events.push(
        World::default()
            .event(Some((absent.run.id, &mut absent.life.clone())), EventKind::RunStart),
    );
    let deleted_runs = vec![absent.run.id];
    for batch in [
        changed,
        Batch { steps, ..Batch::default() },
        claimed,
        told,
        Batch { deleted_runs, ..Batch::default() },
    ] {
        broken(store, epoch, &batch).await;
    }
}

pub(crate) async fn a_number_that_no_column_holds_is_refused(store: &Store) {
    let epoch = leader(store).await;
    let mut batch = Batch::default();
    World::default().submit(&mut batch, "a", &[]);
    let mut reports = batch.clone();
    reports.new_runs[0].life.last_report = u64::MAX;
    broken(store, epoch, &reports).await;
    let mut seq = batch.clone();
    seq.new_runs[0].run.seq = model::Seq::new(u64::MAX);
    broken(store, epoch, &seq).await;
    store.commit(epoch, &batch).await.unwrap();
}

pub(crate) async fn a_batch_of_thousands_is_one_commit(store: &Store) {
    const RUNS: u64 = 5000;
    let epoch = leader(store).await;
    let (mut world, mut batch) = (World::default(), Batch::default());
    let mut runs: Vec<_> =
        (0..RUNS).map(|_| world.submit(&mut batch, "a", &[("team", "x")])).collect();
    store.commit(epoch, &batch).await.unwrap();
    let mut batch = Batch::default();
    for run in &mut runs {
        world.go_on(&mut batch, run, RunStatus::Starting);
        world.claim(&mut batch, run, "load", "db");
        batch.steps.push(step_row(run, "load", 0, StepStatus::WaitingForSlots));
    }
    store.commit(epoch, &batch).await.unwrap();
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.runs.len(), runs.len());
    assert_eq!(loaded.claims.len(), runs.len());
    assert_eq!(loaded.steps.len(), runs.len());
    assert_eq!(loaded.position.change, Change::new(3 * RUNS));
}

pub(crate) async fn a_commit_that_nobody_waits_for_leaves_the_store_usable(store: &Store) {
    let mut epoch = leader(store).await;
    let mut world = World::default();
    for polls in 0..20 {
        let mut batch = Batch::default();
        world.submit(&mut batch, "a", &[]);
        {
            let mut commit = pin!(store.commit(epoch, &batch));
            for _ in 0..polls {
                if commit.as_mut().now_or_never().is_some() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // Whether it was written is not known; it is settled when the lead is taken again.
        epoch = leader(store).await;
        world = World::after(store.position().await.unwrap());
        let mut batch = Batch::default();
        let run = world.submit(&mut batch, "a", &[]);
        store.commit(epoch, &batch).await.unwrap();
        assert!(store.run(run.run.id).await.unwrap().is_some());
    }
    assert_eq!(store.check().await.unwrap(), []);
}
