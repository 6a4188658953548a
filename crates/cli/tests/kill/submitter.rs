//! Users who go on submitting runs whatever happens to the daemon, and note what it acknowledged.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use wire::api::{CancelRun, ErrorCode, Page, SubmitRun};
use wire::client::{Client, ClientError};

use crate::dice::Dice;
use crate::oracle::Submitted;
use crate::workload::{PARKED, Workload};

/// How many runs wait in the queue, so that every limit is pressed on at any time.
const QUEUED: u64 = 12;

/// How many of these are parked.
const PARKED_AT_ONCE: usize = 4;

/// How long to wait for a daemon that does not answer, or for the queue to become shorter.
const PAUSE: Duration = Duration::from_millis(20);

/// A user.
pub(crate) struct Submitter {
    name: String,
    home: PathBuf,
    workload: Workload,
    dice: Dice,
    acknowledged: BTreeMap<String, Submitted>,
}

/// Finds the daemon that serves a home now.
pub(crate) fn client(home: &Path) -> Option<Client> {
    Client::discover(None, home, &|_| None).ok()
}

impl Submitter {
    pub(crate) fn new(name: &str, home: &Path, workload: &Workload, dice: Dice) -> Self {
        Self {
            name: name.to_owned(),
            home: home.to_owned(),
            workload: workload.clone(),
            dice,
            acknowledged: BTreeMap::new(),
        }
    }

    /// Keeps the queue filled until told to stop; returns what was acknowledged, which is
    /// everything that was ever asked for.
    pub(crate) async fn submit(
        mut self,
        stop: watch::Receiver<bool>,
    ) -> BTreeMap<String, Submitted> {
        let mut number = 0;
        while !*stop.borrow() {
            if self.has_room().await {
                number += 1;
                self.submit_any(&format!("{}-{number}", self.name)).await;
            } else {
                sleep(PAUSE).await;
            }
        }
        self.acknowledged
    }

    /// Submits runs that never start and cancels them in the queue, one after the other without a
    /// pause, until told to stop; returns what was acknowledged.
    pub(crate) async fn park(mut self, stop: watch::Receiver<bool>) -> BTreeMap<String, Submitted> {
        let (mut number, mut parked) = (0, VecDeque::new());
        while !*stop.borrow() {
            number += 1;
            let tags = BTreeMap::from([(PARKED.0.to_owned(), PARKED.1.to_owned())]);
            let key = format!("{}-{number}", self.name);
            parked.push_back(self.submit_one(&key, "single", tags).await);
            if parked.len() > PARKED_AT_ONCE {
                self.cancel(parked.pop_front()).await;
            }
        }
        while !parked.is_empty() {
            self.cancel(parked.pop_front()).await;
        }
        self.acknowledged
    }

    async fn has_room(&self) -> bool {
        let Some(client) = client(&self.home) else { return false };
        let page = Page { limit: Some(1), ..Page::default() };
        client.queue(&page).await.is_ok_and(|queue| queue.total < QUEUED)
    }

    async fn submit_any(&mut self, key: &str) {
        let jobs: Vec<&'static str> = self.workload.jobs.iter().map(|job| job.name).collect();
        let Some(job) = self.dice.one_of(&jobs).copied() else { return };
        let mut tags = BTreeMap::new();
        for (tag, values) in [("team", ["a", "b", "c"]), ("tier", ["slow", "fast", "fast"])] {
            let value = self.dice.one_of(&values).copied().unwrap_or_default();
            tags.insert(tag.to_owned(), value.to_owned());
        }
        self.submit_one(key, job, tags).await;
    }

    async fn submit_one(
        &mut self,
        key: &str,
        job: &'static str,
        tags: BTreeMap<String, String>,
    ) -> String {
        let priority = i32::try_from(self.dice.below(3)).ok();
        let request =
            SubmitRun { job: job.to_owned(), tags: tags.clone(), priority, ..SubmitRun::default() };
        let run = self.insist(&request, key).await;
        if self.dice.one_in(4) {
            let again = self.insist(&request, key).await;
            assert_eq!(again, run, "the key {key} stands for two runs");
        }
        let submitted = Submitted { job, tags, is_canceled: false };
        let before = self.acknowledged.insert(run.clone(), submitted);
        assert_eq!(before, None, "run {run} was given for two keys");
        run
    }

    /// Cancels a run again and again until that is acknowledged.
    async fn cancel(&mut self, run: Option<String>) {
        let Some(run) = run else { return };
        loop {
            let Some(client) = client(&self.home) else {
                sleep(PAUSE).await;
                continue;
            };
            match client.cancel(&run, CancelRun::default()).await {
                Ok(_) => break,
                // An earlier request was carried out and its answer lost.
                Err(ClientError::Api { error, .. }) if error.code == ErrorCode::RunEnded => break,
                Err(error) => self.wait_after(&error, &run).await,
            }
        }
        if let Some(submitted) = self.acknowledged.get_mut(&run) {
            submitted.is_canceled = true;
        }
    }

    /// Submits again and again under the same key until the answer comes.
    async fn insist(&self, request: &SubmitRun, key: &str) -> String {
        loop {
            if let Some(client) = client(&self.home) {
                match client.submit(request, Some(key)).await {
                    Ok(submitted) => return submitted.run.id,
                    Err(error) => self.wait_after(&error, key).await,
                }
            } else {
                sleep(PAUSE).await;
            }
        }
    }

    /// Waits after an answer that passes by. Where the daemon was killed, another program may have
    /// its address until it is started again: that one does not know the token.
    async fn wait_after(&self, error: &ClientError, what: &str) {
        let is_of_another = match error {
            ClientError::Garbage { .. } => true,
            ClientError::Api { error, .. } => error.code == ErrorCode::Unauthorized,
            ClientError::NoServer { .. }
            | ClientError::Transport { .. }
            | ClientError::BadHeader { .. } => false,
        };
        assert!(error.is_passing() || is_of_another, "{what} was refused: {error}");
        sleep(PAUSE).await;
    }
}
