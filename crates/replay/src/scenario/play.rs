//! Plays a scenario against the core, one step after another, until it ends or something is not
//! as it must be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use admission::{Event, Refused};
use model::{
    Capacity, Claim, ClaimState, LimitKey, PoolLimit, PoolName, RunId, Step as ModelStep, StepId,
    StepKey,
};

use super::launch::Launches;
use super::script::{
    Expectation, ExpectedClaim, ExpectedPool, ExpectedTick, Order, PlayScript, Rules, RunName,
    Scenario, Script, Step,
};
use super::settings;
use super::world::{World, limits_of};

/// How a scenario ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The scenario's id.
    pub id: String,
    /// What was not as expected; none if all was.
    pub failure: Option<Failure>,
    /// Every decision that was taken.
    pub ticks: Vec<Tick>,
}

/// Something that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What should be.
    pub expected: String,
    /// What is.
    pub got: String,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Seconds since the scenario began.
    pub at: i64,
    /// The runs whose launch did not fail, in order.
    pub launched: Vec<String>,
    /// The runs that stay queued, in the order of the queue.
    pub waiting: Vec<Waiting>,
}

/// A run that stays queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its name in the scenario.
    pub run: String,
    /// Each limit that blocks it.
    pub reasons: Vec<WaitReason>,
}

/// A limit that blocks a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitReason {
    /// The limit by its name.
    pub limit: String,
    /// What blocks, who holds it and the way out, in a sentence or two.
    pub sentence: String,
}

/// Plays a scenario from its beginning.
pub fn play(scenario: &Scenario) -> Outcome {
    let id = scenario.id.clone();
    match &scenario.script {
        Script::Settings(script) => {
            Outcome { id, failure: settings::check(script).err(), ticks: Vec::new() }
        }
        Script::Play(script) => {
            let mut ticks = Vec::new();
            let failure = play_steps(script, &mut ticks).err();
            Outcome { id, failure, ticks }
        }
    }
}

fn play_steps(script: &PlayScript, ticks: &mut Vec<Tick>) -> Result<(), Failure> {
    let mut player = Player {
        world: World::new(script.rules.settings.clone())?,
        launches: Launches::default(),
        rules: script.rules.clone(),
        seen: BTreeSet::new(),
    };
    for step in &script.steps {
        ticks.extend(player.play(step)?);
        let audit = player.world.image.audit();
        audit.map_err(|error| failure("an image whose indexes are true", error.to_string()))?;
    }
    Ok(())
}

struct Player {
    world: World,
    launches: Launches,
    rules: Rules,
    /// The steps that have asked since they were granted their slots.
    seen: BTreeSet<StepId>,
}

impl Player {
    fn play(&mut self, step: &Step) -> Result<Option<Tick>, Failure> {
        match step {
            Step::Tick(expected) => return self.tick(expected).map(Some),
            Step::Add(runs) => {
                for run in runs {
                    self.launches.add(run);
                    self.world.add(run)?;
                }
            }
            Step::SetStatus(statuses) => {
                for (run, status) in statuses {
                    self.world.set_status(run, *status)?;
                }
            }
            Step::Heal(runs) => runs.iter().for_each(|run| self.launches.heal(run)),
            Step::Hold(runs) => self.apply_to_each(runs, |run| Event::Hold { run })?,
            Step::Release(runs) => self.apply_to_each(runs, |run| Event::Release { run })?,
            Step::FirstPassDone(runs) => {
                self.apply_to_each(runs, |run| Event::FirstPassDone { run })?;
            }
            Step::Retag(runs) => {
                for (run, tags) in runs {
                    let (run, tags) = (self.world.id(run), tags.clone());
                    self.world.apply(Event::Retag { run, tags })?;
                }
            }
            Step::Reprioritize(runs) => {
                for (run, priority) in runs {
                    let (run, priority) = (self.world.id(run), *priority);
                    self.world.apply(Event::Reprioritize { run, priority })?;
                }
            }
            Step::Configure(rules) => {
                self.rules = Rules::clone(rules);
                self.world.apply(Event::Configure(self.rules.settings.clone()))?;
            }
            Step::At(seconds) => self.world.pass_time(*seconds)?,
            Step::SetPoolLimit(limits) => {
                for (pool, limit) in limits {
                    let (pool, limit) = (pool.clone(), *limit);
                    self.world.apply(Event::PoolLimitSet { pool, limit })?;
                }
            }
            Step::DeletePoolLimit(pool) => {
                self.world.apply(Event::PoolLimitDeleted { pool: pool.clone() })?;
            }
            Step::Claim(claim) => self.claim(claim)?,
            Step::Free(run, step) => self.free(run, Some(step))?,
            Step::FreeRun(run) => self.free(run, None)?,
            Step::Expect(expectation) => self.check(expectation)?,
        }
        Ok(None)
    }

    fn check(&self, expectation: &Expectation) -> Result<(), Failure> {
        match expectation {
            Expectation::Status(runs) => runs.iter().try_for_each(|(run, status)| {
                expect(&format!("status of {run}"), &Some(*status), &self.world.status(run))
            }),
            Expectation::Blocked(runs) => runs.iter().try_for_each(|(run, limits)| {
                let explanation = self.world.image.explain_run(self.world.id(run));
                expect(&format!("{run} blocked by"), limits, &limits_of(explanation))
            }),
            Expectation::StepBlocked(run, step, limits) => {
                let explanation = self.world.image.explain_step(&self.world.step(run, step));
                let what = format!("step {step} of {run} blocked by");
                expect(&what, limits, &limits_of(explanation))
            }
            Expectation::LimitedPools(pools) => {
                let limited = self.world.image.pool_limits().map(|(pool, _)| pool.clone());
                expect("pools with a limit", pools, &limited.collect())
            }
            Expectation::Pool(pool, expected) => self.check_pool(pool, expected),
            Expectation::RefusedLimit(pool, limit) => {
                let is_refused = PoolName::new(pool).is_err() || PoolLimit::new(*limit).is_err();
                expect(&format!("limit {limit} of pool {pool:?} refused:"), &true, &is_refused)
            }
        }
    }

    fn apply_to_each(
        &mut self,
        runs: &[RunName],
        event: fn(RunId) -> Event,
    ) -> Result<(), Refused> {
        runs.iter().try_for_each(|run| self.world.apply(event(self.world.id(run))))
    }

    /// Takes one decision, then launches what was admitted.
    fn tick(&mut self, expected: &ExpectedTick) -> Result<Tick, Failure> {
        if let Some(at) = expected.at {
            self.world.pass_time(at)?;
        }
        let admitted = self.world.admit();
        let launched = self.launches.launch(admitted, &mut self.world, &self.rules)?;
        let (mut wanted, mut got) = (expected.launches.clone(), launched.clone());
        if expected.order == Order::DoesNotMatter {
            wanted.sort();
            got.sort();
        }
        expect("launches", &wanted, &got)?;
        let waiting = self.world.queue().map(|run| Waiting {
            reasons: self.world.reasons_of(self.world.image.explain_run(self.world.id(&run))),
            run,
        });
        Ok(Tick { at: self.world.now, launched, waiting: waiting.collect() })
    }

    fn claim(&mut self, claim: &ExpectedClaim) -> Result<(), Failure> {
        let (run, key) = (self.world.id(&claim.run), claim.step.clone());
        let step = ModelStep { key, priority: claim.priority, demand: claim.demand.clone() };
        self.world.apply(Event::Ask { run, step })?;
        let step = self.world.step(&claim.run, &claim.step);
        let state = self.world.image.claim(&step).map(|claim| claim.state);
        let is_granted = state == Some(ClaimState::Granted);
        if is_granted {
            self.seen.insert(step);
        }
        expect(&format!("step {} to have its slots:", claim.step), &claim.is_granted, &is_granted)
    }

    fn free(&mut self, run: &str, step: Option<&StepKey>) -> Result<(), Refused> {
        let id = self.world.id(run);
        self.world.apply(Event::Free { run: id, step: step.cloned() })?;
        self.seen.retain(|seen| seen.run != id || step.is_some_and(|step| *step != seen.step));
        Ok(())
    }

    fn check_pool(&self, pool: &PoolName, expected: &ExpectedPool) -> Result<(), Failure> {
        let in_pool = |claim: &&Claim| claim.demand.iter().any(|(name, _)| name == pool);
        let claims: Vec<&Claim> = self.world.image.claims().filter(in_pool).collect();
        let (assigned, pending): (Vec<&Claim>, Vec<&Claim>) =
            claims.into_iter().partition(|claim| claim.state == ClaimState::Granted);
        let active = assigned.iter().filter(|claim| self.seen.contains(&claim.step)).count();
        let slots = match self.world.image.usage(&LimitKey::Pool(pool.clone())).0 {
            Capacity::AtMost(slots) => slots as usize,
            Capacity::Unlimited => 0,
        };
        let got = BTreeMap::from([
            ("slots", slots),
            ("active", active),
            ("pending", pending.len()),
            ("assigned", assigned.len()),
        ]);
        for (what, number) in &expected.numbers {
            expect(&format!("{what} of pool {pool}"), &Some(number), &got.get(what))?;
        }
        let steps = assigned.iter().map(|claim| claim.step.step.to_string()).collect();
        expected.assigned_steps.iter().try_for_each(|wanted| {
            expect(&format!("steps assigned in pool {pool}"), wanted, &steps)
        })
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        failure("a step that can be played", refused.to_string())
    }
}

pub(super) fn failure(expected: impl Into<String>, got: impl Into<String>) -> Failure {
    Failure { expected: expected.into(), got: got.into() }
}

pub(super) fn expect<T: PartialEq + Debug>(
    what: &str,
    expected: &T,
    got: &T,
) -> Result<(), Failure> {
    if expected == got {
        return Ok(());
    }
    Err(failure(format!("{what} {expected:?}"), format!("{got:?}")))
}
