//! Jobs and the files that define them.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use definitions::{LocationState, Locations};
use model::{CodeLocation, JobName};
use tokio::time::timeout;
use tracing::error;
use wire::api::{
    self, CodeLocations, ErrorCode, JobDetail, JobStep, Jobs, MAX_PAGE, Page, ReloadLocations,
};

use crate::app::{App, now};
use crate::body::UserJson;
use crate::error::ApiError;
use crate::query::{Query, end_of, page_size, place_of};
use crate::segment::Segment;

/// How long somebody who asks for a reload waits until the files are read, which may stand on a disk
/// that does not answer. Nobody waits here for Python.
const RELOAD_PATIENCE: Duration = Duration::from_secs(25);

/// The body of a request that has nothing to say.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// `GET /api/v1/jobs`.
pub(crate) async fn list(State(app): State<App>, query: Query) -> Result<Json<Jobs>, ApiError> {
    let page = query.read(Page::from_pairs)?;
    let after: Option<(String, String)> = place_of("after", page.after.as_deref())?;
    let limit = page_size(page.limit) as usize;
    let place = |job: &definitions::Job| (job.location.to_string(), job.name.to_string());
    let mut jobs = app.handle.locations().jobs();
    jobs.sort_by(|a, b| (&a.location, &a.name).cmp(&(&b.location, &b.name)));
    let behind = |job: &Arc<definitions::Job>| {
        after.as_ref().is_none_or(|(location, name)| {
            (job.location.as_str(), job.name.as_str()) > (location, name)
        })
    };
    let first = jobs.partition_point(|job| !behind(job));
    let found: Vec<_> = jobs.into_iter().skip(first).take(limit).collect();
    let last = found.last().filter(|_| found.len() == limit);
    let next = last.and_then(|last| end_of(&place(last)));
    Ok(Json(Jobs { jobs: found.iter().map(|job| shown(job)).collect(), next }))
}

/// `GET /api/v1/jobs/{job}`.
pub(crate) async fn show(
    State(app): State<App>,
    name: Segment,
    query: Query,
) -> Result<Json<JobDetail>, ApiError> {
    let location = query.only("location")?.map(CodeLocation::new).transpose()?;
    let job = app.handle.locations().find(&JobName::new(&name.0)?, location.as_ref())?;
    Ok(Json(JobDetail {
        job: shown(&job),
        config: job.config.clone(),
        steps: job.plan.steps.iter().map(JobStep::from).collect(),
    }))
}

/// `GET /api/v1/code-locations`.
pub(crate) async fn locations(
    State(app): State<App>,
    query: Query,
) -> Result<Json<CodeLocations>, ApiError> {
    let page = query.read(Page::from_pairs)?;
    let after = place_of("after", page.after.as_deref())?;
    Ok(Json(some_locations(app.handle.locations(), after, page_size(page.limit))))
}

/// `POST /api/v1/code-locations/reload`.
pub(crate) async fn reload(
    State(app): State<App>,
    UserJson(ReloadLocations { location }): UserJson<ReloadLocations>,
) -> Result<Json<CodeLocations>, ApiError> {
    let locations = app.handle.locations().clone();
    let name = location.map(CodeLocation::new).transpose()?;
    let reloaded = tokio::task::spawn_blocking(move || {
        match &name {
            None => drop(locations.reload(now())),
            Some(name) if locations.reload_one(name, now()) => {}
            Some(name) => return Err(unknown_location(name)),
        }
        Ok(some_locations(&locations, None, MAX_PAGE))
    });
    match timeout(RELOAD_PATIENCE, reloaded).await {
        Ok(Ok(locations)) => locations.map(Json),
        Ok(Err(error)) => {
            error!(%error, "failed to reload the code locations");
            Err(ApiError::internal())
        }
        Err(_) => {
            Err(ApiError::unavailable("the files of the code locations are still being read")
                .hint("is one of them on a disk that is away?"))
        }
    }
}

fn unknown_location(name: &CodeLocation) -> ApiError {
    ApiError::new(ErrorCode::UnknownLocation, format!("there is no code location `{name}`"))
        .hint("`GET /api/v1/code-locations` lists them")
}

/// Returns at most so many code locations behind the one with this name and path.
fn some_locations(
    locations: &Locations,
    after: Option<(String, String)>,
    limit: u32,
) -> CodeLocations {
    let mut shown: Vec<api::CodeLocation> =
        locations.locations().iter().map(shown_location).collect();
    if let Some((name, path)) = after {
        let is_before =
            |location: &api::CodeLocation| (&location.name, &location.path) <= (&name, &path);
        shown.retain(|location| !is_before(location));
    }
    let limit = limit as usize;
    shown.truncate(limit);
    let last = shown.last().filter(|_| shown.len() == limit);
    let next = last.and_then(|last| end_of(&(&last.name, &last.path)));
    CodeLocations { code_locations: shown, next }
}

fn shown_location(location: &definitions::Location) -> api::CodeLocation {
    api::CodeLocation {
        path: location.origin.to_string(),
        state: match &location.state {
            LocationState::Loading => api::LocationState::Loading,
            LocationState::Loaded => api::LocationState::Loaded,
            LocationState::Failed(_) => api::LocationState::Failed,
            LocationState::Gone => api::LocationState::Gone,
        },
        since: location.since.into(),
        loading_since: location.loading_since.map(Into::into),
        is_loaded: location.state == LocationState::Loaded,
        jobs: location.jobs.iter().map(ToString::to_string).collect(),
        problems: match &location.state {
            LocationState::Loading | LocationState::Loaded => None,
            LocationState::Failed(problems) => Some(problems.to_string()),
            LocationState::Gone => Some("the file is gone".to_owned()),
        },
        warnings: location.warnings.iter().map(ToString::to_string).collect(),
        name: location.name.to_string(),
    }
}

fn shown(job: &definitions::Job) -> api::Job {
    let pools = job.plan.steps.iter().flat_map(|step| step.pools.keys().cloned());
    let pools: std::collections::BTreeSet<String> = pools.collect();
    api::Job {
        name: job.name.to_string(),
        location: job.location.to_string(),
        description: job.description.clone(),
        tags: job.tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        step_count: job.plan.steps.len() as u64,
        pools: pools.into_iter().collect(),
    }
}
