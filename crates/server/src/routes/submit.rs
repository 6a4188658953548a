//! What is asked of runs: to be, to end, and to be forgotten.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use coordinator::hooks::Headers;
use coordinator::{CancelMode, SubmitRequest};
use definitions::Selection;
use model::{CodeLocation, DeploymentKind, DeploymentName, JobName, Priority};
use wire::api::{self, CancelRun, ErrorCode, IDEMPOTENCY_KEY, Run, RunState, SubmitRun, USER};

use super::runs::shown;
use crate::app::App;
use crate::body::UserJson;
use crate::error::ApiError;
use crate::refusal::unknown_run;
use crate::segment::Segment;

/// How long the name of a user may be, in bytes.
const MAX_USER: usize = 256;

/// `POST /api/v1/runs`.
pub(crate) async fn submit(
    State(app): State<App>,
    headers: HeaderMap,
    UserJson(asked): UserJson<SubmitRun>,
) -> Result<(StatusCode, Json<Run>), ApiError> {
    let request = SubmitRequest {
        job: JobName::new(&asked.job)?,
        location: asked.location.map(CodeLocation::new).transpose()?,
        selection: Selection { assets: asked.asset_selection, ops: asked.op_selection },
        tags: asked.tags,
        config: asked.config,
        priority: asked.priority.map(Priority::new),
        deployment: asked.deployment.as_ref().map(deployment).transpose()?,
        id: asked.run_id.map(|id| id.parse()).transpose()?,
        idempotency_key: once(&headers, IDEMPOTENCY_KEY)?,
        user: user(&headers)?,
        headers: for_hooks(&headers)?,
    };
    let submitted = app.handle.submit(request).await?;
    let run = app.store().run(submitted.run).await?;
    let run = run.ok_or_else(|| unknown_run(&submitted.run.to_string()))?;
    let status = if submitted.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(shown(&run))))
}

fn deployment(asked: &api::Deployment) -> Result<model::Deployment, ApiError> {
    let kind = match asked.kind {
        api::DeploymentKind::Full => DeploymentKind::Full,
        api::DeploymentKind::Branch => DeploymentKind::Branch,
    };
    Ok(model::Deployment { name: DeploymentName::new(&asked.name)?, kind })
}

/// Returns the value of a header that may be there once.
fn once(headers: &HeaderMap, name: &str) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value.to_owned())),
        (Some(_), _) => Err(ApiError::bad_request(format!(
            "the header {name} is given once, as plain ASCII text"
        ))),
    }
}

fn user(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let user = once(headers, USER)?.filter(|user| !user.is_empty());
    if user.as_ref().is_some_and(|user| user.len() > MAX_USER) {
        let message = format!("the header {USER} has at most {MAX_USER} bytes");
        return Err(ApiError::bad_request(message));
    }
    Ok(user)
}

/// Returns the headers that submission hooks are told; one that is no text is left out.
fn for_hooks(headers: &HeaderMap) -> Result<Headers, ApiError> {
    let texts = headers.iter().filter_map(|(name, value)| {
        Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?))
    });
    Headers::new(texts).map_err(|error| ApiError::new(ErrorCode::TooLarge, error.to_string()))
}

/// `POST /api/v1/runs/{run}/cancel`.
pub(crate) async fn cancel(
    State(app): State<App>,
    run: Segment,
    UserJson(CancelRun { force }): UserJson<CancelRun>,
) -> Result<Json<RunState>, ApiError> {
    let id = run.run_id(&app).await?;
    let mode = if force { CancelMode::Force } else { CancelMode::Wish };
    let status = app.handle.cancel(id, mode).await?;
    Ok(Json(RunState { id: id.to_string(), status }))
}

/// `DELETE /api/v1/runs/{run}`.
pub(crate) async fn delete(State(app): State<App>, run: Segment) -> Result<StatusCode, ApiError> {
    let id = run.run_id(&app).await?;
    app.handle.delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
