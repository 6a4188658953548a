//! What was told of assets: found by every filter, kept as long as it is the latest.

use model::{
    AssetEvent, AssetEventKind, Batch, Change, CodeLocation, Epoch, EventKind, JobName, LifeEvent,
    NewRun, RunStatus, StepKey, Timestamp,
};
use pointsman_store::{AssetEventsFilter, Order, Prune, Store};

use super::leader;
use crate::world::World;

const LATER: Timestamp = Timestamp::from_micros(i64::MAX);

/// Says of what an event is: its kind, asset, partition and check.
type About<'a> = (AssetEventKind, &'a str, Option<&'a str>, Option<&'a str>);

const MADE: AssetEventKind = AssetEventKind::Materialization;
const SEEN: AssetEventKind = AssetEventKind::Observation;
const CHECKED: AssetEventKind = AssetEventKind::Check;

/// Adds what a run tells of an asset, with the event of the run that tells the same.
fn tell(world: &mut World, batch: &mut Batch, run: &mut NewRun, about: About<'_>, data: &str) {
    let (kind, asset, partition, check) = about;
    let step = StepKey::new("load").unwrap();
    let told = match kind {
        AssetEventKind::Materialization => EventKind::AssetMaterialization,
        AssetEventKind::Observation => EventKind::AssetObservation,
        AssetEventKind::Check => EventKind::AssetCheckEvaluation,
    };
    let event = world.event(Some((run.run.id, &mut run.life)), told);
    batch.asset_events.push(AssetEvent {
        change: event.change,
        kind,
        asset: asset.to_owned(),
        partition: partition.map(str::to_owned),
        check: check.map(str::to_owned),
        passed: check.map(|check| check == "good"),
        severity: check.map(|_| "WARN".to_owned()),
        run: run.run.id,
        job: JobName::new("j").unwrap(),
        location: CodeLocation::new("etl").unwrap(),
        step: step.clone(),
        at: event.at,
        data: data.into(),
    });
    batch.events.push(LifeEvent { step: Some(step), data: Some(data.into()), ..event });
}

/// Stores a run that tells all that and ends.
async fn run(
    store: &Store,
    epoch: Epoch,
    world: &mut World,
    told: &[About<'_>],
) -> (NewRun, Vec<AssetEvent>) {
    let mut batch = Batch::default();
    let mut run = world.submit(&mut batch, "j", &[]);
    store.commit(epoch, &batch).await.unwrap();
    let mut batch = Batch::default();
    for (number, about) in told.iter().enumerate() {
        let data = format!("{{\"n\":{number},\"text\":\"\\u0000\\n'\"}}");
        tell(world, &mut batch, &mut run, *about, &data);
    }
    world.go_on(&mut batch, &mut run, RunStatus::Success);
    store.commit(epoch, &batch).await.unwrap();
    // The event of the run has the same data.
    let events = store.events(run.run.id, 0, 10_000).await.unwrap();
    let told: Vec<_> = events.iter().filter(|event| event.data.is_some()).cloned().collect();
    let expected: Vec<_> =
        batch.events.iter().filter(|event| event.data.is_some()).cloned().collect();
    assert_eq!(told, expected);
    (run, batch.asset_events)
}

fn changes(events: &[AssetEvent]) -> Vec<Change> {
    events.iter().map(|event| event.change).collect()
}

pub(crate) async fn what_is_told_of_assets_reads_back_by_every_filter(store: &Store) {
    let epoch = leader(store).await;
    let mut world = World::default();
    let mut all = Vec::new();
    let mut runs = Vec::new();
    for _ in 0..3 {
        let told = [
            (MADE, "a", None, None),
            (MADE, "a", Some("p1"), None),
            (SEEN, "a", Some("p1"), None),
            (CHECKED, "a", None, Some("good")),
            (CHECKED, "a", None, Some("bad")),
            (MADE, "b/c", Some("p2"), None),
        ];
        let (run, told) = run(store, epoch, &mut world, &told).await;
        all.extend(told);
        runs.push(run.run.id);
    }
    for asset in [None, Some("a"), Some("b/c"), Some("none")] {
        for kind in [None, Some(MADE), Some(SEEN), Some(CHECKED)] {
            for partition in [None, Some("p1")] {
                for check in [None, Some("bad")] {
                    for (run, after) in
                        [(None, None), (Some(runs[1]), None), (None, Some(all[4].change))]
                    {
                        let filter = AssetEventsFilter {
                            asset: asset.map(str::to_owned),
                            kind,
                            partition: partition.map(str::to_owned),
                            check: check.map(str::to_owned),
                            run,
                            after,
                            before: Some(all[16].change),
                        };
                        assert_eq!(
                            pages(store, &filter, Order::Oldest).await,
                            plain(&all, &filter)
                        );
                        let mut newest = pages(store, &filter, Order::Newest).await;
                        newest.reverse();
                        assert_eq!(newest, plain(&all, &filter));
                    }
                }
            }
        }
    }
    let asked = ["none".to_owned(), "b/c".to_owned(), "a".to_owned()];
    let latest = store.latest_asset_events(&asked, MADE).await.unwrap();
    assert_eq!(latest, [all[17].clone(), all[13].clone()]);
    let made = store.latest_materializations(&["a", "none"]).await.unwrap();
    assert_eq!((made.len(), made[0].run, made[0].at), (1, runs[2], all[13].at));
    assert_eq!(store.latest_checks("a").await.unwrap(), [all[16].clone(), all[15].clone()]);
    assert_eq!(store.check().await.unwrap(), []);
}

/// Reads a list to its end, two events at a time.
async fn pages(store: &Store, filter: &AssetEventsFilter, order: Order) -> Vec<AssetEvent> {
    let (mut all, mut filter) = (Vec::new(), filter.clone());
    loop {
        let page = store.asset_events(&filter, order, 2).await.unwrap();
        let last = page.events.last().map(|event| event.change);
        all.extend(page.events);
        match (page.is_cut, last, order) {
            (true, Some(last), Order::Newest) => filter.before = Some(last),
            (true, Some(last), Order::Oldest) => filter.after = Some(last),
            _ => return all,
        }
    }
}

/// What a plain walk over all events finds.
fn plain(all: &[AssetEvent], filter: &AssetEventsFilter) -> Vec<AssetEvent> {
    let is_it = |event: &&AssetEvent| {
        filter.asset.as_ref().is_none_or(|asset| event.asset == *asset)
            && filter.kind.is_none_or(|kind| event.kind == kind)
            && filter.partition.as_ref().is_none_or(|of| event.partition.as_ref() == Some(of))
            && filter.check.as_ref().is_none_or(|of| event.check.as_ref() == Some(of))
            && filter.run.is_none_or(|run| event.run == run)
            && filter.after.is_none_or(|after| event.change > after)
            && filter.before.is_none_or(|before| event.change < before)
    };
    all.iter().filter(is_it).cloned().collect()
}

pub(crate) async fn a_page_of_large_events_is_cut_and_goes_on_where_it_ended(store: &Store) {
    let epoch = leader(store).await;
    let (mut world, mut batch) = (World::default(), Batch::default());
    let mut of = world.submit(&mut batch, "j", &[]);
    let large = format!("\"{}\"", "x".repeat(64 * 1024));
    for number in 0..150 {
        let kind = [MADE, SEEN][number % 2];
        tell(&mut world, &mut batch, &mut of, (kind, "a", None, None), &large);
    }
    batch.new_runs[0].life = of.life.clone();
    store.commit(epoch, &batch).await.unwrap();
    let all = changes(&batch.asset_events);
    let filter = AssetEventsFilter { asset: Some("a".to_owned()), ..AssetEventsFilter::default() };
    let first = store.asset_events(&filter, Order::Oldest, 1000).await.unwrap();
    assert!(first.is_cut && first.events.len() < 150);
    let cut = changes(&first.events);
    assert_eq!(cut, all[..cut.len()], "nothing is left out between");
    let rest = AssetEventsFilter { after: cut.last().copied(), ..filter };
    let rest = store.asset_events(&rest, Order::Oldest, 1000).await.unwrap();
    assert_eq!(changes(&rest.events)[0], all[cut.len()]);
    let events = store.events(of.run.id, 0, 1000).await.unwrap();
    assert!(events.len() < 150, "{}", events.len());
}

pub(crate) async fn only_the_latest_of_its_kind_outlives_its_run(store: &Store) {
    let epoch = leader(store).await;
    let mut world = World::default();
    let told = [(MADE, "a", None, None), (MADE, "a", Some("p"), None), (SEEN, "a", None, None)];
    let (first, _) = run(store, epoch, &mut world, &told).await;
    let (second, second_told) = run(store, epoch, &mut world, &told[..1]).await;
    let gone = Batch { deleted_runs: vec![first.run.id, second.run.id], ..Batch::default() };
    store.commit(epoch, &gone).await.unwrap();
    let all = AssetEventsFilter::default();
    let left = store.asset_events(&all, Order::Oldest, 9).await.unwrap().events;
    let about: Vec<_> = left.iter().map(|event| (event.kind, event.partition.as_deref())).collect();
    assert_eq!(about, [(MADE, Some("p")), (SEEN, None), (MADE, None)]);
    assert_eq!(left[2], second_told[0]);
    // What is superseded then goes at once: its run is gone.
    let (_, third) = run(store, epoch, &mut world, &told[..1]).await;
    let left = store.asset_events(&all, Order::Newest, 9).await.unwrap().events;
    assert_eq!((left.len(), &left[0]), (3, &third[0]));
    assert_eq!(store.check().await.unwrap(), []);
}

pub(crate) async fn retention_takes_what_is_superseded_and_old(store: &Store) {
    let epoch = leader(store).await;
    let mut world = World::default();
    let made = [(MADE, "a", None, None)];
    let (_, first) = run(store, epoch, &mut world, &made).await;
    let (_, second) = run(store, epoch, &mut world, &made).await;
    let (_, third) = run(store, epoch, &mut world, &made).await;
    let young = second[0].at;
    assert_eq!(store.prune(epoch, Prune::AssetEvents, young, 9).await.unwrap(), 1);
    let left = store.asset_events(&AssetEventsFilter::default(), Order::Oldest, 9).await.unwrap();
    assert_eq!(changes(&left.events), [second[0].change, third[0].change], "{first:?} is gone");
    // The events of the runs go, and so does what they told, but for the latest.
    while store.prune(epoch, Prune::Events, LATER, 2).await.unwrap() > 0 {}
    assert_eq!(store.prune(epoch, Prune::AssetEvents, LATER, 9).await.unwrap(), 1);
    let left = store.asset_events(&AssetEventsFilter::default(), Order::Oldest, 9).await.unwrap();
    assert_eq!(left.events, third);
    assert_eq!(store.prune(epoch, Prune::AssetEvents, LATER, 9).await.unwrap(), 0);
    assert_eq!(store.check().await.unwrap(), []);
}

pub(crate) async fn partitions_that_were_made_are_told_in_their_order_each_once(store: &Store) {
    let epoch = leader(store).await;
    let mut world = World::default();
    for _ in 0..2 {
        let told = ["c", "a", "b", "a"].map(|partition| (MADE, "x", Some(partition), None));
        run(store, epoch, &mut world, &told).await;
        run(store, epoch, &mut world, &[(SEEN, "x", Some("d"), None), (MADE, "x", None, None)])
            .await;
    }
    let partitions = store.materialized_partitions("x", None, 2).await.unwrap();
    assert_eq!(partitions, ["a", "b"]);
    assert_eq!(store.materialized_partitions("x", Some("b"), 2).await.unwrap(), ["c"]);
    assert_eq!(store.materialized_partitions("y", None, 2).await.unwrap(), [""; 0]);
}
