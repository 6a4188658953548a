//! A stage on which one real state is told commands, with every answer as one line of text.
//!
//! A line says the reply, the status of each run whose row was written, the events and the effects:
//! `done | 1 STARTED | 1 RUN_START |`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{
    CancelMode, Changed, Command, Effect, Ids, Known, Launched, Moment, Outcome, Recovered,
    Refusal, Reply, Report, ReportKind, Rules, Secret, Settled, Sight, State, Submit, Worker,
};
use model::{
    Attempt, Capacity, Change, Claim, CodeLocation, Demand, Deployment, IdempotencyKey, JobName,
    LifeEvent, Nonce, PlanHash, PoolName, Priority, Run, RunId, RunLife, RunPools, Seq, Settings,
    Step, StepId, StepKey, StepRow, Submission, Tags, Timestamp, TokenHash,
};

/// Draws secrets of which each is told from the others by its first byte; the hash is the secret.
#[derive(Default)]
pub(crate) struct Counting(u8);

impl Ids for Counting {
    fn run_id(&mut self) -> RunId {
        panic!("every run on the stage is given its id")
    }

    fn secret(&mut self) -> (Secret, TokenHash) {
        self.0 += 1;
        (Secret([self.0; 32]), TokenHash([self.0; 32]))
    }
}

pub(crate) struct Stage {
    pub(crate) state: State,
    pub(crate) now: Moment,
    ids: Counting,
    settings: Settings,
    rules: Rules,
    /// The secrets that were handed to the launcher, by run and attempt.
    tokens: BTreeMap<(u128, u32), TokenHash>,
    pub(crate) rows: BTreeMap<u128, (Run, RunLife)>,
    pub(crate) steps: BTreeMap<StepId, StepRow>,
    pub(crate) claims: BTreeMap<StepId, Claim>,
    pub(crate) messages: Vec<String>,
    pub(crate) asset_events: Vec<model::AssetEvent>,
    last_change: Change,
}

impl Stage {
    pub(crate) fn new(rules: Rules) -> Self {
        Self::with(
            rules,
            Settings { max_concurrent_runs: Capacity::Unlimited, ..Settings::default() },
        )
    }

    pub(crate) fn with(rules: Rules, settings: Settings) -> Self {
        let now = Moment { at: Timestamp::from_micros(1_000_000_000), elapsed: Duration::ZERO };
        let state = State::recover(Recovered::default(), settings.clone(), rules, now).unwrap();
        Self {
            state,
            now,
            ids: Counting::default(),
            settings,
            rules,
            tokens: BTreeMap::new(),
            rows: BTreeMap::new(),
            steps: BTreeMap::new(),
            claims: BTreeMap::new(),
            messages: Vec::new(),
            asset_events: Vec::new(),
            last_change: Change::NONE,
        }
    }

    /// Tells one command and makes the commit.
    pub(crate) fn tell(&mut self, command: Command) -> String {
        let reply = self.state.step(command, self.now, &mut self.ids);
        let settled = self.state.settle(self.now, &mut self.ids);
        format!("{} |{}", reply_text(&reply), self.keep(settled))
    }

    /// Tells several commands and makes one commit for all of them.
    pub(crate) fn tell_together(&mut self, commands: Vec<Command>) -> String {
        let mut text = String::new();
        for command in commands {
            let reply = self.state.step(command, self.now, &mut self.ids);
            text += &format!("{}, ", reply_text(&reply));
        }
        let settled = self.state.settle(self.now, &mut self.ids);
        format!("{} |{}", text.trim_end_matches(", "), self.keep(settled))
    }

    fn keep(&mut self, settled: Settled) -> String {
        let Settled { batch, effects, .. } = settled;
        let mut text = String::new();
        for new in batch.new_runs {
            text += &format!(" {} {}", new.run.id.as_u128(), new.life.status);
            self.rows.insert(new.run.id.as_u128(), (new.run, new.life));
        }
        for change in batch.changed_runs {
            text += &format!(" {} {}", change.run.as_u128(), change.life.status);
            let row = self.rows.get_mut(&change.run.as_u128()).unwrap();
            row.1 = change.life;
            row.0.tags = change.tags.unwrap_or(row.0.tags.clone());
        }
        for step in batch.steps {
            self.steps.insert(step.id.clone(), step);
        }
        for claim in batch.claims {
            self.claims.insert(claim.step.clone(), claim);
        }
        for step in batch.freed {
            self.claims.remove(&step);
        }
        for run in batch.deleted_runs {
            self.rows.remove(&run.as_u128());
        }
        text += " |";
        self.asset_events.extend(batch.asset_events.iter().cloned());
        for event in &batch.events {
            text += &format!(" {}", event_text(event));
            self.messages.push(event.message.clone());
            self.last_change = event.change;
        }
        text += " |";
        for effect in effects {
            text += &format!(" {}", self.effect_text(&effect));
        }
        text
    }

    fn effect_text(&mut self, effect: &Effect) -> String {
        match effect {
            Effect::Launch { run, attempt, secret, .. } => {
                let (run, attempt) = (run.as_u128(), attempt.get());
                self.tokens.insert((run, attempt), TokenHash(secret.0));
                format!("launch {run}/{attempt}")
            }
            Effect::Terminate { run, attempt, .. } => format!("end {}/{attempt}", run.as_u128()),
            Effect::Observe { run, attempt } => format!("look {}/{attempt}", run.as_u128()),
            Effect::Wake { run } => format!("wake {}", run.as_u128()),
            Effect::Forget { run } => format!("forget {}", run.as_u128()),
        }
    }

    /// Puts another configuration in force, also for the restarts that follow.
    pub(crate) fn configure(&mut self, settings: Settings, rules: Rules) -> String {
        (self.settings, self.rules) = (settings.clone(), rules);
        self.tell(Command::Configure { settings: Box::new(settings), rules })
    }

    /// Lets time pass and tells that it has.
    pub(crate) fn wait(&mut self, seconds: u64) -> String {
        let passed = Duration::from_secs(seconds);
        self.now.elapsed += passed;
        self.now.at = self.now.at.after(passed);
        self.tell(Command::Tick)
    }

    /// Throws the state away and builds it from what was committed, as after a restart.
    pub(crate) fn restart(&mut self) -> String {
        self.now.elapsed = Duration::ZERO;
        format!("restarted |{}", self.rebuild())
    }

    /// The same within one process, as after a commit that failed: its clock goes on.
    pub(crate) fn rebuild(&mut self) -> String {
        let runs = self.rows.values().filter(|(_, life)| !life.status.is_terminal());
        let runs = runs.map(|(run, life)| {
            let run = Run { status: life.status, attempt: life.attempt, ..run.clone() };
            (run, life.clone())
        });
        let mut runs: Vec<(Run, RunLife)> = runs.collect();
        runs.sort_by_key(|(run, _)| run.seq);
        let found = Recovered {
            runs,
            steps: self.steps.values().cloned().collect(),
            claims: self.claims.values().cloned().collect(),
            last_change: self.last_change,
            last_seq: self.rows.values().map(|(run, _)| run.seq).max(),
            ..Recovered::default()
        };
        self.state = State::recover(found, self.settings.clone(), self.rules, self.now).unwrap();
        let settled = self.state.settle(self.now, &mut self.ids);
        self.keep(settled)
    }

    pub(crate) fn submit(&mut self, run: u128) -> String {
        self.tell(submit(run))
    }

    pub(crate) fn begin(&mut self, run: u128, attempt: u32) -> String {
        let worker = self.worker(run, attempt);
        self.tell(Command::Begin { worker, nonce: Nonce(1) })
    }

    pub(crate) fn poll(&mut self, run: u128) -> String {
        let worker = self.worker(run, 1);
        self.tell(Command::Poll { worker })
    }

    pub(crate) fn report(&mut self, run: u128, first: u64, kinds: Vec<ReportKind>) -> String {
        let worker = self.worker(run, 1);
        self.tell(Command::Report { worker, first, reports: reports(kinds) })
    }

    pub(crate) fn launched(&mut self, run: u128, attempt: u32, outcome: Launched) -> String {
        let (run, attempt) = (id(run), Attempt::new(attempt).unwrap());
        self.tell(Command::Launched { run, attempt, outcome })
    }

    pub(crate) fn observed(&mut self, run: u128, attempt: u32, sight: Sight) -> String {
        let (run, attempt) = (id(run), Attempt::new(attempt).unwrap());
        self.tell(Command::Observed { run, attempt, sight })
    }

    pub(crate) fn cancel(&mut self, run: u128, mode: CancelMode) -> String {
        self.tell(Command::Cancel { run: id(run), mode })
    }

    /// Returns the worker of an attempt with the token that was handed to the launcher; one that
    /// was never launched has a token that nobody drew.
    pub(crate) fn worker(&self, run: u128, attempt: u32) -> Worker {
        let token = self.tokens.get(&(run, attempt)).copied().unwrap_or(TokenHash([0; 32]));
        Worker { run: id(run), attempt: Attempt::new(attempt).unwrap(), token }
    }

    /// Returns the row of a run.
    pub(crate) fn life(&self, run: u128) -> &RunLife {
        &self.rows[&run].1
    }
}

pub(crate) fn id(run: u128) -> RunId {
    RunId::from_u128(run)
}

pub(crate) fn key(step: &str) -> StepKey {
    StepKey::new(step).unwrap()
}

pub(crate) fn submit(run: u128) -> Command {
    submit_with(run, &[], None)
}

/// Submits a run with tags, and under a key with the hash of its request.
pub(crate) fn submit_with(
    run: u128,
    tags: &[(&str, &str)],
    known_by: Option<(&str, u8)>,
) -> Command {
    Command::Submit(Box::new(Submit {
        id: Some(id(run)),
        job: JobName::new("job").unwrap(),
        location: CodeLocation::new("here").unwrap(),
        deployment: Deployment::default(),
        tags: tags.iter().copied().collect::<Tags>(),
        pools: RunPools::none(),
        submission: Arc::new(Submission {
            plan: "{}".into(),
            plan_hash: PlanHash([0; 32]),
            config: "null".into(),
            idempotency: known_by
                .map(|(key, hash)| IdempotencyKey { key: key.into(), request_hash: [hash; 32] }),
        }),
        known: Known::default(),
    }))
}

pub(crate) fn reports(kinds: Vec<ReportKind>) -> Vec<Report> {
    kinds.into_iter().map(|kind| Report { at: Timestamp::EPOCH, kind }).collect()
}

pub(crate) fn asked(step: &str, pool: &str) -> ReportKind {
    let demand = Demand::one(PoolName::new(pool).unwrap());
    ReportKind::Asked(Step { key: key(step), priority: Priority::default(), demand })
}

pub(crate) fn failed() -> ReportKind {
    ReportKind::Ended(Outcome::Failed { by_step: true, error: "step a failed".to_owned() })
}

fn reply_text(reply: &Result<Reply, Refusal>) -> String {
    match reply {
        Ok(Reply::Done) => "done".to_owned(),
        Ok(Reply::Submitted { run, is_new: true }) => format!("new {}", run.as_u128()),
        Ok(Reply::Submitted { run, is_new: false }) => format!("known {}", run.as_u128()),
        Ok(Reply::Status(status)) => status.to_string(),
        Ok(Reply::Received { last }) => format!("received {last}"),
        Ok(Reply::Directions(directions)) => {
            let granted: Vec<&str> = directions.granted.iter().map(StepKey::as_str).collect();
            let cancel = directions.cancel.map(|why| format!(" cancel {why}")).unwrap_or_default();
            format!("granted [{}]{cancel}", granted.join(" "))
        }
        Ok(Reply::Changed(changed)) => changed_text(changed),
        Ok(Reply::Freed(freed)) => {
            let freed: Vec<&str> = freed.iter().map(|(step, _)| step.as_str()).collect();
            format!("freed [{}]", freed.join(" "))
        }
        Err(Refusal::TooManyTags) => "refused: too many tags".to_owned(),
        Err(Refusal::SlotsOfRun(_)) => "refused: slots of the run".to_owned(),
        Err(Refusal::Dismissed(why)) => format!("dismissed: {why}"),
        Err(Refusal::RunExists(_)) => "refused: run exists".to_owned(),
        Err(Refusal::KeyReused(_)) => "refused: key reused".to_owned(),
        Err(Refusal::UnknownRun(_)) => "refused: unknown run".to_owned(),
        Err(Refusal::Ended(_)) => "refused: ended".to_owned(),
        Err(Refusal::InProgress(_, status)) => format!("refused: {status}"),
    }
}

/// Says what came of a change: `changed 1, as before 2, refused 3 (why), starts 1 4`.
fn changed_text(changed: &Changed) -> String {
    let list = |what: &str, runs: &[RunId]| {
        let runs: Vec<String> = runs.iter().map(|run| run.as_u128().to_string()).collect();
        (!runs.is_empty()).then(|| format!("{what} {}", runs.join(" ")))
    };
    let refused = changed.refused.iter().map(|(run, why)| format!("{} ({why})", run.as_u128()));
    let refused = refused.collect::<Vec<_>>().join(" ");
    let parts = [
        list("changed", &changed.changed),
        list("as before", &changed.unchanged),
        (!refused.is_empty()).then(|| format!("refused {refused}")),
        list("starts", &changed.started),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn event_text(event: &LifeEvent) -> String {
    let step = event.step.as_ref().map(|step| format!(" {step}")).unwrap_or_default();
    match event.run {
        Some((run, _)) => format!("{} {}{step},", run.as_u128(), event.kind),
        None => format!("{},", event.kind),
    }
}

/// Returns the place of a run in the order of submission.
pub(crate) fn seq(stage: &Stage, run: u128) -> Seq {
    stage.rows[&run].0.seq
}
