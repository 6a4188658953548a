//! The fork servers of code locations whose steps are forked: one process a location that has loaded
//! the code, and of which guards ask forks.
//!
//! A server is started to load its location, and its first answer is what there is in it. It is started
//! again when it has found that the code has changed, and when it has died; it ends with this process.
//! Steps that it has forked are no children of its group and go on. What guards and servers say to each
//! other is no matter of this file.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::CodeLocation;
use process::dialogue::{Dialogue, HearError, Program};
use process::errand::{Wanted, unwanted};
use process::spawn::StepEnd;
use serde_json::Value as Json;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use wire::shim::CODE_CHANGED;

use super::host::{AskError, Asked, MAX_ANSWER, words};

/// How long a server that has closed its output may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// How much of what a server prints is shown, in bytes from its end.
const SHOWN: usize = 16 * 1024;

/// How much of that is read at once: what a pipe holds by default.
const AT_ONCE: usize = 64 * 1024;

/// How long a server must have lived to be started again at once; one that has not mostly ends again.
const SETTLED: Duration = Duration::from_secs(10);

/// The pauses before others are started again: code that cannot be loaded now may be mended soon, and
/// each try keeps a processor busy for seconds.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The servers that are there, each with what starts it again.
#[derive(Debug, Default)]
pub(super) struct ForkServers(Mutex<BTreeMap<CodeLocation, Supervised>>);

/// How a server is started.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) program: Program,
    /// What it is asked.
    pub(super) request: String,
    /// How long it may take to load the code.
    pub(super) deadline: Duration,
}

/// A task that ends when this is dropped, and with it the server.
#[derive(Debug)]
struct Supervised(JoinHandle<()>);

impl Drop for Supervised {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A server that has loaded its code.
#[derive(Debug)]
struct Server {
    dialogue: Dialogue,
    since: Instant,
}

impl ForkServers {
    /// Starts the server of a location in place of any that it has, and returns its answer. Must be
    /// called within a runtime.
    pub(super) async fn start(
        &self,
        name: &CodeLocation,
        launch: Launch,
        wanted: Option<Wanted>,
    ) -> Asked<Json> {
        self.end(name);
        let (asked, server) = start(&launch, wanted.clone()).await;
        let mut servers = self.servers();
        // One that nobody wants any more must not take the place of that which is wanted now: who wants
        // another says so before that is started.
        let is_unwanted = wanted.is_some_and(|wanted| wanted.has_changed().is_err());
        if let Some(server) = server.filter(|_| !is_unwanted) {
            let task = Supervised(tokio::spawn(supervise(server, launch)));
            servers.insert(name.clone(), task);
        }
        asked
    }

    /// Ends the server of a location, if it has one.
    pub(super) fn end(&self, name: &CodeLocation) {
        self.servers().remove(name);
    }

    /// Ends the servers of all other locations.
    pub(super) fn keep_only(&self, is_kept: impl Fn(&CodeLocation) -> bool) {
        self.servers().retain(|name, _| is_kept(name));
    }

    fn servers(&self) -> std::sync::MutexGuard<'_, BTreeMap<CodeLocation, Supervised>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a server again whenever it has ended, until it says that it is of no use.
async fn supervise(mut server: Server, launch: Launch) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        // It says nothing more.
        drop(server.dialogue.hear(0).await);
        let ended = server.dialogue.end(GRACE).await;
        let code = ended.ok().flatten().and_then(|status| status.code());
        if code == Some(0) {
            return;
        }
        if server.since.elapsed() >= SETTLED {
            pause = SHORTEST_PAUSE;
        }
        if code != Some(CODE_CHANGED) || server.since.elapsed() < SETTLED {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        server = loop {
            // What there is in the code is known, or told by who loads the location again.
            if let (_, Some(server)) = start(&launch, None).await {
                break server;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
    }
}

/// Starts a server; returns its answer, and the server if it has loaded its code.
async fn start(launch: &Launch, wanted: Option<Wanted>) -> (Asked<Json>, Option<Server>) {
    let (mut dialogue, stderr) = match Dialogue::start(&launch.program) {
        Ok(started) => started,
        Err(error) => {
            let answer = Err(AskError::NoInterpreter(error.to_string()));
            return (Asked { answer, printed: String::new() }, None);
        }
    };
    let printed = Printed::default();
    let mut reading = tokio::spawn(printed.clone().keep(stderr));
    let heard = hear(&mut dialogue, launch, wanted).await;
    let answer = match heard {
        Ok(answer) if answer["kind"] == "definitions" => {
            let server = Server { dialogue, since: Instant::now() };
            return (Asked { answer: Ok(answer), printed: printed.text() }, Some(server));
        }
        answer => answer,
    };
    let ended = dialogue.end(GRACE).await.ok().flatten();
    // Whoever still has the pipe is not part of it.
    drop(timeout(GRACE, &mut reading).await);
    reading.abort();
    let answer = answer.map_err(|error| match error {
        Unheard::Ended => AskError::Died(how(ended)),
        Unheard::Wrong(error) => error,
    });
    (Asked { answer, printed: printed.text() }, None)
}

/// Why nothing was heard of a server.
enum Unheard {
    /// It has ended; how is to be seen.
    Ended,
    Wrong(AskError),
}

async fn hear(
    dialogue: &mut Dialogue,
    launch: &Launch,
    wanted: Option<Wanted>,
) -> Result<Json, Unheard> {
    let most = usize::try_from(MAX_ANSWER).unwrap_or(usize::MAX);
    let talk = async {
        // One that does not read has ended, which is heard.
        drop(dialogue.say(&launch.request).await);
        dialogue.hear(most).await
    };
    let heard = tokio::select! {
        heard = timeout(launch.deadline, talk) => heard.ok(),
        () = unwanted(wanted) => None,
    };
    match heard {
        None => Err(Unheard::Wrong(AskError::Late(launch.deadline))),
        Some(Err(HearError::Ended | HearError::Unreadable(_))) => Err(Unheard::Ended),
        Some(Err(HearError::TooLong(_))) => Err(Unheard::Wrong(AskError::TooLong)),
        Some(Ok(line)) => serde_json::from_slice(&line)
            .map_err(|error| Unheard::Wrong(AskError::unreadable(&error))),
    }
}

fn how(ended: Option<ExitStatus>) -> String {
    let end = ended.map(|status| match (status.code(), status.signal()) {
        (Some(code), _) => StepEnd::Exited(code),
        (None, signal) => StepEnd::Signaled(signal.unwrap_or_default()),
    });
    match end {
        Some(end @ StepEnd::Exited(0)) => {
            format!("{}; does the code end the process?", words(&end))
        }
        Some(end) => words(&end),
        None => "it closed its output".to_owned(),
    }
}

/// The end of what a server prints: its code, that is, while it is loaded.
#[derive(Debug, Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    /// Reads what is printed to its end.
    async fn keep(self, mut stderr: ChildStderr) {
        let mut buffer = vec![0; AT_ONCE];
        while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(&buffer[..count]);
            let beyond = kept.len().saturating_sub(SHOWN);
            kept.drain(..beyond);
        }
    }

    fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).trim().to_owned()
    }
}
