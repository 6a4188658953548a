//! How a command that speaks to a server fails: what happened in one line, how to mend it in
//! another, and the code to exit with.

use serde_json::json;
use thiserror::Error;
use wire::api::ErrorCode;
use wire::client::{ClientError, DiscoverError};

use crate::answer::{Answer, NO_SERVER, UNREADABLE, WRONG};
use crate::show::plain;

/// Says why a command was not carried out.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What was asked for is not there, or not possible.
    #[error("{message}")]
    Refused { message: String, hint: Option<String> },
    /// What was given to the command cannot be read.
    #[error("{message}")]
    Input { message: String, hint: Option<String> },
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Unwritable(std::io::Error),
    /// Whoever reads the answer has seen enough.
    #[error("nobody reads on")]
    Closed,
}

impl Failure {
    pub(crate) fn refused(message: impl Into<String>, hint: &str) -> Self {
        Self::Refused { message: message.into(), hint: Some(hint.to_owned()) }
    }

    pub(crate) fn input(message: impl Into<String>, hint: &str) -> Self {
        Self::Input { message: message.into(), hint: Some(hint.to_owned()) }
    }

    /// Returns whether it would happen again whatever is asked for: nobody answers, or nobody reads.
    pub(crate) fn is_of_the_server(&self) -> bool {
        match self {
            Self::Client(ClientError::Api { error, .. }) => error.code == ErrorCode::Unauthorized,
            Self::Discover(_) | Self::Client(_) | Self::Unwritable(_) | Self::Closed => true,
            Self::Refused { .. } | Self::Input { .. } => false,
        }
    }

    /// Returns the code to exit with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Discover(DiscoverError::NoServer { .. })
            | Self::Client(ClientError::NoServer { .. }) => NO_SERVER,
            Self::Discover(_)
            | Self::Client(ClientError::BadHeader { .. })
            | Self::Input { .. }
            | Self::Unwritable(_) => UNREADABLE,
            Self::Client(_) | Self::Refused { .. } => WRONG,
            Self::Closed => 0,
        }
    }

    /// Returns the stable word for machines.
    fn code(&self) -> &'static str {
        match self {
            Self::Discover(DiscoverError::NoServer { .. })
            | Self::Client(ClientError::NoServer { .. }) => "no_server",
            Self::Client(ClientError::Api { error, .. }) => error.code.as_str(),
            Self::Client(ClientError::Transport { .. }) => "connection_broken",
            Self::Client(ClientError::Garbage { .. }) => "bad_answer",
            Self::Refused { .. } => "refused",
            Self::Discover(_)
            | Self::Client(ClientError::BadHeader { .. })
            | Self::Input { .. } => "bad_input",
            Self::Unwritable(_) | Self::Closed => "unwritable",
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Discover(DiscoverError::NoServer { .. })
            | Self::Client(ClientError::NoServer { .. }) => {
                "start one with `pointsman dev` or `pointsman serve`, or name one with --url, \
                 --home, POINTSMAN_URL or POINTSMAN_HOME"
            }
            Self::Discover(DiscoverError::BadUrl { .. }) => {
                "write it like http://127.0.0.1:3141, in --url or POINTSMAN_URL"
            }
            Self::Discover(DiscoverError::BadToken) => {
                "set POINTSMAN_TOKEN to the content of the file `token` in the server's home"
            }
            Self::Discover(DiscoverError::Unreadable { .. }) => {
                "run as the user who started the server, or name its home with --home"
            }
            Self::Client(ClientError::Transport { .. }) => {
                "the server may have carried the request out: look with `pointsman run list`"
            }
            Self::Client(ClientError::Garbage { .. }) => {
                "check --url and POINTSMAN_URL: something else, or another version, answers there"
            }
            Self::Client(ClientError::Api { error, .. }) => {
                // The server's hints are for those who speak HTTP.
                return command_for(error.code).map(str::to_owned).or_else(|| error.hint.clone());
            }
            Self::Refused { hint, .. } | Self::Input { hint, .. } => return hint.clone(),
            Self::Client(ClientError::BadHeader { .. }) | Self::Unwritable(_) | Self::Closed => {
                return None;
            }
        };
        Some(text.to_owned())
    }

    /// Returns the failure as JSON, in the form of the API's errors.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        json!({ "code": self.code(), "message": self.to_string(), "hint": self.hint() })
    }

    /// Returns the failure as one or two lines.
    pub(crate) fn to_lines(&self) -> String {
        let message = self.to_string();
        let message: Vec<String> = message.lines().map(plain).collect();
        let mut lines = format!("error: {}\n", message.join("\n"));
        if let Some(hint) = self.hint() {
            lines += &format!("hint: {}\n", plain(&hint));
        }
        lines
    }

    /// Returns what to print, and the code to exit with.
    pub(crate) fn answer(&self, is_json: bool) -> Answer {
        let code = self.exit_code();
        if matches!(self, Self::Closed) {
            return Answer::default();
        }
        let stdout = if is_json {
            format!("{:#}\n", json!({ "error": self.to_json() }))
        } else {
            String::new()
        };
        Answer { stdout, stderr: self.to_lines(), code }
    }
}

/// How to mend on the command line what the server refused.
fn command_for(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::Unauthorized => Some(
            "set POINTSMAN_TOKEN to the content of the file `token` in the server's home, or name \
             that home with --home",
        ),
        ErrorCode::UnknownRun => Some("`pointsman run list` shows the runs"),
        ErrorCode::AmbiguousPrefix => Some("give more digits of the id"),
        ErrorCode::UnknownJob => Some(
            "`pointsman job list` shows the jobs, `pointsman code-location list` what is wrong with \
             their files",
        ),
        ErrorCode::UnknownLocation => Some("`pointsman code-location list` shows them"),
        ErrorCode::LocationLoading => Some(
            "try again in a moment; `pointsman code-location list` shows what is being loaded, and \
             since when",
        ),
        ErrorCode::AmbiguousJob => Some("name its code location with --location"),
        ErrorCode::RunInProgress => Some("cancel it first with `pointsman run cancel`"),
        ErrorCode::HookFailed => Some(
            "`submission_hooks` of the server's configuration names the hook, the server's log says \
             more; try again once it is mended",
        ),
        ErrorCode::DiskFull => Some("free some space, then try again"),
        ErrorCode::TooManyRuns => Some("narrow the query, or do it in parts with --since"),
        ErrorCode::SlotsOfRun => Some("end the run with `pointsman run cancel` to free them"),
        ErrorCode::BadRequest
        | ErrorCode::InvalidJson
        | ErrorCode::UnknownKey
        | ErrorCode::TooLarge
        | ErrorCode::ForbiddenHost
        | ErrorCode::ForbiddenOrigin
        | ErrorCode::NotFound
        | ErrorCode::OutputRemoved
        | ErrorCode::MethodNotAllowed
        | ErrorCode::Timeout
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::RunExists
        | ErrorCode::KeyReused
        | ErrorCode::RunEnded
        | ErrorCode::InvalidPool
        | ErrorCode::InvalidPartition
        | ErrorCode::InvalidLimit
        | ErrorCode::InvalidPriority
        | ErrorCode::InvalidConfiguration
        | ErrorCode::Rejected
        // The server knows whether something may have been done.
        | ErrorCode::Unavailable
        | ErrorCode::Internal => None,
    }
}
