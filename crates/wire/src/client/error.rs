//! What can go wrong between a client and the server, in kinds that a caller can act on.

use std::error::Error as _;

use thiserror::Error;

use crate::api::{ErrorCode, ErrorDetail};

/// Says why a request did not get its answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClientError {
    /// Nothing listens at the address: the request was surely not received.
    #[error("no server answers at {url}: {problem}")]
    NoServer {
        /// The address.
        url: String,
        /// What the attempt to connect came to.
        problem: String,
    },
    /// The server refused, and says why.
    #[error("{}", .error.message)]
    Api {
        /// The HTTP status.
        status: u16,
        /// What is wrong.
        error: ErrorDetail,
    },
    /// The connection broke or the server fell silent: a write may have been carried out.
    #[error("the connection to {url} broke: {problem}")]
    Transport {
        /// The address.
        url: String,
        /// What happened.
        problem: String,
    },
    /// What answers is no server of ours, or one of another version.
    #[error("{url} sent {problem}")]
    Garbage {
        /// The address.
        url: String,
        /// What is wrong with the answer.
        problem: String,
    },
    /// The text cannot be sent in a header.
    #[error("{value:?} cannot be the value of {name}: only visible ASCII characters can")]
    BadHeader {
        /// The header.
        name: String,
        /// The value.
        value: String,
    },
}

impl ClientError {
    /// Returns whether the same request may well be answered a little later: the server is being
    /// started, or is busy recovering.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NoServer { .. } | Self::Transport { .. } => true,
            Self::Api { error, .. } => error.code == ErrorCode::Unavailable,
            Self::Garbage { .. } | Self::BadHeader { .. } => false,
        }
    }

    pub(super) fn from_transport(url: &str, error: &reqwest::Error) -> Self {
        let (url, problem) = (url.to_owned(), root_cause(error));
        if error.is_connect() {
            Self::NoServer { url, problem }
        } else {
            Self::Transport { url, problem }
        }
    }
}

/// Returns what lies at the bottom: the rest repeats the address.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if error.is_timeout() && error.source().is_none() {
        return "it did not answer in time".to_owned();
    }
    cause.to_string()
}
