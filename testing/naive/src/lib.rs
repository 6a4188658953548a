//! The rules of admission once more, as plainly as can be: the oracle of the property tests.
//!
//! It keeps facts and derives everything else from them at each question: it walks the whole queue
//! and asks every limit, recounts every usage, looks through all claims. It deliberately knows no
//! index, no cost and no code of the image that it judges; of `admission` it takes the events and
//! the facts, which are data.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use admission::{ClaimFacts, Event, Facts, RunFacts};
use model::{
    Attempt, Capacity, Claim, ClaimOrder, ClaimState, CodeLocation, Demand, DeploymentKind,
    Granularity, LimitKey, PoolBlocking, PoolLimit, PoolName, Priority, Run, RunId, RunStatus,
    RunTransition, Settings, Step, StepId, TagLimit, TagMatch, TagScope, Tags, Timestamp, Usage,
};

/// Says that an event was refused and has changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal;

/// The queue, the runs in progress and the claims of their steps, as plain facts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Naive {
    now: Timestamp,
    settings: Settings,
    pool_limits: BTreeMap<PoolName, PoolLimit>,
    paused: BTreeMap<CodeLocation, Timestamp>,
    loading: BTreeSet<CodeLocation>,
    runs: BTreeMap<RunId, RunFacts>,
    claims: BTreeMap<StepId, ClaimFacts>,
    /// How many claims were made so far.
    asked: u64,
}

// What happens.
impl Naive {
    /// Returns the model of an empty deployment with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Takes note of an event; returns the claims that were granted by it, in order of granting.
    ///
    /// # Errors
    /// [`Refusal`] if the event is not possible now.
    pub fn apply(&mut self, event: &Event) -> Result<Vec<StepId>, Refusal> {
        match event {
            Event::Submit(run) => self.submit(run)?,
            Event::Retag { run, tags } => self.live(*run)?.run.tags = tags.clone(),
            Event::Reprioritize { run, priority } => {
                let tags = &mut self.live(*run)?.run.tags;
                *tags = tags.with(model::PRIORITY_TAG, &priority.to_string());
            }
            Event::Hold { run } => self.live_in(*run, &[RunStatus::Queued])?.is_held = true,
            Event::Release { run } => self.live(*run)?.is_held = false,
            Event::Requeue { run } => {
                self.transition(*run, RunTransition::Requeue)?;
                self.live(*run)?.is_first_pass_done = false;
                self.free(*run, None);
            }
            Event::Begin { run } => self.transition(*run, RunTransition::Begin)?,
            Event::FirstPassDone { run } => {
                let begun = [RunStatus::Started, RunStatus::Canceling];
                self.live_in(*run, &begun)?.is_first_pass_done = true;
            }
            Event::Ask { run, step } => self.ask(*run, step)?,
            Event::Free { run, step } => {
                self.live(*run)?;
                self.free(*run, step.as_ref());
            }
            Event::Cancel { run } => {
                self.transition(*run, RunTransition::Cancel)?;
                if self.live(*run)?.run.status.is_terminal() {
                    self.remove(*run);
                }
            }
            Event::End { run } | Event::Delete { run } => {
                self.live(*run)?;
                self.remove(*run);
            }
            Event::PoolLimitSet { pool, limit } => {
                self.pool_limits.insert(pool.clone(), *limit);
            }
            Event::PoolLimitDeleted { pool } => {
                self.pool_limits.remove(pool);
            }
            Event::Configure(settings) => self.settings = settings.clone(),
            Event::LocationPaused { location, until } => {
                self.paused.insert(location.clone(), *until);
            }
            Event::LocationResumed { location } => {
                self.paused.remove(location);
            }
            Event::LocationsLoading { locations } => {
                self.loading.clone_from(locations);
            }
            Event::TimePassed { now } => self.now = self.now.max(*now),
        }
        self.paused.retain(|_, until| *until > self.now);
        Ok(self.grant_claims())
    }

    /// Admits every run that can be, in order of admission.
    pub fn admit(&mut self) -> Vec<RunId> {
        self.admit_up_to(usize::MAX)
    }

    /// Admits the first runs that can be, at most so many, in order of admission.
    pub fn admit_up_to(&mut self, number: usize) -> Vec<RunId> {
        let mut admitted = Vec::new();
        for run in self.queue() {
            if admitted.len() < number && self.blocking(run).is_some_and(|limits| limits.is_empty())
            {
                self.start(run);
                admitted.push(run);
            }
        }
        admitted
    }

    fn submit(&mut self, run: &Run) -> Result<(), Refusal> {
        let is_live = run.status == RunStatus::Queued || run.status.is_in_progress();
        let is_taken = |other: &RunFacts| other.run.id == run.id || other.run.seq == run.seq;
        if !is_live || self.runs.values().any(is_taken) {
            return Err(Refusal);
        }
        let facts = RunFacts { run: run.clone(), is_held: false, is_first_pass_done: false };
        self.runs.insert(run.id, facts);
        Ok(())
    }

    fn ask(&mut self, run: RunId, step: &Step) -> Result<(), Refusal> {
        let run_priority = priority(&self.live_in(run, &[RunStatus::Started])?.run.tags);
        let id = StepId { run, step: step.key.clone() };
        if self.claims.contains_key(&id) {
            return Ok(());
        }
        self.asked += 1;
        let claim = Claim {
            step: id.clone(),
            demand: step.demand.clone(),
            order: ClaimOrder::new(run_priority, step.priority, self.asked),
            state: ClaimState::Pending,
        };
        let facts = ClaimFacts { claim, passed_over_since: None };
        self.claims.insert(id, facts);
        Ok(())
    }

    fn free(&mut self, run: RunId, step: Option<&model::StepKey>) {
        let is_meant = |id: &StepId| id.run == run && step.is_none_or(|step| *step == id.step);
        self.claims.retain(|id, _| !is_meant(id));
    }

    fn remove(&mut self, run: RunId) {
        self.free(run, None);
        self.runs.remove(&run);
    }

    fn start(&mut self, run: RunId) {
        let Some(facts) = self.runs.get_mut(&run) else {
            return;
        };
        facts.run.status = RunStatus::Starting;
        facts.run.attempt = Some(facts.run.attempt.map_or(Attempt::FIRST, Attempt::next));
        facts.is_first_pass_done = false;
    }

    fn transition(&mut self, run: RunId, transition: RunTransition) -> Result<(), Refusal> {
        let status = &mut self.live(run)?.run.status;
        *status = status.after(transition).map_err(|_| Refusal)?;
        Ok(())
    }

    fn live(&mut self, run: RunId) -> Result<&mut RunFacts, Refusal> {
        self.runs.get_mut(&run).ok_or(Refusal)
    }

    fn live_in(&mut self, run: RunId, statuses: &[RunStatus]) -> Result<&mut RunFacts, Refusal> {
        let facts = self.live(run)?;
        if statuses.contains(&facts.run.status) { Ok(facts) } else { Err(Refusal) }
    }
}

// Which runs may start.
impl Naive {
    /// Returns the queued runs, the one that goes first at the head.
    pub fn queue(&self) -> Vec<RunId> {
        let mut queued: Vec<&Run> = self
            .runs
            .values()
            .map(|facts| &facts.run)
            .filter(|run| run.status == RunStatus::Queued)
            .collect();
        queued.sort_by_key(|run| (std::cmp::Reverse(priority(&run.tags)), run.seq));
        queued.iter().map(|run| run.id).collect()
    }

    /// Returns every limit that blocks a queued run now: none if it is eligible, `None` if it is
    /// not queued.
    pub fn blocking(&self, run: RunId) -> Option<BTreeSet<LimitKey>> {
        let facts = self.runs.get(&run)?;
        if facts.run.status != RunStatus::Queued {
            return None;
        }
        let mut blocking = self.needed(facts);
        blocking.retain(|limit| {
            let (capacity, usage) = self.usage(limit);
            !has_room(capacity, usage.runs, 1)
        });
        blocking.extend(self.blocking_root_pools(&facts.run));
        Some(blocking)
    }

    /// Returns every limit that could block a run while it is queued, were it full.
    pub fn waits_for(&self, run: RunId) -> Option<BTreeSet<LimitKey>> {
        let facts = self.runs.get(&run)?;
        let mut limits = self.needed(facts);
        if self.waits_for_roots(&facts.run) {
            limits.extend(facts.run.pools.root_slots().into_keys().cloned().map(LimitKey::Pool));
        }
        Some(limits)
    }

    /// Returns the limits that a run needs one unit of each; it starts only if all have it.
    fn needed(&self, facts: &RunFacts) -> BTreeSet<LimitKey> {
        let run = &facts.run;
        let pools = &self.settings.pools;
        let mut needed =
            BTreeSet::from([LimitKey::MaxConcurrentRuns, LimitKey::Location(run.location.clone())]);
        if run.deployment.kind == DeploymentKind::Branch {
            needed.insert(LimitKey::BranchDeployments);
        }
        if facts.is_held {
            needed.insert(LimitKey::Hold);
        }
        let tag_limits = self.settings.tag_limits.iter();
        needed.extend(tag_limits.filter_map(|limit| tag_limit_key(limit, &run.tags)));
        if pools.granularity == Granularity::Run && pools.blocking == PoolBlocking::HoldsRunsBack {
            needed.extend(run.pools.all().cloned().map(LimitKey::Pool));
        }
        needed
    }

    /// Returns whether a run stays in the queue until one of its root steps could start.
    fn waits_for_roots(&self, run: &Run) -> bool {
        let pools = &self.settings.pools;
        pools.granularity == Granularity::Op
            && pools.blocking == PoolBlocking::HoldsRunsBack
            && !run.pools.has_pool_free_root()
    }

    /// Returns the pools that stand in the way of some root demand, if none of them fits.
    fn blocking_root_pools(&self, run: &Run) -> BTreeSet<LimitKey> {
        let roots = run.pools.roots().map(|(demand, _)| demand);
        let lacking: Vec<BTreeSet<LimitKey>> =
            roots.map(|root| self.pools_lacking_for(root)).collect();
        if !self.waits_for_roots(run) || lacking.iter().any(BTreeSet::is_empty) {
            return BTreeSet::new();
        }
        lacking.into_iter().flatten().collect()
    }

    /// Returns the pools that cannot take a root step of a queued run, beside everything that is
    /// held, waited for and promised there.
    fn pools_lacking_for(&self, root: &Demand) -> BTreeSet<LimitKey> {
        let fits = |pool: &PoolName, wanted: u32| {
            let (capacity, usage) = self.usage(&LimitKey::Pool(pool.clone()));
            let Capacity::AtMost(limit) = capacity else {
                return true;
            };
            let spoken_for = usage.granted + usage.pending + usage.roots;
            let stretched = u64::from(limit) + u64::from(self.settings.pools.run_buffer);
            wanted <= limit && spoken_for + u64::from(wanted) <= stretched
        };
        root.iter()
            .filter(|(pool, slots)| !fits(pool, slots.get()))
            .map(|(pool, _)| LimitKey::Pool(pool.clone()))
            .collect()
    }
}

// Which claims get their slots.
impl Naive {
    /// Returns the pools that keep a waiting claim from its slots; `None` if the step does not
    /// wait.
    pub fn blocking_step(&self, step: &StepId) -> Option<BTreeSet<LimitKey>> {
        let claim = &self.claims.get(step)?.claim;
        if claim.state != ClaimState::Pending {
            return None;
        }
        if self.settings.pools.granularity == Granularity::Run {
            return Some(BTreeSet::new());
        }
        let reservers = self.reservers();
        let is_reserved = |pool: &PoolName| {
            let reserver = reservers.get(pool);
            reserver.is_some_and(|reserver| reserver.asked() < claim.order.asked())
        };
        let is_lacking = |pool: &PoolName, wanted: u32| {
            let (capacity, usage) = self.usage(&LimitKey::Pool(pool.clone()));
            !has_room(capacity, usage.granted, wanted)
        };
        let pools = claim.demand.iter();
        let blocking =
            pools.filter(|(pool, slots)| is_reserved(pool) || is_lacking(pool, slots.get()));
        Some(blocking.map(|(pool, _)| LimitKey::Pool(pool.clone())).collect())
    }

    /// Grants the first claim that can be granted, again and again until there is none.
    fn grant_claims(&mut self) -> Vec<StepId> {
        let mut granted = Vec::new();
        while let Some(step) = self.first_grantable() {
            self.grant(&step);
            granted.push(step);
        }
        granted
    }

    fn first_grantable(&self) -> Option<StepId> {
        let mut waiting = self.waiting().into_iter().map(|facts| &facts.claim.step);
        waiting.find(|step| self.blocking_step(step).is_some_and(|pools| pools.is_empty())).cloned()
    }

    fn grant(&mut self, step: &StepId) {
        let Some(facts) = self.claims.get_mut(step) else {
            return;
        };
        facts.claim.state = ClaimState::Granted;
        facts.passed_over_since = None;
        let granted = facts.claim.clone();
        for step in self.passed_over_by(&granted) {
            if let Some(facts) = self.claims.get_mut(&step) {
                facts.passed_over_since.get_or_insert(self.now);
            }
        }
    }

    /// Returns the wide claims that asked before a granted one and wait for a limited pool of it.
    fn passed_over_by(&self, granted: &Claim) -> Vec<StepId> {
        if self.reserve_bound().is_none() {
            return Vec::new();
        }
        let waiting = self.waiting().into_iter().map(|facts| &facts.claim);
        waiting
            .filter(|claim| claim.demand.is_wide())
            .filter(|claim| claim.order.asked() < granted.order.asked())
            .filter(|claim| self.shares_a_limited_pool(&claim.demand, &granted.demand))
            .map(|claim| claim.step.clone())
            .collect()
    }

    fn shares_a_limited_pool(&self, a: &Demand, b: &Demand) -> bool {
        let is_limited = |pool: &PoolName| self.pool_capacity(pool) != Capacity::Unlimited;
        a.iter().any(|(pool, _)| is_limited(pool) && b.iter().any(|(other, _)| pool == other))
    }

    /// Returns who has reserved which pools, by their place among the claims: each in order whose
    /// patience has ended and whose demand the limits allow, unless a pool of it is taken. Pools
    /// without a limit are never reserved: nobody has to wait there.
    fn reservers(&self) -> BTreeMap<PoolName, ClaimOrder> {
        let mut reservers = BTreeMap::new();
        let Some(bound) = self.reserve_bound() else {
            return reservers;
        };
        for ClaimFacts { claim, passed_over_since } in self.waiting() {
            let is_limited = |pool: &&PoolName| self.pool_capacity(pool) != Capacity::Unlimited;
            let pools = claim.demand.iter().map(|(pool, _)| pool).filter(is_limited);
            let pools: Vec<&PoolName> = pools.collect();
            let is_overdue = passed_over_since.is_some_and(|since| since.after(bound) <= self.now);
            let is_allowed = claim
                .demand
                .iter()
                .all(|(pool, slots)| has_room(self.pool_capacity(pool), 0, slots.get()));
            let is_free = pools.iter().all(|pool| !reservers.contains_key(*pool));
            if is_overdue && is_allowed && is_free {
                reservers.extend(pools.into_iter().map(|pool| (pool.clone(), claim.order)));
            }
        }
        reservers
    }

    fn reserve_bound(&self) -> Option<std::time::Duration> {
        match self.settings.pools.granularity {
            Granularity::Op => self.settings.reserve_after,
            Granularity::Run => None,
        }
    }
}

// What is taken, and what is there.
impl Naive {
    /// Returns how much a limit lets through and what is taken of it now.
    pub fn usage(&self, limit: &LimitKey) -> (Capacity, Usage) {
        let in_progress: Vec<&RunFacts> =
            self.runs.values().filter(|facts| facts.run.status.is_in_progress()).collect();
        let counted = in_progress.iter().filter(|facts| counts(limit, &facts.run));
        let runs = counted.map(|_| 1).sum();
        let LimitKey::Pool(pool) = limit else {
            let usage = Usage { runs, ..Usage::default() };
            return (self.capacity(limit), usage);
        };
        let starting = in_progress.iter().filter(|facts| !facts.is_first_pass_done);
        let roots = starting.filter_map(|facts| facts.run.pools.root_slots().get(pool).copied());
        let usage = Usage {
            runs,
            granted: self.claimed(pool, ClaimState::Granted),
            pending: self.claimed(pool, ClaimState::Pending),
            roots: roots.sum(),
        };
        (self.capacity(limit), usage)
    }

    fn claimed(&self, pool: &PoolName, state: ClaimState) -> u64 {
        let claims = self.claims.values().map(|facts| &facts.claim);
        claims
            .filter(|claim| claim.state == state)
            .flat_map(|claim| claim.demand.iter())
            .filter(|(of, _)| *of == pool)
            .map(|(_, slots)| u64::from(slots.get()))
            .sum()
    }

    fn capacity(&self, limit: &LimitKey) -> Capacity {
        match limit {
            LimitKey::MaxConcurrentRuns => self.settings.max_concurrent_runs,
            LimitKey::BranchDeployments => self.settings.max_branch_deployment_runs,
            LimitKey::Tag { key, scope } => {
                let matches = match scope {
                    TagScope::AnyValue => TagMatch::Key,
                    TagScope::Value(value) => TagMatch::Value(value.to_string()),
                    TagScope::EachValue(_) => TagMatch::EachValue,
                };
                let is_it = |limit: &&TagLimit| *limit.key == **key && limit.matches == matches;
                let limit = self.settings.tag_limits.iter().find(is_it);
                limit.map_or(Capacity::Unlimited, |limit| Capacity::AtMost(limit.limit))
            }
            LimitKey::Pool(pool) => self.pool_capacity(pool),
            LimitKey::Location(location)
                if self.paused.contains_key(location) || self.loading.contains(location) =>
            {
                Capacity::AtMost(0)
            }
            LimitKey::Location(_) => Capacity::Unlimited,
            LimitKey::Hold => Capacity::AtMost(0),
        }
    }

    fn pool_capacity(&self, pool: &PoolName) -> Capacity {
        let own = self.pool_limits.get(pool).copied();
        let limit = own.or(self.settings.pools.default_limit);
        limit.map_or(Capacity::Unlimited, |limit| Capacity::AtMost(limit.get()))
    }

    /// Returns the claims that wait, the one that goes first at the head.
    pub fn waiting(&self) -> Vec<&ClaimFacts> {
        let mut waiting: Vec<&ClaimFacts> =
            self.claims.values().filter(|facts| facts.claim.state == ClaimState::Pending).collect();
        waiting.sort_by_key(|facts| facts.claim.order);
        waiting
    }

    /// Returns everything that was told and decided, in the order that [`Facts`] has it: runs by
    /// sequence, claims by their place, pools and locations by name.
    pub fn facts(&self) -> Facts {
        let mut runs: Vec<RunFacts> = self.runs.values().cloned().collect();
        runs.sort_by_key(|facts| facts.run.seq);
        let mut claims: Vec<ClaimFacts> = self.claims.values().cloned().collect();
        claims.sort_by_key(|facts| facts.claim.order);
        Facts {
            now: self.now,
            settings: self.settings.clone(),
            pool_limits: self.pool_limits.clone().into_iter().collect(),
            paused: self.paused.clone().into_iter().collect(),
            loading: self.loading.clone(),
            runs,
            claims,
        }
    }

    /// Returns the time that was told last.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns a run that is queued or in progress.
    pub fn run(&self, run: RunId) -> Option<&RunFacts> {
        self.runs.get(&run)
    }
}

/// Returns whether a run takes one unit of a limit while it is in progress.
fn counts(limit: &LimitKey, run: &Run) -> bool {
    match limit {
        LimitKey::MaxConcurrentRuns => true,
        LimitKey::BranchDeployments => run.deployment.kind == DeploymentKind::Branch,
        LimitKey::Tag { key, scope } => match scope {
            TagScope::AnyValue => run.tags.get(key).is_some(),
            TagScope::Value(value) | TagScope::EachValue(value) => {
                run.tags.get(key) == Some(&**value)
            }
        },
        LimitKey::Pool(pool) => run.pools.all().any(|used| used == pool),
        LimitKey::Location(location) => run.location == *location,
        LimitKey::Hold => false,
    }
}

/// Returns the limit under which a tag limit counts these tags, if it does.
fn tag_limit_key(limit: &TagLimit, tags: &Tags) -> Option<LimitKey> {
    let value = tags.get(&limit.key)?;
    let scope = match &limit.matches {
        TagMatch::Key => TagScope::AnyValue,
        TagMatch::Value(wanted) if wanted == value => TagScope::Value(value.into()),
        TagMatch::Value(_) => return None,
        TagMatch::EachValue => TagScope::EachValue(value.into()),
    };
    Some(LimitKey::Tag { key: limit.key.as_str().into(), scope })
}

fn priority(tags: &Tags) -> Priority {
    tags.priority().unwrap_or(Priority::DEFAULT)
}

fn has_room(capacity: Capacity, taken: u64, wanted: u32) -> bool {
    match capacity {
        Capacity::AtMost(limit) => taken + u64::from(wanted) <= u64::from(limit),
        Capacity::Unlimited => true,
    }
}
