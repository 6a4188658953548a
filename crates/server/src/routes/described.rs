//! What the document of the API says of each operation.

pub(super) mod partitions;

use serde_json::json;
use wire::api::{
    AssetDetail, AssetEventFilter, AssetEvents, Assets, CancelRun, CodeLocations, Configuration,
    ErrorCode, Event, Events, FreeSlots, FreedSlots, Health, IDEMPOTENCY_KEY, Instance, JobDetail,
    Jobs, LogFiles, LogFilter, LogPage, MaterializedPartitions, Page, PartitionFilter, Pool,
    PoolDetail, Pools, QueuePage, ReloadLocations, Run, RunChanges, RunChangesAnswer, RunDetail,
    RunFilter, RunState, RunWhy, Runs, SetPoolLimit, Steps, SubmitRun, USER,
};

use super::jobs::Nothing;
use crate::openapi::operation::{JSON, Operation, in_path, optional};

pub(super) fn health() -> Operation {
    Operation::read("getHealth", "Whether the server answers").answers::<Health>(200, "It does.")
}

pub(super) fn document() -> Operation {
    let content = json!({ JSON: { "schema": { "type": "object" } } });
    Operation::read("getOpenApi", "This document").no_query().answer(
        200,
        "The API as an OpenAPI 3.1 document.",
        content,
    )
}

pub(super) fn instance() -> Operation {
    Operation::read("getInstance", "What the server is, does now, and which limits are in force")
        .no_query()
        .answers::<Instance>(200, "The server.")
}

pub(super) fn jobs() -> Operation {
    Operation::read("listJobs", "Jobs, by code location and name")
        .query::<Page>()
        .answers::<Jobs>(200, "A page of jobs.")
}

pub(super) fn job() -> Operation {
    let location = "Its code location; needed if several have a job of this name.";
    let name = json!({ "type": "string", "pattern": r"^\S+$" });
    Operation::read("getJob", "One job with its config and its steps")
        .parameter(in_path("job", "The name of the job."))
        .parameter(optional("query", "location", location, &name))
        .no_query()
        .refuses(&[ErrorCode::UnknownJob, ErrorCode::AmbiguousJob, ErrorCode::LocationLoading])
        .answers::<JobDetail>(200, "The job.")
}

pub(super) fn assets() -> Operation {
    Operation::read("listAssets", "Assets, by code location and key")
        .query::<Page>()
        .answers::<Assets>(200, "A page of assets.")
}

pub(super) fn asset() -> Operation {
    let key = "The key of the asset, its parts joined by `/`, which is written `%2F` here.";
    Operation::read("getAsset", "One asset, when it was last made, and how its checks ended")
        .parameter(in_path("location", "The name of its code location."))
        .parameter(in_path("asset", key))
        .no_query()
        .refuses(&[ErrorCode::BadRequest, ErrorCode::NotFound])
        .answers::<AssetDetail>(200, "The asset.")
}

pub(super) fn asset_events() -> Operation {
    Operation::read("listAssetEvents", "What runs have told of assets")
        .describe(
            "Materializations, observations and results of checks. One that is the latest of its \
             asset, kind, partition and check is kept after the record of its run is gone. A page \
             has fewer entries than asked for if they are large; `next` says whether there are more.",
        )
        .query::<AssetEventFilter>()
        .answers::<AssetEvents>(200, "The events.")
}

pub(super) fn materialized_partitions() -> Operation {
    Operation::read("listMaterializedPartitions", "The partitions of an asset that were made")
        .query::<PartitionFilter>()
        .answers::<MaterializedPartitions>(200, "A page of partitions, in their order.")
}

pub(super) fn locations() -> Operation {
    Operation::read("listCodeLocations", "The files that define jobs, and what is wrong in them")
        .query::<Page>()
        .answers::<CodeLocations>(200, "A page of code locations.")
}

pub(super) fn reload() -> Operation {
    Operation::write("reloadCodeLocations", "Reads all files that define jobs anew, and Python")
        .describe(
            "A file that is wrong keeps the jobs of its last good text and tells its problems. Python is \
             begun to be loaded, and not waited for: `loading_since` of a code location is `null` again \
             when that is done. With `location`, only this one is begun to be loaded.",
        )
        .body::<ReloadLocations>()
        .refuses(&[ErrorCode::UnknownLocation])
        .answers::<CodeLocations>(200, "The code locations as they are now, up to a full page.")
}

pub(super) fn runs() -> Operation {
    Operation::read("listRuns", "Runs, the newest first")
        .query::<RunFilter>()
        .answers::<Runs>(200, "A page of runs.")
}

pub(super) fn submit() -> Operation {
    let key = "Up to 256 bytes of ASCII by which this submission is known again: asked once more \
               with the same one, the answer is the same run. Draw a new one for each submission.";
    let text = json!({ "type": "string", "minLength": 1, "maxLength": 256 });
    let user = "Who submits the run, in up to 256 bytes of ASCII: submission hooks are told.";
    let name = json!({ "type": "string", "maxLength": 256 });
    Operation::write("submitRun", "Submits a run")
        .describe(
            "Submission hooks are told the other headers, but for those that show who may ask. A hook \
             may refuse the run, or fail; then nothing was submitted.",
        )
        .parameter(optional("header", IDEMPOTENCY_KEY, key, &text))
        .parameter(optional("header", USER, user, &name))
        .body::<SubmitRun>()
        .refuses(&[
            ErrorCode::Rejected,
            ErrorCode::HookFailed,
            ErrorCode::InvalidPriority,
            ErrorCode::UnknownJob,
            ErrorCode::AmbiguousJob,
            ErrorCode::LocationLoading,
            ErrorCode::RunExists,
            ErrorCode::KeyReused,
        ])
        .answers::<Run>(201, "The run, which is durable.")
        .answers::<Run>(200, "The run that was submitted before under the same key.")
}

pub(super) fn run() -> Operation {
    Operation::read("getRun", "One run with its config, its steps and why it waits")
        .of_run()
        .no_query()
        .answers::<RunDetail>(200, "The run.")
}

pub(super) fn delete_run() -> Operation {
    Operation::write("deleteRun", "Deletes the record of a run, with its events and logs")
        .describe("The run must be queued or have ended.")
        .of_run()
        .refuses(&[ErrorCode::RunInProgress])
        .answer(204, "It is deleted.", json!({}))
}

pub(super) fn cancel() -> Operation {
    Operation::write("cancelRun", "Tells a run to end, or ends it by force")
        .describe(
            "A run that is queued is canceled at once, one that is in progress becomes CANCELING \
             until its worker has ended. By force it is marked as canceled at once and gives back \
             what it holds; what is left of its processes is killed after that.",
        )
        .of_run()
        .body::<CancelRun>()
        .refuses(&[ErrorCode::RunEnded])
        .answers::<RunState>(200, "Where the run is now.")
}

pub(super) fn change_runs() -> Operation {
    Operation::write("changeRuns", "Changes runs that have not ended, all or nothing")
        .describe(
            "Either `runs` or `query` says which, at most 10,000. Hold and release concern queued \
             runs, priority and tags also runs in progress. With `preview` nothing is changed, and \
             the answer says what would come of it. A run that is named and does not exist refuses \
             the whole request; one that has ended stands in `refused`.",
        )
        .body::<RunChanges>()
        .refuses(&[
            ErrorCode::InvalidPriority,
            ErrorCode::UnknownRun,
            ErrorCode::AmbiguousPrefix,
            ErrorCode::TooManyRuns,
        ])
        .answers::<RunChangesAnswer>(200, "What came of it for each run.")
}

pub(super) fn free_slots() -> Operation {
    Operation::write("freeSlots", "Gives back the slots that steps of a run hold in pools")
        .describe("The steps go on. What waits for slots goes on waiting.")
        .of_run()
        .body::<FreeSlots>()
        .refuses(&[ErrorCode::RunEnded, ErrorCode::SlotsOfRun])
        .answers::<FreedSlots>(200, "What was given back.")
}

pub(super) fn reload_configuration() -> Operation {
    Operation::write("reloadConfiguration", "Reads the configuration file again")
        .describe(
            "All or nothing: if anything is wrong in the file, what was in force before still is. \
             The body is an empty object.",
        )
        .body::<Nothing>()
        .refuses(&[ErrorCode::InvalidConfiguration])
        .answers::<Configuration>(200, "The configuration in force.")
}

pub(super) fn why() -> Operation {
    Operation::read("explainRun", "Every limit that blocks a run or a step of it")
        .of_run()
        .no_query()
        .answers::<RunWhy>(200, "Why it waits, with numbers, holders and the way out.")
}

pub(super) fn steps() -> Operation {
    Operation::read("listSteps", "The steps of a run, in the order of their definition")
        .of_run()
        .query::<Page>()
        .answers::<Steps>(200, "A page of steps.")
}

pub(super) fn events() -> Operation {
    Operation::read("listEvents", "What happened to a run, the oldest first")
        .of_run()
        .query::<Page>()
        .answers::<Events>(200, "A page of events.")
}

pub(super) fn logs() -> Operation {
    let mut operation = Operation::read("getLogs", "What the steps of a run have written")
        .describe(
            "Without `step`: which files there are, of the latest attempt, at most 2000. With it: a \
             part of one of them as text, at most 1 MiB. Bytes that are no UTF-8 are replaced, and \
             no character is split. The stream `log`, of code written for Dagster, is JSON, one object \
             with `at`, `level`, `message` and perhaps `error` and `step` a line; its offsets are \
             those of a larger file. Ask again with `next_offset` as `offset` until `is_complete`.",
        )
        .of_run()
        .query::<LogFilter>()
        .refuses(&[ErrorCode::NotFound, ErrorCode::OutputRemoved]);
    let (files, page) = (operation.shape::<LogFiles>(), operation.shape::<LogPage>());
    let content = json!({ JSON: { "schema": { "oneOf": [files, page] } } });
    operation.answer(200, "The files, or a part of one.", content)
}

pub(super) fn queue() -> Operation {
    Operation::read("listQueue", "The queued runs in the order in which they are looked at")
        .describe(
            "Positions are those of the moment: a run that starts between two pages moves the \
             others up.",
        )
        .query::<Page>()
        .answers::<QueuePage>(200, "A page of the queue.")
}

pub(super) fn pools() -> Operation {
    Operation::read("listPools", "The pools that have a limit of their own or are in use, by name")
        .query::<Page>()
        .answers::<Pools>(200, "A page of pools.")
}

/// Says which pool.
fn of_pool(operation: Operation) -> Operation {
    operation
        .parameter(in_path("pool", "The name of the pool: any characters but white space."))
        .refuses(&[ErrorCode::BadRequest, ErrorCode::InvalidPool])
}

pub(super) fn pool() -> Operation {
    of_pool(Operation::read("getPool", "One pool with those who hold its slots and those who wait"))
        .describe("A pool that nobody uses and that has no limit is one all the same.")
        .no_query()
        .answers::<PoolDetail>(200, "The pool, with at most 500 claims and 500 runs.")
}

pub(super) fn set_limit() -> Operation {
    of_pool(Operation::write("setPoolLimit", "Gives a pool a limit of its own"))
        .describe("Nobody who holds slots loses them.")
        .body::<SetPoolLimit>()
        .refuses(&[ErrorCode::InvalidLimit])
        .answers::<Pool>(200, "The pool.")
}

pub(super) fn delete_limit() -> Operation {
    of_pool(Operation::write("deletePoolLimit", "Takes a pool's own limit away"))
        .describe("The default is in force then, if there is one.")
        .answers::<Pool>(200, "The pool.")
}

pub(super) fn changes() -> Operation {
    let after = "The number of the last change that was seen; 0 for the first that is kept. From \
                 now on, if it is left out.";
    let resumed = "The same as `after`, before which it goes: what a browser sends that resumes.";
    let number = json!({ "type": "integer", "minimum": 0 });
    let mut operation = Operation::read("followChanges", "All changes as they come")
        .describe(
            "A stream of server-sent events: every event of runs and steps, every limit of a pool \
             that is set or deleted, every change of dynamic partitions, in one order without \
             repetition. `id` is the number of the change, `event` its kind, `data` the JSON of an \
             `Event`. A comment comes every 15 seconds when nothing happens. The stream ends when \
             the server stops and when the client takes nothing for 30 seconds; it can be resumed \
             both times. At most 64 are open at one time.",
        )
        .parameter(optional("query", "after", after, &number))
        .parameter(optional("header", "Last-Event-ID", resumed, &number))
        .no_query();
    let event = operation.shape::<Event>();
    // OpenAPI 3.1 has no word for the single events of a stream.
    let schema = json!({ "type": "string", "contentMediaType": JSON, "contentSchema": event });
    operation.answer(200, "The stream.", json!({ "text/event-stream": { "schema": schema } }))
}
