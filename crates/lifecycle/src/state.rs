//! The state of all runs that have not ended, and the small changes of which every rule is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use admission::{Event, Image};
use model::{
    Change, EventKind, LifeEvent, Run, RunId, RunLife, Seq, Settings, StepId, StepKey, Timestamp,
};

use crate::command::{Command, Refusal, Reply};
use crate::effects::{Effect, Ids, Moment};
use crate::launches::Launches;
use crate::life::{Active, Life};
use crate::pending::Pending;
use crate::rules::Rules;

/// Everything that the rules know. It is built from what the store has and thrown away when it is
/// not known whether a commit was made.
#[derive(Debug)]
pub struct State {
    pub(crate) rules: Rules,
    pub(crate) image: Image,
    pub(crate) lives: BTreeMap<RunId, Life>,
    /// When something becomes of an attempt by itself.
    pub(crate) deadlines: BTreeSet<(Duration, RunId)>,
    pub(crate) launches: Launches,
    /// The attempts that were found at the start and that the launcher has not been heard about.
    /// Nothing starts before that.
    pub(crate) recovering: BTreeSet<RunId>,
    pub(crate) next_seq: u64,
    /// The last change that is part of a batch.
    pub(crate) last_change: Change,
    pub(crate) pending: Pending,
    pub(crate) now: Moment,
}

/// An event that is about to be noted.
pub(crate) struct Note {
    pub(crate) kind: EventKind,
    pub(crate) step: Option<StepKey>,
    pub(crate) message: String,
    /// The whole of it as a JSON object.
    pub(crate) data: Option<Arc<str>>,
}

impl Note {
    pub(crate) fn new(kind: EventKind, message: impl Into<String>) -> Self {
        Self { kind, step: None, message: message.into(), data: None }
    }

    pub(crate) fn of_step(kind: EventKind, step: &StepKey, message: impl Into<String>) -> Self {
        Self { kind, step: Some(step.clone()), message: message.into(), data: None }
    }

    pub(crate) fn with_data(self, data: Option<Arc<str>>) -> Self {
        Self { data, ..self }
    }
}

impl State {
    /// Takes one command.
    ///
    /// # Errors
    /// [`Refusal`] says why it cannot be; then nothing has changed.
    pub fn step(
        &mut self,
        command: Command,
        now: Moment,
        ids: &mut impl Ids,
    ) -> Result<Reply, Refusal> {
        self.now = now;
        match command {
            Command::Submit(submit) => self.submit(*submit, ids),
            Command::Cancel { run, mode } => self.cancel(run, mode),
            Command::Delete { run, ended } => self.delete(run, ended),
            Command::SetPoolLimit { pool, limit } => Ok(self.set_pool_limit(pool, limit)),
            Command::ChangePartitions { name, add, remove } => {
                Ok(self.change_partitions(&name, add, remove))
            }
            Command::Change { runs, change } => self.change(&runs, &change).map(Reply::Changed),
            Command::FreeSlots { run, step } => self.free_slots(run, step.as_ref()),
            Command::Configure { settings, rules } => Ok(self.configure(*settings, rules)),
            Command::Begin { worker, nonce } => self.begin(worker, nonce),
            Command::Report { worker, first, reports } => self.report(worker, first, reports),
            Command::Poll { worker } => self.poll(worker),
            Command::Missed { run, attempt } => Ok(self.missed(run, attempt)),
            Command::Launched { run, attempt, outcome } => Ok(self.launched(run, attempt, outcome)),
            Command::Observed { run, attempt, sight } => Ok(self.observed(run, attempt, sight)),
            Command::Loading { locations } => {
                self.apply(Event::LocationsLoading { locations });
                Ok(Reply::Done)
            }
            Command::Tick => Ok(self.tick()),
        }
    }

    /// Returns the queue, the limits and the pools, for questions.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Returns the settings of the limits that are in force.
    pub fn settings(&self) -> &Settings {
        self.image.settings()
    }

    /// Returns the number of the last change that is part of a batch.
    pub fn last_change(&self) -> Change {
        self.last_change
    }

    /// Returns whether attempts of an earlier leadership are still being looked for, so that
    /// nothing starts yet.
    pub fn is_recovering(&self) -> bool {
        !self.recovering.is_empty()
    }

    /// Returns how long after `now` a [`Command::Tick`] is due, if anything waits for time.
    pub fn next_deadline(&self, now: Moment) -> Option<Duration> {
        let attempts = self.deadlines.first().map(|(at, _)| at.saturating_sub(now.elapsed));
        let image = self.image.next_deadline().map(|at| at.since(now.at));
        attempts.into_iter().chain(image).min()
    }

    pub(crate) fn active(&self, run: RunId) -> Option<&Active> {
        self.lives.get(&run)?.active.as_deref()
    }

    pub(crate) fn active_mut(&mut self, run: RunId) -> Option<&mut Active> {
        self.lives.get_mut(&run)?.active.as_deref_mut()
    }

    /// Returns a run that has not ended.
    pub(crate) fn run(&self, run: RunId) -> Result<&Run, Refusal> {
        self.image.run(run).ok_or(Refusal::UnknownRun(run))
    }

    pub(crate) fn row(&self, run: RunId) -> Option<(Run, RunLife)> {
        let life = self.lives.get(&run)?;
        let run = self.image.run(run)?;
        Some((run.clone(), life.row(run, self.image.is_held(run.id))))
    }

    /// Tells the image what happened and takes note of the claims that it lets through.
    ///
    /// The rules ask for nothing that the image refuses; should it refuse all the same, nothing
    /// has changed and the caller is told.
    pub(crate) fn apply(&mut self, event: Event) -> bool {
        match self.image.apply(event) {
            Ok(granted) => {
                for step in granted {
                    self.note_granted(&step);
                }
                true
            }
            Err(_) => false,
        }
    }

    pub(crate) fn note_granted(&mut self, step: &StepId) {
        self.keep_claim(step);
        self.note(step.run, Note::of_step(EventKind::StepGranted, &step.step, ""));
        self.effect(Effect::Wake { run: step.run });
    }

    /// Has a claim written as it is now.
    pub(crate) fn keep_claim(&mut self, step: &StepId) {
        let claim = self.image.claim(step).cloned();
        self.pending.claims.insert(step.clone(), claim);
    }

    /// Has every claim of a run forgotten.
    pub(crate) fn drop_claims(&mut self, run: RunId) {
        let claims = self.image.claims_of(run).map(|claim| (claim.step.clone(), None));
        self.pending.claims.extend(claims);
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        if self.pending.effects.last() != Some(&effect) {
            self.pending.effects.push(effect);
        }
    }

    pub(crate) fn touch(&mut self, run: RunId) {
        self.pending.touched.insert(run);
    }

    /// Notes an event of a run that has not ended yet.
    pub(crate) fn note(&mut self, run: RunId, note: Note) {
        let attempt = self.image.run(run).and_then(|run| run.attempt);
        let Some(life) = self.lives.get_mut(&run) else { return };
        life.event_count += 1;
        let number = life.event_count;
        self.touch(run);
        self.push(Some((run, number)), attempt, note);
    }

    /// Notes the last event of a run that is deleted, which had so many before.
    pub(crate) fn note_deleted(&mut self, run: RunId, events: u64) {
        let note = Note::new(EventKind::RunDeleted, format!("run {run}"));
        self.push(Some((run, events + 1)), None, note);
    }

    /// Notes an event that concerns no single run.
    pub(crate) fn note_all(&mut self, note: Note) {
        self.push(None, None, note);
    }

    fn push(&mut self, run: Option<(RunId, u64)>, attempt: Option<model::Attempt>, note: Note) {
        let change = self.pending.next_change(self.last_change);
        let Note { kind, step, message, data } = note;
        self.pending.events.push(LifeEvent {
            change,
            run,
            at: self.at(),
            attempt,
            step,
            kind,
            message,
            data,
        });
    }

    pub(crate) fn at(&self) -> Timestamp {
        self.now.at
    }

    pub(crate) fn take_seq(&mut self) -> Seq {
        let seq = Seq::new(self.next_seq);
        self.next_seq += 1;
        seq
    }
}
