use std::sync::Mutex;

use launch::{ForgetError, LaunchError, LaunchOrder, Sight, TerminateError};
use lifecycle::{MAX_WRITTEN_TAGS, Report, ReportKind, Told, Worker};
use model::{
    Attempt, Capacity, EventKind, JobName, RunId, RunStatus, Settings, StepKey, Tags, Timestamp,
    TokenHash,
};
use store::RunsFilter;
use tempfile::TempDir;

use super::*;
use crate::hooks::{Chain, Existing, Headers, Source, SubmissionHook, TagRule};
use crate::{CommandError, Meant, Mode, Options, Retention, Rules, RunChange, SubmitRequest};

const JOBS: &str = "jobs: {greet: {ops: {greet: {command: [echo, hello]}}}}\n";

/// Starts nothing, and remembers what it was told to start.
#[derive(Clone, Default)]
struct Noop(Arc<Mutex<Vec<RunId>>>);

impl Launcher for Noop {
    async fn launch(&self, order: LaunchOrder) -> Result<(), LaunchError> {
        self.0.lock().unwrap().push(order.run);
        Ok(())
    }

    async fn terminate(&self, _: RunId, _: Attempt, _: Duration) -> Result<(), TerminateError> {
        Ok(())
    }

    async fn observe(&self, _: RunId, _: Attempt) -> Sight {
        Sight::Alive
    }

    async fn forget(&self, _: RunId) -> Result<(), ForgetError> {
        Ok(())
    }
}

async fn daemon(home: &TempDir, launcher: &Noop) -> (Arc<Store>, Handle, Running) {
    let (database, jobs) = (home.path().join("pointsman.db"), home.path().join("jobs.yaml"));
    std::fs::write(&jobs, JOBS).unwrap();
    let store = Arc::new(Store::open(&database).await.unwrap());
    let locations = definitions::Locations::load([jobs], Timestamp::EPOCH);
    let options = Options {
        settings: Settings::default(),
        rules: Rules::default(),
        hooks: Arc::new(Chain::default()),
        longest_sleep: Duration::from_secs(5),
        retention: Retention::default(),
        url: String::new(),
    };
    let (handle, running) =
        start(options, store.clone(), locations, launcher.clone()).await.unwrap();
    (store, handle, running)
}

fn request(id: RunId) -> SubmitRequest {
    SubmitRequest {
        job: JobName::new("greet").unwrap(),
        location: None,
        selection: definitions::Selection::default(),
        tags: std::collections::BTreeMap::new(),
        config: None,
        priority: None,
        deployment: None,
        id: Some(id),
        idempotency_key: None,
        headers: Headers::default(),
        user: None,
    }
}

#[tokio::test]
async fn a_leader_of_the_past_acknowledges_nothing_and_launches_nothing() {
    let (home, launcher) = (tempfile::tempdir().unwrap(), Noop::default());
    let (store, handle, mut running) = daemon(&home, &launcher).await;
    let (first, second) = (RunId::from_u128(1), RunId::from_u128(2));
    assert!(handle.submit(request(first)).await.unwrap().is_new);

    store.take_leadership("another daemon", "", Timestamp::EPOCH).await.unwrap();
    let refused = handle.submit(request(second)).await;
    assert!(matches!(refused, Err(CommandError::Unavailable(_))), "{refused:?}");
    assert!(matches!(running.ended().await, Err(LoopError::EpochLost)));
    assert!(store.run(second).await.unwrap().is_none());
    assert!(!launcher.0.lock().unwrap().contains(&second));
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_stop() {
    let (home, launcher) = (tempfile::tempdir().unwrap(), Noop::default());
    let (store, handle, running) = daemon(&home, &launcher).await;
    let run = RunId::from_u128(1);
    handle.submit(request(run)).await.unwrap();
    running.stop().await.unwrap();
    assert!(store.run(run).await.unwrap().is_some());
    assert_eq!(*launcher.0.lock().unwrap(), [run], "a launch that was decided is made");
    assert!(matches!(handle.submit(request(run)).await, Err(CommandError::Unavailable(_))));
}

#[tokio::test]
async fn options_that_are_not_durable_are_not_in_force() {
    let (home, launcher) = (tempfile::tempdir().unwrap(), Noop::default());
    let (store, handle, mut running) = daemon(&home, &launcher).await;
    let wider = |most| {
        let settings =
            Settings { max_concurrent_runs: Capacity::AtMost(most), ..Settings::default() };
        let tagging: Arc<dyn SubmissionHook> = Arc::new(TagRule {
            name: "a tag".to_owned(),
            key: "code_location".to_owned(),
            source: Source::CodeLocation,
            existing: Existing::Overwritten,
        });
        let hooks = Chain::new(vec![tagging]).into();
        Options { settings, hooks, ..(*handle.options()).clone() }
    };
    handle.configure(wider(20)).await.unwrap();
    assert_eq!(handle.options().settings.max_concurrent_runs, Capacity::AtMost(20));
    assert!(!handle.options().hooks.is_empty());
    handle.submit(request(RunId::from_u128(1))).await.unwrap();
    let tags = store.run(RunId::from_u128(1)).await.unwrap().unwrap().run.tags;
    assert_eq!(tags.get("code_location"), Some("jobs"));

    store.take_leadership("another daemon", "", Timestamp::EPOCH).await.unwrap();
    let refused = handle.configure(wider(30)).await;
    assert!(matches!(refused, Err(CommandError::Unavailable(_))), "{refused:?}");
    assert!(matches!(running.ended().await, Err(LoopError::EpochLost)));
    assert_eq!(handle.options().settings.max_concurrent_runs, Capacity::AtMost(20));
}

#[tokio::test]
async fn a_query_means_all_its_runs_however_many_pages_they_fill() {
    let (home, launcher) = (tempfile::tempdir().unwrap(), Noop::default());
    let (_, handle, running) = daemon(&home, &launcher).await;
    let mut submissions = tokio::task::JoinSet::new();
    for number in 1..=1020 {
        let handle = handle.clone();
        submissions.spawn(async move { handle.submit(request(RunId::from_u128(number))).await });
    }
    for submitted in submissions.join_all().await {
        assert!(submitted.unwrap().is_new);
    }
    let queued = RunsFilter { statuses: [RunStatus::Queued].into(), ..RunsFilter::default() };
    let change = |meant, mode| handle.change_runs(meant, RunChange::Hold, mode);
    let told = change(Meant::Query(queued.clone()), Mode::Preview).await.unwrap();
    let held = change(Meant::Query(queued), Mode::Apply).await.unwrap();
    assert_eq!(held.changed.len(), 1010);
    assert_eq!(told, held);
    let open = change(Meant::Query(RunsFilter::default()), Mode::Apply).await.unwrap();
    assert_eq!((open.unchanged.len(), open.refused.len()), (1010, 10));
    running.stop().await.unwrap();
}

#[test]
fn changes_of_many_runs_and_their_previews_count_among_what_a_turn_takes() {
    let change = |count: u128| {
        let runs = (0..count).map(RunId::from_u128).collect();
        let (reply, _) = oneshot::channel();
        Message::Command { command: Command::Change { runs, change: RunChange::Hold }, reply }
    };
    assert_eq!(bytes_of(&change(1)), Tags::MAX_SIZE);
    assert_eq!(bytes_of(&change(10_000)), MAX_WRITTEN_TAGS);
    let bytes = bytes_of_change(10_000);
    let preview = Message::Question { question: Box::new(|_| {}), bytes };
    assert_eq!(bytes_of(&preview), MAX_WRITTEN_TAGS);
    // What the largest turn writes as one text, every byte with an escape, the database still takes.
    let largest = (MAX_BYTES_PER_TURN + MAX_WRITTEN_TAGS) * r"\\u0000".len();
    assert!(largest < 1_000_000_000, "{largest}");
}

#[test]
fn what_code_tells_counts_among_what_a_turn_takes_with_all_its_data() {
    let step = StepKey::new("make").unwrap();
    let data: Arc<str> = "x".repeat(60_000).into();
    let told = Told {
        step: step.clone(),
        kind: EventKind::AssetMaterialization,
        message: "a".to_owned(),
        data: Some(data.clone()),
        asset: None,
    };
    let failed =
        ReportKind::Failed { step: step.clone(), error: "e".to_owned(), details: Some(data) };
    let kinds = [ReportKind::Told { step, told: Box::new(told) }, failed];
    let reports = kinds.map(|kind| Report { at: Timestamp::EPOCH, kind }).into();
    let (reply, _) = oneshot::channel();
    let (run, attempt) = (RunId::from_u128(1), Attempt::FIRST);
    let worker = Worker { run, attempt, token: TokenHash([0; 32]) };
    let command = Command::Report { worker, first: 1, reports };
    assert!(bytes_of(&Message::Command { command, reply }) >= 120_000);
}
