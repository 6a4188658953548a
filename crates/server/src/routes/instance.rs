//! The server itself: its health, and what it does now.

use axum::Json;
use axum::extract::State;
use wire::api::{Health, Instance, Rules};

use crate::app::App;
use crate::configuration::ConfigurationLink;
use crate::error::ApiError;
use crate::query::Query;

/// `GET /healthz`.
pub(crate) async fn health(State(app): State<App>) -> Result<Json<Health>, ApiError> {
    let is_recovering = app.handle.status().await?.is_recovering;
    let status = if is_recovering { "recovering" } else { "ok" };
    Ok(Json(Health { status: status.to_owned() }))
}

/// `GET /api/v1/instance`.
pub(crate) async fn instance(
    State(app): State<App>,
    query: Query,
) -> Result<Json<Instance>, ApiError> {
    query.none()?;
    let status = app.handle.status().await?;
    let options = app.handle.options();
    Ok(Json(Instance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: app.store().position().await?.epoch.0,
        started_at: app.started_at.into(),
        is_recovering: status.is_recovering,
        in_progress: status.in_progress,
        queued: status.queued,
        rules: Rules::from(&options.settings),
        submission_hooks: options.hooks.names().map(str::to_owned).collect(),
        configuration: app.configuration.as_ref().map(ConfigurationLink::now),
    }))
}
