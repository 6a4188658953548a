//! What the keys of a file come to: precedence and defaults.

use std::time::Duration;

use model::{Capacity, Granularity, PoolBlocking, PoolLimit, TagLimits};

use crate::conflict;
use crate::file::Blocks;
use crate::hooks::{self, submission_hooks};
use crate::instance::{
    Coordinator, History, InstanceConfig, Pools, Queue, RunLimits, RunMonitoring, RunRetries,
    Server, StepStart,
};
use crate::reader::Reader;
use crate::record::{Origin, Record, Setting};
use crate::sections::Sections;
use crate::tag_limits::tag_limits;

/// Turns checked blocks into settings and notes what does not go together.
pub(crate) fn resolve(reader: &mut Reader<'_>, blocks: &Blocks) -> InstanceConfig {
    let sections = Sections::of(blocks);
    conflict::refuse_what_cannot_stand_together(reader, &sections);
    hooks::refuse_what_is_no_hook(reader, &blocks.root);
    let config = sections.config(blocks, |record, key| tag_limits(reader, record, key));
    conflict::warn_of_no_queue(reader, &sections, config.coordinator.value);
    config
}

/// Turns blocks into settings of which it is known that nothing is wrong.
pub(crate) fn resolve_checked(blocks: &Blocks) -> InstanceConfig {
    Sections::of(blocks).config(blocks, |_, _| None)
}

impl Sections<'_> {
    fn config(
        &self,
        blocks: &Blocks,
        mut tag_limits: impl FnMut(&Record, &str) -> Option<Setting<TagLimits>>,
    ) -> InstanceConfig {
        let block = |key| blocks.root.block_or_empty(key);
        InstanceConfig {
            coordinator: blocks
                .coordinator
                .clone()
                .unwrap_or(Setting::default_of(Coordinator::Queued)),
            coordinator_class: blocks.class.clone(),
            runs: self.run_limits(&mut tag_limits),
            pools: self.pools(),
            queue: queue(self.queue),
            run_monitoring: run_monitoring(block("run_monitoring")),
            run_retries: run_retries(block("run_retries")),
            submission_hooks: submission_hooks(&blocks.root),
            inherited_env: optional(block("env").names("inherit")),
            steps: steps(&blocks.root),
            history: history(block("history")),
            server: server(block("server")),
        }
    }

    /// `concurrency.runs` wins over the coordinator, which wins over the default.
    fn run_limits(
        &self,
        tag_limits: &mut impl FnMut(&Record, &str) -> Option<Setting<TagLimits>>,
    ) -> RunLimits {
        const MAX: &str = "max_concurrent_runs";
        const TAGS: &str = "tag_concurrency_limits";
        let of_runs = tag_limits(self.runs, TAGS);
        let of_queue = tag_limits(self.queue, TAGS);
        RunLimits {
            max_concurrent_runs: or_default(
                self.runs.int(MAX).or_else(|| self.queue.int(MAX)).map(capacity),
                Capacity::AtMost(10),
            ),
            max_branch_deployment_runs: or_default(
                self.runs.int("max_concurrent_runs_all_branch_deployments").map(capacity),
                Capacity::Unlimited,
            ),
            tag_limits: or_default(of_runs.or(of_queue), TagLimits::default()),
        }
    }

    fn pools(&self) -> Pools {
        let default_limit = self
            .pools
            .int("default_limit")
            .or_else(|| self.concurrency.int("default_op_concurrency_limit"));
        let buffer = self
            .pools
            .int("op_granularity_run_buffer")
            .or_else(|| self.blocking.int("op_concurrency_slot_buffer"));
        let blocking =
            self.blocking.bool("enabled").map(|enabled| {
                enabled.map(|enabled| {
                    if enabled { PoolBlocking::HoldsRunsBack } else { PoolBlocking::StepsOnly }
                })
            });
        Pools {
            default_limit: or_default(
                default_limit.map(|limit| limit.map(|number| PoolLimit::new(number).ok())),
                None,
            ),
            granularity: self.granularity(),
            run_buffer: or_default(buffer.map(|buffer| buffer.map(count)), 0),
            blocking: or_default(blocking, PoolBlocking::default()),
            reserve_after: optional(self.pools.int("reserve_after_seconds").map(seconds)),
        }
    }

    /// Said outright; else `op` if blocking is asked for outright; else nothing says it.
    fn granularity(&self) -> Setting<Option<Granularity>> {
        if let Some(word) = self.pools.text("granularity") {
            return word.map(|word| match word.as_str() {
                "run" => Some(Granularity::Run),
                _ => Some(Granularity::Op),
            });
        }
        match self.blocking.bool("enabled") {
            Some(enabled) if enabled.value => enabled.map(|_| Some(Granularity::Op)),
            _ => Setting::default_of(None),
        }
    }
}

fn queue(record: &Record) -> Queue {
    Queue {
        dequeue_interval: span_of_seconds(record, "dequeue_interval_seconds", 5),
        dequeue_use_threads: flag(record, "dequeue_use_threads", false),
        dequeue_num_workers: optional(number(record, "dequeue_num_workers")),
        max_user_code_failure_retries: or_default(
            number(record, "max_user_code_failure_retries"),
            0,
        ),
        user_code_failure_retry_delay: span_of_seconds(record, "user_code_failure_retry_delay", 60),
    }
}

fn run_monitoring(record: &Record) -> RunMonitoring {
    RunMonitoring {
        enabled: flag(record, "enabled", false),
        start_timeout: timeout(record, "start_timeout_seconds", 180),
        cancel_timeout: timeout(record, "cancel_timeout_seconds", 180),
        max_runtime: timeout(record, "max_runtime_seconds", 0),
        max_resume_run_attempts: or_default(number(record, "max_resume_run_attempts"), 0),
        poll_interval: span_of_seconds(record, "poll_interval_seconds", 120),
        cancellation_poll_interval: span_of_seconds(
            record,
            "cancellation_thread_poll_interval_seconds",
            10,
        ),
        free_slots_after_run_end: timeout(record, "free_slots_after_run_end_seconds", 0),
    }
}

fn run_retries(record: &Record) -> RunRetries {
    RunRetries {
        enabled: flag(record, "enabled", false),
        max_retries: or_default(number(record, "max_retries"), 0),
        retry_on_asset_or_op_failure: flag(record, "retry_on_asset_or_op_failure", true),
    }
}

fn steps(root: &Record) -> Setting<StepStart> {
    let said = root.text("steps");
    let start = said.map(|setting| setting.map(|word| StepStart::of_word(&word)));
    let known = start.and_then(|Setting { value, origin }| Some(Setting { value: value?, origin }));
    or_default(known, StepStart::Cold)
}

fn history(record: &Record) -> History {
    History {
        runs_days: optional(number(record, "runs_days")),
        events_days: optional(number(record, "events_days")),
        logs_days: optional(number(record, "logs_days")),
    }
}

fn server(record: &Record) -> Server {
    let port = record.int("port").map(|port| {
        let Setting { value, origin } = port;
        let value = u16::try_from(value).unwrap_or(u16::MAX);
        Setting { value, origin }
    });
    Server {
        host: or_default(record.text("host"), "127.0.0.1".to_owned()),
        port: or_default(port, 3141),
    }
}

fn or_default<T>(setting: Option<Setting<T>>, default: T) -> Setting<T> {
    setting.unwrap_or(Setting { value: default, origin: Origin::Default })
}

fn optional<T>(setting: Option<Setting<T>>) -> Setting<Option<T>> {
    match setting {
        Some(setting) => setting.map(Some),
        None => Setting::default_of(None),
    }
}

fn flag(record: &Record, key: &str, default: bool) -> Setting<bool> {
    or_default(record.bool(key), default)
}

fn number(record: &Record, key: &str) -> Option<Setting<u32>> {
    record.int(key).map(|setting| setting.map(count))
}

fn span_of_seconds(record: &Record, key: &str, default: u64) -> Setting<Duration> {
    or_default(record.int(key).map(seconds), Duration::from_secs(default))
}

/// A duration of which 0 means that there is none.
fn timeout(record: &Record, key: &str, default: u64) -> Setting<Option<Duration>> {
    let setting = span_of_seconds(record, key, default);
    setting.map(|duration| (!duration.is_zero()).then_some(duration))
}

/// A number that the table bounds to what fits.
pub(crate) fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

fn seconds(setting: Setting<i64>) -> Setting<Duration> {
    setting.map(|number| Duration::from_secs(u64::from(count(number))))
}

fn capacity(setting: Setting<i64>) -> Setting<Capacity> {
    setting.map(|number| match number {
        -1 => Capacity::Unlimited,
        number => Capacity::AtMost(count(number)),
    })
}
