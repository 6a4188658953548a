//! `pointsman api`: the HTTP API, described.

use clap::Subcommand;

use crate::answer::{Answer, UNREADABLE};

#[derive(Debug, Subcommand)]
pub(crate) enum ApiCommand {
    /// Print the HTTP API as an OpenAPI 3.1 document; no server is asked
    #[command(after_help = "A server gives the same document at /api/v1/openapi.json.\n\n\
        Example:\n  pointsman api spec > openapi.json")]
    Spec,
}

/// Carries out a command.
pub(crate) fn run(ApiCommand::Spec: &ApiCommand) -> Answer {
    match serde_json::to_string_pretty(&server::openapi_document()) {
        Ok(text) => Answer { stdout: text + "\n", ..Answer::default() },
        Err(error) => {
            Answer { code: UNREADABLE, stderr: format!("error: {error}\n"), ..Answer::default() }
        }
    }
}
