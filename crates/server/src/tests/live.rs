//! Live changes through the typed client.

use std::collections::BTreeMap;

use model::{Capacity, RunStatus, Settings, Timestamp};
use serde_json::json;
use tokio::time::timeout;
use wire::api::{
    Configuration, ConfigurationProblem, FreeSlots, Page, RunChange, RunChanges, RunChangesAnswer,
    RunFilter, RunQuery,
};
use wire::client::ClientError;

use super::raw::PATIENCE;
use super::world::World;

fn named(runs: &[&str], change: RunChange) -> RunChanges {
    let runs = Some(runs.iter().map(|run| (*run).to_owned()).collect());
    RunChanges { runs, query: None, change, preview: false }
}

fn queried(query: RunQuery, change: RunChange) -> RunChanges {
    RunChanges { runs: None, query: Some(query), change, preview: false }
}

/// Returns the code of an error of the API.
fn code<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> String {
    match answer {
        Err(ClientError::Api { error, .. }) => error.code.to_string(),
        other => panic!("no refusal: {other:?}"),
    }
}

#[tokio::test]
async fn a_preview_tells_what_starts_and_the_change_starts_it() {
    let world = World::start().await;
    let client = world.client();
    let first = world.submit().await;
    world.worker(&first).await;
    let (second, third) = (world.submit().await, world.submit().await);
    let queued = RunQuery { status: vec![RunStatus::Queued], ..RunQuery::default() };
    let held = client.change_runs(&queried(queued, RunChange::Hold)).await.unwrap();
    assert_eq!(held.changed, [second.clone(), third.clone()]);
    assert!(client.run(&second).await.unwrap().run.is_held);
    client.cancel(&first, wire::api::CancelRun { force: true }).await.unwrap();

    let all = RunQuery { job: Some("hello".to_owned()), ..RunQuery::default() };
    let release = queried(all, RunChange::Release);
    let told = RunChanges { preview: true, ..release.clone() };
    let told = client.change_runs(&told).await.unwrap();
    let expected = RunChangesAnswer {
        matched: 2,
        changed: vec![second.clone(), third.clone()],
        started: vec![second.clone()],
        is_preview: true,
        ..RunChangesAnswer::default()
    };
    assert_eq!(told, expected);
    assert!(client.run(&second).await.unwrap().run.is_held);
    let done = client.change_runs(&release).await.unwrap();
    assert_eq!(done, RunChangesAnswer { is_preview: false, ..expected });
    assert_eq!(client.run(&second).await.unwrap().run.status, RunStatus::Starting);
    assert!(!client.run(&third).await.unwrap().run.is_held);
    let events = client.events(&second, &Page::default()).await.unwrap().events;
    let kinds: Vec<String> = events.iter().map(|event| event.kind.to_string()).collect();
    let expected = [
        "RUN_SUBMITTED",
        "RUN_ENQUEUED",
        "RUN_HELD",
        "RUN_RELEASED",
        "RUN_DEQUEUED",
        "RUN_STARTING",
    ];
    assert_eq!(kinds, expected);
    world.stop().await;
}

#[tokio::test]
async fn priority_and_tags_are_changed_and_found() {
    let world = World::start().await;
    let client = world.client();
    let (first, second) = (world.submit().await, world.submit().await);
    let third = world.submit().await;
    let five = client.change_runs(&named(&[&third[..8]], RunChange::Priority(5))).await.unwrap();
    assert_eq!(five.changed, [third.clone()]);
    let queue = client.queue(&Page::default()).await.unwrap();
    assert_eq!(queue.entries[0].run, third);
    assert_eq!(queue.entries[0].priority, 5);

    let set = BTreeMap::from([("team".to_owned(), "core".to_owned())]);
    let retag = RunChange::Tags { set, remove: vec!["dagster/priority".to_owned()] };
    let told = client.change_runs(&named(&[&first, &third, &first], retag)).await.unwrap();
    assert_eq!(told.changed, [first.clone(), third.clone()]);
    let filter = RunFilter { tags: vec![("team".into(), "core".into())], ..RunFilter::default() };
    let found = client.runs(&filter).await.unwrap().runs;
    assert_eq!(found.iter().map(|run| &run.id).collect::<Vec<_>>(), [&third, &first]);
    assert_eq!(found[0].priority, 0);
    let queue = client.queue(&Page::default()).await.unwrap();
    assert_eq!(queue.entries[0].run, second);
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_changed_is_said() {
    let world = World::start().await;
    let client = world.client();
    let (first, second) = (world.submit().await, world.submit().await);
    client.cancel(&second, wire::api::CancelRun::default()).await.unwrap();
    let told = client.change_runs(&named(&[&first, &second], RunChange::Hold)).await.unwrap();
    let refused: Vec<_> = told.refused.iter().map(|one| (&one.run, one.reason.as_str())).collect();
    let not_queued = "it is STARTING: only a run that is QUEUED can be held or released";
    assert_eq!(refused, [(&first, not_queued), (&second, "it has ended")]);

    let absent = "00000000-0000-4000-8000-000000000001";
    let hold = |runs: &[&str]| named(runs, RunChange::Hold);
    assert_eq!(code(client.change_runs(&hold(&[&first, absent])).await), "unknown_run");
    assert_eq!(code(client.change_runs(&hold(&vec![absent; 10_001])).await), "too_many_runs");
    let both = RunChanges { query: Some(RunQuery::default()), ..hold(&[&first]) };
    assert_eq!(code(client.change_runs(&both).await), "bad_request");
    for (key, value, refusal) in
        [("dagster/priority", "high", "invalid_priority"), ("", "x", "bad_request")]
    {
        let set = BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let retag = RunChange::Tags { set, remove: Vec::new() };
        assert_eq!(code(client.change_runs(&named(&[&first], retag)).await), refusal);
    }
    let body = json!({"runs": [first], "change": {"priorty": 1}});
    let answer = world.ask("POST /api/v1/run-changes", &body).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "unknown_key"), "{}", answer.body);
    world.stop().await;
}

#[tokio::test]
async fn freed_slots_are_told_and_gone() {
    let world = World::start().await;
    let client = world.client();
    let run = world.submit().await;
    let worker = world.worker(&run).await;
    let nonce = "00112233445566778899aabbccddeeff";
    world.work("begin", &worker, &json!({"nonce": nonce, "protocol": 1})).await;
    let reports = json!({"first": 1, "reports": [
        {"at": 1, "kind": "planned", "steps": ["greet", "load.all"]},
        {"at": 2, "kind": "asked", "step": "load.all", "pools": {"db/main": 1}, "priority": 0},
        {"at": 3, "kind": "started", "step": "load.all", "try": 1},
    ]});
    assert_eq!(world.work("report", &worker, &reports).await.status, 200);
    let other = FreeSlots { step: Some("greet".to_owned()) };
    assert_eq!(client.free_slots(&run, &other).await.unwrap().freed, []);
    let freed = client.free_slots(&run[..8], &FreeSlots::default()).await.unwrap().freed;
    assert_eq!(freed.len(), 1);
    assert_eq!(freed[0].step, "load.all");
    assert_eq!(freed[0].pools, BTreeMap::from([("db/main".to_owned(), 1)]));
    assert_eq!(client.pool("db/main").await.unwrap().claims, []);
    let more = json!({"first": 4, "reports": [
        {"at": 4, "kind": "succeeded", "step": "load.all", "try": 1},
        {"at": 5, "kind": "ended", "outcome": {"outcome": "succeeded"}},
    ]});
    assert_eq!(world.work("report", &worker, &more).await.status, 200);
    assert_eq!(client.run(&run).await.unwrap().run.status, RunStatus::Success);
    assert_eq!(code(client.free_slots(&run, &FreeSlots::default()).await), "run_ended");
    world.stop().await;
}

#[tokio::test]
async fn a_configuration_is_shown_and_read_again_when_asked() {
    let mut world = World::start().await;
    let client = world.client();
    let (first, second) = (world.submit().await, world.submit().await);
    assert_eq!(client.run(&second).await.unwrap().run.status, RunStatus::Queued);
    assert_eq!(client.run(&first).await.unwrap().run.status, RunStatus::Starting);

    let asked = tokio::spawn({
        let client = client.clone();
        async move { client.reload_configuration().await }
    });
    let wish = timeout(PATIENCE, world.reloads.recv()).await.unwrap().unwrap();
    let mut options = (*world.handle.options()).clone();
    options.settings = Settings { max_concurrent_runs: Capacity::AtMost(2), ..Settings::default() };
    options.url = "elsewhere".to_owned();
    world.handle.configure(options).await.unwrap();
    let loaded_at = Timestamp::from_micros(7).into();
    world.configuration.send_modify(|now| now.loaded_at = loaded_at);
    wish.0.send(Ok(())).unwrap();
    assert_eq!(asked.await.unwrap().unwrap().loaded_at, loaded_at);
    assert_eq!(client.run(&second).await.unwrap().run.status, RunStatus::Starting);
    let instance = client.instance().await.unwrap();
    assert_eq!(instance.rules.max_concurrent_runs, Some(2));
    assert_eq!(world.handle.options().url, client.url());

    let asked = tokio::spawn({
        let client = client.clone();
        async move { client.reload_configuration().await }
    });
    let wish = timeout(PATIENCE, world.reloads.recv()).await.unwrap().unwrap();
    let message = "line 1: it is wrong".to_owned();
    let problem = Some(ConfigurationProblem { message: message.clone(), at: loaded_at });
    let broken = Configuration { problem, ..world.configuration.borrow().clone() };
    world.configuration.send_replace(broken.clone());
    wish.0.send(Err(message)).unwrap();
    assert_eq!(code(asked.await.unwrap()), "invalid_configuration");
    assert_eq!(client.instance().await.unwrap().configuration, Some(broken));
    drop(world.reloads);
    let (_, reloads) = tokio::sync::mpsc::channel(1);
    world.reloads = reloads;
    assert_eq!(code(client.reload_configuration().await), "unavailable");
    world.stop().await;
}
