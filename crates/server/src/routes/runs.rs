//! Runs as they are read: lists, one run, why it waits, and what happened to it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use coordinator::RunAnswer;
use model::{CodeLocation, JobName, Priority, RunId, RunStatus, Seq, StepKey, StepRow};
use store::{RunsFilter, Spec, StoredRun};
use tracing::{error, warn};
use wire::api::{
    self, Event, Events, Explanation, MAX_PAGE, Page, Run, RunDetail, RunFilter, RunWhy, Runs,
    Step, StepHeldBack, StepWhy, Steps, sentences,
};
use wire::plan::Plan;

use crate::app::{App, now};
use crate::error::ApiError;
use crate::held_back::held_back;
use crate::query::{Query, end_of, page_size, place, place_of};
use crate::refusal::unknown_run;
use crate::segment::Segment;

/// `GET /api/v1/runs`.
pub(crate) async fn list(State(app): State<App>, query: Query) -> Result<Json<Runs>, ApiError> {
    let asked = query.read(RunFilter::from_pairs)?;
    let before = place("before", asked.before.as_deref())?.map(Seq::new);
    let limit = page_size(asked.limit);
    let filter = RunsFilter {
        statuses: asked.statuses.into_iter().collect(),
        job: asked.job.map(JobName::new).transpose()?,
        location: asked.location.map(CodeLocation::new).transpose()?,
        tags: asked.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        since: asked.since.map(|since| since.0),
        until: None,
    };
    let found = app.store().runs(&filter, before, limit).await?;
    let is_full = found.len() == limit as usize;
    let last = found.last().filter(|_| is_full).map(|last| last.run.seq.to_string());
    Ok(Json(Runs { runs: found.iter().map(shown).collect(), next: last }))
}

/// `GET /api/v1/runs/{run}`.
pub(crate) async fn show(
    State(app): State<App>,
    run: Segment,
    query: Query,
) -> Result<Json<RunDetail>, ApiError> {
    query.none()?;
    let stored = run.run(&app).await?;
    let id = stored.run.id;
    let spec = app.store().spec(id).await?.ok_or_else(|| unknown_run(&run.0))?;
    let (steps, next_steps) = some_steps(&app, &stored, &spec, None, MAX_PAGE).await?;
    let explanation = explained(&app, id).await;
    Ok(Json(RunDetail {
        run: shown(&stored),
        config: serde_json::from_str(&spec.config).map_err(|error| {
            error!(run.id = %id, %error, "the stored config of a run cannot be read");
            ApiError::internal()
        })?,
        steps,
        next_steps,
        sentences: explanation.as_ref().map(sentences).unwrap_or_default(),
        explanation: explanation.as_ref().map(Explanation::from),
    }))
}

/// `GET /api/v1/runs/{run}/steps`.
pub(crate) async fn steps(
    State(app): State<App>,
    run: Segment,
    query: Query,
) -> Result<Json<Steps>, ApiError> {
    let page = query.read(Page::from_pairs)?;
    let after: Option<(u32, String)> = place_of("after", page.after.as_deref())?;
    let after = after.map(|(position, key)| StepKey::new(key).map(|key| (position, key)));
    let (after, limit) = (after.transpose()?, page_size(page.limit));
    let stored = run.run(&app).await?;
    let spec = app.store().spec(stored.run.id).await?.ok_or_else(|| unknown_run(&run.0))?;
    let (steps, next) = some_steps(&app, &stored, &spec, after, limit).await?;
    Ok(Json(Steps { steps, next }))
}

/// Reads steps of a run behind a place, and returns where they end if there may be more.
async fn some_steps(
    app: &App,
    stored: &StoredRun,
    spec: &Spec,
    after: Option<(u32, StepKey)>,
    limit: u32,
) -> Result<(Vec<Step>, Option<String>), ApiError> {
    let run = stored.run.id;
    let after = after.as_ref().map(|(position, key)| (*position, key));
    let rows = app.store().steps_after(run, after, limit).await?;
    let last = rows.last().filter(|_| rows.len() == limit as usize);
    let next = last.and_then(|last| end_of(&(last.position, last.key().as_str())));
    let mut held_back = held_back_in(app, stored, spec).await?;
    let shown = |row: &StepRow| {
        let held_back = held_back.remove(row.key().as_str()).unwrap_or_default();
        Step { held_back, ..Step::from(row) }
    };
    Ok((rows.iter().map(shown).collect(), next))
}

/// Returns the steps that limits inside their run hold back, with a sentence for each such limit. That
/// takes all steps of the run, which its plan bounds.
async fn held_back_in(
    app: &App,
    stored: &StoredRun,
    spec: &Spec,
) -> Result<BTreeMap<String, Vec<String>>, ApiError> {
    // Only a worker that is at work lets steps go on.
    if stored.life.status != RunStatus::Started {
        return Ok(BTreeMap::new());
    }
    let plan: Plan = serde_json::from_str(&spec.plan).map_err(|error| {
        error!(run.id = %stored.run.id, %error, "the stored plan of a run cannot be read");
        ApiError::internal()
    })?;
    if plan.executor.is_default() {
        return Ok(BTreeMap::new());
    }
    Ok(held_back(&plan, &app.store().steps(stored.run.id).await?, now()))
}

/// Asks why a run waits. What is stored can be read even if the daemon cannot answer.
async fn explained(app: &App, run: RunId) -> Option<model::Explanation> {
    match app.handle.explain(vec![run]).await {
        Ok(answers) => answers.into_iter().next().and_then(|answer| answer.explanation),
        Err(error) => {
            warn!(run.id = %run, %error, "failed to explain a run");
            None
        }
    }
}

/// `GET /api/v1/runs/{run}/why`.
pub(crate) async fn why(
    State(app): State<App>,
    run: Segment,
    query: Query,
) -> Result<Json<RunWhy>, ApiError> {
    query.none()?;
    let stored = run.run(&app).await?;
    let id = stored.run.id;
    let answer = app.handle.explain(vec![id]).await?.into_iter().next();
    let answer = answer.unwrap_or(RunAnswer {
        run: id,
        status: None,
        explanation: None,
        waiting_steps: Vec::new(),
    });
    let explanation = answer.explanation.as_ref();
    let status = answer.status.unwrap_or(stored.life.status);
    let spec = app.store().spec(id).await?.ok_or_else(|| unknown_run(&run.0))?;
    let held_back = held_back_in(&app, &stored, &spec).await?;
    Ok(Json(RunWhy {
        run: id.to_string(),
        status,
        explanation: explanation.map(Explanation::from),
        sentences: explanation.map(sentences).unwrap_or_default(),
        steps: answer.waiting_steps.iter().map(step_why).collect(),
        held_back: held_back
            .into_iter()
            .map(|(step, sentences)| StepHeldBack { step, sentences })
            .collect(),
    }))
}

fn step_why((step, explanation): &(model::StepKey, model::Explanation)) -> StepWhy {
    StepWhy {
        step: step.to_string(),
        explanation: explanation.into(),
        sentences: sentences(explanation),
    }
}

/// `GET /api/v1/runs/{run}/events`.
pub(crate) async fn events(
    State(app): State<App>,
    run: Segment,
    query: Query,
) -> Result<Json<Events>, ApiError> {
    let page = query.read(Page::from_pairs)?;
    let after = place("after", page.after.as_deref())?.unwrap_or(0);
    let limit = page_size(page.limit);
    let stored = run.run(&app).await?;
    let events = app.store().events(stored.run.id, after, limit).await?;
    let is_full = events.len() == limit as usize;
    let last = events.last().and_then(|event| event.run).map(|(_, number)| number);
    // A page with large data has fewer events than were asked for.
    let next = last.filter(|number| is_full || *number < stored.life.event_count);
    Ok(Json(Events { events: events.iter().map(Event::from).collect(), next }))
}

/// Returns a run as lists show it.
pub(super) fn shown(stored: &StoredRun) -> Run {
    let StoredRun { run, life } = stored;
    Run {
        id: run.id.to_string(),
        job: run.job.to_string(),
        location: run.location.to_string(),
        deployment: api::Deployment::from(&run.deployment),
        status: life.status,
        priority: priority(run).get(),
        tags: run.tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        sequence: run.seq.get(),
        attempt: life.attempt.map(model::Attempt::get),
        is_held: life.is_held,
        // Of what has ended, everything is known.
        is_suspect: life.is_suspect && !life.status.is_terminal(),
        submitted_at: life.submitted_at.into(),
        starting_at: life.starting_at.map(Into::into),
        started_at: life.started_at.map(Into::into),
        canceling_at: life.canceling_at.map(Into::into),
        ended_at: life.ended_at.map(Into::into),
        failure: life.failure.as_ref().map(Into::into),
    }
}

/// Returns the priority by which a run stands in the queue.
pub(super) fn priority(run: &model::Run) -> Priority {
    run.tags.priority().unwrap_or_default()
}
