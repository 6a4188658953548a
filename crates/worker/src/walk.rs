//! Performs what the graph says: keeps its reports, starts and ends tries, and tells it what happened.
//!
//! There is no rule here. Whatever may happen next is waited for in one place, [`Walk::next`].

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use process::guard::Orders;
use process::spawn::GuardedCommand;
use thiserror::Error;
use tokio::signal::unix::Signal;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info};
use wire::plan::PlanStep;
use wire::told::{Error, Told as ToldByCode};

use crate::answer::Answer;
use crate::clock::Clock;
use crate::dagster::{DagsterRun, step_of};
use crate::environment::{EnvironmentError, RunFacts};
use crate::folder::Folder;
use crate::follow::{Batch, Followed, MAX_WAITING};
use crate::graph::{Ending, Graph, Halt, Heard, StepIndex, Todo, Try};
use crate::line::{Line, Told};
use crate::run::{Settings, write_secretly};
use crate::spool::SpoolError;
use crate::tries::{RunningTry, with_cause};

/// The program whose subcommand `step-guard` is the guard: this very one, even if its file was
/// replaced by a newer version since.
const OWN_BINARY: &str = "/proc/self/exe";

/// What all tries of an attempt have in common.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) folder: Folder,
    pub(crate) steps: Vec<PlanStep>,
    pub(crate) facts: RunFacts,
    /// The environment of the worker.
    pub(crate) worker: BTreeMap<OsString, OsString>,
    pub(crate) settings: Settings,
    /// Set if the steps are code written for Dagster.
    pub(crate) dagster: Option<DagsterRun>,
}

/// How a try ended, with what its code has raised.
type Ended = (Try, (Ending, Option<Error>));

/// How many events of one try are told: more than anybody reads. It is said how many there were beyond.
const MAX_EVENTS: usize = 10_000;

/// How much is kept of an answer, in bytes: Python bounds what one event tells, and what it says last
/// must not be lost.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// A walk under way.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    graph: Graph,
    ground: Ground,
    line: &'a Line<'a>,
    clock: Clock,
    told: watch::Receiver<Told>,
    tries: FuturesUnordered<LocalBoxFuture<'static, Ended>>,
    /// What the code of tries tells; the sender is for those that start.
    events: mpsc::Receiver<Batch>,
    telling: mpsc::Sender<Batch>,
    /// How many events each running try has told, and how many of them were left out.
    heard: BTreeMap<StepIndex, (usize, u64)>,
    /// Ends the running try of a step.
    stops: BTreeMap<StepIndex, Arc<Notify>>,
    was_terminated: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(graph: Graph, ground: Ground, line: &'a Line<'a>, clock: Clock) -> Self {
        let mut told = line.told();
        // What was said before this is heard too.
        told.mark_changed();
        let (telling, events) = mpsc::channel(MAX_WAITING);
        Self {
            graph,
            ground,
            line,
            clock,
            told,
            tries: FuturesUnordered::new(),
            events,
            telling,
            heard: BTreeMap::new(),
            stops: BTreeMap::new(),
            was_terminated: false,
        }
    }

    /// Walks until every step has ended and nothing of them is left; returns whether SIGTERM came.
    pub(crate) async fn run(mut self, terminate: &mut Signal) -> bool {
        let todo = self.graph.begin(self.clock.now());
        self.perform(todo);
        while !self.graph.has_ended() {
            let todo = self.next(terminate).await;
            self.perform(todo);
        }
        self.was_terminated
    }

    /// Waits for what happens next and tells the graph.
    async fn next(&mut self, terminate: &mut Signal) -> Todo {
        let due = self.graph.next_deadline().map(|at| self.clock.instant(at));
        tokio::select! {
            Some((ended, how)) = self.tries.next() => self.exited(ended, how),
            Some((of, events)) = self.events.recv() => self.tell(of, events),
            Ok(()) = self.told.changed() => self.heard(),
            () = until(due) => self.graph.passed(self.clock.now()),
            Some(()) = terminate.recv(), if !self.was_terminated => {
                info!("told to end by SIGTERM: ending the steps");
                self.was_terminated = true;
                self.graph.halt(Halt::Cancel, self.clock.now())
            }
        }
    }

    /// A try ended. What it has told goes before that.
    fn exited(&mut self, ended: Try, (ending, error): (Ending, Option<Error>)) -> Todo {
        self.stops.remove(&ended.step);
        while let Ok((of, events)) = self.events.try_recv() {
            let todo = self.tell(of, events);
            self.perform(todo);
        }
        if let Some((_, events @ 1..)) = self.heard.remove(&ended.step) {
            let told = ToldByCode::LeftOut { events };
            let left_out = Heard { at: self.clock.now(), inner: None, told };
            let todo = self.graph.told(ended, vec![left_out]);
            self.perform(todo);
        }
        if let Some(error) = error {
            self.graph.blame(ended, error);
        }
        self.graph.exited(ended, ending, self.clock.now())
    }

    /// Takes what a try has told: no more than a try may tell, and nothing while so much waits to be
    /// delivered that a run would have to end for it.
    fn tell(&mut self, of: Try, mut events: Vec<Heard>) -> Todo {
        let (told, left_out) = self.heard.entry(of.step).or_default();
        let room = if self.line.has_room() { MAX_EVENTS.saturating_sub(*told) } else { 0 };
        let beyond = events.len().saturating_sub(room);
        events.truncate(room);
        *told += events.len();
        *left_out += beyond as u64;
        self.graph.told(of, events)
    }

    fn heard(&mut self) -> Todo {
        let now = self.clock.now();
        let Told { granted, heard, cancel, end } = self.told.borrow_and_update().clone();
        if end.is_some() {
            return self.graph.halt(Halt::Cancel, now);
        }
        if let Some(cancel) = cancel {
            let todo = self.graph.halt(Halt::Cancel, now);
            if todo != Todo::default() {
                info!("told to end: {}", cancel.reason);
            }
            return todo;
        }
        self.graph.granted(&granted, heard, now)
    }

    fn perform(&mut self, todo: Todo) {
        self.line.set_awaited(self.graph.awaited());
        match self.line.keep(todo.reports) {
            Ok(()) => todo.starts.into_iter().for_each(|start| self.start(start)),
            Err(error) => self.fail(&error, todo.starts),
        }
        for step in todo.ends {
            if let Some(stop) = self.stops.get(&step) {
                stop.notify_one();
            }
        }
    }

    /// Ends the walk because its reports cannot be kept: what was to start is not started.
    fn fail(&mut self, error: &SpoolError, starts: Vec<Try>) {
        let reason = with_cause(error);
        error!("the worker ends its steps: {reason}");
        let todo = self.graph.halt(Halt::Fail(reason.clone()), self.clock.now());
        self.perform(todo);
        for start in starts {
            let todo = self.exited(start, (Ending::Unstartable(reason.clone()), None));
            self.perform(todo);
        }
    }

    fn start(&mut self, start: Try) {
        let stop = Arc::new(Notify::new());
        self.stops.insert(start.step, Arc::clone(&stop));
        let started = match self.command(start) {
            Ok(command) => {
                let answer = command.orders.answer.clone();
                match RunningTry::start(&command) {
                    Ok(running) => Ok((running, answer)),
                    Err(error) => Err(Ending::Failed(with_cause(&error))),
                }
            }
            Err(error) => Err(Ending::Unstartable(with_cause(&error))),
        };
        let (clock, events) = (self.clock, self.telling.clone());
        let load_timeout = self.ground.settings.load_timeout;
        self.tries.push(Box::pin(async move {
            let ended = match started {
                Ok((running, None)) => (running.watch(stop).await, None),
                Ok((running, Some(answer))) => {
                    let answer = Answer::new(&answer, clock);
                    let followed =
                        Followed { of: start, running, stop, answer, load_timeout, events };
                    followed.follow().await
                }
                Err(ending) => (ending, None),
            };
            (start, ended)
        }));
    }

    fn command(&self, start: Try) -> Result<GuardedCommand, CommandError> {
        let Ground { folder, steps, facts, worker, settings, dagster } = &self.ground;
        let step = step_of(&self.graph, steps, start.step);
        let environment = facts.environment(&step, start.number, worker)?;
        let mut orders = Orders {
            lock: folder.step_lock(&step.key, start.number),
            out: folder.out(&step.key, start.number),
            err: folder.err(&step.key, start.number),
            input: None,
            answer: None,
            fork: None,
            max_output: settings.max_output,
            max_answer: MAX_ANSWER,
            grace: settings.grace,
            cwd: step.cwd.clone(),
            command: step.command.iter().map(OsString::from).collect(),
        };
        if let Some(dagster) = dagster {
            let request = folder.request(&step.key, start.number);
            write_secretly(&request, &dagster.request(&step, start, &self.graph))?;
            orders.input = Some(request);
            orders.answer = Some(folder.answer(&step.key, start.number));
            orders.fork = dagster.fork();
        }
        Ok(GuardedCommand { binary: PathBuf::from(OWN_BINARY), orders, environment })
    }
}

/// Why a try cannot be started.
#[derive(Debug, Error)]
enum CommandError {
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error("failed to write what the step is asked for")]
    Request(#[from] std::io::Error),
}

/// Waits until something is due; for ever, if nothing is.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}
