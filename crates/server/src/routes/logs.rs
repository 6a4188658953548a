//! What steps have written, in parts.
//!
//! No part of a path is made of what was asked for: a step is looked up among those of the run, and
//! the name of its file is made where it is written.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use model::{RunStatus, StepRow, StepStatus};
use store::StoredRun;
use tokio::task::spawn_blocking;
use tracing::error;
use wire::api::{ErrorCode, LogFile, LogFiles, LogFilter, LogPage, LogStream, MAX_LOG_BYTES};
use worker::folder::Folder;

use crate::app::App;
use crate::error::ApiError;
use crate::log_lines;
use crate::logfile;
use crate::query::Query;
use crate::segment::Segment;

/// How many files one answer lists.
const MAX_FILES: usize = 2000;

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// `GET /api/v1/runs/{run}/logs`.
pub(crate) async fn logs(
    State(app): State<App>,
    run: Segment,
    query: Query,
) -> Result<Response, ApiError> {
    let filter = query.read(LogFilter::from_pairs)?;
    // How far the run is, is read before its files: what has ended then is whole.
    let stored = run.run(&app).await?;
    let steps = app.store().steps(stored.run.id).await?;
    let attempt = stored.life.attempt;
    let folder = attempt.map(|attempt| Folder::of(&app.home, stored.run.id, attempt));
    if let Some(folder) = folder.clone()
        && stored.life.status.is_terminal()
        && steps.iter().any(|step| step.try_number > 0)
        && !off_loop(move || folder.path().exists()).await?
    {
        return Err(removed(&stored, app.handle.options().retention.output));
    }
    match &filter.step {
        None => list(folder, steps).await.map(IntoResponse::into_response),
        Some(key) => {
            let step = steps.iter().find(|step| step.key().as_str() == key).ok_or_else(|| {
                let message = format!("run {} has no step `{key}` so far", stored.run.id);
                ApiError::new(ErrorCode::NotFound, message)
                    .hint("without `step`, the steps that have written something are listed")
            })?;
            page(folder, &stored, step, &filter).await.map(IntoResponse::into_response)
        }
    }
}

/// Says that what a run has written is gone.
fn removed(stored: &StoredRun, kept: Option<Duration>) -> ApiError {
    let message = format!("the output of run {} was removed", stored.run.id);
    let error = ApiError::new(ErrorCode::OutputRemoved, message);
    match kept {
        None => error,
        Some(kept) => {
            let days = kept.as_secs() / SECONDS_A_DAY;
            error.hint(format!(
                "output is kept for {days} days after the end of its run (history.logs_days)"
            ))
        }
    }
}

async fn list(folder: Option<Folder>, steps: Vec<StepRow>) -> Result<Json<LogFiles>, ApiError> {
    let Some(folder) = folder else { return Ok(Json(LogFiles { files: Vec::new() })) };
    let files = move || {
        let tries = steps.iter().flat_map(|step| {
            (1..=step.try_number).map(|number| (step.key().as_str().to_owned(), number))
        });
        let files = tries.flat_map(|(step, number)| {
            [LogStream::Stdout, LogStream::Stderr, LogStream::Log]
                .map(|stream| (step.clone(), number, stream))
        });
        let known = files.filter_map(|(step, number, stream)| {
            let bytes = logfile::size(&path(&folder, &step, number, stream))?;
            Some(LogFile { step, r#try: number, stream, bytes })
        });
        known.take(MAX_FILES).collect()
    };
    Ok(Json(LogFiles { files: off_loop(files).await? }))
}

async fn page(
    folder: Option<Folder>,
    stored: &StoredRun,
    step: &StepRow,
    filter: &LogFilter,
) -> Result<Json<LogPage>, ApiError> {
    let number = filter.r#try.unwrap_or(step.try_number);
    if number > step.try_number {
        let message = format!("step `{}` has no try {number} so far", step.key());
        return Err(ApiError::new(ErrorCode::NotFound, message));
    }
    let limit = filter.limit.unwrap_or(MAX_LOG_BYTES).clamp(1, MAX_LOG_BYTES);
    let offset = filter.offset;
    let has_ended = has_ended(stored.life.status, step, number);
    let Some(folder) = folder.filter(|_| number > 0) else {
        let page = LogPage { text: String::new(), next_offset: offset, is_complete: has_ended };
        return Ok(Json(page));
    };
    let path = path(&folder, step.key().as_str(), number, filter.stream);
    let read = match filter.stream {
        LogStream::Stdout | LogStream::Stderr => logfile::read,
        LogStream::Log => log_lines::read,
    };
    let part = off_loop(move || read(&path, offset, limit)).await?.map_err(|error| {
        error!(run.id = %stored.run.id, %error, "failed to read what a step has written");
        ApiError::internal()
    })?;
    Ok(Json(LogPage {
        text: part.text,
        next_offset: part.next_offset,
        is_complete: has_ended && part.is_end,
    }))
}

/// Returns whether a try writes nothing any more.
fn has_ended(run: RunStatus, step: &StepRow, number: u32) -> bool {
    let is_over = step.status.is_terminal() || step.status == StepStatus::UpForRetry;
    run.is_terminal() || number < step.try_number || is_over
}

fn path(folder: &Folder, step: &str, number: u32, stream: LogStream) -> std::path::PathBuf {
    match stream {
        LogStream::Stdout => folder.out(step, number),
        LogStream::Stderr => folder.err(step, number),
        LogStream::Log => folder.answer(step, number),
    }
}

/// Does what blocks where it blocks nobody.
async fn off_loop<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    spawn_blocking(work).await.map_err(|error| {
        error!(%error, "failed to look at what steps have written");
        ApiError::internal()
    })
}
