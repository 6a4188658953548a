//! The table of routes: every address that the server knows, with its method. What is not here does
//! not exist.

mod changes;
mod instance;
mod jobs;
mod live;
mod logs;
mod pools;
mod queue;
mod runs;
mod submit;
mod workers;

use axum::Router;
use axum::routing::{MethodRouter, get, post, put};

use crate::app::App;

/// Returns the table: addresses with what they answer to.
pub(crate) fn table() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/healthz", get(instance::health)),
        ("/api/v1/instance", get(instance::instance)),
        ("/api/v1/configuration/reload", post(live::reload_configuration)),
        ("/api/v1/jobs", get(jobs::list)),
        ("/api/v1/jobs/{job}", get(jobs::show)),
        ("/api/v1/assets", get(jobs::assets)),
        ("/api/v1/code-locations", get(jobs::locations)),
        ("/api/v1/code-locations/reload", post(jobs::reload)),
        ("/api/v1/runs", get(runs::list).post(submit::submit)),
        ("/api/v1/runs/{run}", get(runs::show).delete(submit::delete)),
        ("/api/v1/runs/{run}/cancel", post(submit::cancel)),
        ("/api/v1/runs/{run}/free-slots", post(live::free_slots)),
        ("/api/v1/runs/{run}/why", get(runs::why)),
        ("/api/v1/runs/{run}/events", get(runs::events)),
        ("/api/v1/runs/{run}/logs", get(logs::logs)),
        ("/api/v1/run-changes", post(live::change_runs)),
        ("/api/v1/queue", get(queue::queue)),
        ("/api/v1/pools", get(pools::list)),
        ("/api/v1/pools/{pool}", get(pools::show)),
        ("/api/v1/pools/{pool}/limit", put(pools::set_limit).delete(pools::delete_limit)),
        ("/api/v1/changes", get(changes::changes)),
        ("/worker/v1/begin", post(workers::begin)),
        ("/worker/v1/report", post(workers::report)),
        ("/worker/v1/poll", post(workers::poll)),
    ]
}

/// Returns the routes of the table.
pub(crate) fn routes(app: App) -> Router {
    let add = |router: Router<App>, (path, methods)| router.route(path, methods);
    table().into_iter().fold(Router::new(), add).with_state(app)
}
