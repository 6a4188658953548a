//! Speaks to the daemon: one question and one answer at a time, whoever the daemon is just now.
//!
//! The address is looked up in the home folder, again after every failure: a daemon that was started
//! anew mostly listens elsewhere. The port of one that was killed may be that of another home's daemon
//! by now, which knows nothing of this run and would dismiss its worker: an address counts only while
//! the process that wrote it lives. This file knows the protocol's shapes and its status codes, and
//! nothing of runs.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tracing::{info, warn};
use wire::client::ServerFile;
use wire::worker::Dismissal;

/// The waits between two tries to reach a daemon that does not answer: the first is short, because a
/// daemon that is started anew is away for a moment only.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How long a connection may take: the daemon is on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A kind of question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    /// How long the whole exchange may take.
    pub(crate) timeout: Duration,
    /// How long the answer may be, in bytes.
    pub(crate) max_answer: usize,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// The attempt is over.
    #[error("{}", .0.message)]
    Dismissed(Dismissal),
    /// The daemon cannot be reached, or does not answer as it should: a passing state.
    #[error("{0}")]
    Away(String),
}

/// A way to the daemon.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    home: PathBuf,
    address: RefCell<Option<String>>,
    is_away: Cell<bool>,
}

impl Client {
    /// Prepares a way to the daemon of a home folder. Nothing is asked yet.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub(crate) fn new(home: &Path) -> Result<Self, reqwest::Error> {
        // The daemon is on this machine: no proxy of the environment lies between.
        let http =
            reqwest::Client::builder().no_proxy().connect_timeout(CONNECT_TIMEOUT).build()?;
        let (address, is_away) = (RefCell::new(None), Cell::new(false));
        Ok(Self { http, home: home.to_owned(), address, is_away })
    }

    /// Asks once.
    pub(crate) async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        route: Route,
        question: &Q,
    ) -> Result<A, AskError> {
        let answer = match tokio::time::timeout(route.timeout, self.exchange(route, question)).await
        {
            Ok(answer) => answer,
            Err(_) => Err(AskError::Away("the daemon has not answered in time".to_owned())),
        };
        match &answer {
            Err(AskError::Away(reason)) => {
                self.address.replace(None);
                if !self.is_away.replace(true) {
                    warn!("the daemon is away, going on without it: {reason}");
                }
            }
            Ok(_) | Err(AskError::Dismissed(_)) => {
                if self.is_away.replace(false) {
                    info!("the daemon is back");
                }
            }
        }
        answer
    }

    async fn exchange<Q: Serialize, A: DeserializeOwned>(
        &self,
        route: Route,
        question: &Q,
    ) -> Result<A, AskError> {
        let url = format!("{}{}", self.address()?, route.path);
        let sent = self.http.post(url).json(question).send().await;
        let answer = sent.map_err(|error| away(&error))?;
        let status = answer.status();
        let body = body(answer, route.max_answer).await?;
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|error| {
                AskError::Away(format!("its answer is not what it should be: {error}"))
            }),
            // Only a daemon of ours says why: another program may have got its port.
            StatusCode::GONE => Err(serde_json::from_slice(&body).map_or_else(
                |_| AskError::Away(format!("it answers {status} without a reason")),
                AskError::Dismissed,
            )),
            status => Err(AskError::Away(format!("it answers {status}"))),
        }
    }

    fn address(&self) -> Result<String, AskError> {
        if let Some(address) = &*self.address.borrow() {
            return Ok(address.clone());
        }
        let server = match ServerFile::of_home(&self.home) {
            Ok(Some(server)) => server,
            Ok(None) => {
                let home = self.home.display();
                return Err(AskError::Away(format!("none runs for {home}")));
            }
            Err(error) => return Err(AskError::Away(error.to_string())),
        };
        let address = server.url.trim_end_matches('/').to_owned();
        self.address.replace(Some(address.clone()));
        Ok(address)
    }
}

/// Reads an answer that is not longer than it may be.
async fn body(mut answer: Response, max: usize) -> Result<Vec<u8>, AskError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| away(&error))? {
        if body.len() + chunk.len() > max {
            return Err(AskError::Away(format!("its answer has more than {max} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Says the first and the innermost cause: what lies between repeats them.
fn away(error: &reqwest::Error) -> AskError {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match error.source() {
        Some(_) => AskError::Away(format!("{error}: {innermost}")),
        None => AskError::Away(error.to_string()),
    }
}

/// Waits between tries, longer from try to try.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST_WAIT }
    }

    pub(crate) async fn wait(&mut self) {
        let wait = self.next;
        self.next = (self.next * 2).min(LONGEST_WAIT);
        tokio::time::sleep(wait).await;
    }
}
