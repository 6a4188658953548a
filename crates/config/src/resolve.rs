//! What the keys of a file mean together: conflicts, precedence, defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{Capacity, Granularity, PoolBlocking, PoolLimit, TagLimit, TagLimits, TagMatch};

use crate::file::Blocks;
use crate::instance::{
    Coordinator, History, InstanceConfig, Pools, Queue, RunLimits, RunMonitoring, RunRetries,
    Server, SubmissionHook,
};
use crate::problem::quoted;
use crate::reader::Reader;
use crate::record::{Datum, Origin, Record, Setting};

/// The limits that have an older place under the queue: there, and where they belong.
const MOVED: [(&[&str], &str); 3] = [
    (&["max_concurrent_runs"], "concurrency.runs.max_concurrent_runs"),
    (&["tag_concurrency_limits"], "concurrency.runs.tag_concurrency_limits"),
    (
        &["block_op_concurrency_limited_runs", "op_concurrency_slot_buffer"],
        "concurrency.pools.op_granularity_run_buffer",
    ),
];

/// Turns checked blocks into settings and notes what does not go together.
pub(crate) fn resolve(reader: &mut Reader<'_>, blocks: &Blocks) -> InstanceConfig {
    let sections = Sections::of(blocks);
    refuse_moved_keys(reader, blocks, &sections);
    refuse_old_default_limit(reader, &sections);
    refuse_buffer_without_blocking(reader, &sections);
    let config = sections.config(blocks, |record, key| tag_limits(reader, record, key));
    warn_of_no_queue(reader, &sections, config.coordinator.value);
    config
}

/// Turns blocks into settings of which it is known that nothing is wrong.
pub(crate) fn resolve_checked(blocks: &Blocks) -> InstanceConfig {
    Sections::of(blocks).config(blocks, |_, _| None)
}

/// The blocks that several rules look at; an absent one is empty.
struct Sections<'b> {
    concurrency: Record,
    runs: Record,
    pools: Record,
    queue: Record,
    blocking: Record,
    queue_path: &'b str,
}

impl<'b> Sections<'b> {
    fn of(blocks: &'b Blocks) -> Self {
        let inner = |record: &Record, key| record.block(key).cloned().unwrap_or_default();
        let concurrency = inner(&blocks.root, "concurrency");
        let (queue, queue_path) = match &blocks.queue {
            Some((record, path)) => (record.clone(), *path),
            None => (Record::default(), ""),
        };
        Self {
            runs: inner(&concurrency, "runs"),
            pools: inner(&concurrency, "pools"),
            blocking: inner(&queue, "block_op_concurrency_limited_runs"),
            concurrency,
            queue,
            queue_path,
        }
    }

    fn config(
        &self,
        blocks: &Blocks,
        mut tag_limits: impl FnMut(&Record, &str) -> Option<Setting<TagLimits>>,
    ) -> InstanceConfig {
        let empty = Record::default();
        let block = |key| blocks.root.block(key).unwrap_or(&empty);
        InstanceConfig {
            coordinator: blocks
                .coordinator
                .clone()
                .unwrap_or(Setting::default_of(Coordinator::Queued)),
            runs: self.run_limits(&mut tag_limits),
            pools: self.pools(),
            queue: queue(&self.queue),
            run_monitoring: run_monitoring(block("run_monitoring")),
            run_retries: run_retries(block("run_retries")),
            submission_hooks: submission_hooks(&blocks.root),
            inherited_env: optional(block("env").names("inherit")),
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
        let of_runs = tag_limits(&self.runs, TAGS);
        let of_queue = tag_limits(&self.queue, TAGS);
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

/// Once `concurrency.runs` or `concurrency.pools` is given, limits have no place under the queue.
fn refuse_moved_keys(reader: &mut Reader<'_>, blocks: &Blocks, sections: &Sections<'_>) {
    let newer = ["runs", "pools"]
        .iter()
        .find_map(|key| Some((*key, sections.concurrency.given(key)?.key_span)));
    let (Some((newer, newer_span)), Some((queue, _))) = (newer, &blocks.queue) else {
        return;
    };
    let (line, _) = reader.source().position(newer_span);
    for (keys, place) in MOVED {
        let found = match keys {
            [key] => queue.given(key),
            [block, key] => queue.block(block).and_then(|record| record.given(key)),
            _ => None,
        };
        if let Some(found) = found {
            let key = format!("{}.{}", sections.queue_path, keys.join("."));
            let message =
                format!("`{key}` cannot stand beside `concurrency.{newer}` (line {line})");
            let hint = format!("write it as `{place}`");
            reader.refuse_with_hint(found.key_span, message, hint);
        }
    }
}

fn refuse_old_default_limit(reader: &mut Reader<'_>, sections: &Sections<'_>) {
    const OLD: &str = "default_op_concurrency_limit";
    let Some(old) = sections.concurrency.given(OLD) else {
        return;
    };
    let span = old.key_span;
    let hint = "write it as `concurrency.pools.default_limit`";
    match sections.concurrency.given("pools") {
        Some(pools) => {
            let (line, _) = reader.source().position(pools.key_span);
            let message = format!(
                "`concurrency.{OLD}` cannot stand beside `concurrency.pools` (line {line})"
            );
            reader.refuse_with_hint(span, message, hint);
        }
        None => reader.warn(span, format!("`{OLD}` is an older name"), hint),
    }
}

fn refuse_buffer_without_blocking(reader: &mut Reader<'_>, sections: &Sections<'_>) {
    let is_off = sections.blocking.bool("enabled").is_some_and(|enabled| !enabled.value);
    let buffer = sections.blocking.int("op_concurrency_slot_buffer");
    let has_buffer = buffer.is_some_and(|buffer| buffer.value != 0);
    let found = sections.blocking.given("op_concurrency_slot_buffer");
    if let (true, true, Some(found)) = (is_off, has_buffer, found) {
        reader.refuse_with_hint(
            found.span,
            "a slot buffer has no meaning while runs do not wait for pools",
            "set `enabled` to true beside it, or remove the buffer",
        );
    }
}

fn warn_of_no_queue(reader: &mut Reader<'_>, sections: &Sections<'_>, coordinator: Coordinator) {
    if let (false, Some(runs)) = (coordinator.has_queue(), sections.concurrency.given("runs")) {
        reader.warn(
            runs.key_span,
            format!("`concurrency.runs` has no effect with {}", coordinator.class()),
            "it launches runs at once: remove `run_coordinator` to have a queue",
        );
    }
}

/// Reads a list of tag limits; the second of two on the same runs is noted.
fn tag_limits(reader: &mut Reader<'_>, record: &Record, key: &str) -> Option<Setting<TagLimits>> {
    let (found, items) = record.blocks(key)?;
    let mut first_of: BTreeMap<(String, TagMatch), u32> = BTreeMap::new();
    let mut limits = Vec::new();
    for item in items {
        let Some(limit) = tag_limit(item) else {
            continue;
        };
        let (line, _) = reader.source().position(item.span);
        let what = (limit.key.clone(), limit.matches.clone());
        if let Some(first) = first_of.get(&what) {
            let message = format!("a second limit on {}", runs_of(&limit));
            let hint = format!("the first stands in line {first}: keep one of the two");
            reader.refuse_with_hint(item.span, message, hint);
        } else {
            first_of.insert(what, line);
            limits.push(limit);
        }
    }
    let value = TagLimits::new(limits).ok()?;
    let origin = found.origin.clone();
    Some(Setting { value, origin })
}

const EACH_VALUE: &str = "applyLimitPerUniqueValue";

fn tag_limit(item: &Record) -> Option<TagLimit> {
    let matches = match item.given("value").map(|found| &found.datum) {
        Some(Datum::Text(value)) => TagMatch::Value(value.clone()),
        Some(Datum::Block(value)) if value.bool(EACH_VALUE)?.value => TagMatch::EachValue,
        None | Some(Datum::Block(_)) => TagMatch::Key,
        Some(_) => return None,
    };
    Some(TagLimit { key: item.text("key")?.value, matches, limit: count(item.int("limit")?.value) })
}

/// Names the runs that a limit counts.
fn runs_of(limit: &TagLimit) -> String {
    let key = quoted(&limit.key);
    match &limit.matches {
        TagMatch::Key => format!("the runs with the tag {key}"),
        TagMatch::EachValue => format!("each value of the tag {key}"),
        TagMatch::Value(value) => format!("the runs whose tag {key} is {}", quoted(value)),
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

fn submission_hooks(root: &Record) -> Setting<Vec<SubmissionHook>> {
    let Some((found, items)) = root.blocks("submission_hooks") else {
        return Setting::default_of(Vec::new());
    };
    let hook = |item: &Record| {
        Some(SubmissionHook {
            module: item.text("module")?.value,
            class: item.text("class")?.value,
        })
    };
    Setting { value: items.iter().filter_map(hook).collect(), origin: found.origin.clone() }
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
fn count(number: i64) -> u32 {
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
