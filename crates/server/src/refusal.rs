//! What the daemon, the store and the names refuse, in the codes of the API.

use coordinator::{CommandError, Refusal};
use definitions::FindError;
use model::IdError;
use store::ReadError;
use tracing::{error, warn};
use wire::api::ErrorCode;

use crate::error::ApiError;

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        let message = error.to_string();
        match error {
            CommandError::Refused(refusal) => of_refusal(&refusal, message),
            CommandError::Job(find) => of_find(&find, message),
            CommandError::InvalidPriority(_) => Self::new(ErrorCode::InvalidPriority, message),
            CommandError::Invalid(_) => Self::bad_request(message),
            CommandError::TooManyRuns(_) => {
                Self::new(ErrorCode::TooManyRuns, message).hint("narrow the query")
            }
            CommandError::Rejected(_) => Self::new(ErrorCode::Rejected, message),
            // The hook itself has logged it.
            CommandError::HookFailed(_) => Self::new(ErrorCode::HookFailed, message)
                .hint("`submission_hooks` of the configuration names the hook; ask again once it is mended"),
            CommandError::Unavailable(_) => {
                warn!("refused for now: {message}");
                Self::unavailable(message)
            }
            CommandError::DiskFull(_) => {
                warn!("refused for now: {message}");
                Self::new(ErrorCode::DiskFull, message).hint("free some space, then try again")
            }
        }
    }
}

fn of_refusal(refusal: &Refusal, message: String) -> ApiError {
    match refusal {
        Refusal::RunExists(_) => ApiError::new(ErrorCode::RunExists, message)
            .hint("leave `run_id` out to get a fresh one"),
        Refusal::KeyReused(_) => ApiError::new(ErrorCode::KeyReused, message)
            .hint("a key belongs to one submission; draw a new one for another"),
        Refusal::UnknownRun(_) => ApiError::new(ErrorCode::UnknownRun, message),
        Refusal::Ended(_) => ApiError::new(ErrorCode::RunEnded, message),
        Refusal::TooManyTags => {
            ApiError::new(ErrorCode::TooManyRuns, message).hint("narrow the query")
        }
        Refusal::SlotsOfRun(_) => ApiError::new(ErrorCode::SlotsOfRun, message)
            .hint("cancel the run, or raise the limit of the pool"),
        Refusal::InProgress(..) => ApiError::new(ErrorCode::RunInProgress, message),
        // Only workers are dismissed, and they do not come this way.
        Refusal::Dismissed(_) => ApiError::bad_request(message),
    }
}

fn of_find(find: &FindError, message: String) -> ApiError {
    match find {
        FindError::Loading { .. } => ApiError::new(ErrorCode::LocationLoading, message)
            .hint("ask again in a moment; `GET /api/v1/code-locations` shows what is being loaded"),
        FindError::Unknown { .. } | FindError::UnknownLocation { .. } | FindError::Gone { .. } => {
            ApiError::new(ErrorCode::UnknownJob, message)
                .hint("`GET /api/v1/jobs` lists the jobs, `GET /api/v1/code-locations` the files")
        }
        FindError::Ambiguous { .. } => {
            ApiError::new(ErrorCode::AmbiguousJob, message).hint("name one as `location`")
        }
    }
}

impl From<FindError> for ApiError {
    fn from(error: FindError) -> Self {
        let message = error.to_string();
        of_find(&error, message)
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        error!(error = &error as &dyn std::error::Error, "failed to answer a read");
        Self::internal()
    }
}

impl From<IdError> for ApiError {
    fn from(error: IdError) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// Says that there is no such run.
pub(crate) fn unknown_run(id: &str) -> ApiError {
    ApiError::new(ErrorCode::UnknownRun, format!("there is no run `{id}`"))
        .hint("`GET /api/v1/runs` lists the runs")
}
