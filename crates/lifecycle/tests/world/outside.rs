//! What is outside of the daemon: worker processes with what they know, and what they do next.

use std::collections::BTreeSet;

use lifecycle::{Command, Directions, Outcome, Report, ReportKind, Worker};
use model::{Attempt, Nonce, Priority, RunId, Step, StepKey, Timestamp, TokenHash};

use crate::chance::Chance;
use crate::setup::Job;

/// How much of a process is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// Just started by a daemon that is no more: it has not taken its lock, so nobody sees it yet.
    Unseen,
    Alive,
    /// It lives, but says and does nothing any more.
    Hung,
    /// Its worker is dead, a process of a step is not.
    Remains,
    Gone,
}

/// Where a step is, as its worker has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Waiting,
    /// It has given its slots back, or stopped waiting for them.
    StandingBack,
    Running,
    UpForRetry,
    Done,
}

/// One worker process.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that it knows or has done")]
pub(crate) struct Process {
    pub(crate) run: RunId,
    pub(crate) attempt: Attempt,
    pub(crate) nonce: Nonce,
    pub(crate) body: Body,
    /// Whether it was told that it may run user code.
    pub(crate) has_begun: bool,
    /// Whether it has nothing left to do, and said so.
    pub(crate) has_ended: bool,
    pub(crate) last_outcome: Option<Outcome>,
    /// Whether it was once unseen, so that it may be taken for gone before it begins.
    pub(crate) was_unseen: bool,
    /// Whether it takes no notice of cancels.
    pub(crate) is_stubborn: bool,
    /// The number of the last report that it knows to be durable.
    pub(crate) acked: u64,
    pub(crate) reports: Vec<Report>,
    token: TokenHash,
    job: Job,
    steps: Vec<(StepKey, At, u32)>,
    granted: BTreeSet<StepKey>,
    is_told_to_end: bool,
    has_planned: bool,
}

impl Process {
    pub(crate) fn new(worker: Worker, nonce: u128, job: Job, is_stubborn: bool) -> Self {
        Self {
            run: worker.run,
            attempt: worker.attempt,
            nonce: Nonce(nonce),
            body: Body::Alive,
            has_begun: false,
            has_ended: false,
            last_outcome: None,
            was_unseen: false,
            is_stubborn,
            acked: 0,
            reports: Vec::new(),
            token: worker.token,
            steps: job.iter().map(|(key, _)| (key.clone(), At::Waiting, 0)).collect(),
            job,
            granted: BTreeSet::new(),
            is_told_to_end: false,
            has_planned: false,
        }
    }

    pub(crate) fn is_of(&self, run: RunId, attempt: Attempt) -> bool {
        (self.run, self.attempt) == (run, attempt)
    }

    pub(crate) fn worker(&self) -> Worker {
        Worker { run: self.run, attempt: self.attempt, token: self.token }
    }

    pub(crate) fn begin(&self) -> Command {
        Command::Begin { worker: self.worker(), nonce: self.nonce }
    }

    pub(crate) fn hear(&mut self, directions: &Directions) {
        self.granted.extend(directions.granted.iter().cloned());
        self.is_told_to_end |= directions.cancel.is_some() && !self.is_stubborn;
    }

    /// Returns the reports that are not known to be durable; faulty ones begin too early or late.
    pub(crate) fn report(&self, chance: &mut Chance, is_faulty: bool) -> Option<Command> {
        let mut from = usize::try_from(self.acked).unwrap();
        if is_faulty && chance.one_in(4) {
            from = chance.below(self.reports.len() + 1);
        }
        let mut reports = self.reports.get(from..)?.to_vec();
        if is_faulty && !reports.is_empty() && chance.one_in(4) {
            reports.truncate(chance.below(reports.len()) + 1);
        }
        let first = u64::try_from(from).unwrap() + 1;
        (!reports.is_empty()).then(|| Command::Report { worker: self.worker(), first, reports })
    }

    /// Does something: plans its steps at first, then moves one of them, ends in the end.
    pub(crate) fn work(&mut self, chance: &mut Chance, now: Timestamp) {
        if self.has_ended || !self.has_begun {
            return;
        }
        if !self.has_planned {
            return self.plan(now);
        }
        if self.is_told_to_end {
            return self.give_up(now);
        }
        let open: Vec<usize> =
            (0..self.steps.len()).filter(|nth| self.steps[*nth].1 != At::Done).collect();
        if open.is_empty() {
            let outcome = match chance.below(4) {
                0 => Outcome::Failed { by_step: true, error: "a step failed".to_owned() },
                _ => Outcome::Succeeded,
            };
            return self.end(now, outcome);
        }
        let nth = chance.pick(&open);
        self.move_step(chance, now, nth);
    }

    fn say(&mut self, at: Timestamp, kind: ReportKind) {
        self.reports.push(Report { at, kind });
    }

    fn plan(&mut self, now: Timestamp) {
        self.has_planned = true;
        let keys = self.job.iter().map(|(key, _)| key.clone()).collect();
        self.say(now, ReportKind::Planned(keys));
        for nth in 0..self.steps.len() {
            self.ask(now, nth);
        }
        self.say(now, ReportKind::FirstPassDone);
    }

    fn ask(&mut self, now: Timestamp, nth: usize) {
        let (key, demand) = self.job[nth].clone();
        self.granted.remove(&key);
        self.steps[nth].1 = At::Waiting;
        self.say(now, ReportKind::Asked(Step { key, priority: Priority::default(), demand }));
    }

    fn move_step(&mut self, chance: &mut Chance, now: Timestamp, nth: usize) {
        let (key, at, tries) = self.steps[nth].clone();
        match at {
            At::Waiting if chance.one_in(6) => {
                self.granted.remove(&key);
                self.steps[nth].1 = At::StandingBack;
                self.say(now, ReportKind::GaveBack(key));
            }
            At::Waiting if self.granted.contains(&key) => {
                self.steps[nth].1 = At::Running;
                self.steps[nth].2 = tries + 1;
                self.say(now, ReportKind::Started { step: key, try_number: tries + 1 });
            }
            At::Running if tries < 3 && chance.one_in(4) => {
                // What was granted to the last try says nothing about the next.
                self.granted.remove(&key);
                self.steps[nth].1 = At::UpForRetry;
                let error = "it failed".to_owned();
                self.say(
                    now,
                    ReportKind::UpForRetry { step: key, error, details: None, retry_at: now },
                );
            }
            At::Running => {
                self.steps[nth].1 = At::Done;
                let kind = match chance.below(4) {
                    0 => ReportKind::Failed {
                        step: key,
                        error: "it failed".to_owned(),
                        details: None,
                    },
                    _ => ReportKind::Succeeded(key),
                };
                self.say(now, kind);
            }
            At::StandingBack | At::UpForRetry => self.ask_again(now, nth),
            At::Waiting | At::Done => {}
        }
    }

    /// Asks anew, once it is known that the end of the last try was heard: an older answer could
    /// still grant the slots of that one.
    fn ask_again(&mut self, now: Timestamp, nth: usize) {
        if self.acked == u64::try_from(self.reports.len()).unwrap() {
            self.ask(now, nth);
        }
    }

    fn give_up(&mut self, now: Timestamp) {
        for nth in 0..self.steps.len() {
            if self.steps[nth].1 != At::Done {
                self.steps[nth].1 = At::Done;
                let step = self.steps[nth].0.clone();
                self.say(now, ReportKind::Canceled(step));
            }
        }
        self.end(now, Outcome::Canceled);
    }

    fn end(&mut self, now: Timestamp, outcome: Outcome) {
        self.has_ended = true;
        self.last_outcome = Some(outcome.clone());
        self.say(now, ReportKind::Ended(outcome));
    }
}
