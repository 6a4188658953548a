//! The configuration file while the daemon runs: read again when somebody asks for it, and put in
//! force as a whole or not at all. A file that cannot be used changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::config::{Coordinator, InstanceConfig, StepStart};
use coordinator::{Dispatch, Handle, Options};
use server::{ConfigurationLink, MAX_RELOADS, ReloadConfiguration};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use wire::api::{Configuration, ConfigurationProblem};

use super::DaemonArgs;
use super::class::{ClassError, Place};
use super::options::{options, with_hooks};
use super::saved::{Saved, SavedError};
use super::start::now;

/// How long reading the file may take: it is small, and may stand on a disk that does not answer.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// What was read: from which file, if there is one, and what it says.
pub(super) type Found = (Option<PathBuf>, InstanceConfig);

/// The configuration of a daemon that runs.
pub(super) struct ConfigurationFile {
    home: PathBuf,
    named: Option<PathBuf>,
    in_force: Found,
    served: Served,
    state: watch::Sender<Configuration>,
    wishes: mpsc::Receiver<ReloadConfiguration>,
    hangup: Signal,
    saved: Option<Saved>,
}

/// Returns the folder of a configuration file, whatever folder this process is in; the home, if there
/// is no file.
pub(crate) fn folder_of(file: Option<&Path>, home: &Path) -> PathBuf {
    let file = file.and_then(|file| std::path::absolute(file).ok());
    file.as_deref().and_then(Path::parent).unwrap_or(home).to_owned()
}

/// What the configuration said of what stays as it is until the daemon is started again: where to
/// serve, where the command line does not say it, and the environment of code.
struct Served {
    host: Option<String>,
    port: Option<u16>,
    steps: StepStart,
    inherited_env: Option<Vec<String>>,
}

/// Why the file is to be read again.
pub(super) enum Wish {
    /// It may have changed.
    Changed,
    /// Somebody asks for it, and waits for the answer.
    Asked(oneshot::Sender<Result<(), String>>),
}

/// What came of reading the file again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reloaded {
    /// It says what it said before.
    Same,
    /// It is in force, but for these keys.
    InForce(Vec<String>),
    /// It cannot be used; what is wrong, for people.
    Refused(String),
}

impl ConfigurationFile {
    /// Takes over what a daemon is started with, and the signal SIGHUP.
    pub(super) fn new(
        home: &Path,
        args: &DaemonArgs,
        found: &Found,
    ) -> std::io::Result<(Self, ConfigurationLink)> {
        let address = &found.1.server;
        let served = Served {
            host: args.host.is_none().then(|| address.host.value.clone()),
            port: args.port.is_none().then_some(address.port.value),
            steps: found.1.steps.value,
            inherited_env: found.1.inherited_env.value.clone(),
        };
        let (state, seen) = watch::channel(Configuration {
            path: path_text(found.0.as_deref()),
            loaded_at: now().into(),
            problem: None,
            needs_restart: Vec::new(),
        });
        let (reload, wishes) = mpsc::channel(MAX_RELOADS);
        let this = Self {
            home: home.to_owned(),
            named: args.config.clone(),
            in_force: found.clone(),
            served,
            state,
            wishes,
            hangup: signal(SignalKind::hangup())?,
            saved: None,
        };
        Ok((this, ConfigurationLink { state: seen, reload }))
    }

    /// From now on the file is also read again when it is saved, made or removed.
    pub(super) fn watch(&mut self) -> Result<(), SavedError> {
        let (folders, names) = crate::config::places(&self.home, self.named.as_deref());
        self.saved = Some(Saved::new(&folders, names)?);
        Ok(())
    }

    /// Waits until the file is to be read again.
    pub(super) async fn wanted(&mut self) -> Wish {
        let saved = async {
            match &mut self.saved {
                Some(saved) => saved.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = saved => Wish::Changed,
            Some(()) = self.hangup.recv() => Wish::Changed,
            Some(ReloadConfiguration(reply)) = self.wishes.recv() => Wish::Asked(reply),
        }
    }

    /// Reads the file again and puts it in force, if nothing is wrong with it; tells whoever asked.
    pub(super) async fn reload(&mut self, wish: Wish, handle: &Handle) -> Reloaded {
        let reloaded = match self.read().await {
            Ok(found) if found == self.in_force => self.keep(Reloaded::Same),
            Ok(found) => match self.configure(&found, handle).await {
                Ok(()) => self.put_in_force(found),
                Err(problem) => self.keep(Reloaded::Refused(problem)),
            },
            Err(problem) => self.keep(Reloaded::Refused(problem)),
        };
        if let Wish::Asked(reply) = wish {
            // Whoever asked may have gone.
            let _ = reply.send(match &reloaded {
                Reloaded::Same | Reloaded::InForce(_) => Ok(()),
                Reloaded::Refused(problem) => Err(problem.clone()),
            });
        }
        reloaded
    }

    async fn configure(&self, found: &Found, handle: &Handle) -> Result<(), String> {
        let options = self.options(found, handle).await.map_err(|error| error.to_string())?;
        handle.configure(options).await.map_err(|error| error.to_string())
    }

    /// Returns what the daemon is told. Hooks that stay what they are go on: their programs are not
    /// started again, and forget nothing.
    async fn options(&self, found: &Found, handle: &Handle) -> Result<Options, ClassError> {
        let folder = |found: &Found| folder_of(found.0.as_deref(), &self.home);
        let hooks = |found: &Found| {
            let config = &found.1;
            let (class, hooks) = (&config.coordinator_class, &config.submission_hooks.value);
            (folder(found), config.coordinator.value, class.clone(), hooks.clone())
        };
        let now = handle.options();
        if hooks(found) == hooks(&self.in_force) {
            // The class that launches at once, if it does, is the same.
            let is_at_once = found.1.coordinator.value == Coordinator::Custom
                && now.rules.dispatch == Dispatch::AtOnce;
            return Ok(with_hooks(&found.1, Arc::clone(&now.hooks), is_at_once));
        }
        let url = Some(now.url.clone()).filter(|url| !url.is_empty());
        let place = Place { home: self.home.clone(), folder: folder(found), url };
        options(&found.1, &place).await
    }

    /// Returns where the file in force is.
    pub(super) fn path(&self) -> Option<&Path> {
        self.in_force.0.as_deref()
    }

    async fn read(&self) -> Result<Found, String> {
        let (home, named) = (self.home.clone(), self.named.clone());
        if named.as_deref() == Some(Path::new("-")) {
            let why = "the configuration was read from standard input, which has nothing more";
            return Err(why.to_owned());
        }
        let read = tokio::task::spawn_blocking(move || {
            crate::config::load_for(&home, named.as_deref())
                .map_err(|answer| answer.stderr.trim_end().to_owned())
        });
        match timeout(READ_TIMEOUT, read).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => Err("reading the configuration failed".to_owned()),
            Err(_) => Err(format!("it could not be read within {} s", READ_TIMEOUT.as_secs())),
        }
    }

    fn put_in_force(&mut self, found: Found) -> Reloaded {
        let needs_restart = self.served.needs_restart(&found.1);
        self.state.send_replace(Configuration {
            path: path_text(found.0.as_deref()),
            loaded_at: now().into(),
            problem: None,
            needs_restart: needs_restart.clone(),
        });
        self.in_force = found;
        Reloaded::InForce(needs_restart)
    }

    /// What is in force stays; whether the file is to blame is shown.
    fn keep(&self, reloaded: Reloaded) -> Reloaded {
        let problem = match &reloaded {
            Reloaded::Refused(message) => {
                Some(ConfigurationProblem { message: message.clone(), at: now().into() })
            }
            Reloaded::Same | Reloaded::InForce(_) => None,
        };
        self.state.send_modify(|state| state.problem = problem);
        reloaded
    }
}

impl Served {
    /// Returns the keys that say now what the daemon does not do until it is started again.
    fn needs_restart(&self, config: &InstanceConfig) -> Vec<String> {
        let is_other_host =
            self.host.as_ref().is_some_and(|host| *host != config.server.host.value);
        let is_other_port = self.port.is_some_and(|port| port != config.server.port.value);
        let is_other_start = self.steps != config.steps.value;
        let is_other_env = self.inherited_env != config.inherited_env.value;
        [
            ("server.host", is_other_host),
            ("server.port", is_other_port),
            ("env.inherit", is_other_env),
            ("steps", is_other_start),
        ]
        .into_iter()
        .filter(|(_, is_other)| *is_other)
        .map(|(key, _)| key.to_owned())
        .collect()
    }
}

/// Returns where a file is, for whoever is in another folder. Standard input is in none.
fn path_text(path: Option<&Path>) -> Option<String> {
    let path = path?;
    let absolute = std::path::absolute(path).ok().filter(|_| path != Path::new("-"));
    Some(absolute.as_deref().unwrap_or(path).display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_file_is_told_to_those_in_other_folders() {
        let here = std::env::current_dir().unwrap().join("a.yaml").display().to_string();
        assert_eq!(path_text(Some(Path::new("a.yaml"))), Some(here));
        assert_eq!(path_text(Some(Path::new("/srv/a.yaml"))), Some("/srv/a.yaml".to_owned()));
        assert_eq!(path_text(Some(Path::new("-"))), Some("-".to_owned()));
        assert_eq!(path_text(None), None);
    }
}
