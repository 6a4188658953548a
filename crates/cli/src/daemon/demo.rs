//! `pointsman demo`: a daemon in a home of its own, real processes, and the run queue at work.
//!
//! It speaks to the daemon as everybody does, over HTTP; what it prints was read from there.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use ::config::InstanceConfig;
use model::EventKind;
use tempfile::TempDir;
use thiserror::Error;
use tokio::time::timeout;
use wire::api::{CancelRun, Event, Page, RunFilter, RunWhy, SubmitRun};
use wire::client::{Changes, Client, ClientError, DiscoverError, News};

use super::serve::{Stop, failed, say, start_log};
use super::sources::Sources;
use super::start::{Daemon, DaemonError, Setup};
use crate::answer::{Answer, WRONG};

const JOBS: &str = include_str!("demo.yaml");
const CONFIG: &str = include_str!("demo-config.yaml");

/// How long the demo waits for workers to be gone: they have only to exit, and a machine that does
/// much else delays that.
const LONGEST_EXIT: Duration = Duration::from_secs(10);

/// How often it looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The pool that the last act shares.
const POOL: &str = "warehouse";

#[derive(Debug, Error)]
enum DemoError {
    #[error("cannot make a folder to play in")]
    NoFolder(#[source] std::io::Error),
    #[error("cannot listen to signals")]
    Signals(#[source] std::io::Error),
    #[error("the demo's own configuration is wrong")]
    Config,
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("run {0} ended as {1}")]
    Ended(String, EventKind),
}

/// Plays the demo; it ends by itself and leaves nothing behind.
pub(crate) fn demo() -> Answer {
    start_log();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(play_in_a_folder()) {
        Ok(Ended::Played) => Answer { stdout: next_steps(), ..Answer::default() },
        Ok(Ended::Stopped) => Answer { code: WRONG, ..Answer::default() },
        Err(error) => failed(&error),
    }
}

enum Ended {
    Played,
    Stopped,
}

async fn play_in_a_folder() -> Result<Ended, DemoError> {
    let mut stop = Stop::new().map_err(DemoError::Signals)?;
    let home = TempDir::with_prefix("pointsman-demo-").map_err(DemoError::NoFolder)?;
    let jobs = home.path().join("demo.yaml");
    std::fs::write(&jobs, JOBS).map_err(DemoError::NoFolder)?;
    let config = InstanceConfig::read("demo", CONFIG.as_bytes(), &|_| None);
    let (config, _) = config.map_err(|_| DemoError::Config)?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let sources = Sources { paths: vec![jobs], ..Sources::default() };
    let setup = Setup {
        home: home.path(),
        sources,
        config: &config,
        folder: home.path(),
        addr,
        configuration: None,
    };
    let daemon = Daemon::start(setup).await?;
    say(&format!("A daemon serves {} from {}\n", daemon.url, home.path().display()));
    let ended = tokio::select! {
        played = play(home.path()) => played.map(|()| Ended::Played),
        () = stop.wanted() => Ok(Ended::Stopped),
    };
    let client = Client::discover(None, home.path(), &|_| None);
    if let Ok(client) = client {
        end_all(&client).await;
    }
    // A run has ended when its worker has said so; the worker itself exits a moment later.
    drop(timeout(LONGEST_EXIT, workers_are_gone(home.path())).await);
    daemon.stop().await?;
    ended
}

/// Whatever happened, nothing of the demo goes on.
async fn end_all(client: &Client) {
    let Ok(runs) = client.runs(&RunFilter::default()).await else { return };
    for run in runs.runs.iter().filter(|run| !run.status.is_terminal()) {
        drop(client.cancel(&run.id, CancelRun { force: false }).await);
    }
    for run in runs.runs.iter().filter(|run| !run.status.is_terminal()) {
        while client.run(&run.id).await.is_ok_and(|now| !now.run.status.is_terminal()) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// Waits until nobody holds the lock of a worker or of a step.
async fn workers_are_gone(home: &Path) {
    while is_any_lock_held(&home.join("runs")) {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Returns whether a lock in a folder, or in a folder in it, is held. One that cannot be asked
/// about is not.
fn is_any_lock_held(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            return is_any_lock_held(&path);
        }
        path.extension().is_some_and(|end| end == "lock")
            && process::lock::is_held(&path).unwrap_or(false)
    })
}

async fn play(home: &Path) -> Result<(), DemoError> {
    let client = Client::discover(None, home, &|_| None)?;
    let changes = client.changes(Some(0)).await?;
    let mut stage = Stage::new(client, changes);
    stage.a_limit_by_tag().await?;
    stage.priorities().await?;
    stage.a_pool().await
}

/// The demo as it goes on.
struct Stage {
    client: Client,
    changes: Changes,
    begun: Instant,
    /// The names under which runs are shown, by id.
    names: BTreeMap<String, String>,
    /// The runs of this act in the order of their start.
    started: Vec<String>,
    ended: usize,
    style: Style,
}

impl Stage {
    fn new(client: Client, changes: Changes) -> Self {
        let style = Style::of_terminal();
        let (begun, names, started) = (Instant::now(), BTreeMap::new(), Vec::new());
        Self { client, changes, begun, names, started, ended: 0, style }
    }

    /// A and B share a tag with a limit of 1, C has none: B waits and holds up nobody.
    async fn a_limit_by_tag(&mut self) -> Result<(), DemoError> {
        self.title("1. A limit by tag: at most one run with the tag `team` is in progress");
        for (name, tags) in [("A", &[("team", "docs")][..]), ("B", &[("team", "docs")]), ("C", &[])]
        {
            self.submit(name, "report", tags, 0).await?;
        }
        self.until(|stage| stage.started.len() == 2).await?;
        self.tell_why("B").await?;
        self.until(|stage| stage.ended == 3).await?;
        self.tell_order().await
    }

    /// One run goes first, then three wait with different priorities.
    async fn priorities(&mut self) -> Result<(), DemoError> {
        self.title("2. Priorities: one at a time, the larger number first, submitted in reverse");
        let lane = &[("lane", "one")][..];
        self.submit("first", "quick", lane, 0).await?;
        self.until(|stage| stage.started.len() == 1).await?;
        for (name, priority) in [("low(-1)", -1), ("normal(0)", 0), ("high(3)", 3)] {
            self.submit(name, "quick", lane, priority).await?;
        }
        self.until(|stage| stage.ended == 4).await?;
        self.tell_order().await
    }

    /// Two runs go on at the same time; only the step that needs the pool waits.
    async fn a_pool(&mut self) -> Result<(), DemoError> {
        self.title("3. A pool of one slot: both runs start, their `load` steps take turns");
        self.client.set_pool_limit(POOL, 1).await?;
        self.submit("east", "refresh", &[], 0).await?;
        self.submit("west", "refresh", &[], 0).await?;
        let mut told = false;
        while self.ended < 2 {
            let event = self.next_event().await?;
            if event.kind == EventKind::StepWaiting && !told {
                told = true;
                let name = event.run.and_then(|run| self.names.get(&run).cloned());
                self.tell_why(&name.unwrap_or_default()).await?;
            }
        }
        self.tell_order().await
    }

    fn title(&mut self, title: &str) {
        self.started.clear();
        self.ended = 0;
        say(&format!("\n{}\n", self.style.strong(title)));
    }

    async fn submit(
        &mut self,
        name: &str,
        job: &str,
        tags: &[(&str, &str)],
        priority: i32,
    ) -> Result<(), DemoError> {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let request = SubmitRun {
            job: job.to_owned(),
            tags: tags.collect(),
            priority: Some(priority),
            ..SubmitRun::default()
        };
        let submitted = self.client.submit(&request, None).await?;
        self.names.insert(submitted.run.id, name.to_owned());
        self.line(name, "is submitted");
        Ok(())
    }

    async fn until(&mut self, is_so: impl Fn(&Self) -> bool) -> Result<(), DemoError> {
        while !is_so(self) {
            self.next_event().await?;
        }
        Ok(())
    }

    /// Waits for the next event, shows it and takes note of it.
    async fn next_event(&mut self) -> Result<Event, DemoError> {
        let event = loop {
            if let News::Event(event) = self.changes.next().await? {
                break event;
            }
        };
        let Some(name) = event.run.as_ref().and_then(|run| self.names.get(run)).cloned() else {
            return Ok(event);
        };
        let step = event.step.as_deref().unwrap_or_default();
        if event.kind == EventKind::RunStart {
            self.started.push(name.clone());
            self.line(&name, &self.style.good("starts"));
        } else if event.kind == EventKind::RunSuccess {
            self.ended += 1;
            self.line(&name, "has finished");
        } else if event.kind == EventKind::StepStart && event_is_pooled(step) {
            self.line(&name, &format!("step {step} starts"));
        } else if event.kind == EventKind::StepSuccess && event_is_pooled(step) {
            self.line(&name, &format!("step {step} has finished"));
        } else if [EventKind::RunFailure, EventKind::RunCanceled].contains(&event.kind) {
            return Err(DemoError::Ended(name, event.kind));
        }
        Ok(event)
    }

    fn line(&self, name: &str, text: &str) {
        let seconds = self.begun.elapsed().as_secs_f64();
        say(&format!("  {seconds:5.2}s  {name:<10} {text}\n"));
    }

    /// Tells why a run or a step of it waits, in the words of the daemon.
    async fn tell_why(&self, name: &str) -> Result<(), DemoError> {
        let Some((id, _)) = self.names.iter().find(|(_, shown)| *shown == name) else {
            return Ok(());
        };
        let RunWhy { sentences, steps, .. } = self.client.why(id).await?;
        for sentence in sentences {
            self.line(name, &self.style.wait(&format!("waits: {}", self.named(&sentence))));
        }
        for step in steps {
            for sentence in step.sentences {
                let text = format!("step {} waits: {}", step.step, self.named(&sentence));
                self.line(name, &self.style.wait(&text));
            }
        }
        Ok(())
    }

    /// Puts the names of this demo in place of the short ids of its runs.
    fn named(&self, sentence: &str) -> String {
        let short = |id: &str| id.get(..8).unwrap_or(id).to_owned();
        self.names.iter().fold(sentence.to_owned(), |text, (id, name)| {
            text.replace(&format!("run {}", short(id)), name).replace(&short(id), name)
        })
    }

    /// Reads from the store in which order the runs of this act were launched.
    async fn tell_order(&self) -> Result<(), DemoError> {
        let mut launched = BTreeMap::new();
        for name in &self.started {
            let Some((id, _)) = self.names.iter().find(|(_, shown)| *shown == name) else {
                continue;
            };
            let events = self.client.events(id, &Page::default()).await?.events;
            let starting = events.iter().find(|event| event.kind == EventKind::RunStarting);
            launched.extend(starting.map(|event| (event.change, name.as_str())));
        }
        let names: Vec<&str> = launched.into_values().collect();
        let order = names.join(", ");
        say(&format!("  launch order: {}\n", self.style.strong(&order)));
        Ok(())
    }
}

/// Returns whether a step is one that the demo tells of.
fn event_is_pooled(step: &str) -> bool {
    step == "load"
}

/// Colours, where they are wanted.
struct Style {
    is_coloured: bool,
}

impl Style {
    fn of_terminal() -> Self {
        let is_coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { is_coloured }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.is_coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn strong(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    fn wait(&self, text: &str) -> String {
        self.paint("33", text)
    }
}

fn next_steps() -> String {
    "\nEverything has ended and the folder is removed. Next:\n  \
     pointsman init                 write an example of jobs of your own\n  \
     pointsman dev                  serve the jobs of this folder, reloaded on save\n  \
     pointsman job launch NAME      run one\n  \
     pointsman queue                who waits, for what, and who holds it\n  \
     pointsman run why ID           why one waits, and what would free it\n"
        .to_owned()
}
