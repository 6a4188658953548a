//! Jobs and the files that define them.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use definitions::{LocatedAsset, LocationState, Locations};
use model::{CodeLocation, JobName};
use tokio::time::timeout;
use tracing::error;
use wire::api::{self, Assets, CodeLocations, JobDetail, JobStep, Jobs};

use crate::app::{App, now};
use crate::body::UserJson;
use crate::error::ApiError;
use crate::query::Query;
use crate::segment::Segment;

/// How long somebody who asks for a reload waits for it: code may take longer to load than any answer
/// may take, and goes on being loaded.
const RELOAD_PATIENCE: Duration = Duration::from_secs(25);

/// The body of a request that has nothing to say.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// `GET /api/v1/jobs`.
pub(crate) async fn list(State(app): State<App>, query: Query) -> Result<Json<Jobs>, ApiError> {
    query.none()?;
    let mut jobs: Vec<_> = app.handle.locations().jobs().iter().map(|job| shown(job)).collect();
    jobs.sort_by(|a, b| (&a.location, &a.name).cmp(&(&b.location, &b.name)));
    Ok(Json(Jobs { jobs }))
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

/// `GET /api/v1/assets`.
pub(crate) async fn assets(State(app): State<App>, query: Query) -> Result<Json<Assets>, ApiError> {
    query.none()?;
    let assets = app.handle.locations().assets().into_iter().map(|asset| {
        let LocatedAsset { location, asset, job } = asset;
        api::Asset {
            key: asset.key,
            location: location.to_string(),
            group: asset.group,
            description: asset.description,
            deps: asset.deps,
            pools: asset.pools,
            jobs: asset.jobs,
            job: job.filter(|_| asset.is_executable).map(|job| job.to_string()),
            partitions: asset.partitions.map(|partitions| partitions.kind),
        }
    });
    Ok(Json(Assets { assets: assets.collect() }))
}

/// `GET /api/v1/code-locations`.
pub(crate) async fn locations(
    State(app): State<App>,
    query: Query,
) -> Result<Json<CodeLocations>, ApiError> {
    query.none()?;
    Ok(Json(all_locations(app.handle.locations())))
}

/// `POST /api/v1/code-locations/reload`.
pub(crate) async fn reload(
    State(app): State<App>,
    UserJson(Nothing {}): UserJson<Nothing>,
) -> Result<Json<CodeLocations>, ApiError> {
    let locations = app.handle.locations().clone();
    let reloaded = tokio::task::spawn_blocking(move || {
        locations.reload(now());
        all_locations(&locations)
    });
    match timeout(RELOAD_PATIENCE, reloaded).await {
        Ok(Ok(locations)) => Ok(Json(locations)),
        Ok(Err(error)) => {
            error!(%error, "failed to reload the code locations");
            Err(ApiError::internal())
        }
        Err(_) => Err(ApiError::unavailable("the code locations are still being loaded")
            .hint("`GET /api/v1/code-locations` shows them when they are")),
    }
}

fn all_locations(locations: &Locations) -> CodeLocations {
    let code_locations = locations.locations().into_iter().map(|location| api::CodeLocation {
        path: location.origin.to_string(),
        is_loaded: location.state == LocationState::Loaded,
        jobs: location.jobs.iter().map(ToString::to_string).collect(),
        problems: match &location.state {
            LocationState::Loaded => None,
            LocationState::Failed(problems) => Some(problems.to_string()),
            LocationState::Gone => Some("the file is gone".to_owned()),
        },
        warnings: location.warnings.iter().map(ToString::to_string).collect(),
        name: location.name.to_string(),
    });
    CodeLocations { code_locations: code_locations.collect() }
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
