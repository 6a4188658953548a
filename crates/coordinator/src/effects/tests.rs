use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use launch::{ForgetError, ListError, TerminateError};
use model::{
    Batch, Deployment, JobName, NewRun, PlanHash, Run, RunLife, RunPools, RunStatus, Seq,
    Submission, Tags, Timestamp,
};
use tokio::sync::Notify;

use super::*;
use crate::commands::Message;

const RUN: RunId = RunId::from_u128(1);

/// A launcher that sees nothing until it is let, and then that everything is gone.
#[derive(Default)]
struct Slow {
    looks: AtomicU32,
    may_see: Notify,
    kept: Mutex<Vec<RunId>>,
}

impl Launcher for Slow {
    async fn launch(&self, _: LaunchOrder) -> Result<(), LaunchError> {
        Err(LaunchError::NotStarted("it launches nothing".to_owned()))
    }

    async fn terminate(&self, _: RunId, _: Attempt, _: Duration) -> Result<(), TerminateError> {
        Ok(())
    }

    async fn observe(&self, _: RunId, _: Attempt) -> launch::Sight {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.may_see.notified().await;
        launch::Sight::Gone
    }

    async fn forget(&self, run: RunId) -> Result<(), ForgetError> {
        self.kept.lock().unwrap().retain(|kept| *kept != run);
        Ok(())
    }

    async fn kept(&self) -> Result<Vec<RunId>, ListError> {
        Ok(self.kept.lock().unwrap().clone())
    }
}

fn performer(launcher: &Arc<Slow>) -> (Performer<Slow>, tokio::sync::mpsc::Receiver<Message>) {
    let (entry, messages) = Entry::new();
    let locations = Locations::load(Vec::<PathBuf>::new(), Timestamp::EPOCH);
    (Performer::new(launcher.clone(), locations, entry, Inboxes::default()), messages)
}

#[tokio::test]
async fn who_asks_during_a_look_is_told_that_it_cannot_be_told() {
    let launcher = Arc::new(Slow::default());
    let (mut performer, mut messages) = performer(&launcher);
    let observe = || vec![Effect::Observe { run: RUN, attempt: Attempt::FIRST }];
    performer.perform(observe());
    performer.perform(observe());
    launcher.may_see.notify_one();
    let mut told = Vec::new();
    for _ in 0..2 {
        match messages.recv().await {
            Some(Message::Hint(Command::Observed { sight, .. })) => told.push(sight),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, [Sight::Gone, Sight::Unknown]);
    performer.finish(Duration::from_secs(30)).await;
    assert_eq!(launcher.looks.load(Ordering::SeqCst), 1);
    assert!(messages.try_recv().is_err());
}

#[tokio::test]
async fn the_next_look_is_made_when_the_last_one_is_over() {
    let launcher = Arc::new(Slow::default());
    let (mut performer, mut messages) = performer(&launcher);
    for looks in 1..=2 {
        performer.perform(vec![Effect::Observe { run: RUN, attempt: Attempt::FIRST }]);
        launcher.may_see.notify_one();
        while performer.tasks.join_next().await.is_some() {}
        assert!(matches!(
            messages.recv().await,
            Some(Message::Hint(Command::Observed { sight: Sight::Gone, .. }))
        ));
        assert_eq!(launcher.looks.load(Ordering::SeqCst), looks);
    }
}

#[tokio::test]
async fn what_is_kept_of_runs_without_a_record_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("pointsman.db")).await.unwrap());
    let epoch = store.take_leadership("test", "", Timestamp::EPOCH).await.unwrap();
    let batch = Batch { new_runs: vec![queued(RUN)], ..Batch::default() };
    store.commit(epoch, &batch).await.unwrap();
    let launcher = Arc::new(Slow::default());
    *launcher.kept.lock().unwrap() = vec![RunId::from_u128(2), RUN, RunId::from_u128(3)];
    let (mut performer, _messages) = performer(&launcher);
    performer.clear_leftovers(store);
    while performer.tasks.join_next().await.is_some() {}
    assert_eq!(*launcher.kept.lock().unwrap(), [RUN]);
}

#[tokio::test]
async fn the_output_of_runs_that_ended_long_ago_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("pointsman.db")).await.unwrap());
    let epoch = store.take_leadership("test", "", Timestamp::EPOCH).await.unwrap();
    let mut runs = [1, 2, 3].map(|number| queued(RunId::from_u128(number)));
    for (run, seq) in runs.iter_mut().zip(1..) {
        run.run.seq = Seq::new(seq);
    }
    let long_ago = Timestamp::from_micros(10);
    for (run, ended_at) in [(0, long_ago), (1, Timestamp::from_micros(20))] {
        runs[run].run.status = RunStatus::Success;
        runs[run].life.status = RunStatus::Success;
        runs[run].life.ended_at = Some(ended_at);
    }
    store.commit(epoch, &Batch { new_runs: runs.to_vec(), ..Batch::default() }).await.unwrap();
    let launcher = Arc::new(Slow::default());
    let ids = runs.map(|new| new.run.id);
    *launcher.kept.lock().unwrap() = ids.to_vec();
    let (mut performer, _messages) = performer(&launcher);
    performer.clear_output(store.clone(), Timestamp::from_micros(20));
    while performer.tasks.join_next().await.is_some() {}
    assert_eq!(*launcher.kept.lock().unwrap(), ids[1..]);
    assert!(store.run(ids[0]).await.unwrap().is_some(), "the run itself stays");
}

fn queued(id: RunId) -> NewRun {
    let run = Run {
        id,
        seq: Seq::new(1),
        job: JobName::new("a").unwrap(),
        location: CodeLocation::new("here").unwrap(),
        deployment: Deployment::default(),
        tags: Tags::default(),
        pools: RunPools::none(),
        status: RunStatus::Queued,
        attempt: None,
    };
    let submission = Submission {
        plan: "{}".into(),
        plan_hash: PlanHash([0; 32]),
        config: "null".into(),
        idempotency: None,
    };
    let life = RunLife::new(RunStatus::Queued, Timestamp::EPOCH);
    NewRun { run, submission: submission.into(), life }
}
