//! The settings of a deployment, typed, each with its origin.

use std::time::Duration;

use model::{Capacity, Granularity, PoolBlocking, PoolLimit, PoolSettings, Settings, TagLimits};

use crate::hooks::{PythonClass, SubmissionHook};
use crate::record::Setting;

/// Everything that a configuration file settles. Without a file every setting has its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceConfig {
    /// What happens to a run when it is submitted.
    pub coordinator: Setting<Coordinator>,
    /// The class that runs are offered to before that, with [`Coordinator::Custom`].
    pub coordinator_class: Option<PythonClass>,
    /// The limits on runs, as configured: see [`InstanceConfig::settings`] for those in force.
    pub runs: RunLimits,
    /// How pools are enforced, as configured.
    pub pools: Pools,
    /// What happens at the head of the queue.
    pub queue: Queue,
    /// The deadlines of runs.
    pub run_monitoring: RunMonitoring,
    /// Whether failed runs are run again.
    pub run_retries: RunRetries,
    /// What every run is offered to when it is submitted, in this order.
    pub submission_hooks: Setting<Vec<SubmissionHook>>,
    /// The variables that code locations get; `None` is all but the server's secrets.
    pub inherited_env: Setting<Option<Vec<String>>>,
    /// How the steps of code written for Dagster are started.
    pub steps: Setting<StepStart>,
    /// How long what has ended is kept.
    pub history: History,
    /// Where the API is served.
    pub server: Server,
}

/// What happens to a run when it is submitted: the coordinator classes known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coordinator {
    /// It is launched at once: `DefaultRunCoordinator`, `SyncInMemoryRunCoordinator`.
    Immediate,
    /// It goes to the queue: `QueuedRunCoordinator`.
    Queued,
    /// It is tagged with its code location and goes to the queue: `CLTQueuedRunCoordinator`.
    CodeLocationTagging,
    /// It is offered to a Python class of the user's, and goes to the queue. That such a class launches
    /// at once is seen when it is loaded.
    Custom,
}

impl Coordinator {
    /// Every class name with what it stands for.
    pub const CLASSES: [(&'static str, Self); 5] = [
        ("QueuedRunCoordinator", Self::Queued),
        ("CLTQueuedRunCoordinator", Self::CodeLocationTagging),
        ("CodeLocationTaggingQueuedRunCoordinator", Self::CodeLocationTagging),
        ("DefaultRunCoordinator", Self::Immediate),
        ("SyncInMemoryRunCoordinator", Self::Immediate),
    ];

    /// Returns what a class name stands for, if it is known.
    pub fn of_class(name: &str) -> Option<Self> {
        let known = Self::CLASSES.iter().find(|(class, _)| *class == name);
        known.map(|(_, coordinator)| *coordinator)
    }

    /// Returns the class name that says it; that of the base, for a class of the user's.
    pub fn class(self) -> &'static str {
        match self {
            Self::Immediate => "DefaultRunCoordinator",
            Self::Queued => "QueuedRunCoordinator",
            Self::CodeLocationTagging => "CLTQueuedRunCoordinator",
            Self::Custom => "RunCoordinator",
        }
    }

    /// Returns whether runs wait in a queue, so that the limits on runs have a meaning.
    pub fn has_queue(self) -> bool {
        match self {
            Self::Immediate => false,
            Self::Queued | Self::CodeLocationTagging | Self::Custom => true,
        }
    }
}

/// How the steps of code written for Dagster are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum StepStart {
    /// Each as a process that loads the code.
    #[default]
    Cold,
    /// By forks of one process that has loaded the code, where that is safe.
    Forked,
}

impl StepStart {
    /// Every word with what it stands for.
    pub const WORDS: [(&'static str, Self); 2] = [("cold", Self::Cold), ("forked", Self::Forked)];

    /// Returns what a word stands for.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, start)| *start)
    }

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Forked => "forked",
        }
    }
}

/// The limits on runs in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLimits {
    /// All runs.
    pub max_concurrent_runs: Setting<Capacity>,
    /// The runs of all branch deployments together.
    pub max_branch_deployment_runs: Setting<Capacity>,
    /// By tag.
    pub tag_limits: Setting<TagLimits>,
}

/// How pools are enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pools {
    /// The limit of a pool that has none of its own.
    pub default_limit: Setting<Option<PoolLimit>>,
    /// Who holds the slots; `None` if nothing says it, which is enforced as `op`.
    pub granularity: Setting<Option<Granularity>>,
    /// Root slots beyond a pool's room that a run may still start with.
    pub run_buffer: Setting<u32>,
    /// Whether queued runs wait for pools.
    pub blocking: Setting<PoolBlocking>,
    /// When a claim for several slots reserves its pools; `None` is never.
    pub reserve_after: Setting<Option<Duration>>,
}

/// What happens at the head of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The longest time between two decisions.
    pub dequeue_interval: Setting<Duration>,
    /// Whether several launches may be under way at one time.
    pub dequeue_use_threads: Setting<bool>,
    /// How many, if they may; `None` leaves it to Pointsman.
    pub dequeue_num_workers: Setting<Option<u32>>,
    /// How often a run is requeued because its code location cannot be reached.
    pub max_user_code_failure_retries: Setting<u32>,
    /// For how long the runs of that code location then wait.
    pub user_code_failure_retry_delay: Setting<Duration>,
}

/// The deadlines of runs. A timeout of `None` is switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunMonitoring {
    /// Whether runs are watched.
    pub enabled: Setting<bool>,
    /// From launch to start.
    pub start_timeout: Setting<Option<Duration>>,
    /// From the wish to cancel to the end.
    pub cancel_timeout: Setting<Option<Duration>>,
    /// From start to end.
    pub max_runtime: Setting<Option<Duration>>,
    /// How often a run whose worker is gone is resumed.
    pub max_resume_run_attempts: Setting<u32>,
    /// How often Dagster's daemon looks at the runs.
    pub poll_interval: Setting<Duration>,
    /// How often Dagster's workers ask whether they are canceled.
    pub cancellation_poll_interval: Setting<Duration>,
    /// When Dagster's daemon frees the slots of runs that have ended.
    pub free_slots_after_run_end: Setting<Option<Duration>>,
}

/// Whether failed runs are run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRetries {
    /// Whether at all.
    pub enabled: Setting<bool>,
    /// How often.
    pub max_retries: Setting<u32>,
    /// Whether also after the failure of a step.
    pub retry_on_asset_or_op_failure: Setting<bool>,
}

/// How long what has ended is kept, in days; `None` is for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Runs.
    pub runs_days: Setting<Option<u32>>,
    /// The events of runs.
    pub events_days: Setting<Option<u32>>,
    /// The output of runs.
    pub logs_days: Setting<Option<u32>>,
}

/// Where the API is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The address to listen on.
    pub host: Setting<String>,
    /// The port to listen on.
    pub port: Setting<u16>,
}

impl InstanceConfig {
    /// Returns the name of the coordinator class.
    pub fn class_name(&self) -> &str {
        let own = self.coordinator_class.as_ref().map(|own| own.class.as_str());
        own.unwrap_or(self.coordinator.value.class())
    }

    /// Returns the settings on which decisions depend.
    ///
    /// A coordinator without a queue knows no limit on runs, and pools bind its steps only.
    pub fn settings(&self) -> Settings {
        let pools = PoolSettings {
            granularity: self.pools.granularity.value.unwrap_or_default(),
            default_limit: self.pools.default_limit.value,
            run_buffer: self.pools.run_buffer.value,
            blocking: self.pools.blocking.value,
        };
        let reserve_after = self.pools.reserve_after.value;
        if self.coordinator.value.has_queue() {
            return Settings {
                max_concurrent_runs: self.runs.max_concurrent_runs.value,
                max_branch_deployment_runs: self.runs.max_branch_deployment_runs.value,
                tag_limits: self.runs.tag_limits.value.clone(),
                pools,
                reserve_after,
            };
        }
        Settings {
            max_concurrent_runs: Capacity::Unlimited,
            max_branch_deployment_runs: Capacity::Unlimited,
            tag_limits: TagLimits::default(),
            pools: PoolSettings {
                granularity: Granularity::Op,
                blocking: PoolBlocking::StepsOnly,
                ..pools
            },
            reserve_after,
        }
    }
}
