//! Questions to the state: why runs wait, and what pools are like. Answered by the loop between two
//! commits, so that an answer never mixes two states.

use lifecycle::State;
use model::{
    Capacity, Claim, ClaimState, Explanation, LimitKey, PoolLimit, PoolName, RunId, RunStatus,
    StepKey, Usage,
};

use crate::commands::CommandError;
use crate::handle::Handle;

/// How many runs one question may be about.
const MAX_RUNS: usize = 500;

/// How many pools one answer lists.
const MAX_POOLS: usize = 500;

/// How many claims and holders of a pool are told.
const MAX_CLAIMS: usize = 500;

/// Why a run, or some of its steps, have not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAnswer {
    /// The run.
    pub run: RunId,
    /// Where it is; none if it has ended or never was.
    pub status: Option<RunStatus>,
    /// About the run as a whole; none if it has ended or never was.
    pub explanation: Option<Explanation>,
    /// About its steps that wait for slots, by key.
    pub waiting_steps: Vec<(StepKey, Explanation)>,
}

/// A pool as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolState {
    /// Its name.
    pub pool: PoolName,
    /// The limit that it has of its own.
    pub limit: Option<PoolLimit>,
    /// The limit that is in force: its own, the default, or none.
    pub capacity: Capacity,
    /// What is taken of it.
    pub usage: Usage,
}

/// A pool with those who hold its slots and those who wait for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolDetail {
    /// The pool.
    pub state: PoolState,
    /// The claims of steps, in their order: the first of them, if there are very many.
    pub claims: Vec<Claim>,
    /// The runs that hold a slot as a whole, at run granularity: the first of them, if there are
    /// very many.
    pub runs: Vec<RunId>,
}

impl Handle {
    /// Explains runs, at most 500 of them.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] while the daemon cannot answer.
    pub async fn explain(&self, runs: Vec<RunId>) -> Result<Vec<RunAnswer>, CommandError> {
        self.entry
            .ask(move |state| {
                runs.into_iter().take(MAX_RUNS).map(|run| explain(state, run)).collect()
            })
            .await
    }

    /// Returns the pools that have a limit of their own or somebody who uses them, by name: at most
    /// `limit` of those behind `after`, and at most 500.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] while the daemon cannot answer.
    pub async fn pools(
        &self,
        after: Option<PoolName>,
        limit: usize,
    ) -> Result<Vec<PoolState>, CommandError> {
        self.entry
            .ask(move |state| {
                let pools = state.image().pools_after(after.as_ref()).take(limit.min(MAX_POOLS));
                pools.map(|pool| pool_state(state, pool.clone())).collect()
            })
            .await
    }

    /// Returns a pool with those who hold its slots and wait for them.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] while the daemon cannot answer.
    pub async fn pool(&self, pool: PoolName) -> Result<PoolDetail, CommandError> {
        self.entry
            .ask(move |state| {
                let image = state.image();
                let claims = image.claims_on(&pool).take(MAX_CLAIMS).cloned().collect();
                let runs = image.runs_on(&pool).take(MAX_CLAIMS).map(|run| run.id).collect();
                PoolDetail { claims, runs, state: pool_state(state, pool) }
            })
            .await
    }
}

fn explain(state: &State, run: RunId) -> RunAnswer {
    let image = state.image();
    let pending = image.claims_of(run).filter(|claim| claim.state == ClaimState::Pending);
    let waiting_steps = pending
        .filter_map(|claim| Some((claim.step.step.clone(), image.explain_step(&claim.step)?)));
    RunAnswer {
        run,
        status: image.run(run).map(|run| run.status),
        explanation: image.explain_run(run),
        waiting_steps: waiting_steps.collect(),
    }
}

fn pool_state(state: &State, pool: PoolName) -> PoolState {
    let image = state.image();
    let limit = image.pool_limit(&pool);
    let (capacity, usage) = image.usage(&LimitKey::Pool(pool.clone()));
    PoolState { pool, limit, capacity, usage }
}
