//! The routes of the workers. Whether the token that they show is that of their attempt is checked
//! by the coordinator.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use coordinator::WorkerError;
use serde::Serialize;
use tracing::debug;
use wire::api::ErrorCode;
use wire::worker::{Begin, Poll, Reports};

use crate::app::App;
use crate::body::WorkerJson;
use crate::error::ApiError;

/// `POST /worker/v1/begin`.
pub(crate) async fn begin(
    State(app): State<App>,
    WorkerJson(asked): WorkerJson<Begin>,
) -> Response {
    answer(app.handle.begin(asked).await)
}

/// `POST /worker/v1/report`.
pub(crate) async fn report(
    State(app): State<App>,
    WorkerJson(told): WorkerJson<Reports>,
) -> Response {
    answer(app.handle.report(told).await)
}

/// `POST /worker/v1/poll`. A server that stops does not keep it open: the worker asks again until
/// there is one.
pub(crate) async fn poll(State(app): State<App>, WorkerJson(asked): WorkerJson<Poll>) -> Response {
    let mut stopping = app.stopping.clone();
    tokio::select! {
        answered = app.handle.poll(asked) => answer(answered),
        () = stopping.wait() => {
            ApiError::unavailable("the server is stopping").into_response()
        }
    }
}

fn answer<T: Serialize>(result: Result<T, WorkerError>) -> Response {
    match result {
        Ok(answer) => Json(answer).into_response(),
        Err(WorkerError::Dismissed(dismissal)) => {
            debug!(code = dismissal.code, "dismissed a worker: {}", dismissal.message);
            (StatusCode::GONE, Json(dismissal)).into_response()
        }
        Err(WorkerError::Invalid(what)) => {
            ApiError::new(ErrorCode::BadRequest, what).into_response()
        }
        Err(WorkerError::Unavailable(why)) => ApiError::unavailable(why).into_response(),
    }
}
