//! What follows a commit: launches, terminations, looks. Each is done off the loop, has a deadline,
//! and tells the loop what came of it.

use std::sync::Arc;
use std::time::Duration;

use definitions::Locations;
use launch::{LaunchError, LaunchOrder, Launcher, Token};
use lifecycle::{Command, Effect, Launched, Secret, Sight};
use model::{Attempt, CodeLocation, RunId, Timestamp};
use store::Store;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::commands::Entry;
use crate::inboxes::Inboxes;
use crate::looks::{Look, Looks};

/// How long a launcher may take to start a worker; after that nobody knows whether it did.
const LAUNCH_DEADLINE: Duration = Duration::from_mins(1);

/// How long a launcher may take to look at an attempt, or to send it a signal.
const LOOK_DEADLINE: Duration = Duration::from_secs(15);

/// How long a launcher may take to remove what it keeps of a run.
const FORGET_DEADLINE: Duration = Duration::from_mins(1);

/// How many runs the store is asked about at one time.
const KEPT_AT_ONCE: usize = 500;

/// How many looks and terminations are under way at one time: after a restart there may be as many
/// to do as runs were in progress.
const MAX_AT_ONCE: usize = 32;

/// Does what follows commits.
pub(crate) struct Performer<L> {
    parts: Parts<L>,
    tasks: JoinSet<()>,
}

struct Parts<L> {
    launcher: Arc<L>,
    locations: Locations,
    entry: Entry,
    inboxes: Inboxes,
    at_once: Arc<Semaphore>,
    /// Held while old output is looked for.
    clearing: Arc<Mutex<()>>,
    looks: Looks,
}

impl<L> Clone for Parts<L> {
    fn clone(&self) -> Self {
        Self {
            launcher: self.launcher.clone(),
            locations: self.locations.clone(),
            entry: self.entry.clone(),
            inboxes: self.inboxes.clone(),
            at_once: self.at_once.clone(),
            clearing: self.clearing.clone(),
            looks: self.looks.clone(),
        }
    }
}

impl<L: Launcher> Performer<L> {
    pub(crate) fn new(
        launcher: Arc<L>,
        locations: Locations,
        entry: Entry,
        inboxes: Inboxes,
    ) -> Self {
        let at_once = Arc::new(Semaphore::new(MAX_AT_ONCE));
        let (clearing, looks) = (Arc::default(), Looks::default());
        let parts = Parts { launcher, locations, entry, inboxes, at_once, clearing, looks };
        Self { parts, tasks: JoinSet::new() }
    }

    /// Starts what follows a commit, and does not wait for it.
    pub(crate) fn perform(&mut self, effects: Vec<Effect>) {
        while self.tasks.try_join_next().is_some() {}
        for effect in effects {
            match effect {
                Effect::Wake { run } => self.parts.inboxes.ring(run),
                Effect::Observe { run, attempt } => {
                    if let Some(look) = self.parts.looks.ask(run, attempt) {
                        let parts = self.parts.clone();
                        self.tasks.spawn(async move { parts.look(run, attempt, look).await });
                    }
                }
                Effect::Launch { .. } | Effect::Terminate { .. } | Effect::Forget { .. } => {
                    let parts = self.parts.clone();
                    self.tasks.spawn(async move { parts.perform(effect).await });
                }
            }
        }
    }

    /// Starts to remove what is kept of runs whose records are gone, and does not wait for it.
    pub(crate) fn clear_leftovers(&mut self, store: Arc<Store>) {
        let parts = self.parts.clone();
        self.tasks.spawn(async move { parts.clear_leftovers(&store).await });
    }

    /// Starts to remove what is kept of runs that ended before an instant, whose records stay, and
    /// does not wait for it.
    pub(crate) fn clear_output(&mut self, store: Arc<Store>, ended_before: Timestamp) {
        let parts = self.parts.clone();
        self.tasks.spawn(async move { parts.clear_output(&store, ended_before).await });
    }

    /// Waits for what is under way, for so long at most.
    pub(crate) async fn finish(mut self, patience: Duration) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _ = timeout(patience, all).await;
    }
}

impl<L: Launcher> Parts<L> {
    async fn perform(self, effect: Effect) {
        match effect {
            Effect::Launch { run, attempt, location, secret } => {
                let outcome = self.launch(run, attempt, location, secret).await;
                self.entry.hint(Command::Launched { run, attempt, outcome }).await;
            }
            Effect::Terminate { run, attempt, grace } => {
                let _permit = self.at_once.acquire().await;
                let sent = timeout(LOOK_DEADLINE, self.launcher.terminate(run, attempt, grace));
                match sent.await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => warn!(run.id = %run, %error, "failed to end a worker"),
                    Err(_) => warn!(run.id = %run, "ending a worker took too long"),
                }
            }
            Effect::Forget { run } => self.forget(run).await,
            // Done where they come in.
            Effect::Observe { .. } | Effect::Wake { .. } => {}
        }
    }

    async fn forget(&self, run: RunId) {
        let _permit = self.at_once.acquire().await;
        match timeout(FORGET_DEADLINE, self.launcher.forget(run)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                warn!(run.id = %run, %error, "failed to remove what is left of a run");
            }
            Err(_) => warn!(run.id = %run, "removing what is left of a run took too long"),
        }
    }

    /// Removes what is kept of runs that the store does not have: the daemon may have died between
    /// the commit that deleted their records and what follows it.
    async fn clear_leftovers(&self, store: &Store) {
        for runs in self.kept().await.chunks(KEPT_AT_ONCE) {
            // Listed before: what is kept of a run was made after the commit that made the run.
            let known = match store.known(&[], runs).await {
                Ok(known) => known.ids,
                Err(error) => return warn!(%error, "failed to look for deleted runs"),
            };
            for run in runs.iter().filter(|run| !known.contains(run)) {
                self.forget(*run).await;
            }
        }
    }

    /// Removes what is kept of runs that ended before an instant. Done again after a kill, it goes on
    /// with what is still there; while it is under way it is not begun again.
    async fn clear_output(&self, store: &Store, ended_before: Timestamp) {
        let Ok(_alone) = self.clearing.try_lock() else { return };
        let mut removed = 0;
        for runs in self.kept().await.chunks(KEPT_AT_ONCE) {
            let ended = match store.ended_among(runs, ended_before).await {
                Ok(ended) => ended,
                Err(error) => return warn!(%error, "failed to look for old output"),
            };
            for run in ended {
                self.forget(run).await;
                removed += 1;
            }
        }
        if removed > 0 {
            info!(runs = removed, "took away the output of runs that ended long ago");
        }
    }

    /// Lists the runs of which something is kept; none if they cannot be listed now.
    async fn kept(&self) -> Vec<RunId> {
        self.launcher.kept().await.unwrap_or_else(|error| {
            warn!(%error, "failed to look for what is kept of runs");
            Vec::new()
        })
    }

    /// Looks once and tells what was seen. Whoever asked since then is told that it cannot be told:
    /// what was seen may be older than the question.
    async fn look(self, run: RunId, attempt: Attempt, look: Look) {
        let sight = self.observe(run, attempt).await;
        self.entry.hint(Command::Observed { run, attempt, sight }).await;
        for _ in 0..look.end() {
            let sight = Sight::Unknown;
            self.entry.hint(Command::Observed { run, attempt, sight }).await;
        }
    }

    async fn launch(
        &self,
        run: RunId,
        attempt: Attempt,
        location: CodeLocation,
        secret: Secret,
    ) -> Launched {
        if let Err(why) = self.check_reachable(location).await {
            return Launched::Unreachable(why);
        }
        let token = Token::new(model::hex::write(&secret.0));
        let order = LaunchOrder { run, attempt, token };
        match timeout(LAUNCH_DEADLINE, self.launcher.launch(order)).await {
            Ok(Ok(())) => Launched::Started,
            Ok(Err(LaunchError::NotStarted(why))) => Launched::Failed(why),
            Ok(Err(LaunchError::Unknown(why))) => Launched::Unknown(why),
            Err(_) => Launched::Unknown("the launcher did not answer in time".to_owned()),
        }
    }

    /// Checks a code location where a disk that hangs holds up nobody.
    async fn check_reachable(&self, location: CodeLocation) -> Result<(), String> {
        let (locations, name) = (self.locations.clone(), location.clone());
        let check = spawn_blocking(move || locations.check_reachable(&name));
        if let Ok(Ok(checked)) = timeout(LOOK_DEADLINE, check).await {
            return checked.map_err(|unreachable| unreachable.to_string());
        }
        let seconds = LOOK_DEADLINE.as_secs();
        Err(format!("the file of code location {location} was not read within {seconds} s"))
    }

    async fn observe(&self, run: RunId, attempt: Attempt) -> Sight {
        let _permit = self.at_once.acquire().await;
        match timeout(LOOK_DEADLINE, self.launcher.observe(run, attempt)).await {
            Ok(launch::Sight::Alive) => Sight::Alive,
            Ok(launch::Sight::Remains) => Sight::Remains,
            Ok(launch::Sight::Gone) => Sight::Gone,
            Ok(launch::Sight::Unknown(why)) => {
                warn!(run.id = %run, "cannot tell whether a worker lives: {why}");
                Sight::Unknown
            }
            Err(_) => Sight::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
