//! Live changes: of runs, of slots that are held, of the configuration.

use axum::Json;
use axum::extract::State;
use coordinator::{Changed, Meant, Mode, RunChange};
use model::{CodeLocation, Demand, JobName, Priority, RunId, StepKey};
use store::RunsFilter;
use wire::api::{
    self, Configuration, ErrorCode, FreeSlots, FreedSlots, FreedStep, MAX_CHANGED_RUNS,
    RefusedChange, RunChanges, RunChangesAnswer, RunQuery,
};

use super::jobs::Nothing;
use crate::app::App;
use crate::body::UserJson;
use crate::error::ApiError;
use crate::segment::Segment;

/// `POST /api/v1/run-changes`.
pub(crate) async fn change_runs(
    State(app): State<App>,
    UserJson(asked): UserJson<RunChanges>,
) -> Result<Json<RunChangesAnswer>, ApiError> {
    let RunChanges { runs, query, change, preview } = asked;
    let meant = match (runs, query) {
        (Some(runs), None) => Meant::Runs(ids(&app, runs).await?),
        (None, Some(query)) => Meant::Query(filter(query)?),
        (Some(_), Some(_)) | (None, None) => {
            return Err(ApiError::bad_request("give either `runs` or `query`"));
        }
    };
    let mode = if preview { Mode::Preview } else { Mode::Apply };
    let changed = app.handle.change_runs(meant, read(change), mode).await?;
    Ok(Json(told(&changed, preview)))
}

/// Returns the ids of runs that are named by their ids or beginnings of them.
async fn ids(app: &App, names: Vec<String>) -> Result<Vec<RunId>, ApiError> {
    if names.len() > MAX_CHANGED_RUNS {
        let message = format!("{} runs are named; at most {MAX_CHANGED_RUNS} may be", names.len());
        return Err(ApiError::new(ErrorCode::TooManyRuns, message).hint("make several requests"));
    }
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        ids.push(Segment(name).run_id(app).await?);
    }
    Ok(ids)
}

fn filter(query: RunQuery) -> Result<RunsFilter, ApiError> {
    Ok(RunsFilter {
        statuses: query.status.into_iter().collect(),
        job: query.job.map(JobName::new).transpose()?,
        location: query.location.map(CodeLocation::new).transpose()?,
        tags: query.tags.into_iter().collect(),
        since: query.since.map(|since| since.0),
        until: None,
    })
}

fn read(change: api::RunChange) -> RunChange {
    match change {
        api::RunChange::Priority(priority) => RunChange::Priority(Priority::new(priority)),
        api::RunChange::Tags { set, remove } => {
            RunChange::Tags { set: set.into_iter().collect(), remove: remove.into_iter().collect() }
        }
        api::RunChange::Hold => RunChange::Hold,
        api::RunChange::Release => RunChange::Release,
    }
}

fn told(changed: &Changed, is_preview: bool) -> RunChangesAnswer {
    let names = |runs: &[RunId]| runs.iter().map(ToString::to_string).collect::<Vec<_>>();
    let refused = changed
        .refused
        .iter()
        .map(|(run, why)| RefusedChange { run: run.to_string(), reason: why.to_string() });
    let matched = changed.changed.len() + changed.unchanged.len() + changed.refused.len();
    RunChangesAnswer {
        matched: matched as u64,
        changed: names(&changed.changed),
        unchanged: names(&changed.unchanged),
        refused: refused.collect(),
        started: names(&changed.started),
        is_started_cut: changed.is_started_cut,
        is_preview,
    }
}

/// `POST /api/v1/runs/{run}/free-slots`.
pub(crate) async fn free_slots(
    State(app): State<App>,
    run: Segment,
    UserJson(FreeSlots { step }): UserJson<FreeSlots>,
) -> Result<Json<FreedSlots>, ApiError> {
    let id = run.run_id(&app).await?;
    let step = step.map(StepKey::new).transpose()?;
    let freed = app.handle.free_slots(id, step).await?;
    let freed = freed.iter().map(|(step, demand)| freed_step(step, demand));
    Ok(Json(FreedSlots { freed: freed.collect() }))
}

fn freed_step(step: &StepKey, demand: &Demand) -> FreedStep {
    let pools = demand.iter().map(|(pool, slots)| (pool.to_string(), slots.get()));
    FreedStep { step: step.to_string(), pools: pools.collect() }
}

/// `POST /api/v1/configuration/reload`.
pub(crate) async fn reload_configuration(
    State(app): State<App>,
    UserJson(Nothing {}): UserJson<Nothing>,
) -> Result<Json<Configuration>, ApiError> {
    let Some(link) = &app.configuration else {
        let message = "this server has no configuration that could be read again";
        return Err(ApiError::new(ErrorCode::InvalidConfiguration, message));
    };
    match link.reload().await {
        Some(Ok(())) => Ok(Json(link.now())),
        Some(Err(problem)) => Err(ApiError::new(ErrorCode::InvalidConfiguration, problem)
            .hint("what was in force before still is; mend the file, then try again")),
        None => Err(ApiError::unavailable("the daemon is stopping")),
    }
}
