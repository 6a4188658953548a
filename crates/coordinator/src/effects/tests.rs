use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use launch::{ForgetError, TerminateError};
use model::Timestamp;
use tokio::sync::Notify;

use super::*;
use crate::commands::Message;

const RUN: RunId = RunId::from_u128(1);

/// A launcher that sees nothing until it is let, and then that everything is gone.
#[derive(Default)]
struct Slow {
    looks: AtomicU32,
    may_see: Notify,
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

    async fn forget(&self, _: RunId) -> Result<(), ForgetError> {
        Ok(())
    }
}

#[tokio::test]
async fn who_asks_during_a_look_is_told_that_it_cannot_be_told() {
    let launcher = Arc::new(Slow::default());
    let (entry, mut messages) = Entry::new();
    let locations = Locations::load(Vec::<PathBuf>::new(), Timestamp::EPOCH);
    let mut performer = Performer::new(launcher.clone(), locations, entry, Inboxes::default());
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
    let (entry, mut messages) = Entry::new();
    let locations = Locations::load(Vec::<PathBuf>::new(), Timestamp::EPOCH);
    let mut performer = Performer::new(launcher.clone(), locations, entry, Inboxes::default());
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
