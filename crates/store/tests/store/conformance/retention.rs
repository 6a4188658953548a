//! Deletion, retention and the self-check.

use model::{
    Batch, Change, ClaimState, EventKind, RunChange, RunLife, RunStatus, StepStatus, Timestamp,
};
use pointsman_store::{CommitError, Prune, RunsFilter, Store, Violation};

use super::{everything, ids, leader};
use crate::world::{World, step_row, submission, tags};

const LATER: Timestamp = Timestamp::from_micros(i64::MAX);

pub(crate) async fn a_deleted_run_leaves_the_event_that_says_so(store: &Store) {
    let epoch = leader(store).await;
    let (mut world, mut batch) = (World::default(), Batch::default());
    let mut gone = world.submit(&mut batch, "a", &[("team", "x")]);
    let kept = world.submit(&mut batch, "a", &[("team", "x")]);
    batch.new_runs[0].submission = submission("a", Some("key"));
    batch.steps = vec![
        step_row(&gone, "load", 0, StepStatus::Running),
        step_row(&kept, "load", 0, StepStatus::Running),
    ];
    world.claim(&mut batch, &gone, "load", "db");
    store.commit(epoch, &batch).await.unwrap();
    let told = world.event(Some((gone.run.id, &mut gone.life)), EventKind::RunDeleted);
    let deleted_runs = vec![gone.run.id];
    let batch = Batch { deleted_runs, events: vec![told.clone()], ..Batch::default() };
    store.commit(epoch, &batch).await.unwrap();

    assert_eq!(store.run(gone.run.id).await.unwrap(), None);
    assert_eq!(store.events(gone.run.id, 0, 9).await.unwrap(), []);
    assert_eq!(store.events_after(Change::new(4), 9).await.unwrap(), [told]);
    let filter = RunsFilter { tags: tags(&[("team", "x")]), ..RunsFilter::default() };
    assert_eq!(ids(&store.runs(&filter, None, 9).await.unwrap()), [kept.run.id]);
    assert_eq!(store.load().await.unwrap().claims, []);
    // Within the time of retention the key means the run that it meant.
    assert_eq!(store.known(&["key"], &[]).await.unwrap().keys[0].run, gone.run.id);
    assert_eq!(store.check().await.unwrap(), []);
}

pub(crate) async fn pruning_takes_ended_runs_and_leaves_the_rest(store: &Store) {
    let epoch = leader(store).await;
    let mut world = World::default();
    let runs = ended(store, epoch, &mut world, 5).await;
    let mut batch = Batch::default();
    let live = world.submit(&mut batch, "a", &[]);
    store.commit(epoch, &batch).await.unwrap();
    let position = store.position().await.unwrap();

    let end_of_third = runs[2].life.ended_at.unwrap();
    let old = store.finished_before(end_of_third, 9).await.unwrap();
    assert_eq!(old, [runs[0].run.id, runs[1].run.id]);
    assert_eq!(store.prune(epoch, Prune::Runs, end_of_third, 9).await.unwrap(), 2);
    assert_eq!(store.prune(epoch, Prune::Runs, LATER, 2).await.unwrap(), 2);
    assert_eq!(store.prune(epoch, Prune::Runs, LATER, 9).await.unwrap(), 1);
    assert_eq!(store.prune(epoch, Prune::Runs, LATER, 9).await.unwrap(), 0);
    let left = store.runs(&RunsFilter::default(), None, 9).await.unwrap();
    assert_eq!(ids(&left), [live.run.id]);
    assert_eq!(store.position().await.unwrap(), position);
    assert_eq!(store.check().await.unwrap(), []);
}

pub(crate) async fn pruned_events_leave_the_end_of_the_sequence(store: &Store) {
    let epoch = leader(store).await;
    let mut world = World::default();
    let runs = ended(store, epoch, &mut world, 3).await;
    let mut batch = Batch::default();
    let live = world.submit(&mut batch, "a", &[]);
    batch.events.push(world.event(None, EventKind::PoolLimitSet));
    store.commit(epoch, &batch).await.unwrap();
    let position = store.position().await.unwrap();
    // In pieces that cut through the events of a run.
    while store.prune(epoch, Prune::Events, LATER, 2).await.unwrap() > 0 {
        assert_eq!(store.check().await.unwrap(), []);
    }
    let left = store.events_after(Change::NONE, 99).await.unwrap();
    assert!(left.iter().all(|event| event.run.is_some_and(|(run, _)| run == live.run.id)));
    assert_eq!(left.len(), 2);
    assert!(store.run(runs[0].run.id).await.unwrap().is_some());
    assert_eq!(store.position().await.unwrap(), position);
    let mut batch = Batch::default();
    world.submit(&mut batch, "a", &[]);
    store.commit(epoch, &batch).await.unwrap();
    assert_eq!(store.check().await.unwrap(), []);
}

pub(crate) async fn pruned_keys_are_free_again(store: &Store) {
    let epoch = leader(store).await;
    let (mut world, mut batch) = (World::default(), Batch::default());
    world.submit(&mut batch, "a", &[]);
    let second = world.submit(&mut batch, "a", &[]);
    batch.new_runs[0].submission = submission("a", Some("old"));
    batch.new_runs[1].submission = submission("a", Some("new"));
    store.commit(epoch, &batch).await.unwrap();
    let at = second.life.submitted_at;
    assert_eq!(store.prune(epoch, Prune::IdempotencyKeys, at, 9).await.unwrap(), 1);
    let known = store.known(&["old", "new"], &[]).await.unwrap().keys;
    assert_eq!(known.iter().map(|known| &*known.key.key).collect::<Vec<_>>(), ["new"]);
    let mut batch = Batch::default();
    world.submit(&mut batch, "a", &[]);
    batch.new_runs[0].submission = submission("a", Some("old"));
    store.commit(epoch, &batch).await.unwrap();
}

pub(crate) async fn a_leader_of_the_past_prunes_nothing(store: &Store) {
    let old = leader(store).await;
    ended(store, old, &mut World::default(), 2).await;
    leader(store).await;
    let before = everything(store).await;
    for what in [Prune::Runs, Prune::Events, Prune::IdempotencyKeys] {
        let pruned = store.prune(old, what, LATER, 9).await;
        assert!(matches!(pruned, Err(CommitError::EpochLost { .. })), "{pruned:?}");
    }
    assert_eq!(everything(store).await, before);
}

pub(crate) async fn the_check_finds_what_must_not_be(store: &Store) {
    let epoch = leader(store).await;
    let (mut world, mut batch) = (World::default(), Batch::default());
    let idle = world.submit(&mut batch, "a", &[]);
    let torn = world.submit(&mut batch, "a", &[]);
    let other = world.submit(&mut batch, "a", &[]);
    let claim = world.claim(&mut batch, &idle, "load", "db");
    assert_eq!(claim.state, ClaimState::Granted);
    batch.new_runs[1].life.event_count = 3;
    store.commit(epoch, &batch).await.unwrap();
    let life = RunLife { status: RunStatus::Started, ..other.life.clone() };
    let change = RunChange { run: other.run.id, life, tags: None };
    let batch = Batch { changed_runs: vec![change], ..Batch::default() };
    store.commit(epoch, &batch).await.unwrap();
    let found = store.check().await.unwrap();
    assert_eq!(
        found,
        [
            Violation::IdleClaim { run: idle.run.id, step: "load".to_owned() },
            Violation::EventGap { run: torn.run.id },
            Violation::OtherStatus {
                run: other.run.id,
                status: "STARTED".to_owned(),
                event: "RUN_ENQUEUED".to_owned(),
            },
        ]
    );
}

/// Stores runs that end one after the other.
async fn ended(
    store: &Store,
    epoch: model::Epoch,
    world: &mut World,
    count: usize,
) -> Vec<model::NewRun> {
    let mut runs = Vec::new();
    for _ in 0..count {
        let mut batch = Batch::default();
        let mut run = world.submit(&mut batch, "a", &[("team", "x")]);
        batch.steps.push(step_row(&run, "load", 0, StepStatus::Succeeded));
        store.commit(epoch, &batch).await.unwrap();
        let mut batch = Batch::default();
        world.go_on(&mut batch, &mut run, RunStatus::Canceled);
        store.commit(epoch, &batch).await.unwrap();
        runs.push(run);
    }
    runs
}
