//! Leadership and recovery: start-up, failover and repair are this one code path.

use lifecycle::{Moment, Recovered, State};
use model::Epoch;
use store::{Loaded, Store, StoredRun};
use thiserror::Error;

use crate::clock::Clock;
use crate::options::Options;

/// Why the daemon cannot decide.
#[derive(Debug, Error)]
pub enum StartError {
    /// The system gives no random bytes, without which no id or token is safe.
    #[error("the system gives no random bytes: {0}")]
    NoRandomness(String),
    /// The leadership of the store cannot be taken.
    #[error("cannot lead: {0}")]
    NotLeading(#[source] store::CommitError),
    /// The store cannot be read.
    #[error("{0}")]
    Unreadable(#[from] store::ReadError),
    /// What the store has cannot be. Nothing was changed, so that it can be looked into.
    #[error("the store contradicts itself: {0}")]
    Contradiction(String),
}

/// Takes the leadership and builds the state from what the store has.
pub(crate) async fn lead(
    store: &Store,
    options: &Options,
    clock: Clock,
) -> Result<(Epoch, State), StartError> {
    let holder = format!("process {}", std::process::id());
    let taken = store.take_leadership(&holder, &options.url, clock.now().at).await;
    let epoch = taken.map_err(StartError::NotLeading)?;
    let loaded = store.load().await?;
    let state = recover(loaded, options, clock.now())?;
    Ok((epoch, state))
}

fn recover(loaded: Loaded, options: &Options, now: Moment) -> Result<State, StartError> {
    let Loaded { position, runs, claims, steps, pool_limits, pauses } = loaded;
    let runs = runs.into_iter().map(|StoredRun { run, life }| (run, life));
    let found = Recovered {
        runs: runs.collect(),
        steps,
        claims,
        pool_limits,
        pauses,
        last_change: position.change,
        last_seq: Some(position.seq),
    };
    State::recover(found, options.settings.clone(), options.rules, now)
        .map_err(|refused| StartError::Contradiction(refused.to_string()))
}
