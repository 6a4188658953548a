//! The image: everything that is queued or in progress, indexed for deciding.
//!
//! It is told what happened ([`Image::apply`]), asked what may start ([`Image::admit`]) and why
//! not ([`Image::explain_run`], [`Image::explain_step`]). It stores nothing, launches nothing and
//! knows the time only from what it is told.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use model::{
    Capacity, Claim, ClaimOrder, CodeLocation, LimitKey, PoolLimit, PoolName, Priority, Run, RunId,
    Seq, Settings, StepId, Timestamp, Usage,
};

use crate::event::{ClaimFacts, Event, Facts, Refused, RunFacts};
use crate::limit::{self, Asker, Limit};
use crate::lines::{LineIx, Lines};
use crate::needs::{LimitIx, SharedNeeds};
use crate::reservation::Reservations;
use crate::rules::Rules;
use crate::runs::{Entry, RunIx, Runs};
use crate::table::LimitTable;

/// The queue, the limits and the pools as they are now.
#[derive(Debug, Clone)]
pub struct Image {
    pub(crate) rules: Rules,
    pub(crate) limits: LimitTable,
    pub(crate) runs: Runs,
    pub(crate) queue: Lines<QueueOrder>,
    pub(crate) claims: BTreeMap<ClaimOrder, ClaimEntry>,
    pub(crate) waiters: Lines<ClaimOrder>,
    /// The number that the next asking gets.
    pub(crate) next_ask: u64,
    pub(crate) reservations: Reservations,
}

/// The order of the queue: priority descending, then sequence ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueOrder {
    pub(crate) priority: Reverse<Priority>,
    pub(crate) seq: Seq,
    /// Where the run is; no part of the order, as no two runs have one sequence number.
    pub(crate) at: RunIx,
}

/// A claim with its place in the image.
#[derive(Debug, Clone)]
pub(crate) struct ClaimEntry {
    pub(crate) claim: Claim,
    pub(crate) needs: SharedNeeds,
    /// Its line, while it waits.
    pub(crate) line: Option<LineIx>,
}

impl Image {
    /// Builds the image from plain facts, at start-up as after a change of the settings. Returns
    /// with it the steps whose claims are granted at once.
    ///
    /// # Errors
    /// [`Refused`] if the facts contradict one another.
    pub fn new(facts: Facts) -> Result<(Self, Vec<StepId>), Refused> {
        let Facts { now, settings, pool_limits, paused, loading, runs, claims } = facts;
        let rules = Rules::new(now, settings, pool_limits, paused, loading);
        let mut image = Self::empty(rules);
        for run in runs {
            image.enter(run)?;
        }
        for claim in claims {
            image.enter_claim(claim)?;
        }
        let granted = image.settle();
        Ok((image, granted))
    }

    fn empty(rules: Rules) -> Self {
        Self {
            limits: LimitTable::new(&rules),
            rules,
            runs: Runs::default(),
            queue: Lines::new(),
            claims: BTreeMap::new(),
            waiters: Lines::new(),
            next_ask: 0,
            reservations: Reservations::default(),
        }
    }

    /// Returns the facts from which this very image can be built again: runs by sequence, claims
    /// in their order, pools and code locations by name.
    pub fn facts(&self) -> Facts {
        let runs = self.runs.iter().map(|entry| RunFacts {
            run: entry.run.clone(),
            is_held: entry.is_held,
            is_first_pass_done: entry.is_first_pass_done,
        });
        let claims = self.claims.values().map(|entry| ClaimFacts {
            claim: entry.claim.clone(),
            passed_over_since: self.reservations.passed_over_since(entry.claim.order),
        });
        let Rules { settings, pool_limits, now, .. } = &self.rules;
        let paused = self.rules.paused();
        Facts {
            now: *now,
            settings: settings.clone(),
            pool_limits: pool_limits.iter().map(|(pool, limit)| (pool.clone(), *limit)).collect(),
            paused: paused.map(|(location, until)| (location.clone(), until)).collect(),
            loading: self.rules.loading().clone(),
            runs: runs.collect(),
            claims: claims.collect(),
        }
    }

    /// Takes note of an event and returns the steps whose claims it lets through, in the order of
    /// the granting. Queued runs wait for [`Image::admit`].
    ///
    /// # Errors
    /// [`Refused`] says why the event cannot be; then nothing has changed.
    pub fn apply(&mut self, event: Event) -> Result<Vec<StepId>, Refused> {
        match event {
            Event::Submit(run) => {
                self.enter(RunFacts { run, is_held: false, is_first_pass_done: false })?;
            }
            Event::Retag { run, tags } => self.retag(run, tags)?,
            Event::Reprioritize { run, priority } => {
                let tags = self.entry(run)?.run.tags.with_priority(priority);
                self.retag(run, tags)?;
            }
            Event::Hold { run } => self.hold(run)?,
            Event::Release { run } => self.move_run(run, |entry| entry.is_held = false)?,
            Event::Requeue { run } => self.requeue(run)?,
            Event::Begin { run } => self.begin(run)?,
            Event::FirstPassDone { run } => self.finish_first_pass(run)?,
            Event::Ask { run, step } => self.ask(run, step)?,
            Event::Free { run, step } => self.free(run, step.as_ref())?,
            Event::Cancel { run } => self.cancel(run)?,
            Event::End { run } | Event::Delete { run } => self.remove(run)?,
            Event::PoolLimitSet { pool, limit } => {
                self.rules.pool_limits.insert(pool.clone(), limit);
                self.refresh_capacity(&LimitKey::Pool(pool));
            }
            Event::PoolLimitDeleted { pool } => {
                self.rules.pool_limits.remove(&pool);
                self.refresh_capacity(&LimitKey::Pool(pool));
            }
            // The image of a long queue takes a while to rebuild.
            Event::Configure(settings) if settings == self.rules.settings => {}
            Event::Configure(settings) => {
                let (image, granted) = Self::new(Facts { settings, ..self.facts() })?;
                *self = Self { next_ask: self.next_ask, ..image };
                return Ok(granted);
            }
            Event::LocationPaused { location, until } => {
                self.rules.pause(&location, until);
                self.refresh_capacity(&LimitKey::Location(location));
            }
            Event::LocationResumed { location } => {
                self.rules.resume(&location);
                self.refresh_capacity(&LimitKey::Location(location));
            }
            Event::LocationsLoading { locations } => {
                for location in self.rules.set_loading(locations) {
                    self.refresh_capacity(&LimitKey::Location(location));
                }
            }
            Event::TimePassed { now } => self.pass_time(now),
        }
        Ok(self.settle())
    }

    /// Returns a run that is queued or in progress.
    pub fn run(&self, run: RunId) -> Option<&Run> {
        self.entry(run).ok().map(|entry| &entry.run)
    }

    /// Returns the settings in force.
    pub fn settings(&self) -> &Settings {
        &self.rules.settings
    }

    /// Returns whether somebody holds a queued run.
    pub fn is_held(&self, run: RunId) -> bool {
        self.entry(run).is_ok_and(|entry| entry.is_held)
    }

    /// Returns the claims of one run's steps, by step.
    pub fn claims_of(&self, run: RunId) -> impl Iterator<Item = &Claim> {
        let orders = self.entry(run).ok().into_iter().flat_map(|entry| entry.claims.values());
        orders.filter_map(|order| self.claims.get(order)).map(|entry| &entry.claim)
    }

    /// Returns the limits that count a run in progress as a whole, with what each lets through and
    /// what is taken of it.
    pub fn limits_of(&self, run: RunId) -> impl Iterator<Item = (&LimitKey, Capacity, Usage)> {
        let runs = self.entry(run).ok().into_iter().flat_map(|entry| entry.needs.runs.iter());
        runs.map(|ix| &self.limits[*ix]).map(|limit| (&limit.key, limit.capacity, limit.usage))
    }

    /// Returns until when a code location is paused, if it is.
    pub fn paused_until(&self, location: &CodeLocation) -> Option<Timestamp> {
        self.rules.paused_until(location)
    }

    /// Returns the code locations that are being loaded for the first time.
    pub fn loading(&self) -> &BTreeSet<CodeLocation> {
        self.rules.loading()
    }

    /// Returns the next instant at which something changes by the passing of time alone: a pause
    /// ends or a claim becomes overdue. Tell the image then ([`Event::TimePassed`]).
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.rules.next_resume().into_iter().chain(self.next_overdue()).min()
    }

    /// Returns the claim of a step, if it has asked for its slots.
    pub fn claim(&self, step: &StepId) -> Option<&Claim> {
        let order = self.entry(step.run).ok()?.claims.get(&step.step)?;
        self.claims.get(order).map(|entry| &entry.claim)
    }

    /// Returns every claim in its order; a listing.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.values().map(|entry| &entry.claim)
    }

    /// Returns how many runs are queued. Every other run is in progress, and counted as such.
    pub fn queued(&self) -> u64 {
        self.runs.count().saturating_sub(self.limits[self.limits.run_total].usage.runs)
    }

    /// Returns every run that is queued or in progress, by sequence; a listing.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().map(|entry| &entry.run)
    }

    /// Returns the pools that have a limit of their own, by name.
    pub fn pool_limits(&self) -> impl Iterator<Item = (&PoolName, PoolLimit)> {
        self.rules.pool_limits.iter().map(|(pool, limit)| (pool, *limit))
    }

    /// Returns the pools behind a name, or all, by name: those that have a limit of their own and
    /// those that somebody uses or waits for. A pool at op granularity is in use also by queued runs
    /// that need it to start. What is taken of this costs no more than that many pools.
    pub fn pools_after(&self, after: Option<&PoolName>) -> impl Iterator<Item = &PoolName> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let limited = self.rules.pool_limits.range::<PoolName, _>((from, Bound::Unbounded));
        let mut limited = limited.map(|(pool, _)| pool).peekable();
        let mut used = self.limits.pools_after(after).peekable();
        std::iter::from_fn(move || match (limited.peek(), used.peek()) {
            (Some(one), Some(other)) if one == other => {
                used.next();
                limited.next()
            }
            (Some(one), Some(other)) if one < other => limited.next(),
            (Some(_), None) => limited.next(),
            (Some(_) | None, Some(_)) => used.next(),
            (None, None) => None,
        })
    }

    /// Returns the claims on a pool in their order: those that hold slots, then those that wait.
    pub fn claims_on(&self, pool: &PoolName) -> impl Iterator<Item = &Claim> {
        let limit = self.limits.find(&LimitKey::Pool(pool.clone())).map(|ix| &self.limits[ix]);
        let orders = limit.into_iter().flat_map(|limit| limit.granted.iter().chain(&limit.pending));
        orders.filter_map(|order| self.claims.get(order)).map(|entry| &entry.claim)
    }

    /// Returns the runs in progress that hold a slot of a pool as a whole, by sequence.
    pub fn runs_on(&self, pool: &PoolName) -> impl Iterator<Item = &Run> {
        let limit = self.limits.find(&LimitKey::Pool(pool.clone())).map(|ix| &self.limits[ix]);
        let seqs = limit.into_iter().flat_map(|limit| limit.runs.iter());
        seqs.filter_map(|seq| self.runs.at_seq(*seq)).map(|entry| &entry.run)
    }

    /// Returns the limit that a pool has of its own.
    pub fn pool_limit(&self, pool: &PoolName) -> Option<PoolLimit> {
        self.rules.pool_limits.get(pool).copied()
    }

    /// Returns how much a limit lets through at one time and what is taken of it.
    pub fn usage(&self, limit: &LimitKey) -> (Capacity, Usage) {
        match self.limits.find(limit) {
            Some(ix) => (self.limits[ix].capacity, self.limits[ix].usage),
            None => (limit::capacity(limit, &self.rules), Usage::default()),
        }
    }

    pub(crate) fn entry(&self, run: RunId) -> Result<&Entry, Refused> {
        self.runs.find(run).map(|ix| &self.runs[ix])
    }

    pub(crate) fn entry_mut(&mut self, run: RunId) -> Result<&mut Entry, Refused> {
        self.runs.find(run).map(|ix| &mut self.runs[ix])
    }

    /// Changes what is taken of a limit, and wakes or stops those who wait for it.
    pub(crate) fn change(&mut self, ix: LimitIx, change: impl FnOnce(&mut Limit)) {
        let pools = &self.rules.settings.pools;
        let limit = &mut self.limits[ix];
        let before = limit.room(Asker::Run, pools).largest();
        let before_for_claims = limit.room(Asker::Claim, pools).largest();
        change(limit);
        self.queue.reconsider(ix, before, limit.room(Asker::Run, pools).largest());
        if let LimitKey::Pool(_) = limit.key {
            let after = limit.room(Asker::Claim, pools).largest();
            self.waiters.reconsider(ix, before_for_claims, after);
        }
    }

    /// Forgets those limits that nobody holds and nobody who waits needs any more.
    pub(crate) fn forget_unused(&mut self, needs: &SharedNeeds) {
        for ix in needs.limits() {
            let is_named = self.queue.names(ix) || self.waiters.names(ix);
            if self.limits[ix].is_unused() && !is_named && ix != self.limits.run_total {
                self.limits.remove(ix);
            }
        }
    }

    fn refresh_capacity(&mut self, key: &LimitKey) {
        if let Some(ix) = self.limits.find(key) {
            let capacity = limit::capacity(key, &self.rules);
            self.change(ix, |limit| limit.capacity = capacity);
            self.reservations.invalidate();
        }
    }

    fn pass_time(&mut self, now: Timestamp) {
        for location in self.rules.pass_time(now) {
            self.refresh_capacity(&LimitKey::Location(location));
        }
    }
}
