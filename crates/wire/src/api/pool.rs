//! Pools: limits, usage, who holds slots and who waits.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Usage;
use super::reason::at_most;

/// `GET /api/v1/pools`: a page of the pools that have a limit of their own or are in use, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pools {
    /// The pools.
    pub pools: Vec<Pool>,
    /// What to give as `after` for the next page; `null` if this is the last one.
    pub next: Option<String>,
}

/// A pool, as lists show it, and the answer when its limit was set or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pool {
    /// Its name.
    pub pool: String,
    /// The limit that it has of its own; `null` if it has none.
    pub limit: Option<u32>,
    /// The limit in force: its own or the default; `null` if it is unlimited.
    pub capacity: Option<u32>,
    /// What is taken of it now.
    pub usage: Usage,
}

impl Pool {
    /// Makes a pool of its limits and its usage.
    pub fn new(
        pool: &model::PoolName,
        limit: Option<model::PoolLimit>,
        capacity: model::Capacity,
        usage: model::Usage,
    ) -> Self {
        Self {
            pool: pool.to_string(),
            limit: limit.map(model::PoolLimit::get),
            capacity: at_most(capacity),
            usage: usage.into(),
        }
    }
}

/// `GET /api/v1/pools/{pool}`: a pool with those who hold its slots and those who wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolDetail {
    /// What lists show.
    #[serde(flatten)]
    pub pool: Pool,
    /// The claims of steps in their order: the first of them, if there are very many.
    pub claims: Vec<PoolClaim>,
    /// The ids of the runs that hold a slot as a whole: the first of them, if there are very many.
    pub runs: Vec<String>,
}

/// What a step holds or wants of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolClaim {
    /// The run's id.
    pub run: String,
    /// The step's key.
    pub step: String,
    /// How many slots of this pool.
    pub slots: u32,
    /// Whether it has them.
    pub state: ClaimState,
    /// The sum of its run's priority and its own.
    pub priority: i64,
}

/// Whether a claim has its slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimState {
    /// It waits and holds nothing.
    Pending,
    /// It holds all that it asked for.
    Granted,
}

impl PoolClaim {
    /// Tells what a claim holds or wants of one pool; nothing, if it has nothing to do with it.
    pub fn of(claim: &model::Claim, pool: &model::PoolName) -> Option<Self> {
        let (_, slots) = claim.demand.iter().find(|(name, _)| *name == pool)?;
        let state = match claim.state {
            model::ClaimState::Pending => ClaimState::Pending,
            model::ClaimState::Granted => ClaimState::Granted,
        };
        Some(Self {
            run: claim.step.run.to_string(),
            step: claim.step.step.to_string(),
            slots: slots.get(),
            state,
            priority: claim.order.priority(),
        })
    }
}

/// `PUT /api/v1/pools/{pool}/limit`: gives a pool a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPoolLimit {
    /// The number of slots, 0 to 1000.
    #[schema(minimum = 0, maximum = 1000)]
    pub limit: i64,
}
