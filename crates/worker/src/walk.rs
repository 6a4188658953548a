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
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info};
use wire::plan::PlanStep;

use crate::clock::Clock;
use crate::dagster::{self, DagsterRun, step_of};
use crate::environment::{EnvironmentError, RunFacts};
use crate::folder::Folder;
use crate::graph::{Ending, Graph, Halt, StepIndex, Todo, Try};
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

/// A walk under way.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    graph: Graph,
    ground: Ground,
    line: &'a Line<'a>,
    clock: Clock,
    told: watch::Receiver<Told>,
    tries: FuturesUnordered<LocalBoxFuture<'static, (Try, Ending)>>,
    /// Ends the running try of a step.
    stops: BTreeMap<StepIndex, Arc<Notify>>,
    was_terminated: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(graph: Graph, ground: Ground, line: &'a Line<'a>, clock: Clock) -> Self {
        let mut told = line.told();
        // What was said before this is heard too.
        told.mark_changed();
        Self {
            graph,
            ground,
            line,
            clock,
            told,
            tries: FuturesUnordered::new(),
            stops: BTreeMap::new(),
            was_terminated: false,
        }
    }

    /// Walks until every step has ended and nothing of them is left.
    pub(crate) async fn run(mut self, terminate: &mut Signal) {
        let todo = self.graph.begin(self.clock.now());
        self.perform(todo);
        while !self.graph.has_ended() {
            let todo = self.next(terminate).await;
            self.perform(todo);
        }
    }

    /// Waits for what happens next and tells the graph.
    async fn next(&mut self, terminate: &mut Signal) -> Todo {
        let due = self.graph.next_deadline().map(|at| self.clock.instant(at));
        tokio::select! {
            Some((ended, ending)) = self.tries.next() => self.exited(ended, ending),
            Ok(()) = self.told.changed() => self.heard(),
            () = until(due) => self.graph.passed(self.clock.now()),
            Some(()) = terminate.recv(), if !self.was_terminated => {
                info!("told to end by SIGTERM: ending the steps");
                self.was_terminated = true;
                self.graph.halt(Halt::Cancel, self.clock.now())
            }
        }
    }

    fn exited(&mut self, ended: Try, ending: Ending) -> Todo {
        self.stops.remove(&ended.step);
        self.graph.exited(ended, ending, self.clock.now())
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
            let todo = self.exited(start, Ending::Unstartable(reason.clone()));
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
        self.tries.push(Box::pin(async move {
            let ending = match started {
                Ok((running, None)) => running.watch(stop).await,
                Ok((running, Some(answer))) => dagster::ending(running.watch(stop).await, &answer),
                Err(ending) => ending,
            };
            (start, ending)
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
