//! What every launcher can be asked. It decides nothing: who is launched, when one is given up and
//! what follows is for the caller to say.

use std::fmt;
use std::future::ready;
use std::time::Duration;

use model::{Attempt, RunId};
use thiserror::Error;

/// Starts and ends the workers of runs somewhere.
pub trait Launcher: Send + Sync + 'static {
    /// Starts the worker of an attempt; asked again for the same attempt, a worker that lives is left
    /// alone.
    fn launch(&self, order: LaunchOrder) -> impl Future<Output = Result<(), LaunchError>> + Send;

    /// Ends everything that is left of an attempt: it is asked first, and after `grace` everything
    /// is killed. Safe to repeat; the shortest grace counts. Returns when the signal is sent, not
    /// when the attempt is gone.
    fn terminate(
        &self,
        run: RunId,
        attempt: Attempt,
        grace: Duration,
    ) -> impl Future<Output = Result<(), TerminateError>> + Send;

    /// Says whether anything of an attempt lives.
    fn observe(&self, run: RunId, attempt: Attempt) -> impl Future<Output = Sight> + Send;

    /// Removes what is kept of a run whose attempts are all gone (its folders).
    fn forget(&self, run: RunId) -> impl Future<Output = Result<(), ForgetError>> + Send;

    /// Lists the runs of which something is kept. A launcher that keeps nothing has none to list.
    fn kept(&self) -> impl Future<Output = Result<Vec<RunId>, ListError>> + Send {
        ready(Ok(Vec::new()))
    }
}

/// The worker to start.
#[derive(Debug, Clone)]
pub struct LaunchOrder {
    /// The run that it executes.
    pub run: RunId,
    /// The attempt that it is.
    pub attempt: Attempt,
    /// The secret with which it proves that it is this attempt.
    pub token: Token,
}

/// The secret of an attempt, which is written to a file for its worker and shown nowhere.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Takes the secret: 64 hexadecimal digits.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// Returns the secret, for the one place that hands it over.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Says why a worker was not, or perhaps not, started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LaunchError {
    /// Surely nothing was started.
    #[error("{0}")]
    NotStarted(String),
    /// It may have been started: observe it.
    #[error("{0}")]
    Unknown(String),
}

/// Says why an attempt could not be told to end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct TerminateError(pub String);

/// Says why it cannot be told of which runs something is kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ListError(pub String);

/// Says why what is kept of a run was not removed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ForgetError {
    /// Something of one of its attempts lives, or may live.
    #[error("attempt {0} of the run is not gone")]
    NotGone(Attempt),
    /// It could not be removed.
    #[error("{0}")]
    Failed(String),
}

/// What is seen of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Its worker lives.
    Alive,
    /// Its worker is gone, and some process of a step lives.
    Remains,
    /// Nothing of it lives, or will.
    Gone,
    /// Nobody can say, for this reason; never to be taken for gone.
    Unknown(String),
}
