//! The daemon: takes turns as the real one does, and dies between any two steps of one.

use lifecycle::{CancelMode, Command, Effect, Known, Refusal, Reply, Settled, State, Submit};
use model::Batch;

use crate::changes::Changes;
use crate::checks::Seen;
use crate::outside::Body;
use crate::play::{Asker, Crash, Played, World};
use crate::store::must;

/// The answers of one turn, with who waits for each.
type Answers = Vec<(Asker, Result<Reply, Refusal>)>;

impl World {
    pub(crate) fn crash_point(&mut self) -> Crash {
        if !self.fault(12) {
            return Crash::Never;
        }
        self.chance.pick(&[
            Crash::BeforeCommit,
            Crash::AfterCommit,
            Crash::AfterSomeReplies,
            Crash::AfterSomeEffects,
        ])
    }

    /// Takes what one turn deals with; a limit is set alone, so that grants can be judged by it.
    pub(crate) fn take(&mut self) -> Vec<(Asker, Command)> {
        let most = 1 + self.chance.below(5);
        let mut taken = Vec::new();
        while let Some((asker, command)) = self.inbox.pop_front() {
            // Whoever gives the id of a run that was deleted waits for ever: what is told of both
            // could not be told apart.
            if let Command::Submit(submit) = &command
                && submit.id.is_some_and(|id| self.deleted.contains(&id))
            {
                continue;
            }
            let is_limit =
                matches!(command, Command::SetPoolLimit { .. } | Command::Configure { .. });
            if is_limit && !taken.is_empty() {
                self.inbox.push_front((asker, command));
                break;
            }
            taken.push((asker, self.filled_in(command)));
            if is_limit || taken.len() == most {
                break;
            }
        }
        taken
    }

    /// Looks up what the store knows, as must be done after the commit before.
    pub(crate) fn filled_in(&self, command: Command) -> Command {
        match command {
            Command::Submit(submit) => {
                let key = submit.submission.idempotency.as_ref().map(|known| &known.key);
                let known = Known {
                    is_id_taken: submit.id.is_some_and(|id| self.store.runs.contains_key(&id)),
                    same_key: key.and_then(|key| self.store.keys.get(key).copied()),
                };
                Command::Submit(Box::new(Submit { known, ..*submit }))
            }
            Command::Delete { run, .. } => {
                let row = self.store.runs.get(&run);
                let ended = row.filter(|row| row.life.status.is_terminal());
                Command::Delete { run, ended: ended.map(|row| row.life.event_count) }
            }
            Command::Cancel { .. }
            | Command::SetPoolLimit { .. }
            | Command::ChangePartitions { .. }
            | Command::Change { .. }
            | Command::FreeSlots { .. }
            | Command::Configure { .. }
            | Command::Begin { .. }
            | Command::Report { .. }
            | Command::Poll { .. }
            | Command::Missed { .. }
            | Command::Launched { .. }
            | Command::Observed { .. }
            | Command::Loading { .. }
            | Command::Tick => command,
        }
    }

    pub(crate) fn turn(&mut self) -> Played {
        let (now, crash, taken) = (self.now(), self.crash_point(), self.take());
        let _ = self.state.step(Command::Tick, now, &mut self.ids);
        self.changes = Changes::default();
        let answers = taken.into_iter().map(|(asker, command)| (asker, self.decide(&command)));
        let answers: Answers = answers.collect();
        let Settled { batch, effects, is_cut } = self.state.settle(now, &mut self.ids);
        if crash == Crash::BeforeCommit {
            return self.crash(crash);
        }
        self.commit(&batch, is_cut)?;
        for (asker, reply) in &answers {
            self.judge(asker, reply)?;
        }
        if !batch.is_empty() {
            self.rebuilt_is_equal()?;
        }
        let is_overdue = self.state.next_deadline(now).is_some_and(|next| next.is_zero());
        must(!is_overdue, || "a deadline is met without end".to_owned())?;
        if crash == Crash::AfterCommit {
            return self.crash(crash);
        }
        for (asker, reply) in answers {
            if crash == Crash::AfterSomeReplies && self.chance.one_in(2) {
                return self.crash(crash);
            }
            self.answer(&asker, reply)?;
        }
        for effect in effects {
            if crash == Crash::AfterSomeEffects && self.chance.one_in(2) {
                return self.crash(crash);
            }
            self.outside.push(effect);
        }
        self.what_was_told_is_so()?;
        if crash == Crash::Never { Ok(()) } else { self.crash(crash) }
    }

    fn decide(&mut self, command: &Command) -> Result<Reply, Refusal> {
        if let Command::Cancel { run, mode: CancelMode::Force } = command {
            self.forced.insert(*run);
        }
        let now = self.now();
        let reply = self.decide_live(command);
        self.tell(|| format!("{} {command:?} -> {reply:?}", now.elapsed.as_millis()));
        if reply.is_ok() {
            self.heard_of(command);
        }
        reply
    }

    fn commit(&mut self, batch: &Batch, is_cut: bool) -> Played {
        self.store.commit(batch)?;
        self.take_settings();
        for run in &batch.deleted_runs {
            self.deleted.insert(*run);
            self.submitted.remove(run);
        }
        for event in &batch.events {
            self.tell(|| format!("    {:?} {} {}", event.run, event.kind, event.message));
        }
        let store = &self.store;
        self.unasked.retain(|(run, attempt)| {
            let row = store.runs.get(run);
            row.is_some_and(|row| {
                row.life.status.is_in_progress() && row.life.attempt == Some(*attempt)
            })
        });
        self.checks.after_commit(&Seen {
            store: &self.store,
            batch,
            processes: &self.processes,
            flying: self.flying(),
            is_any_unasked: !self.unasked.is_empty(),
            forced: &self.forced,
            is_cut,
            now: self.now().at,
        })?;
        self.what_was_changed_is_so(batch)
    }

    /// A sign of life, or what the launcher has seen, of an attempt of an earlier leadership.
    pub(crate) fn heard_of(&mut self, command: &Command) {
        match command {
            Command::Observed { run, attempt, .. } => self.unasked.remove(&(*run, *attempt)),
            Command::Begin { worker, .. }
            | Command::Report { worker, .. }
            | Command::Poll { worker } => self.unasked.remove(&(worker.run, worker.attempt)),
            Command::Submit(_)
            | Command::Cancel { .. }
            | Command::Delete { .. }
            | Command::SetPoolLimit { .. }
            | Command::ChangePartitions { .. }
            | Command::Change { .. }
            | Command::FreeSlots { .. }
            | Command::Configure { .. }
            | Command::Missed { .. }
            | Command::Launched { .. }
            | Command::Loading { .. }
            | Command::Tick => false,
        };
    }

    /// The state is thrown away and built anew, in the same process or in another one: then what
    /// was on its way is lost, but for launches that had been made.
    pub(crate) fn crash(&mut self, crash: Crash) -> Played {
        let is_same_process = self.chance.one_in(3);
        self.tell(|| format!("crash {crash:?}, same process: {is_same_process}"));
        if !is_same_process {
            self.inbox.clear();
            for effect in std::mem::take(&mut self.outside) {
                if let Effect::Launch { run, attempt, secret, .. } = effect
                    && self.chance.one_in(2)
                {
                    self.spawn(run, attempt, &secret);
                    let process = self.processes.last_mut().unwrap();
                    (process.body, process.was_unseen) = (Body::Unseen, true);
                }
            }
            if self.chance.one_in(4) {
                self.skew = 0;
            }
        }
        self.led_since = self.time;
        self.state = self.rebuilt()?;
        let in_progress = self.store.in_progress();
        self.unasked = in_progress.map(|row| (row.run.id, row.life.attempt.unwrap())).collect();
        Ok(())
    }

    pub(crate) fn rebuilt(&self) -> Result<State, String> {
        let found = self.store.recovered();
        State::recover(found, self.settings.clone(), self.rules, self.now())
            .map_err(|refused| format!("the rows contradict themselves: {refused}"))
    }

    /// What the running state knows is what the rows say: the same facts, usage and explanations.
    pub(crate) fn rebuilt_is_equal(&mut self) -> Played {
        let (rebuilt, now) = (self.rebuilt()?, self.now().at);
        let plain = |state: &State| {
            let mut facts = state.image().facts();
            facts.now = now;
            facts
        };
        let (mine, anew) = (plain(&self.state), plain(&rebuilt));
        must(mine == anew, || format!("the state says\n{mine:?}\nthe rows say\n{anew:?}"))?;
        self.commits += 1;
        if self.commits.is_multiple_of(8) {
            for row in self.store.open() {
                let explain = |state: &State| state.image().explain_run(row.run.id);
                let (mine, anew) = (explain(&self.state), explain(&rebuilt));
                must(mine == anew, || format!("{}: {mine:?}, anew {anew:?}", row.run.id))?;
            }
            for step in self.store.claims.keys() {
                let explain = |state: &State| state.image().explain_step(step);
                must(explain(&self.state) == explain(&rebuilt), || format!("of {step}"))?;
            }
        }
        Ok(())
    }
}
