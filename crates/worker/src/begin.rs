//! The begin gate, from the worker's side: no user code runs before the daemon has said yes to this
//! very process.

use std::path::Path;
use std::time::Duration;

use model::hex;
use thiserror::Error;
use tracing::info;
use wire::worker::{Assignment, Begin, Dismissal, Identity, PROTOCOL};

use crate::client::{AskError, Backoff, Client, Route};

const BEGIN: Route = Route {
    path: "/worker/v1/begin",
    timeout: Duration::from_secs(30),
    // A plan of tens of thousands of steps, or a config of the largest size.
    max_answer: 64 * 1024 * 1024,
};

/// How many bytes a nonce has.
const NONCE_BYTES: usize = 16;

/// How many bytes a token has.
const TOKEN_BYTES: usize = 32;

/// How large the file of the token may be, in bytes; a token has 64.
const MAX_TOKEN_FILE: u64 = 1024;

/// Why the secret of the attempt cannot be shown.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("failed to read the secret of the attempt")]
    Read(#[source] std::io::Error),
    /// The file holds something else.
    #[error("the file of the attempt's secret does not hold 64 hexadecimal digits")]
    NotAToken,
    /// The system gives no random numbers.
    #[error("failed to draw a random number")]
    Random(#[source] std::io::Error),
}

/// Reads the secret of the attempt.
pub(crate) fn read_token(file: &Path) -> Result<String, SecretError> {
    if std::fs::metadata(file).map_err(SecretError::Read)?.len() > MAX_TOKEN_FILE {
        return Err(SecretError::NotAToken);
    }
    let text = std::fs::read_to_string(file).map_err(SecretError::Read)?;
    let token = text.trim_end();
    if hex::read::<TOKEN_BYTES>(token).is_none() {
        return Err(SecretError::NotAToken);
    }
    Ok(token.to_owned())
}

/// Draws what tells this process from another one of the same attempt.
pub(crate) fn draw_nonce() -> Result<String, SecretError> {
    let mut bytes = [0; NONCE_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| SecretError::Random(error.into()))?;
    Ok(hex::write(&bytes))
}

/// Asks whether this process may run user code, until there is an answer. Dropping it is safe: a yes
/// that nobody heard is found out as a worker that died.
pub(crate) async fn begin(
    client: &Client,
    identity: &Identity,
    nonce: String,
) -> Result<Assignment, Dismissal> {
    let question = Begin { identity: identity.clone(), nonce, protocol: PROTOCOL };
    let mut backoff = Backoff::new();
    loop {
        match client.ask(BEGIN, &question).await {
            Ok(assignment) => return Ok(assignment),
            Err(AskError::Dismissed(dismissal)) => {
                let Dismissal { code, message } = &dismissal;
                info!(dismissal.code = %code, "may not begin, nothing was run: {message}");
                return Err(dismissal);
            }
            Err(AskError::Away(_)) => backoff.wait().await,
        }
    }
}
