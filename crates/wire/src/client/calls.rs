//! One method for each route of the API.

use reqwest::Method;

use super::{Changes, Client, ClientError};
use crate::api::{
    AssetDetail, AssetEventFilter, AssetEvents, CancelRun, ChangePartitions, ChangedPartitions,
    Configuration, Events, FreeSlots, FreedSlots, Health, IDEMPOTENCY_KEY, Instance, JobDetail,
    LogFiles, LogFilter, LogPage, MaterializedPartitions, Page, PartitionFilter, Pool, PoolDetail,
    QueuePage, Run, RunChanges, RunChangesAnswer, RunDetail, RunFilter, RunState, RunWhy, Runs,
    SetPoolLimit, SubmitRun,
};

const API: [&str; 2] = ["api", "v1"];

pub(super) fn below<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&API[..], rest].concat()
}

/// A run that was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The run.
    pub run: Run,
    /// Whether it is new, and not one that was submitted before under the same key.
    pub is_new: bool,
}

impl Client {
    /// Asks whether the server answers.
    ///
    /// # Errors
    /// As every method here: [`ClientError`] says whether the server refused or was not reached.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get(&["healthz"], &[]).await
    }

    /// Asks what the server is and which rules are in force.
    pub async fn instance(&self) -> Result<Instance, ClientError> {
        self.get(&below(&["instance"]), &[]).await
    }

    /// Shows a job; `location` is needed if several have one of this name.
    pub async fn job(&self, job: &str, location: Option<&str>) -> Result<JobDetail, ClientError> {
        let query: Vec<_> =
            location.map(|name| ("location", name.to_owned())).into_iter().collect();
        self.get(&below(&["jobs", job]), &query).await
    }

    /// Shows an asset of a code location.
    pub async fn asset(&self, location: &str, asset: &str) -> Result<AssetDetail, ClientError> {
        self.get(&below(&["assets", location, asset]), &[]).await
    }

    /// Lists what was told of assets.
    pub async fn asset_events(
        &self,
        filter: &AssetEventFilter,
    ) -> Result<AssetEvents, ClientError> {
        self.get(&below(&["asset-events"]), &filter.to_pairs()).await
    }

    /// Lists the partitions of an asset that were made.
    pub async fn materialized_partitions(
        &self,
        filter: &PartitionFilter,
    ) -> Result<MaterializedPartitions, ClientError> {
        self.get(&below(&["materialized-partitions"]), &filter.to_pairs()).await
    }

    /// Submits a run. Asked again with the same key, the answer is the same run.
    pub async fn submit(
        &self,
        run: &SubmitRun,
        idempotency_key: Option<&str>,
    ) -> Result<Submitted, ClientError> {
        self.submit_with_headers(run, idempotency_key, &[]).await
    }

    /// The same with headers for the submission hooks: a name and a value each.
    pub async fn submit_with_headers(
        &self,
        run: &SubmitRun,
        idempotency_key: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Result<Submitted, ClientError> {
        let key = idempotency_key.map(|key| (IDEMPOTENCY_KEY, key));
        let headers: Vec<_> = key.into_iter().chain(headers.iter().copied()).collect();
        let (run, status) = self.write(Method::POST, &below(&["runs"]), run, &headers).await?;
        Ok(Submitted { run, is_new: status == 201 })
    }

    /// Lists runs, the newest first.
    pub async fn runs(&self, filter: &RunFilter) -> Result<Runs, ClientError> {
        self.get(&below(&["runs"]), &filter.to_pairs()).await
    }

    /// Shows a run by its id or the beginning of it, with the first of its steps.
    pub async fn run(&self, id: &str) -> Result<RunDetail, ClientError> {
        self.get(&below(&["runs", id]), &[]).await
    }

    /// Asks why a run waits.
    pub async fn why(&self, id: &str) -> Result<RunWhy, ClientError> {
        self.get(&below(&["runs", id, "why"]), &[]).await
    }

    /// Lists the events of a run, the oldest first.
    pub async fn events(&self, id: &str, page: &Page) -> Result<Events, ClientError> {
        self.get(&below(&["runs", id, "events"]), &page.to_pairs()).await
    }

    /// Lists what the steps of a run have written.
    pub async fn log_files(&self, id: &str) -> Result<LogFiles, ClientError> {
        self.get(&below(&["runs", id, "logs"]), &[]).await
    }

    /// Reads a part of what a step has written; `filter` must name the step.
    pub async fn log(&self, id: &str, filter: &LogFilter) -> Result<LogPage, ClientError> {
        self.get(&below(&["runs", id, "logs"]), &filter.to_pairs()).await
    }

    /// Tells a run to end.
    pub async fn cancel(&self, id: &str, how: CancelRun) -> Result<RunState, ClientError> {
        let path = below(&["runs", id, "cancel"]);
        Ok(self.write(Method::POST, &path, &how, &[]).await?.0)
    }

    /// Deletes the record of a run that has ended or is queued.
    pub async fn delete(&self, id: &str) -> Result<(), ClientError> {
        self.remove(&below(&["runs", id])).await.map(drop)
    }

    /// Changes runs that have not ended, all or nothing, or tells what would come of it.
    pub async fn change_runs(&self, changes: &RunChanges) -> Result<RunChangesAnswer, ClientError> {
        let path = below(&["run-changes"]);
        Ok(self.write(Method::POST, &path, changes, &[]).await?.0)
    }

    /// Gives back the slots that one step of a run holds, or all its steps; they go on.
    pub async fn free_slots(&self, id: &str, which: &FreeSlots) -> Result<FreedSlots, ClientError> {
        let path = below(&["runs", id, "free-slots"]);
        Ok(self.write(Method::POST, &path, which, &[]).await?.0)
    }

    /// Lists the queue.
    pub async fn queue(&self, page: &Page) -> Result<QueuePage, ClientError> {
        self.get(&below(&["queue"]), &page.to_pairs()).await
    }

    /// Shows a pool with its holders and waiters.
    pub async fn pool(&self, pool: &str) -> Result<PoolDetail, ClientError> {
        self.get(&below(&["pools", pool]), &[]).await
    }

    /// Gives a pool a limit.
    pub async fn set_pool_limit(&self, pool: &str, limit: i64) -> Result<Pool, ClientError> {
        let path = below(&["pools", pool, "limit"]);
        Ok(self.write(Method::PUT, &path, &SetPoolLimit { limit }, &[]).await?.0)
    }

    /// Takes a pool's limit away: from then on the default is in force.
    pub async fn delete_pool_limit(&self, pool: &str) -> Result<Pool, ClientError> {
        let response = self.remove(&below(&["pools", pool, "limit"])).await?;
        self.read(response).await
    }

    /// Adds and removes dynamic partitions.
    pub async fn change_partitions(
        &self,
        name: &str,
        change: &ChangePartitions,
    ) -> Result<ChangedPartitions, ClientError> {
        let path = below(&["dynamic-partitions", name]);
        Ok(self.write(Method::POST, &path, change, &[]).await?.0)
    }

    /// Has the configuration file read again and put in force, if nothing is wrong in it.
    pub async fn reload_configuration(&self) -> Result<Configuration, ClientError> {
        let path = below(&["configuration", "reload"]);
        Ok(self.write(Method::POST, &path, &serde_json::json!({}), &[]).await?.0)
    }

    /// Opens the stream of all changes behind the one numbered `after`; from now on, if none is
    /// given.
    pub async fn changes(&self, after: Option<u64>) -> Result<Changes, ClientError> {
        Changes::open(self.clone(), after).await
    }

    pub(super) async fn open_changes(
        &self,
        after: Option<u64>,
    ) -> Result<reqwest::Response, ClientError> {
        let query: Vec<_> = after.map(|change| ("after", change.to_string())).into_iter().collect();
        let request = self.http.get(self.address(&below(&["changes"]), &query));
        self.send(request.header("accept", "text/event-stream")).await
    }
}
