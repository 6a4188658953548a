//! Launches: a bounded number under way, each told how it went.

use std::collections::{BTreeSet, VecDeque};

use admission::Event;
use model::{
    Attempt, Capacity, CodeLocation, EventKind, Failure, FailureReason, Granularity, LimitKey,
    RunId, RunStatus, RunTransition, TokenHash,
};

use crate::command::{Launched, Reply};
use crate::effects::{Effect, Ids, Secret};
use crate::life::Active;
use crate::rules::{Dispatch, Rules};
use crate::state::{Note, State};

/// The attempts that are to be launched and those whose launch is under way.
#[derive(Debug, Default)]
pub(crate) struct Launches {
    waiting: VecDeque<Waiting>,
    under_way: BTreeSet<(RunId, Attempt)>,
}

/// An attempt that waits for its launch.
#[derive(Debug)]
struct Waiting {
    run: RunId,
    attempt: Attempt,
    secret: Secret,
    /// Its launch is wanted as long as this is the token of the run.
    token: TokenHash,
}

impl State {
    /// Lets an attempt begin its life: the run is `STARTING` from here on.
    pub(crate) fn start_attempt(&mut self, run: RunId, attempt: Attempt, ids: &mut impl Ids) {
        let (secret, token) = ids.secret();
        let (at, elapsed, rules) = (self.at(), self.now.elapsed, self.rules);
        let Some(life) = self.lives.get_mut(&run) else { return };
        let mut active = Active::new(attempt, Some(token), at);
        active.times.start_until = rules.start_timeout.map(|bound| elapsed.saturating_add(bound));
        life.active = Some(Box::new(active));
        self.note(run, Note::new(EventKind::RunStarting, format!("attempt {attempt}")));
        self.file_deadline(run);
        self.launches.waiting.push_back(Waiting { run, attempt, secret, token });
    }

    /// Notes with which usage of its limits a run left the queue; what is unlimited tells nothing.
    pub(crate) fn note_dequeued(&mut self, run: RunId) {
        let usage = |(limit, capacity, usage): (&LimitKey, _, model::Usage)| {
            format!("{limit}: {} of {capacity}", usage.runs)
        };
        // At op granularity steps take the slots of a pool, not runs.
        let pools_count_runs = self.settings().pools.granularity == Granularity::Run;
        let is_limited = |(limit, capacity, _): &(&LimitKey, Capacity, _)| {
            let counts_runs = pools_count_runs || !matches!(limit, LimitKey::Pool(_));
            *capacity != Capacity::Unlimited && counts_runs
        };
        let usages: Vec<String> = self.image.limits_of(run).filter(is_limited).map(usage).collect();
        self.note(run, Note::new(EventKind::RunDequeued, usages.join("; ")));
    }

    /// Hands attempts to the launcher as far as the bound allows. Returns whether some run went
    /// back to the queue instead, because its code location is paused, or being loaded,
    /// since it left it.
    pub(crate) fn release_launches(&mut self) -> bool {
        let mut is_any_requeued = false;
        while self.launches.under_way.len() < self.rules.max_launches.get() as usize {
            let Some(next) = self.launches.waiting.pop_front() else { break };
            let Some(location) = self.location_to_launch(&next) else { continue };
            let Waiting { run, attempt, secret, .. } = next;
            let why = if self.image.paused_until(&location).is_some() {
                Some("its code location is paused")
            } else if self.image.loading().contains(&location) {
                Some("its code location is being loaded")
            } else {
                None
            };
            if let Some(why) = why.filter(|_| self.rules.dispatch == Dispatch::Queued) {
                self.requeue(run, why);
                is_any_requeued = true;
                continue;
            }
            self.launches.under_way.insert((run, attempt));
            self.effect(Effect::Launch { run, attempt, location, secret });
        }
        is_any_requeued
    }

    fn location_to_launch(&self, waiting: &Waiting) -> Option<CodeLocation> {
        let is_wanted = self.active(waiting.run)?.token == Some(waiting.token);
        self.image.run(waiting.run).filter(|_| is_wanted).map(|run| run.location.clone())
    }

    pub(crate) fn launched(&mut self, run: RunId, attempt: Attempt, outcome: Launched) -> Reply {
        self.launches.under_way.remove(&(run, attempt));
        let is_same = self.active(run).is_some_and(|active| active.attempt == attempt);
        let Some(status) = self.image.run(run).filter(|_| is_same).map(|run| run.status) else {
            return Reply::Done;
        };
        let has_begun = self.active(run).is_some_and(Active::has_begun);
        match outcome {
            // Whoever has begun was started, whatever the launcher says.
            _ if has_begun => {}
            Launched::Started => self.begin_lease(run),
            Launched::Unknown(why) => {
                self.note(run, Note::new(EventKind::EngineEvent, why));
                self.begin_lease(run);
                self.look_soon(run);
            }
            Launched::Failed(_) | Launched::Unreachable(_) if status == RunStatus::Canceling => {
                self.conclude_canceled(run);
            }
            Launched::Failed(why) => self.fail_to_start(run, FailureReason::LaunchError, why),
            Launched::Unreachable(why) => self.retry_location(run, why),
        }
        Reply::Done
    }

    fn retry_location(&mut self, run: RunId, why: String) {
        let rules = self.rules;
        let location = self.image.run(run).map(|run| run.location.clone());
        let (Some(location), Some(life)) = (location, self.lives.get_mut(&run)) else { return };
        if rules.max_location_retries == 0 || rules.dispatch == Dispatch::AtOnce {
            return self.fail_to_start(run, FailureReason::LaunchError, why);
        }
        let retries = life.location_retries;
        if retries >= rules.max_location_retries {
            self.pause_location(location, &why);
            let message = format!("{why} (tried {} times)", retries + 1);
            return self.fail_to_start(run, FailureReason::LaunchError, message);
        }
        life.location_retries += 1;
        self.pause_location(location, &why);
        let left = rules.max_location_retries - retries - 1;
        self.requeue(run, &format!("{why}; retries left: {left}"));
    }

    fn pause_location(&mut self, location: CodeLocation, why: &str) {
        let until = self.at().after(self.rules.location_retry_delay);
        self.pending.pauses.insert(location.clone(), Some(until));
        let message = format!("code location {location}: {why}");
        self.note_all(Note::new(EventKind::LocationPaused, message));
        self.apply(Event::LocationPaused { location, until });
    }

    /// Puts a starting run back to its old place in the queue; its token is void from now on.
    pub(crate) fn requeue(&mut self, run: RunId, why: &str) {
        self.drop_claims(run);
        if !self.apply(Event::Requeue { run }) {
            return;
        }
        self.note(run, Note::new(EventKind::RunEnqueued, why));
        self.unfile_deadline(run);
        self.recovering.remove(&run);
        if let Some(life) = self.lives.get_mut(&run) {
            life.active = None;
        }
    }

    pub(crate) fn fail_to_start(&mut self, run: RunId, reason: FailureReason, why: String) {
        self.end(run, RunTransition::FailToStart, Some(Failure { reason, message: why }));
    }

    /// An attempt is proven dead before it began: the next one, unless too many died like this.
    pub(crate) fn start_lost(&mut self, run: RunId) {
        if self.rules.dispatch == Dispatch::AtOnce {
            let message = "its worker died before it began, and there is no queue to go back to";
            return self.fail_to_start(run, FailureReason::LaunchError, message.to_owned());
        }
        let Some(life) = self.lives.get_mut(&run) else { return };
        life.lost_starts += 1;
        let lost = life.lost_starts;
        if lost >= Rules::MAX_LOST_STARTS {
            let message = format!("its worker died before it began, {lost} times");
            return self.fail_to_start(run, FailureReason::Poison, message);
        }
        self.requeue(run, "its worker died before it began");
    }
}
