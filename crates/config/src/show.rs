//! The settings in force as rows: what `config show` prints.

use std::time::Duration;

use model::{Capacity, Granularity, PoolBlocking, TagLimit, TagLimits, TagMatch};
use serde_json::{Value, json};

use crate::hooks::{PythonClass, as_written};
use crate::instance::{InstanceConfig, Pools, Queue, RunMonitoring};
use crate::record::{Origin, Setting};

/// One setting that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key, with the keys above it, under which it is documented.
    pub key: &'static str,
    /// The value as it would be written in the file; `null` where only leaving the key out says it.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

impl InstanceConfig {
    /// Returns every setting that is in force, in the order of the reference page.
    ///
    /// With a coordinator that has no queue, the limits on runs are those that it has: none.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = self.limit_rows();
        rows.extend(queue_rows(&self.queue));
        rows.extend(self.coordinator_rows());
        rows.extend(monitoring_rows(&self.run_monitoring));
        rows.extend(self.retry_rows());
        rows.extend(self.own_rows());
        rows
    }

    fn coordinator_rows(&self) -> Vec<Row> {
        let name = self.class_name();
        let mut rows = vec![row("run_coordinator.class", &self.coordinator, |_| json!(name))];
        if let Some(PythonClass { module, class: _, config }) = &self.coordinator_class {
            rows.push(row("run_coordinator.module", &self.coordinator, |_| json!(module)));
            rows.push(row("run_coordinator.config", &self.coordinator, |_| config.clone()));
        }
        rows
    }

    fn limit_rows(&self) -> Vec<Row> {
        let settings = self.settings();
        let runs = &self.runs;
        vec![
            row(
                "concurrency.runs.max_concurrent_runs",
                &self.in_force(&runs.max_concurrent_runs, settings.max_concurrent_runs),
                |limit| capacity(*limit),
            ),
            row(
                "concurrency.runs.tag_concurrency_limits",
                &self.in_force(&runs.tag_limits, settings.tag_limits),
                tag_limits,
            ),
            row(
                "concurrency.runs.max_concurrent_runs_all_branch_deployments",
                &self.in_force(
                    &runs.max_branch_deployment_runs,
                    settings.max_branch_deployment_runs,
                ),
                |limit| capacity(*limit),
            ),
        ]
        .into_iter()
        .chain(self.pool_rows(settings.pools.granularity, settings.pools.blocking))
        .collect()
    }

    fn pool_rows(&self, granularity: Granularity, blocking: PoolBlocking) -> Vec<Row> {
        let Pools { default_limit, run_buffer, reserve_after, .. } = &self.pools;
        vec![
            row("concurrency.pools.default_limit", default_limit, |limit| {
                json!(limit.map(model::PoolLimit::get))
            }),
            row(
                "concurrency.pools.granularity",
                &self.in_force(&self.pools.granularity, Some(granularity)),
                |granularity| match granularity.unwrap_or_default() {
                    Granularity::Op => json!("op"),
                    Granularity::Run => json!("run"),
                },
            ),
            row("concurrency.pools.op_granularity_run_buffer", run_buffer, |buffer| json!(buffer)),
            row("concurrency.pools.reserve_after_seconds", reserve_after, |after| {
                json!(after.map(|after| after.as_secs()))
            }),
            row(
                "run_queue.block_op_concurrency_limited_runs.enabled",
                &self.in_force(&self.pools.blocking, blocking),
                |blocking| json!(*blocking == PoolBlocking::HoldsRunsBack),
            ),
        ]
    }

    /// Returns what a limit comes to: without a queue, the coordinator is what settles it.
    fn in_force<T: Clone>(&self, configured: &Setting<T>, effective: T) -> Setting<T> {
        let origin = if self.coordinator.value.has_queue() {
            &configured.origin
        } else {
            &self.coordinator.origin
        };
        Setting { value: effective, origin: origin.clone() }
    }

    fn retry_rows(&self) -> Vec<Row> {
        let retries = &self.run_retries;
        vec![
            row("run_retries.enabled", &retries.enabled, |yes| json!(yes)),
            row("run_retries.max_retries", &retries.max_retries, |most| json!(most)),
            row(
                "run_retries.retry_on_asset_or_op_failure",
                &retries.retry_on_asset_or_op_failure,
                |yes| json!(yes),
            ),
        ]
    }

    fn own_rows(&self) -> Vec<Row> {
        let history = &self.history;
        let days = |days: &Option<u32>| json!(days);
        vec![
            row("submission_hooks", &self.submission_hooks, |hooks| {
                hooks.iter().map(as_written).collect()
            }),
            row("env.inherit", &self.inherited_env, |names| json!(names)),
            row("steps", &self.steps, |start| json!(start.word())),
            row("history.runs_days", &history.runs_days, days),
            row("history.events_days", &history.events_days, days),
            row("history.logs_days", &history.logs_days, days),
            row("server.host", &self.server.host, |host| json!(host)),
            row("server.port", &self.server.port, |port| json!(port)),
        ]
    }
}

fn queue_rows(queue: &Queue) -> Vec<Row> {
    vec![
        row("run_queue.dequeue_interval_seconds", &queue.dequeue_interval, seconds),
        row("run_queue.dequeue_use_threads", &queue.dequeue_use_threads, |yes| json!(yes)),
        row("run_queue.dequeue_num_workers", &queue.dequeue_num_workers, |workers| json!(workers)),
        row(
            "run_queue.max_user_code_failure_retries",
            &queue.max_user_code_failure_retries,
            |most| json!(most),
        ),
        row(
            "run_queue.user_code_failure_retry_delay",
            &queue.user_code_failure_retry_delay,
            seconds,
        ),
    ]
}

fn monitoring_rows(monitoring: &RunMonitoring) -> Vec<Row> {
    vec![
        row("run_monitoring.enabled", &monitoring.enabled, |yes| json!(yes)),
        row("run_monitoring.start_timeout_seconds", &monitoring.start_timeout, timeout),
        row("run_monitoring.cancel_timeout_seconds", &monitoring.cancel_timeout, timeout),
        row("run_monitoring.max_runtime_seconds", &monitoring.max_runtime, timeout),
        row(
            "run_monitoring.max_resume_run_attempts",
            &monitoring.max_resume_run_attempts,
            |most| json!(most),
        ),
        row("run_monitoring.poll_interval_seconds", &monitoring.poll_interval, seconds),
        row(
            "run_monitoring.cancellation_thread_poll_interval_seconds",
            &monitoring.cancellation_poll_interval,
            seconds,
        ),
        row(
            "run_monitoring.free_slots_after_run_end_seconds",
            &monitoring.free_slots_after_run_end,
            |after| json!(after.map(|after| after.as_secs())),
        ),
    ]
}

fn row<T>(key: &'static str, setting: &Setting<T>, value: impl FnOnce(&T) -> Value) -> Row {
    Row { key, value: value(&setting.value), origin: setting.origin.clone() }
}

fn seconds(duration: &Duration) -> Value {
    json!(duration.as_secs())
}

/// A timeout that is switched off is written as 0.
#[expect(clippy::ref_option, reason = "a row reads its setting in place")]
fn timeout(duration: &Option<Duration>) -> Value {
    seconds(&duration.unwrap_or_default())
}

fn capacity(capacity: Capacity) -> Value {
    match capacity {
        Capacity::AtMost(number) => json!(number),
        Capacity::Unlimited => json!(-1),
    }
}

fn tag_limits(limits: &TagLimits) -> Value {
    limits.iter().map(tag_limit).collect()
}

fn tag_limit(limit: &TagLimit) -> Value {
    let TagLimit { key, matches, limit } = limit;
    match matches {
        TagMatch::Key => json!({"key": key, "limit": limit}),
        TagMatch::Value(value) => json!({"key": key, "value": value, "limit": limit}),
        TagMatch::EachValue => {
            json!({"key": key, "value": {"applyLimitPerUniqueValue": true}, "limit": limit})
        }
    }
}
