//! What must be true after every commit, told from the rows, the events and the processes alone.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Attempt, Batch, Capacity, ClaimState, EventKind, FailureReason, Granularity, PoolName, RunId,
    RunStatus, Settings, StepId, TagMatch, Timestamp,
};

use crate::outside::{Body, Process};
use crate::store::{Row, Store, must};

type Checked = Result<(), String>;

/// Each event that moves a run, from where, and to where.
const MOVES: &[(EventKind, &[RunStatus], RunStatus)] = {
    use EventKind as E;
    use RunStatus::{Canceled, Canceling, Failure, NotStarted, Queued, Started, Starting, Success};
    &[
        (E::RunEnqueued, &[NotStarted, Starting], Queued),
        (E::RunDequeued, &[Queued], Queued),
        (E::RunStarting, &[NotStarted, Queued], Starting),
        (E::RunStart, &[Starting], Started),
        (E::RunCanceling, &[Starting, Started], Canceling),
        (E::RunCanceled, &[Queued, Starting, Started, Canceling], Canceled),
        (E::RunSuccess, &[Started, Canceling], Success),
        (E::RunFailure, &[Starting, Started, Canceling], Failure),
    ]
};

/// What is known from the commits before.
#[derive(Debug)]
pub(crate) struct Checks {
    settings: Settings,
    /// Where the events of each run have led to, and how many they are.
    replayed: BTreeMap<RunId, (RunStatus, u64)>,
    before: BTreeMap<RunId, (RunStatus, Option<Attempt>)>,
    granted: BTreeSet<StepId>,
}

/// A commit that was just made, and the world around it.
pub(crate) struct Seen<'a> {
    pub(crate) store: &'a Store,
    pub(crate) batch: &'a Batch,
    pub(crate) processes: &'a [Process],
    /// The attempts whose launch is under way.
    pub(crate) flying: Vec<(RunId, Attempt)>,
    /// The attempts of an earlier leadership that nothing was heard of yet.
    pub(crate) is_any_unasked: bool,
    /// The runs that somebody ended by force.
    pub(crate) forced: &'a BTreeSet<RunId>,
    /// Whether more is to be decided at once.
    pub(crate) is_cut: bool,
    pub(crate) now: Timestamp,
}

impl Checks {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            replayed: BTreeMap::new(),
            before: BTreeMap::new(),
            granted: BTreeSet::new(),
        }
    }

    /// The settings by which commits are judged from now on.
    pub(crate) fn configure(&mut self, settings: &Settings) {
        self.settings = settings.clone();
    }

    pub(crate) fn after_commit(&mut self, seen: &Seen<'_>) -> Checked {
        self.history_has_no_gap_and_replays_to_the_status(seen)?;
        self.no_grant_exceeds_its_pool(seen)?;
        self.nothing_is_granted_to_a_run_that_is_being_canceled(seen)?;
        self.nothing_is_started_that_a_limit_forbids(seen)?;
        self.nothing_waits_that_could_start(seen)?;
        self.equal_runs_start_in_their_order(seen)?;
        self.a_new_attempt_starts_when_nothing_of_the_last_one_lives(seen)?;
        self.a_run_ends_when_nothing_of_it_works(seen)?;
        every_claim_belongs_to_a_run_that_has_begun(seen)?;
        only_a_run_in_progress_has_a_token(seen)?;
        let open = seen.store.runs.values();
        self.before = open.map(|row| (row.run.id, (row.life.status, row.life.attempt))).collect();
        self.granted = granted(seen.store).map(|(step, _)| step).collect();
        Ok(())
    }

    /// The events of each run are numbered without a gap, each is legal after the one before, and
    /// the last of them tells the status of its row.
    fn history_has_no_gap_and_replays_to_the_status(&mut self, seen: &Seen<'_>) -> Checked {
        for event in &seen.batch.events {
            let Some((run, number)) = event.run else { continue };
            let first = (RunStatus::NotStarted, 0);
            let (status, count) = self.replayed.entry(run).or_insert(first);
            *count += 1;
            if event.kind == EventKind::RunDeleted {
                let is_last = number >= *count && seen.batch.deleted_runs.contains(&run);
                must(is_last, || format!("event {number} of {run} is not its last"))?;
                continue;
            }
            must(number == *count, || format!("event {number} of {run} should be {count}"))?;
            must(!status.is_terminal(), || format!("{run} is {status}, then {}", event.kind))?;
            must(!event.message.contains("cannot be"), || {
                format!("an honest worker of {run} is not believed: {}", event.message)
            })?;
            let Some((_, from, to)) = MOVES.iter().find(|(kind, ..)| *kind == event.kind) else {
                continue;
            };
            must(from.contains(status), || format!("{run} is {status}, then {}", event.kind))?;
            *status = *to;
        }
        for run in &seen.batch.deleted_runs {
            self.replayed.remove(run);
        }
        for (run, row) in &seen.store.runs {
            let row = (row.life.status, row.life.event_count);
            let told = self.replayed.get(run).copied();
            must(told == Some(row), || format!("{run} is {row:?}, its events say {told:?}"))?;
        }
        Ok(())
    }

    /// A pool in which something was granted holds no more than its limit.
    fn no_grant_exceeds_its_pool(&self, seen: &Seen<'_>) -> Checked {
        if self.settings.pools.granularity == Granularity::Run {
            return Ok(());
        }
        let mut held: BTreeMap<PoolName, u32> = BTreeMap::new();
        let mut grown = BTreeSet::new();
        for (step, demand) in granted(seen.store) {
            for (pool, slots) in demand.iter() {
                *held.entry(pool.clone()).or_default() += slots.get();
                if !self.granted.contains(&step) {
                    grown.insert(pool.clone());
                }
            }
        }
        for pool in grown {
            let Some(limit) = self.pool_limit(seen.store, &pool) else { continue };
            must(held[&pool] <= limit, || {
                format!("pool {pool}: {} granted of {limit}", held[&pool])
            })?;
        }
        Ok(())
    }

    fn nothing_is_granted_to_a_run_that_is_being_canceled(&self, seen: &Seen<'_>) -> Checked {
        for (step, _) in granted(seen.store).filter(|(step, _)| !self.granted.contains(step)) {
            let before = self.before.get(&step.run).map(|(status, _)| *status);
            must(before != Some(RunStatus::Canceling), || format!("{step} is granted too late"))?;
        }
        Ok(())
    }

    fn pool_limit(&self, store: &Store, pool: &PoolName) -> Option<u32> {
        let own = store.pool_limits.get(pool).copied();
        own.or(self.settings.pools.default_limit).map(model::PoolLimit::get)
    }

    /// Returns the limits that count a run, each by a name with its capacity.
    fn limits_of(&self, store: &Store, row: &Row) -> Vec<(String, u32)> {
        let mut limits = Vec::new();
        if let Capacity::AtMost(most) = self.settings.max_concurrent_runs {
            limits.push(("runs".to_owned(), most));
        }
        if let Some(team) = row.run.tags.get("team") {
            for limit in self.settings.tag_limits.iter() {
                let name = match &limit.matches {
                    TagMatch::Key => "any team".to_owned(),
                    TagMatch::EachValue => format!("each team {team}"),
                    TagMatch::Value(value) if value == team => format!("team {team}"),
                    TagMatch::Value(_) => continue,
                };
                limits.push((name, limit.limit));
            }
        }
        if self.settings.pools.granularity == Granularity::Run {
            for pool in row.run.pools.all() {
                let limit = self.pool_limit(store, pool);
                limits.extend(limit.map(|limit| (format!("pool {pool}"), limit)));
            }
        }
        limits
    }

    fn usage(&self, store: &Store) -> BTreeMap<String, u32> {
        let mut usage = BTreeMap::new();
        for row in store.in_progress() {
            for (limit, _) in self.limits_of(store, row) {
                *usage.entry(limit).or_default() += 1;
            }
        }
        usage
    }

    /// Returns the runs that left the queue in this commit.
    fn admitted<'a>(&self, seen: &Seen<'a>) -> impl Iterator<Item = &'a Row> {
        seen.store.in_progress().filter(|row| {
            let has_waited = row.life.starting_at.is_some()
                && seen.batch.events.iter().any(|event| {
                    event.kind == EventKind::RunDequeued
                        && event.run.is_some_and(|(run, _)| run == row.run.id)
                });
            let before = self.before.get(&row.run.id);
            has_waited && before.is_none_or(|(_, attempt)| *attempt != row.life.attempt)
        })
    }

    /// Whatever left the queue fits, and leaves it only once every attempt was looked for.
    fn nothing_is_started_that_a_limit_forbids(&self, seen: &Seen<'_>) -> Checked {
        let usage = self.usage(seen.store);
        for row in self.admitted(seen) {
            let run = row.run.id;
            must(!seen.is_any_unasked, || format!("{run} starts before all were looked for"))?;
            for (limit, capacity) in self.limits_of(seen.store, row) {
                let used = usage[&limit];
                must(used <= capacity, || format!("{run} starts: {limit}: {used} of {capacity}"))?;
            }
        }
        Ok(())
    }

    /// A run that no limit blocks does not stay queued. (At op granularity only runs without pools
    /// are looked at.)
    fn nothing_waits_that_could_start(&self, seen: &Seen<'_>) -> Checked {
        if seen.is_any_unasked || seen.is_cut {
            return Ok(());
        }
        let usage = self.usage(seen.store);
        for row in seen.store.runs.values() {
            let is_paused =
                seen.store.pauses.get(&row.run.location).is_some_and(|until| *until > seen.now);
            let has_pools = row.run.pools.all().next().is_some()
                && self.settings.pools.granularity == Granularity::Op;
            if row.life.status != RunStatus::Queued || row.life.is_held || is_paused || has_pools {
                continue;
            }
            let mut limits = self.limits_of(seen.store, row).into_iter();
            let blocks = limits.find(|(limit, capacity)| {
                usage.get(limit).copied().unwrap_or_default() >= *capacity
            });
            must(blocks.is_some(), || format!("nothing blocks {}, which waits", row.run.id))?;
        }
        Ok(())
    }

    /// Of runs that need the same, the first by priority and submission starts first, requeued or
    /// not.
    fn equal_runs_start_in_their_order(&self, seen: &Seen<'_>) -> Checked {
        let order = |row: &Row| {
            let told = row.run.tags.get("dagster/priority").and_then(|text| text.parse().ok());
            (std::cmp::Reverse(told.unwrap_or(0_i32)), row.run.seq)
        };
        let needs = |row: &Row| {
            let team = row.run.tags.get("team").map(str::to_owned);
            (row.run.location.clone(), team, row.run.pools.clone())
        };
        for row in self.admitted(seen) {
            let queued = seen.store.runs.values().find(|other| {
                other.life.status == RunStatus::Queued
                    && !other.life.is_held
                    && needs(other) == needs(row)
                    && order(other) < order(row)
            });
            must(queued.is_none(), || {
                format!("{} starts before {:?}", row.run.id, queued.map(|row| row.run.id))
            })?;
        }
        Ok(())
    }

    /// A new attempt begins its life only when no process of an older one lives or can come to
    /// live. (One that nobody could see may live on for a moment; it is never let through.)
    fn a_new_attempt_starts_when_nothing_of_the_last_one_lives(&self, seen: &Seen<'_>) -> Checked {
        for row in self.admitted(seen) {
            let (run, attempt) = (row.run.id, row.life.attempt);
            let is_old = |other: &Attempt| Some(*other) < attempt;
            let lives = seen.processes.iter().any(|process| {
                process.run == run
                    && is_old(&process.attempt)
                    && process.body != Body::Gone
                    && (process.has_begun || !process.was_unseen)
            });
            let may_live = seen.flying.iter().any(|(other, old)| *other == run && is_old(old));
            must(!lives && !may_live, || format!("{run} starts again while it lives"))?;
        }
        Ok(())
    }

    /// A run ends when its worker says so or nothing of it lives, unless somebody ends it by force
    /// or it has not begun in time.
    fn a_run_ends_when_nothing_of_it_works(&self, seen: &Seen<'_>) -> Checked {
        for (run, row) in &seen.store.runs {
            let was_open = self.before.get(run).is_some_and(|(status, _)| !status.is_terminal());
            let reason = row.life.failure.as_ref().map(|failure| failure.reason);
            if !was_open
                || !row.life.status.is_terminal()
                || seen.forced.contains(run)
                || reason == Some(FailureReason::StartTimeout)
            {
                continue;
            }
            let works = seen.processes.iter().find(|process| {
                process.run == *run
                    && process.has_begun
                    && !process.has_ended
                    && process.body != Body::Gone
            });
            must(works.is_none(), || format!("{run} is {} and works", row.life.status))?;
        }
        Ok(())
    }
}

fn granted(store: &Store) -> impl Iterator<Item = (StepId, &model::Demand)> {
    let claims = store.claims.values().filter(|claim| claim.state == ClaimState::Granted);
    claims.map(|claim| (claim.step.clone(), &claim.demand))
}

/// No claim is held or waited with but by a run in progress whose worker has passed the gate.
fn every_claim_belongs_to_a_run_that_has_begun(seen: &Seen<'_>) -> Checked {
    for step in seen.store.claims.keys() {
        let row = seen.store.runs.get(&step.run);
        let has_begun =
            row.is_some_and(|row| row.life.status.is_in_progress() && row.life.nonce.is_some());
        must(has_begun, || format!("{step} has a claim and no worker"))?;
    }
    Ok(())
}

/// A token is void once its run is queued, has ended, or was canceled before it began.
fn only_a_run_in_progress_has_a_token(seen: &Seen<'_>) -> Checked {
    for (run, row) in &seen.store.runs {
        let life = &row.life;
        let may_speak = match life.status {
            RunStatus::Starting | RunStatus::Started => true,
            RunStatus::Canceling => life.nonce.is_some(),
            RunStatus::NotStarted
            | RunStatus::Queued
            | RunStatus::Success
            | RunStatus::Failure
            | RunStatus::Canceled
            | RunStatus::Managed
            | RunStatus::Suspended => false,
        };
        must(life.token.is_some() == may_speak, || {
            format!("{run} is {}, its token is {:?}", life.status, life.token)
        })?;
    }
    Ok(())
}
