//! The server itself: its health, the rules in force, its code locations.

use model::{Granularity, PoolBlocking, Settings, TagMatch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reason::at_most;
use super::{Configuration, Time};

/// `GET /healthz`: the server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`, or `recovering` while the daemon finds out what became of the runs in progress.
    pub status: String,
}

/// `GET /api/v1/instance`: what this server is and what it does now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Instance {
    /// The version of the program.
    pub version: String,
    /// The number of the leadership: one more at each start of a daemon.
    pub epoch: u64,
    /// When the server was started.
    pub started_at: Time,
    /// Whether the daemon still finds out what became of the runs in progress.
    pub is_recovering: bool,
    /// How many runs are in progress.
    pub in_progress: u64,
    /// How many runs are queued.
    pub queued: u64,
    /// The rules in force.
    pub rules: Rules,
    /// What every run is offered to when it is submitted, in this order: a coordinator class, and the
    /// submission hooks.
    #[serde(default)]
    pub submission_hooks: Vec<String>,
    /// Where the rules come from; `null` if they come from no file that can be read again.
    #[serde(default)]
    pub configuration: Option<Configuration>,
}

/// The limits in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rules {
    /// Runs in progress at one time; `null` if unlimited.
    pub max_concurrent_runs: Option<u32>,
    /// The same over all branch deployments together; `null` if unlimited.
    pub max_concurrent_runs_all_branch_deployments: Option<u32>,
    /// The limits on runs by tag.
    pub tag_concurrency_limits: Vec<TagLimit>,
    /// How pools are enforced.
    pub pools: PoolRules,
}

/// A limit on runs by tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TagLimit {
    /// The tag's key.
    pub key: String,
    /// The value that it counts; `null` if it counts every value.
    pub value: Option<String>,
    /// Whether each distinct value is counted apart.
    pub is_per_unique_value: bool,
    /// How many such runs may be in progress.
    pub limit: u32,
}

/// How pools are enforced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolRules {
    /// Who holds the slots: `op` or `run`.
    pub granularity: String,
    /// The limit of a pool that has none of its own; `null` if such a pool is unlimited.
    pub default_limit: Option<u32>,
    /// How many root slots beyond a pool's room a run may still start with.
    pub op_granularity_run_buffer: u32,
    /// Whether queued runs wait for pools.
    pub is_queue_blocking: bool,
}

impl From<&Settings> for Rules {
    fn from(settings: &Settings) -> Self {
        let pools = settings.pools;
        Self {
            max_concurrent_runs: at_most(settings.max_concurrent_runs),
            max_concurrent_runs_all_branch_deployments: at_most(
                settings.max_branch_deployment_runs,
            ),
            tag_concurrency_limits: settings.tag_limits.iter().map(TagLimit::from).collect(),
            pools: PoolRules {
                granularity: match pools.granularity {
                    Granularity::Op => "op".to_owned(),
                    Granularity::Run => "run".to_owned(),
                },
                default_limit: pools.default_limit.map(model::PoolLimit::get),
                op_granularity_run_buffer: pools.run_buffer,
                is_queue_blocking: match pools.blocking {
                    PoolBlocking::HoldsRunsBack => true,
                    PoolBlocking::StepsOnly => false,
                },
            },
        }
    }
}

impl From<&model::TagLimit> for TagLimit {
    fn from(limit: &model::TagLimit) -> Self {
        let (value, is_per_unique_value) = match &limit.matches {
            TagMatch::Key => (None, false),
            TagMatch::Value(value) => (Some(value.clone()), false),
            TagMatch::EachValue => (None, true),
        };
        Self { key: limit.key.clone(), value, is_per_unique_value, limit: limit.limit }
    }
}

/// `GET /api/v1/code-locations`: a page of the code locations; and the first of them, up to a full
/// page, as the answer to `POST /api/v1/code-locations/reload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CodeLocations {
    /// The code locations, by name.
    pub code_locations: Vec<CodeLocation>,
    /// What to give as `after` for the next page; `null` if this is the last one.
    pub next: Option<String>,
}

/// How a code location is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LocationState {
    /// It is being loaded for the first time; until then it has no jobs.
    Loading,
    /// It was read well the last time.
    Loaded,
    /// Something is wrong with it; its jobs are those of the last time that it was read well.
    Failed,
    /// It is not there any more; nor are its jobs.
    Gone,
}

/// The body of `POST /api/v1/code-locations/reload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReloadLocations {
    /// Which code location; all, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// A code location: where jobs come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CodeLocation {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: String,
    /// How it is.
    pub state: LocationState,
    /// Since when it is like that; of one that is loaded, when its jobs were.
    pub since: Time,
    /// Since when it is being loaded, for the first time or again; `null` if it is not.
    pub loading_since: Option<Time>,
    /// Whether its state is `loaded`.
    pub is_loaded: bool,
    /// The names of its jobs.
    pub jobs: Vec<String>,
    /// What is wrong in it, for people; `null` if nothing is.
    pub problems: Option<String>,
    /// What to know although nothing is wrong, for people.
    #[serde(default)]
    pub warnings: Vec<String>,
}
