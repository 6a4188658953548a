//! Reads: pages are complete, in order, and what a plain walk over all runs would give.

use std::collections::BTreeSet;

use model::{Batch, Change, CodeLocation, JobName, RunId, RunStatus, Seq};
use pointsman_store::{Cursor, RunsFilter, Store, StoredRun};

use super::{ids, leader};
use crate::world::{World, id, now, submission, tags};

/// Stores 60 runs that differ in everything that a filter looks at.
async fn many(store: &Store) -> Vec<StoredRun> {
    let epoch = leader(store).await;
    let (mut world, mut batch) = (World::default(), Batch::default());
    let mut runs = Vec::new();
    for n in 0..60_usize {
        let team = ["x", "y", "z"][n % 3];
        let priority = ["0", "-1", "5"][n % 7 % 3];
        let own = [("team", team), ("dagster/priority", priority), ("tenant", "t")];
        let mut run = world.submit(&mut batch, ["a", "b"][n % 2], &own[..=n % 3]);
        run.run.location = CodeLocation::new(["etl", "ml"][n / 2 % 2]).unwrap();
        batch.new_runs[n].run.location = run.run.location.clone();
        runs.push(run);
    }
    store.commit(epoch, &batch).await.unwrap();
    let mut batch = Batch::default();
    for (n, run) in runs.iter_mut().enumerate() {
        match n % 4 {
            0 => world.go_on(&mut batch, run, RunStatus::Starting),
            1 => world.go_on(&mut batch, run, RunStatus::Failure),
            _ => {}
        }
    }
    store.commit(epoch, &batch).await.unwrap();
    runs.into_iter().map(|new| StoredRun { run: new.run, life: new.life }).collect()
}

pub(crate) async fn runs_are_listed_as_a_plain_filter_would(store: &Store) {
    let runs = many(store).await;
    for statuses in [&[][..], &[RunStatus::Failure], &[RunStatus::Queued, RunStatus::Starting]] {
        for job in [None, Some(JobName::new("a").unwrap())] {
            for location in [None, Some(CodeLocation::new("ml").unwrap())] {
                for tags in
                    [tags(&[]), tags(&[("team", "x")]), tags(&[("team", "y"), ("tenant", "t")])]
                {
                    for (since, until) in [(None, None), (Some(now(10)), Some(now(40)))] {
                        let statuses = statuses.iter().copied().collect::<BTreeSet<_>>();
                        let (job, location, tags) = (job.clone(), location.clone(), tags.clone());
                        let filter = RunsFilter { statuses, job, location, tags, since, until };
                        assert_eq!(pages(store, &filter).await, plainly(&runs, &filter));
                    }
                }
            }
        }
    }
}

async fn pages(store: &Store, filter: &RunsFilter) -> Vec<StoredRun> {
    let (mut all, mut before) = (Vec::new(), None::<Seq>);
    loop {
        let page = store.runs(filter, before, 7).await.unwrap();
        assert!(page.len() <= 7);
        let Some(last) = page.last() else {
            return all;
        };
        before = Some(last.run.seq);
        all.extend(page);
    }
}

fn plainly(runs: &[StoredRun], filter: &RunsFilter) -> Vec<StoredRun> {
    let is_wanted = |stored: &&StoredRun| {
        let (run, life) = (&stored.run, &stored.life);
        (filter.statuses.is_empty() || filter.statuses.contains(&life.status))
            && filter.job.as_ref().is_none_or(|job| *job == run.job)
            && filter.location.as_ref().is_none_or(|location| *location == run.location)
            && filter.tags.iter().all(|(key, value)| run.tags.get(key) == Some(value))
            && filter.since.is_none_or(|since| life.submitted_at >= since)
            && filter.until.is_none_or(|until| life.submitted_at < until)
    };
    runs.iter().filter(is_wanted).rev().cloned().collect()
}

pub(crate) async fn the_queue_is_paged_in_its_order(store: &Store) {
    let mut queued = many(store).await;
    queued.retain(|stored| stored.life.status == RunStatus::Queued);
    let order = |stored: &StoredRun| {
        (std::cmp::Reverse(stored.run.tags.priority().unwrap()), stored.run.seq)
    };
    queued.sort_by_key(order);
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.queue_page(after, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(Cursor::of_run(last.run.tags.priority().unwrap(), last.run.seq));
        all.extend(page);
    }
    assert_eq!(all, queued);
}

pub(crate) async fn a_prefix_finds_all_ids_that_begin_with_it(store: &Store) {
    let runs = many(store).await;
    let all: BTreeSet<RunId> = ids(&runs).into_iter().collect();
    for some in &runs {
        let text = some.run.id.to_string();
        for length in [0, 1, 2, 8, 9, 12, 36] {
            let prefix = &text[..length];
            let expected: Vec<RunId> =
                all.iter().copied().filter(|id| id.to_string().starts_with(prefix)).collect();
            assert_eq!(store.run_ids_with_prefix(prefix, 100).await.unwrap(), expected);
            let upper = prefix.to_uppercase();
            assert_eq!(store.run_ids_with_prefix(&upper, 1).await.unwrap(), expected[..1]);
        }
    }
    assert_eq!(store.run_ids_with_prefix("xyz", 9).await.unwrap(), []);
}

pub(crate) async fn taken_keys_and_ids_are_known(store: &Store) {
    let epoch = leader(store).await;
    let (mut world, mut batch) = (World::default(), Batch::default());
    let run = world.submit(&mut batch, "a", &[]);
    batch.new_runs[0].submission = submission("a", Some("it's \"mine\""));
    store.commit(epoch, &batch).await.unwrap();
    let known = store.known(&["other", "it's \"mine\""], &[id(99), run.run.id]).await.unwrap();
    assert_eq!(known.ids, BTreeSet::from([run.run.id]));
    assert_eq!(known.keys.len(), 1);
    assert_eq!(known.keys[0].run, run.run.id);
    assert_eq!(known.keys[0].key.request_hash, [3; 32]);
    assert_eq!(store.known(&[], &[]).await.unwrap(), pointsman_store::Known::default());
}

pub(crate) async fn events_are_paged_by_number_and_by_change(store: &Store) {
    let runs = many(store).await;
    let all = store.events_after(Change::NONE, 1000).await.unwrap();
    let numbers: Vec<u64> = all.iter().map(|event| event.change.get()).collect();
    assert_eq!(numbers, (1..=150).collect::<Vec<u64>>());
    let middle = store.events_after(Change::new(70), 5).await.unwrap();
    assert_eq!(middle, all[70..75]);
    let first = runs[0].run.id;
    let of_first: Vec<_> = all
        .iter()
        .filter(|event| event.run.is_some_and(|(run, _)| run == first))
        .cloned()
        .collect();
    assert_eq!(store.events(first, 0, 100).await.unwrap(), of_first);
    assert_eq!(store.events(first, 1, 1).await.unwrap(), of_first[1..2]);
    assert_eq!(store.events(first, 3, 100).await.unwrap(), []);
}

pub(crate) async fn runs_of_one_job_share_its_plan(store: &Store) {
    let runs = many(store).await;
    for stored in [&runs[0], &runs[59]] {
        let spec = store.spec(stored.run.id).await.unwrap().unwrap();
        assert_eq!(spec.plan, submission(stored.run.job.as_str(), None).plan);
    }
    assert_eq!(store.spec(id(1000)).await.unwrap(), None);
    assert_eq!(store.run(id(1000)).await.unwrap(), None);
    assert_eq!(store.steps(id(1000)).await.unwrap(), []);
    assert_eq!(store.steps_after(id(1000), None, 10).await.unwrap(), []);
}
