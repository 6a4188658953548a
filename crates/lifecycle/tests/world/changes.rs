//! Live changes: what users change of runs, slots and settings, and what must be so after it.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{Changed, Command, Refusal, Reply, Rules, RunChange, State};
use model::{Batch, ClaimState, Priority, RunId, RunStatus, Settings, StepId, Tags};

use crate::play::{Asker, Played, World};
use crate::setup;
use crate::store::must;

/// How a run must be by all that was changed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    tags: Tags,
    is_held: bool,
}

/// What was answered in one turn, until its commit is made.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    of_runs: Vec<(RunChange, Changed)>,
    settings: Option<(Box<Settings>, Rules)>,
    /// Answers that were not what the preview had said a moment before.
    unforeseen: Vec<String>,
    /// What is so after the commit, as nothing came after this in its turn.
    last: Last,
}

#[derive(Debug, Default)]
enum Last {
    #[default]
    Other,
    Starts(Vec<RunId>),
    Freed {
        freed: Vec<StepId>,
        waiting: Vec<StepId>,
    },
}

impl World {
    pub(crate) fn change_runs(&mut self) {
        let mut runs = Vec::new();
        for _ in 0..=self.chance.below(3) {
            runs.extend(self.any_run());
        }
        let change = match self.chance.below(6) {
            0 => RunChange::Priority(Priority::new(self.chance.pick(&[-1, 0, 1]))),
            1 | 2 => self.retag(),
            3 => RunChange::Hold,
            _ => RunChange::Release,
        };
        self.send(Asker::Nobody, Command::Change { runs, change });
    }

    fn retag(&mut self) -> RunChange {
        let set = self.chance.pick(&[
            ("team", "a"),
            ("team", "b"),
            ("dagster/priority", "1"),
            ("dagster/max_runtime", "60"),
        ]);
        let remove = self.chance.pick(&["team", "dagster/priority", "absent"]);
        let set = if self.chance.one_in(4) { Tags::default() } else { Tags::from_iter([set]) };
        RunChange::Tags { set, remove: [remove.to_owned()].into() }
    }

    pub(crate) fn free_slots(&mut self) {
        let holders: Vec<StepId> = self.store.claims.keys().cloned().collect();
        if holders.is_empty() {
            return;
        }
        let StepId { run, step } = holders[self.chance.below(holders.len())].clone();
        let step = (!self.chance.one_in(3)).then_some(step);
        self.send(Asker::Nobody, Command::FreeSlots { run, step });
    }

    pub(crate) fn configure(&mut self) {
        let settings = Box::new(setup::settings(&mut self.chance));
        let rules = setup::rules(&mut self.chance);
        self.send(Asker::Nobody, Command::Configure { settings, rules });
    }

    /// Lets go whatever is held, so that it can end.
    pub(crate) fn release_all(&mut self) {
        let runs = self.store.open().map(|row| row.run.id).collect();
        self.send(Asker::Nobody, Command::Change { runs, change: RunChange::Release });
    }

    /// Decides a command; a change of runs must be what its preview says.
    pub(crate) fn decide_live(&mut self, command: &Command) -> Result<Reply, Refusal> {
        let now = self.now();
        let mut foreseen = None;
        if let Command::Change { runs, change } = command {
            foreseen = self.state.preview(runs, change).ok();
        }
        let mut waiting = Vec::new();
        if let Command::FreeSlots { run, .. } = command {
            waiting = claims(&self.state, *run, ClaimState::Pending);
        }
        let reply = self.state.step(command.clone(), now, &mut self.ids);
        self.changes.last = Last::Other;
        match (command, &reply) {
            (Command::Change { change, .. }, Ok(Reply::Changed(changed))) => {
                if foreseen.as_ref() != Some(changed) {
                    self.changes.unforeseen.push(format!("{foreseen:?}, then {changed:?}"));
                }
                self.changes.of_runs.push((change.clone(), changed.clone()));
                self.changes.last = Last::Starts(changed.started.clone());
            }
            (Command::FreeSlots { run, .. }, Ok(Reply::Freed(freed))) => {
                let id = |step: &model::StepKey| StepId { run: *run, step: step.clone() };
                let freed = freed.iter().map(|(step, _)| id(step)).collect();
                self.changes.last = Last::Freed { freed, waiting };
            }
            (Command::Configure { settings, rules }, Ok(_)) => {
                self.changes.settings = Some((settings.clone(), *rules));
            }
            _ => {}
        }
        reply
    }

    /// The settings of the commit that was just made are those by which it is judged.
    pub(crate) fn take_settings(&mut self) {
        if let Some((settings, rules)) = self.changes.settings.take() {
            self.checks.configure(&settings);
            (self.settings, self.rules) = (*settings, rules);
        }
    }

    /// What was answered is in the rows.
    pub(crate) fn what_was_changed_is_so(&mut self, batch: &Batch) -> Played {
        let Changes { of_runs, unforeseen, last, .. } = std::mem::take(&mut self.changes);
        must(unforeseen.is_empty(), || format!("a preview said {unforeseen:?}"))?;
        for new in &batch.new_runs {
            let wish = Wish { tags: new.run.tags.clone(), is_held: new.life.is_held };
            self.wished.insert(new.run.id, wish);
        }
        let new: BTreeSet<RunId> = batch.new_runs.iter().map(|new| new.run.id).collect();
        for (change, answer) in &of_runs {
            for run in &answer.changed {
                if let Some(wish) = self.wished.get_mut(run) {
                    *wish = wish.after(change);
                }
            }
            for run in answer.unchanged.iter().filter(|run| !new.contains(run)) {
                let Some(wish) = self.wished.get(run) else { continue };
                let is_so = wish.is_after(change);
                must(is_so, || format!("{run} is {wish:?}, but unchanged by {change:?}"))?;
            }
        }
        for run in &batch.deleted_runs {
            self.wished.remove(run);
        }
        for row in self.store.open() {
            let (run, now) = (row.run.id, (&row.run.tags, row.life.is_held));
            let wish = self.wished.get(&run).map(|wish| (&wish.tags, wish.is_held));
            must(wish == Some(now), || format!("{run} should be {wish:?}, is {now:?}"))?;
            let is_idle = !row.life.is_held || row.life.status == RunStatus::Queued;
            must(is_idle, || format!("{run} is held and {}", row.life.status))?;
        }
        self.the_last_is_so(last)
    }

    fn the_last_is_so(&self, last: Last) -> Played {
        match last {
            Last::Other => Ok(()),
            Last::Starts(runs) => runs.into_iter().try_for_each(|run| {
                let has_started = self.store.runs.get(&run);
                let has_started = has_started.is_some_and(|row| row.life.status.is_in_progress());
                must(has_started, || format!("{run} was said to start, and does not"))
            }),
            Last::Freed { freed, waiting } => {
                let claims = &self.store.claims;
                let mut held = freed.iter().filter(|step| claims.contains_key(step));
                must(held.next().is_none(), || format!("of {freed:?} something is not free"))?;
                let mut gone = waiting.iter().filter(|step| !claims.contains_key(step));
                must(gone.next().is_none(), || format!("of {waiting:?} something waits no more"))
            }
        }
    }
}

fn claims(state: &State, run: RunId, wanted: ClaimState) -> Vec<StepId> {
    let claims = state.image().claims_of(run).filter(|claim| claim.state == wanted);
    claims.map(|claim| claim.step.clone()).collect()
}

impl Wish {
    fn after(&self, change: &RunChange) -> Self {
        let mut tags: BTreeMap<String, String> =
            self.tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let mut is_held = self.is_held;
        match change {
            RunChange::Priority(priority) => {
                tags.insert("dagster/priority".to_owned(), priority.get().to_string());
            }
            RunChange::Tags { set, remove } => {
                tags.retain(|key, _| !remove.contains(key));
                tags.extend(set.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
            }
            RunChange::Hold => is_held = true,
            RunChange::Release => is_held = false,
        }
        Self { tags: tags.into_iter().collect(), is_held }
    }

    /// Whether nothing is to be changed; a priority of 0 needs no tag.
    fn is_after(&self, change: &RunChange) -> bool {
        let has_none = self.tags.get("dagster/priority").is_none();
        let is_plain = *change == RunChange::Priority(Priority::new(0)) && has_none;
        is_plain || self.after(change) == *self
    }
}
