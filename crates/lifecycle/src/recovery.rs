//! Recovery: the state is built from what the store has, at start-up as after a failed commit.

use std::collections::{BTreeMap, BTreeSet};

use admission::{Event, Facts, Image, Refused, RunFacts};
use model::{
    Change, Claim, CodeLocation, PoolLimit, PoolName, Run, RunId, RunLife, Seq, Settings, StepRow,
    Timestamp,
};

use crate::effects::{Effect, Moment};
use crate::launches::Launches;
use crate::life::Life;
use crate::pending::Pending;
use crate::rules::Rules;
use crate::state::State;

/// Everything that has not ended, as the store has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The runs, by sequence.
    pub runs: Vec<(Run, RunLife)>,
    /// The steps of the runs in progress.
    pub steps: Vec<StepRow>,
    /// The claims of these steps.
    pub claims: Vec<Claim>,
    /// The pools with a limit of their own.
    pub pool_limits: Vec<(PoolName, PoolLimit)>,
    /// The paused code locations, and until when.
    pub pauses: Vec<(CodeLocation, Timestamp)>,
    /// The last change that is stored.
    pub last_change: Change,
    /// The highest sequence number that a run ever had, if there was one.
    pub last_seq: Option<Seq>,
}

impl State {
    /// Builds the state. Every attempt that is found gets a full lease, and the launcher is asked
    /// about it before anything starts.
    ///
    /// # Errors
    /// [`Refused`] if what the store has contradicts itself.
    pub fn recover(
        found: Recovered,
        settings: Settings,
        rules: Rules,
        now: Moment,
    ) -> Result<Self, Refused> {
        // Collected, not inserted one by one: their ids come in no order, and there may be a million.
        let lives: BTreeMap<RunId, Life> =
            found.runs.iter().map(|(run, row)| (run.id, Life::from_row(row))).collect();
        // Extended, not collected, which would keep the larger memory of the rows.
        let mut runs = Vec::with_capacity(found.runs.len());
        runs.extend(found.runs.into_iter().map(|(run, row)| {
            let (is_held, is_first_pass_done) = (row.is_held, row.is_first_pass_done);
            RunFacts { run, is_held, is_first_pass_done }
        }));
        let claims = found.claims.into_iter();
        let claims = claims.map(|claim| admission::ClaimFacts { claim, passed_over_since: None });
        let (image, granted) = Image::new(Facts {
            now: now.at,
            settings,
            pool_limits: found.pool_limits,
            paused: found.pauses,
            // Told right after, and again whenever it changes.
            loading: BTreeSet::new(),
            runs,
            claims: claims.collect(),
        })?;
        let mut state = Self {
            rules,
            image,
            lives,
            deadlines: BTreeSet::new(),
            launches: Launches::default(),
            recovering: BTreeSet::new(),
            next_seq: found.last_seq.map_or(1, |seq| seq.get() + 1),
            last_change: found.last_change,
            pending: Pending::default(),
            now,
        };
        for row in found.steps {
            if let Some(active) = state.active_mut(row.id.run) {
                active.steps.insert(row.id.step.clone(), row);
            }
        }
        state.apply(Event::TimePassed { now: now.at });
        for step in granted {
            state.note_granted(&step);
        }
        state.take_up_attempts();
        Ok(state)
    }

    fn take_up_attempts(&mut self) {
        let lives = self.lives.iter();
        let active = lives.filter_map(|(run, life)| Some((*run, life.active.as_deref()?.attempt)));
        for (run, attempt) in active.collect::<Vec<(RunId, _)>>() {
            self.set_times(run);
            self.find_granted_without_slots(run);
            self.recovering.insert(run);
            self.look_soon(run);
            // Whether its terminate was sent before is not known; it is safe to repeat.
            let is_told_to_end = self.active(run).is_some_and(|active| active.token.is_none());
            if is_told_to_end {
                self.effect(Effect::Terminate { run, attempt, grace: self.rules.grace });
            }
        }
    }

    /// Sets the deadlines of an attempt that was found, by what is left of each.
    fn set_times(&mut self, run: RunId) {
        let lease = self.now.elapsed.saturating_add(self.rules.lease);
        let Some(active) = self.active_mut(run) else { return };
        active.times.lease_until = active.token.map(|_| lease);
        // Whether it was killed already is not known; it is safe to repeat.
        active.times.kill_at = active.canceling_at.and(active.started_at).map(|_| lease);
        self.bound_again(run);
    }
}
