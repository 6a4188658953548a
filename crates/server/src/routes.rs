//! The table of routes: every address that the server knows, with its methods and what the document
//! of the API says of each. What is not here does not exist.

mod assets;
mod changes;
mod described;
mod document;
mod instance;
mod jobs;
mod live;
mod logs;
mod partitions;
mod pools;
mod queue;
mod runs;
mod submit;
mod workers;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, post};

use crate::app::App;
use crate::openapi::operation::Operation;

/// An address with what it answers to.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) path: &'static str,
    methods: MethodRouter<App>,
    /// By method, as the document writes it; none for the routes of the workers.
    pub(crate) operations: Vec<(&'static str, Operation)>,
}

/// Declares a method: its route and what is said of it come together.
macro_rules! method {
    ($method:ident, $word:literal) => {
        fn $method<H: Handler<T, App>, T: 'static>(self, handler: H, told: Operation) -> Self {
            let Self { path, methods, mut operations } = self;
            operations.push(($word, told));
            Self { path, methods: methods.$method(handler), operations }
        }
    };
}

impl Row {
    method!(get, "get");
    method!(post, "post");
    method!(put, "put");
    method!(delete, "delete");
}

fn at(path: &'static str) -> Row {
    Row { path, methods: MethodRouter::new(), operations: Vec::new() }
}

/// A route by which workers speak to their daemon: nobody else is to use it.
fn of_workers(path: &'static str, methods: MethodRouter<App>) -> Row {
    Row { path, methods, operations: Vec::new() }
}

/// Returns the table: addresses with what they answer to.
pub(crate) fn table() -> Vec<Row> {
    vec![
        at("/healthz").get(instance::health, described::health()),
        at("/api/v1/openapi.json").get(document::document, described::document()),
        at("/api/v1/instance").get(instance::instance, described::instance()),
        at("/api/v1/configuration/reload")
            .post(live::reload_configuration, described::reload_configuration()),
        at("/api/v1/jobs").get(jobs::list, described::jobs()),
        at("/api/v1/jobs/{job}").get(jobs::show, described::job()),
        at("/api/v1/assets").get(assets::list, described::assets()),
        at("/api/v1/assets/{location}/{asset}").get(assets::show, described::asset()),
        at("/api/v1/asset-events").get(assets::events, described::asset_events()),
        at("/api/v1/materialized-partitions")
            .get(assets::partitions, described::materialized_partitions()),
        at("/api/v1/code-locations").get(jobs::locations, described::locations()),
        at("/api/v1/code-locations/reload").post(jobs::reload, described::reload()),
        at("/api/v1/runs")
            .get(runs::list, described::runs())
            .post(submit::submit, described::submit()),
        at("/api/v1/runs/{run}")
            .get(runs::show, described::run())
            .delete(submit::delete, described::delete_run()),
        at("/api/v1/runs/{run}/cancel").post(submit::cancel, described::cancel()),
        at("/api/v1/runs/{run}/free-slots").post(live::free_slots, described::free_slots()),
        at("/api/v1/runs/{run}/why").get(runs::why, described::why()),
        at("/api/v1/runs/{run}/steps").get(runs::steps, described::steps()),
        at("/api/v1/runs/{run}/events").get(runs::events, described::events()),
        at("/api/v1/runs/{run}/logs").get(logs::logs, described::logs()),
        at("/api/v1/run-changes").post(live::change_runs, described::change_runs()),
        at("/api/v1/queue").get(queue::queue, described::queue()),
        at("/api/v1/pools").get(pools::list, described::pools()),
        at("/api/v1/pools/{pool}").get(pools::show, described::pool()),
        at("/api/v1/pools/{pool}/limit")
            .put(pools::set_limit, described::set_limit())
            .delete(pools::delete_limit, described::delete_limit()),
        at("/api/v1/dynamic-partitions").get(partitions::list, described::partitions::sets()),
        at("/api/v1/dynamic-partitions/{name}")
            .get(partitions::show, described::partitions::keys())
            .post(partitions::change, described::partitions::change()),
        at("/api/v1/changes").get(changes::changes, described::changes()),
        of_workers("/worker/v1/begin", post(workers::begin)),
        of_workers("/worker/v1/report", post(workers::report)),
        of_workers("/worker/v1/poll", post(workers::poll)),
    ]
}

/// Returns the routes of the table.
pub(crate) fn routes(app: App) -> Router {
    let add = |router: Router<App>, row: Row| router.route(row.path, row.methods);
    table().into_iter().fold(Router::new(), add).with_state(app)
}
