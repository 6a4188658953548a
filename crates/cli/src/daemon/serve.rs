//! `pointsman serve` and `pointsman dev`: the daemon until somebody stops it.

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use ::config::InstanceConfig;
use definitions::{LocationState, Root, Snapshot};
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use super::configuration::{ConfigurationFile, Found, Reloaded, folder_of};
use super::saved::SavedError;
use super::start::{Daemon, DaemonError, Setup};
use super::watch::{WatchError, Watcher};
use super::{DaemonArgs, home, sources};
use crate::answer::{Answer, WRONG};

/// Whether changed files of jobs are loaded as soon as they are saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    /// They are (`dev`).
    OnSave,
    /// They are when somebody asks for it (`serve`).
    WhenAsked,
}

#[derive(Debug, Error)]
enum ServeError {
    #[error("the host `{0}` of the configuration is no address: write 127.0.0.1 or ::1")]
    Host(String),
    #[error(transparent)]
    Sources(#[from] sources::SourcesError),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error(transparent)]
    Watch(#[from] WatchError),
    #[error(transparent)]
    WatchConfiguration(#[from] SavedError),
    #[error("cannot listen to signals")]
    Signals(#[source] std::io::Error),
}

/// Runs the daemon; returns when it was stopped.
pub(crate) fn serve(args: &DaemonArgs, reload: Reload) -> Answer {
    let home = match home::find_and_make(args.home.as_deref()) {
        Ok(home) => home,
        Err(error) => return failed(&error),
    };
    let found = match crate::config::load_for(&home, args.config.as_deref()) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    start_log();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let ended = runtime.block_on(run(args, reload, &home, &found));
    // Whatever still waits for Python is not waited for: it ends with this process.
    runtime.shutdown_background();
    match ended {
        Ok(()) => Answer::default(),
        Err(error) => failed(&error),
    }
}

async fn run(
    args: &DaemonArgs,
    reload: Reload,
    home: &Path,
    found: &Found,
) -> Result<(), ServeError> {
    let mut stop = Stop::new().map_err(ServeError::Signals)?;
    let (mut configuration, link) =
        ConfigurationFile::new(home, args, found).map_err(ServeError::Signals)?;
    let (file, config) = found;
    let addr = address(args, config)?;
    let sources = sources::find(&args.sources)?;
    let folder = folder_of(file.as_deref(), home);
    let setup = Setup { home, sources, config, folder: &folder, addr, configuration: Some(link) };
    let mut daemon = tokio::select! {
        started = Daemon::start(setup) => started?,
        () = stop.wanted() => return Ok(()),
    };
    let locations = daemon.handle.locations().clone();
    let (mut news, mut told) = (locations.changes(), locations.snapshot());
    say(&greeting(&daemon.url, home, file.as_deref(), &locations.roots(), &told));
    if reload == Reload::OnSave {
        tokio::spawn(Watcher::new(locations.clone())?.run());
        configuration.watch()?;
    }
    loop {
        tokio::select! {
            () = stop.wanted() => break,
            error = daemon.ended() => return Err(error.into()),
            Ok(()) = news.changed() => {
                let (reloaded, now) = locations.changed_since(&told);
                say(&loaded(&now, &|name| reloaded.changed.contains(name)));
                told = now;
            }
            wish = configuration.wanted() => {
                let reloaded = configuration.reload(wish, &daemon.handle).await;
                tell_reloaded(&reloaded, configuration.path());
            }
        }
    }
    say(&farewell(daemon.handle.status().await.map_or(0, |status| status.in_progress)));
    daemon.stop().await?;
    Ok(())
}

/// Tells what came of reading the configuration again.
fn tell_reloaded(reloaded: &Reloaded, file: Option<&Path>) {
    match reloaded {
        Reloaded::Same => {}
        Reloaded::InForce(needs_restart) => {
            let mut text = format!("  configuration  {}, in force\n", named(file));
            for key in needs_restart {
                text += &format!("  {key} changes when the daemon is started again\n");
            }
            say(&text);
        }
        Reloaded::Refused(problem) => {
            let text = format!("the configuration stays as it was:\n{problem}\n");
            // Whether anybody reads it makes no difference to the daemon.
            drop(std::io::stderr().write_all(text.as_bytes()));
        }
    }
}

/// Names a configuration file.
fn named(file: Option<&Path>) -> String {
    file.map_or("defaults (no file)".to_owned(), |file| file.display().to_string())
}

fn farewell(in_progress: u64) -> String {
    match in_progress {
        0 => "stopping\n".to_owned(),
        1 => "stopping; the run in progress goes on and is found again at the next start\n"
            .to_owned(),
        count => format!(
            "stopping; the {count} runs in progress go on and are found again at the next start\n"
        ),
    }
}

/// Returns where to listen: what the command line says, else the configuration.
fn address(args: &DaemonArgs, config: &InstanceConfig) -> Result<SocketAddr, ServeError> {
    let host = match (args.host, config.server.host.value.as_str()) {
        (Some(host), _) => host,
        (None, "localhost") => IpAddr::from([127, 0, 0, 1]),
        (None, host) => host.parse().map_err(|_| ServeError::Host(host.to_owned()))?,
    };
    Ok(SocketAddr::new(host, args.port.unwrap_or(config.server.port.value)))
}

fn greeting(
    url: &str,
    home: &Path,
    file: Option<&Path>,
    roots: &[Root],
    known: &Snapshot,
) -> String {
    let config = named(file);
    let mut text = format!(
        "Pointsman {} serves {url}\n  home           {}\n  configuration  {config}\n",
        env!("CARGO_PKG_VERSION"),
        home.display()
    );
    text += &loaded(known, &|_| true);
    for root in roots {
        match root {
            Root::Folder(path, 0) if known.locations().is_empty() => {
                text += &format!(
                    "  no files of jobs in {} yet; `pointsman init {}` writes one\n",
                    path.display(),
                    path.display()
                );
            }
            Root::Unlisted(path, why) => {
                text += &format!("  cannot look into {}: {why}\n", path.display());
            }
            Root::File(_) | Root::Folder(..) => {}
        }
    }
    text
}

/// Tells what became of locations.
fn loaded(known: &Snapshot, is_told: &dyn Fn(&model::CodeLocation) -> bool) -> String {
    let mut text = String::new();
    for location in known.locations().into_iter().filter(|location| is_told(&location.name)) {
        let (name, path) = (&location.name, &location.origin);
        match &location.state {
            LocationState::Loading => text += &format!("  {name}: loading {path}\n"),
            LocationState::Loaded => {
                let jobs = if location.jobs.len() == 1 { "job" } else { "jobs" };
                text += &format!("  {name}: {} {jobs} from {path}\n", location.jobs.len());
            }
            LocationState::Gone => text += &format!("  {name}: {path} is gone, its jobs with it\n"),
            LocationState::Failed(problems) => {
                let kept = if location.jobs.is_empty() { "" } else { "; its earlier jobs stay" };
                text += &format!("  {name}: not loaded{kept}\n{problems}\n");
            }
        }
        for warning in &location.warnings {
            text += &format!("{warning}\n");
        }
    }
    text
}

/// The signals that ask the daemon to stop: Ctrl-C, and what service managers send.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(super) async fn wanted(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Writes the log to standard error: from warnings on, or what `RUST_LOG` says: levels, also by module
/// (`info,pointsman_coordinator=debug`). What it cannot be read as is as if it were not there.
pub(super) fn start_log() {
    let said: Option<Targets> = std::env::var("RUST_LOG").ok().and_then(|said| said.parse().ok());
    let filter = said.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    // Fails only if a log was started before, which is as good.
    drop(tracing_subscriber::registry().with(log.with_filter(filter)).try_init());
}

/// Writes to standard output at once; whether anybody reads it makes no difference to the daemon.
pub(super) fn say(text: &str) {
    let mut stdout = std::io::stdout();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}

/// Tells an error with what caused it.
pub(super) fn failed(error: &dyn std::error::Error) -> Answer {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some errors name their cause themselves.
        let told = error.to_string();
        if !text.ends_with(&told) {
            text += &format!(": {told}");
        }
        cause = error.source();
    }
    Answer { stderr: text + "\n", code: WRONG, ..Answer::default() }
}
