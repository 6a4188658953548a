//! The one loop: takes what waits, has it decided, commits, and only then answers and acts.

mod size;

use std::sync::Arc;
use std::time::Duration;

use definitions::Locations;
use launch::Launcher;
use lifecycle::{Command, Reply, Settled, State};
use model::{Batch, Change, Epoch};
use store::{CommitError, Store};
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{error, info, warn};

use self::size::bytes_of;
pub(crate) use self::size::bytes_of_change;
use crate::clock::Clock;
use crate::commands::{Answer, Entry, Message, NotDone, Question};
use crate::effects::Performer;
use crate::handle::Handle;
use crate::ids::SystemIds;
use crate::inboxes::Inboxes;
use crate::lookups::look_up;
use crate::options::Options;
use crate::recovery::{StartError, lead};
use crate::retention::Pruner;
use crate::submit::MAX_PLANNED_AT_ONCE;

/// How many messages one turn takes: so many changes go into one commit, and nobody waits longer
/// than for one such commit and their own.
const MAX_PER_TURN: usize = 1000;

/// How many bytes one turn brings, about, before it takes no more: the database takes no text of a
/// gigabyte, which a thousand of the largest requests would come to.
const MAX_BYTES_PER_TURN: usize = 64 << 20;

/// How often a commit that surely did not happen is made again before the state is built anew.
const COMMIT_TRIES: u32 = 5;

/// How long the loop waits before it makes a commit again, times the number of the try.
const COMMIT_PAUSE: Duration = Duration::from_millis(50);

/// What a `dequeue_interval_seconds` of 0 comes to: nothing waits for it, so it need not be exact.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);

/// How often it is tried to lead again after the store has refused to write.
const LEAD_AGAIN: Duration = Duration::from_secs(1);

/// How long what follows the last commit may take when the daemon stops.
const LAST_EFFECTS: Duration = Duration::from_secs(5);

/// The daemon's loop as it runs.
#[derive(Debug)]
pub struct Running {
    task: JoinHandle<Result<(), LoopError>>,
    entry: Entry,
    stopping: watch::Sender<bool>,
}

/// Why the loop ended though nobody told it to.
#[derive(Debug, Error)]
pub enum LoopError {
    /// Another daemon leads this store now.
    #[error("another daemon has taken over this store; this one stops")]
    EpochLost,
    /// The loop itself failed; its state is built anew when the daemon starts again.
    #[error("the daemon's loop failed")]
    Panicked,
}

impl Running {
    /// Waits until the loop ends by itself, which it does only if something is wrong.
    ///
    /// # Errors
    /// [`LoopError`] says what.
    pub async fn ended(&mut self) -> Result<(), LoopError> {
        (&mut self.task).await.unwrap_or(Err(LoopError::Panicked))
    }

    /// Deals with what waits, makes it durable and ends. Runs in progress go on.
    ///
    /// # Errors
    /// [`LoopError`] if the loop had failed before.
    pub async fn stop(self) -> Result<(), LoopError> {
        self.stopping.send_replace(true);
        self.entry.stop().await;
        self.task.await.unwrap_or(Err(LoopError::Panicked))
    }
}

/// Takes the leadership of a store, finds out what has not ended, and starts to decide.
///
/// # Errors
/// [`StartError`] if the store cannot be led or contradicts itself.
pub async fn start<L: Launcher>(
    options: Options,
    store: Arc<Store>,
    locations: Locations,
    launcher: L,
) -> Result<(Handle, Running), StartError> {
    SystemIds::check().map_err(|error| StartError::NoRandomness(error.to_string()))?;
    let clock = Clock::new();
    let (epoch, state) = lead(&store, &options, clock).await?;
    let (entry, messages) = Entry::new();
    let (changes, changes_seen) = watch::channel(state.last_change());
    let (stopping, stopping_seen) = watch::channel(false);
    let inboxes = Inboxes::default();
    let performer =
        Performer::new(launcher.into(), locations.clone(), entry.clone(), inboxes.clone());
    let options = Arc::new(options);
    let (in_force, options_seen) = watch::channel(options.clone());
    let handle = Handle {
        entry: entry.clone(),
        inboxes: inboxes.clone(),
        store: store.clone(),
        locations,
        options: options_seen,
        changes: changes_seen,
        stopping: stopping_seen,
        planning: Arc::new(Semaphore::new(MAX_PLANNED_AT_ONCE)),
    };
    let pruner = Pruner::new(options.retention);
    let decider = Decider {
        in_force,
        store,
        epoch,
        clock,
        messages,
        loads: handle.locations.changes(),
        locations: handle.locations.clone(),
        performer,
        inboxes,
        changes,
        pruner,
    };
    let task = tokio::spawn(decider.run(state));
    Ok((handle, Running { task, entry, stopping }))
}

struct Decider<L> {
    in_force: watch::Sender<Arc<Options>>,
    store: Arc<Store>,
    epoch: Epoch,
    clock: Clock,
    messages: mpsc::Receiver<Message>,
    locations: Locations,
    /// Tells when code has been loaded, for which runs may wait.
    loads: watch::Receiver<u64>,
    performer: Performer<L>,
    inboxes: Inboxes,
    changes: watch::Sender<Change>,
    pruner: Pruner,
}

/// What is owed once the commit of a turn is durable.
#[derive(Default)]
struct Owed {
    answers: Vec<(oneshot::Sender<Answer>, Answer)>,
    questions: Vec<Question>,
    /// The options that are in force from then on.
    options: Option<Box<Options>>,
    is_last: bool,
}

/// How a turn ended.
enum Turn {
    Done,
    /// There is more to decide at once.
    Cut,
    /// The loop was told to end.
    Last,
}

impl<L: Launcher> Decider<L> {
    async fn run(mut self, mut state: State) -> Result<(), LoopError> {
        info!(epoch = self.epoch.0, "leading");
        self.performer.clear_leftovers(self.store.clone());
        let mut turn = Turn::Cut;
        loop {
            let messages = match turn {
                Turn::Last => break,
                Turn::Cut => self.take_waiting(Vec::new()),
                Turn::Done => self.wait(&state).await,
            };
            turn = match self.turn(&mut state, messages).await {
                Ok(turn) => turn,
                Err(CommitError::EpochLost { .. }) => return Err(LoopError::EpochLost),
                Err(error) => {
                    error!(%error, "failed to commit; building the state anew");
                    match self.lead_again().await {
                        Some(anew) => state = anew,
                        None => break,
                    }
                    Turn::Cut
                }
            };
            self.pruner.prune_if_due(&self.store, self.epoch, &mut self.performer).await;
        }
        self.inboxes.ring_all();
        self.performer.finish(LAST_EFFECTS).await;
        info!("stopped");
        Ok(())
    }

    /// Waits for a message or for the next deadline, and takes everything that waits.
    async fn wait(&mut self, state: &State) -> Vec<Message> {
        let deadline = state.next_deadline(self.clock.now()).unwrap_or(Duration::MAX);
        let longest =
            self.in_force.borrow().longest_sleep.max(SHORTEST_SLEEP).min(self.pruner.due_in());
        let sleep = deadline.min(longest);
        let first = tokio::select! {
            first = timeout(sleep, self.messages.recv()) => first,
            Ok(()) = self.loads.changed() => return self.take_waiting(Vec::new()),
        };
        match first {
            Ok(Some(first)) => {
                // Whoever was answered a moment ago comes with the next request: into this commit.
                yield_now().await;
                self.take_waiting(vec![first])
            }
            Ok(None) => vec![Message::Stop],
            Err(_) => Vec::new(),
        }
    }

    fn take_waiting(&mut self, mut messages: Vec<Message>) -> Vec<Message> {
        let mut bytes: usize = messages.iter().map(bytes_of).sum();
        while messages.len() < MAX_PER_TURN && bytes < MAX_BYTES_PER_TURN {
            let Ok(message) = self.messages.try_recv() else { break };
            bytes += bytes_of(&message);
            messages.push(message);
        }
        messages
    }

    /// One turn: decide, commit, answer, act.
    async fn turn(
        &mut self,
        state: &mut State,
        mut messages: Vec<Message>,
    ) -> Result<Turn, CommitError> {
        look_up(&self.store, &mut messages).await;
        let now = self.clock.now();
        let mut owed = Owed::default();
        let _ = state.step(Command::Tick, now, &mut SystemIds);
        let locations = self.locations.loading();
        if *state.image().loading() != *locations {
            let loading = Command::Loading { locations: (*locations).clone() };
            let _ = state.step(loading, now, &mut SystemIds);
        }
        for message in messages {
            let mut decide = |command| state.step(command, now, &mut SystemIds);
            match message {
                Message::Command { command, reply } => {
                    owed.answers.push((reply, decide(command).map_err(NotDone::Refused)));
                }
                Message::Hint(command) => {
                    let _: Result<Reply, _> = decide(command);
                }
                Message::Question { question, .. } => owed.questions.push(question),
                Message::Configure { options, reply } => {
                    let answer = decide(configure(&options)).map_err(NotDone::Refused);
                    owed.answers.push((reply, answer));
                    owed.options = Some(options);
                }
                Message::Stop => owed.is_last = true,
            }
        }
        let Settled { batch, effects, is_cut } = state.settle(now, &mut SystemIds);
        if let Err(error) = self.commit(&batch).await {
            owed.refuse(&error);
            return Err(error);
        }
        let is_last = owed.is_last;
        if let Some(options) = owed.options.take() {
            self.put_in_force(*options);
        }
        owed.pay(state);
        self.changes.send_if_modified(|change| {
            let is_new = *change != state.last_change();
            *change = state.last_change();
            is_new
        });
        self.performer.perform(effects);
        Ok(if is_last {
            Turn::Last
        } else if is_cut {
            Turn::Cut
        } else {
            Turn::Done
        })
    }

    /// The commit that says so is durable: from now on these options are in force, everywhere.
    fn put_in_force(&mut self, options: Options) {
        self.pruner.configure(options.retention);
        let url = self.in_force.borrow().url.clone();
        self.in_force.send_replace(Arc::new(Options { url, ..options }));
    }

    /// Makes a commit; one that surely did not happen is made again, so often at most.
    ///
    /// A batch that the database refuses for its content takes all commands of its turn with it. None
    /// can be made: ids and keys that are taken are refused before, every text and number fits its
    /// column, and how large a turn gets is bounded. One that comes about all the same is a fault of
    /// the rules; nothing of it is written, and everybody who asked is told so.
    async fn commit(&self, batch: &Batch) -> Result<(), CommitError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut tries = 1;
        loop {
            match self.store.commit(self.epoch, batch).await {
                Err(CommitError::Passing(why)) if tries < COMMIT_TRIES => {
                    warn!(%why, "a commit did not happen; making it again");
                    sleep(COMMIT_PAUSE * tries).await;
                    tries += 1;
                }
                end => return end,
            }
        }
    }

    /// Builds the state anew from the store: after a commit whose outcome is not known, or that
    /// did not happen. Until that works nothing is written and everybody is told so; reading goes
    /// on. Returns none if the loop is told to end meanwhile.
    async fn lead_again(&mut self) -> Option<State> {
        loop {
            let options = self.in_force.borrow().clone();
            match lead(&self.store, &options, self.clock).await {
                Ok((epoch, state)) => {
                    info!(epoch = epoch.0, "leading again");
                    self.epoch = epoch;
                    self.inboxes.ring_all();
                    return Some(state);
                }
                Err(error) => {
                    error!(%error, "failed to lead again; nothing can be written meanwhile");
                    let until = Instant::now() + LEAD_AGAIN;
                    while let Ok(message) = timeout_at(until, self.messages.recv()).await {
                        match message {
                            Some(
                                Message::Command { reply, .. } | Message::Configure { reply, .. },
                            ) => {
                                let _ = reply.send(Err(not_leading(&error)));
                            }
                            Some(Message::Hint(_) | Message::Question { .. }) => {}
                            Some(Message::Stop) | None => return None,
                        }
                    }
                }
            }
        }
    }
}

/// What the rules are told of options.
fn configure(options: &Options) -> Command {
    Command::Configure { settings: Box::new(options.settings.clone()), rules: options.rules }
}

/// Why a command is not carried out while the store cannot be led.
fn not_leading(error: &StartError) -> NotDone {
    match error {
        StartError::NotLeading(error) => NotDone::of_commit(error),
        StartError::NoRandomness(_) | StartError::Unreadable(_) | StartError::Contradiction(_) => {
            NotDone::Unavailable(format!("nothing can be written now: {error}"))
        }
    }
}

impl Owed {
    /// The commit is durable: everybody is told.
    fn pay(self, state: &mut State) {
        for (reply, answer) in self.answers {
            // Whoever asked may have gone; what was asked for is done all the same.
            let _ = reply.send(answer);
        }
        for question in self.questions {
            question(state);
        }
    }

    /// The commit was not made, or nobody knows.
    fn refuse(self, error: &CommitError) {
        for (reply, _) in self.answers {
            let _ = reply.send(Err(NotDone::of_commit(error)));
        }
    }
}

#[cfg(test)]
mod tests;
