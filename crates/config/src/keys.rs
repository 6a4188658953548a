//! Every key of the configuration, once: the check, the schema and the reference page read this
//! table. What keys mean together stands in `resolve.rs`.

mod hooks;

pub use self::hooks::{CONDITION, HOOK, TAG_RULE};
pub use crate::key::{Bounds, Effect, Emptiness, Key, Kind, Owner, Presence};
use crate::wording::{
    BRANCH_CAP, BUFFER, DEFAULT_LIMIT, ENV, HISTORY, HOOKS, MAX_RUNS, MONITORING, RESERVE, RETRIES,
    SERVER, STEPS, TAG_LIMITS,
};

const LARGEST: i64 = i32::MAX as i64;
const LIMIT_OR_UNLIMITED: Bounds = Bounds {
    min: -1,
    max: LARGEST,
    words: "-1 for no limit, or between 0 (nothing starts) and 2147483647",
};
const COUNT: Bounds = Bounds { min: 0, max: LARGEST, words: "between 0 and 2147483647" };
const AT_LEAST_ONE: Bounds = Bounds { min: 1, max: LARGEST, words: "between 1 and 2147483647" };
const POOL_LIMIT: Bounds =
    Bounds { min: 0, max: model::PoolLimit::MAX as i64, words: "between 0 and 1000" };
const PORT: Bounds = Bounds { min: 1, max: 65535, words: "between 1 and 65535" };

const TEXT: Kind = Kind::Text(Emptiness::Refused);

/// What most of Dagster's keys have in common.
const DAGSTER: Key = Key {
    name: "",
    kind: Kind::Flag,
    default: "",
    example: "",
    doc: "",
    owner: Owner::Dagster,
    effect: Effect::InForce,
    presence: Presence::Optional,
};
const LATER: Key = Key { effect: Effect::NotYet, ..DAGSTER };
const NOT_NEEDED: Key = Key { effect: Effect::NotNeeded, ..DAGSTER };
const OURS: Key = Key { owner: Owner::Pointsman, ..DAGSTER };

/// The keys of the whole file, without those blocks of Dagster's that have no meaning here.
pub const ROOT: &[Key] = &[
    Key {
        name: "concurrency",
        kind: Kind::Block(CONCURRENCY),
        doc: "The limits on runs and pools.",
        ..DAGSTER
    },
    Key {
        name: "run_queue",
        kind: Kind::Block(RUN_QUEUE),
        doc: "The settings of the run queue. Stands for a `run_coordinator` of class \
              `QueuedRunCoordinator`, so the two cannot both be given.",
        ..DAGSTER
    },
    Key {
        name: "run_coordinator",
        kind: Kind::Block(COORDINATOR),
        doc: "What happens to a run when it is submitted: by default it goes to the queue.",
        ..DAGSTER
    },
    Key { name: "run_monitoring", kind: Kind::Block(RUN_MONITORING), doc: MONITORING, ..DAGSTER },
    Key { name: "run_retries", kind: Kind::Block(RUN_RETRIES), doc: RETRIES, ..LATER },
    Key { name: "submission_hooks", kind: Kind::Blocks(HOOK), default: "none", doc: HOOKS, ..OURS },
    Key { name: "env", kind: Kind::Block(ENV_KEYS), doc: ENV, ..OURS },
    Key {
        name: "steps",
        kind: Kind::Choice(&["cold", "forked"]),
        default: "cold",
        doc: STEPS,
        ..OURS
    },
    Key { name: "history", kind: Kind::Block(HISTORY_KEYS), doc: HISTORY, ..OURS },
    Key { name: "server", kind: Kind::Block(SERVER_KEYS), doc: SERVER, ..OURS },
];

/// Under `concurrency`.
pub const CONCURRENCY: &[Key] = &[
    Key {
        name: "runs",
        kind: Kind::Block(RUNS),
        doc: "Limits on the runs in progress.",
        ..DAGSTER
    },
    Key {
        name: "pools",
        kind: Kind::Block(POOLS),
        doc: "How pools are enforced. The limit of a single pool is not set here.",
        ..DAGSTER
    },
    Key {
        name: "default_op_concurrency_limit",
        kind: Kind::Whole(POOL_LIMIT),
        default: "none",
        doc: "The older name of `concurrency.pools.default_limit`; it cannot stand beside `pools`.",
        presence: Presence::Nullable,
        ..DAGSTER
    },
];

/// Under `concurrency.runs`.
pub const RUNS: &[Key] = &[
    Key {
        name: "max_concurrent_runs",
        kind: Kind::Whole(LIMIT_OR_UNLIMITED),
        default: "10",
        doc: MAX_RUNS,
        ..DAGSTER
    },
    Key {
        name: "tag_concurrency_limits",
        kind: Kind::Blocks(TAG_LIMIT),
        default: "none",
        doc: TAG_LIMITS,
        presence: Presence::Nullable,
        ..DAGSTER
    },
    Key {
        name: "max_concurrent_runs_all_branch_deployments",
        kind: Kind::Whole(LIMIT_OR_UNLIMITED),
        default: "-1",
        doc: BRANCH_CAP,
        ..OURS
    },
];

/// Under each item of `tag_concurrency_limits`.
pub const TAG_LIMIT: &[Key] = &[
    Key {
        name: "key",
        kind: TEXT,
        example: "team",
        doc: "The key of the tag.",
        presence: Presence::Required,
        ..DAGSTER
    },
    Key {
        name: "value",
        kind: Kind::TextOrBlock(TAG_VALUE),
        default: "any value",
        doc: "Counts only the runs whose tag has this value.",
        presence: Presence::Nullable,
        ..DAGSTER
    },
    Key {
        name: "limit",
        kind: Kind::Whole(COUNT),
        example: "1",
        doc: "How many such runs may be in progress at one time; 0 holds all of them back.",
        presence: Presence::Required,
        ..DAGSTER
    },
];

/// Under `value` of a tag limit, where it is a map.
pub const TAG_VALUE: &[Key] = &[Key {
    name: "applyLimitPerUniqueValue",
    kind: Kind::Flag,
    example: "true",
    doc: "With `true` the limit holds for each distinct value of the tag apart; `false` is the \
          same as no `value`.",
    presence: Presence::Required,
    ..DAGSTER
}];

/// Under `concurrency.pools`.
pub const POOLS: &[Key] = &[
    Key {
        name: "default_limit",
        kind: Kind::Whole(POOL_LIMIT),
        default: "none",
        doc: DEFAULT_LIMIT,
        ..DAGSTER
    },
    Key {
        name: "granularity",
        kind: Kind::Choice(&["op", "run"]),
        default: "op",
        doc: "Who holds the slots of a pool: with `op` each step while it runs, with `run` each \
              run, one slot in every pool that any of its steps uses, from its start to its end.",
        ..DAGSTER
    },
    Key {
        name: "op_granularity_run_buffer",
        kind: Kind::Whole(COUNT),
        default: "0",
        doc: BUFFER,
        ..DAGSTER
    },
    Key {
        name: "reserve_after_seconds",
        kind: Kind::Whole(COUNT),
        default: "never",
        doc: RESERVE,
        ..OURS
    },
];

/// Under `run_queue`, and under `run_coordinator.config` of a coordinator that queues.
pub const RUN_QUEUE: &[Key] = &[
    Key {
        name: "max_concurrent_runs",
        kind: Kind::Whole(LIMIT_OR_UNLIMITED),
        default: "10",
        doc: "The older place of `concurrency.runs.max_concurrent_runs`.",
        ..DAGSTER
    },
    Key {
        name: "tag_concurrency_limits",
        kind: Kind::Blocks(TAG_LIMIT),
        default: "none",
        doc: "The older place of `concurrency.runs.tag_concurrency_limits`.",
        presence: Presence::Nullable,
        ..DAGSTER
    },
    Key {
        name: "block_op_concurrency_limited_runs",
        kind: Kind::Block(BLOCK_LIMITED),
        doc: "Whether runs wait in the queue for pools.",
        ..DAGSTER
    },
    Key {
        name: "dequeue_interval_seconds",
        kind: Kind::Whole(COUNT),
        default: "5",
        doc: "The longest time between two decisions. A run starts in the moment its place becomes \
              free, so this is only for what nobody reports.",
        ..DAGSTER
    },
    Key {
        name: "dequeue_use_threads",
        kind: Kind::Flag,
        default: "false",
        doc: "Whether several launches may be under way at one time.",
        ..DAGSTER
    },
    Key {
        name: "dequeue_num_workers",
        kind: Kind::Whole(AT_LEAST_ONE),
        default: "none",
        doc: "How many launches may be under way at one time, with `dequeue_use_threads`.",
        ..DAGSTER
    },
    Key {
        name: "max_user_code_failure_retries",
        kind: Kind::Whole(COUNT),
        default: "0",
        doc: "How often a run goes back to the queue because its code location cannot be reached.",
        ..DAGSTER
    },
    Key {
        name: "user_code_failure_retry_delay",
        kind: Kind::Whole(COUNT),
        default: "60",
        doc: "For how many seconds the runs of such a code location then stay in the queue.",
        ..DAGSTER
    },
];

/// Under `block_op_concurrency_limited_runs`.
pub const BLOCK_LIMITED: &[Key] = &[
    Key {
        name: "enabled",
        kind: Kind::Flag,
        default: "true",
        doc: "With `false`, runs start whatever the pools say and only their steps wait.",
        ..DAGSTER
    },
    Key {
        name: "op_concurrency_slot_buffer",
        kind: Kind::Whole(COUNT),
        default: "0",
        doc: "The older name of `concurrency.pools.op_granularity_run_buffer`; needs `enabled`.",
        ..DAGSTER
    },
];

/// Under `run_coordinator`.
pub const COORDINATOR: &[Key] = &[
    MODULE,
    CLASS,
    Key {
        name: "config",
        kind: Kind::Block(RUN_QUEUE),
        doc: "The same keys as under `run_queue`, for a class that queues; the other classes take \
              `{}`, and a class of your own what its `config_type` says.",
        ..DAGSTER
    },
];

/// Under `run_coordinator` of a class that launches at once.
pub const PLAIN_COORDINATOR: &[Key] = &[
    MODULE,
    CLASS,
    Key {
        name: "config",
        kind: Kind::Block(&[]),
        doc: "Nothing can be set for this class.",
        ..DAGSTER
    },
];

/// Under `run_coordinator` of a class of the user's, which has settings of its own; those of the queue
/// among them are checked apart.
pub const OTHER_COORDINATOR: &[Key] = &[MODULE, CLASS, OPAQUE_CONFIG];

const MODULE: Key = Key {
    name: "module",
    kind: TEXT,
    example: "dagster._core.run_coordinator",
    doc: "The Python module of the class. Where the class is one of the names below, it is not \
          loaded.",
    presence: Presence::Required,
    ..DAGSTER
};
const CLASS: Key = Key {
    name: "class",
    example: "QueuedRunCoordinator",
    doc: "`QueuedRunCoordinator` queues; `CLTQueuedRunCoordinator` (also called \
          `CodeLocationTaggingQueuedRunCoordinator`) queues and sets the tag `code_location`; \
          `DefaultRunCoordinator` and `SyncInMemoryRunCoordinator` launch at once, without queue \
          and run limits. Any other is loaded in Python and asked about every run.",
    ..MODULE
};
const OPAQUE_CONFIG: Key = Key {
    name: "config",
    kind: Kind::Anything,
    default: "nothing",
    doc: "What is handed to the class, as it is written here.",
    ..DAGSTER
};

/// Under `run_monitoring`.
pub const RUN_MONITORING: &[Key] = &[
    Key {
        name: "enabled",
        default: "false",
        doc: "Whether runs have these deadlines. Without it a run that is told to end has 180 \
              seconds for it all the same.",
        ..DAGSTER
    },
    Key {
        name: "start_timeout_seconds",
        kind: Kind::Whole(COUNT),
        default: "180",
        doc: "How long a run may take from its launch to its start; 0 switches this off.",
        ..DAGSTER
    },
    Key {
        name: "cancel_timeout_seconds",
        kind: Kind::Whole(COUNT),
        default: "180",
        doc: "How long a run may take to end once it is told to; 0 switches this off.",
        ..DAGSTER
    },
    Key {
        name: "max_runtime_seconds",
        kind: Kind::Whole(COUNT),
        default: "0",
        doc: "How long a run may run, unless its tag `dagster/max_runtime` says otherwise; 0 \
              switches this off.",
        ..DAGSTER
    },
    Key {
        name: "max_resume_run_attempts",
        kind: Kind::Whole(COUNT),
        default: "0",
        doc: "How often a run whose worker is gone is resumed.",
        ..LATER
    },
    Key {
        name: "poll_interval_seconds",
        kind: Kind::Whole(COUNT),
        default: "120",
        doc: "How often Dagster's daemon looks at the runs. Deadlines are kept to the moment here.",
        ..NOT_NEEDED
    },
    Key {
        name: "cancellation_thread_poll_interval_seconds",
        kind: Kind::Whole(COUNT),
        default: "10",
        doc: "How often a worker of Dagster's asks whether it is canceled. It is told here.",
        ..NOT_NEEDED
    },
    Key {
        name: "free_slots_after_run_end_seconds",
        kind: Kind::Whole(COUNT),
        default: "never",
        doc: "When Dagster's daemon frees the slots of a run that has ended. A run here frees them \
              by ending.",
        ..NOT_NEEDED
    },
];

/// Under `run_retries`.
pub const RUN_RETRIES: &[Key] = &[
    Key { name: "enabled", default: "false", doc: "Whether failed runs are run again.", ..LATER },
    Key {
        name: "max_retries",
        kind: Kind::Whole(COUNT),
        default: "0",
        doc: "How often, unless the tag `dagster/max_retries` says otherwise.",
        ..LATER
    },
    Key {
        name: "retry_on_asset_or_op_failure",
        default: "true",
        doc: "Whether also a run is run again whose step failed, or only one that failed otherwise.",
        ..LATER
    },
];

/// Under `env`.
pub const ENV_KEYS: &[Key] = &[Key {
    name: "inherit",
    kind: Kind::Names,
    default: "all",
    doc: "The names of the variables that code locations get beside `PATH`, `HOME`, `LANG`, `TZ` \
          and `VIRTUAL_ENV`; those that are not set are left out.",
    ..OURS
}];

/// Under `history`.
pub const HISTORY_KEYS: &[Key] = &[
    Key {
        name: "runs_days",
        kind: Kind::Whole(AT_LEAST_ONE),
        default: "for ever",
        doc: "For how many days a run is kept after it has ended.",
        ..OURS
    },
    Key {
        name: "events_days",
        kind: Kind::Whole(AT_LEAST_ONE),
        default: "for ever",
        doc: "For how many days the events of a run are kept after it has ended.",
        ..OURS
    },
    Key {
        name: "logs_days",
        kind: Kind::Whole(AT_LEAST_ONE),
        default: "for ever",
        doc: "For how many days the output of a run is kept after it has ended. Output goes with its \
              run.",
        ..OURS
    },
];

/// Under `server`.
pub const SERVER_KEYS: &[Key] = &[
    Key {
        name: "host",
        kind: TEXT,
        default: "127.0.0.1",
        doc: "The address to listen on, on this machine only: `127.0.0.1`, `::1` or `localhost`.",
        ..OURS
    },
    Key {
        name: "port",
        kind: Kind::Whole(PORT),
        default: "3141",
        doc: "The port to listen on.",
        ..OURS
    },
];

/// The blocks of a `dagster.yaml` that set up parts of Dagster that Pointsman does not have.
pub const NOT_USED: &[&str] = &[
    "auto_materialize",
    "backfills",
    "code_servers",
    "compute_logs",
    "defs_state_storage",
    "event_log_storage",
    "freshness",
    "instance_class",
    "local_artifact_storage",
    "nux",
    "python_logs",
    "retention",
    "run_launcher",
    "run_storage",
    "schedule_storage",
    "scheduler",
    "schedules",
    "secrets",
    "sensors",
    "storage",
    "telemetry",
];

/// Returns every key of the table that holds a value, with the keys above it.
pub fn leaves(keys: &'static [Key], above: &str) -> Vec<(String, &'static Key)> {
    keys.iter()
        .flat_map(|key| {
            let path = join(above, key.name);
            if let Kind::Block(inner) = key.kind { leaves(inner, &path) } else { vec![(path, key)] }
        })
        .collect()
}

/// Writes a key with the keys above it.
pub(crate) fn join(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}
