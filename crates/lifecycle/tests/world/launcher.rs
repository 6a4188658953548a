//! The launcher and the worker processes: what follows commits, outside and badly.

use lifecycle::{Command, Effect, Launched, Secret, Sight, Worker};
use model::{Attempt, RunId, TokenHash};

use crate::outside::{Body, Process};
use crate::play::{Asker, World};
use crate::setup;

impl World {
    pub(crate) fn perform_one(&mut self) {
        if !self.outside.is_empty() {
            let nth = self.chance.below(self.outside.len());
            let effect = self.outside.swap_remove(nth);
            self.perform(effect);
        }
    }

    pub(crate) fn fault(&mut self, one_in: usize) -> bool {
        self.chance.one_in(one_in) && self.has_faults
    }

    pub(crate) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Launch { run, attempt, secret, .. } => self.launch(run, attempt, &secret),
            Effect::Terminate { run, attempt, .. } => {
                if self.fault(4) {
                    // It is sent in vain: nobody hears of that.
                } else if self.fault(3) {
                    self.outside.push(effect);
                } else {
                    self.end_processes(run, attempt);
                }
            }
            Effect::Observe { run, attempt } => {
                let sight = self.look(run, attempt);
                if !self.fault(20) {
                    self.send(Asker::Nobody, Command::Observed { run, attempt, sight });
                }
            }
            Effect::Wake { .. } | Effect::Forget { .. } => {}
        }
    }

    pub(crate) fn launch(&mut self, run: RunId, attempt: Attempt, secret: &Secret) {
        let why = || "why".to_owned();
        let (started, outcome) = match self.chance.below(if self.has_faults { 12 } else { 1 }) {
            1 => (0, Launched::Failed(why())),
            2 | 3 => (0, Launched::Unreachable(why())),
            4 => (0, Launched::Unknown(why())),
            5 => (1, Launched::Unknown(why())),
            6 => (2, Launched::Started),
            _ => (1, Launched::Started),
        };
        for _ in 0..started {
            self.spawn(run, attempt, secret);
        }
        self.tell(|| format!("launch {run} {attempt}: {started} {outcome:?}"));
        self.send(Asker::Nobody, Command::Launched { run, attempt, outcome });
    }

    pub(crate) fn spawn(&mut self, run: RunId, attempt: Attempt, secret: &Secret) {
        let number = self.store.runs.get(&run).map(|row| row.submission.plan.parse().unwrap());
        let job = setup::job(number.unwrap_or(0));
        let nonce = u128::try_from(self.processes.len()).unwrap();
        let worker = Worker { run, attempt, token: TokenHash(secret.0) };
        let is_stubborn = self.chance.one_in(10);
        self.processes.push(Process::new(worker, nonce, job, is_stubborn));
    }

    pub(crate) fn end_processes(&mut self, run: RunId, attempt: Attempt) {
        for process in &mut self.processes {
            if process.is_of(run, attempt) {
                process.body = Body::Gone;
            }
        }
    }

    pub(crate) fn is_flying(&self, run: RunId, attempt: Attempt) -> bool {
        self.flying().contains(&(run, attempt))
    }

    pub(crate) fn flying(&self) -> Vec<(RunId, Attempt)> {
        let launches = self.outside.iter().filter_map(|effect| match effect {
            Effect::Launch { run, attempt, .. } => Some((*run, *attempt)),
            Effect::Terminate { .. }
            | Effect::Observe { .. }
            | Effect::Wake { .. }
            | Effect::Forget { .. } => None,
        });
        launches.collect()
    }

    /// Never says that something is gone which is not, or which may yet come.
    pub(crate) fn look(&mut self, run: RunId, attempt: Attempt) -> Sight {
        let of_it = self.processes.iter().filter(|process| process.is_of(run, attempt));
        let bodies: Vec<Body> = of_it.map(|process| process.body).collect();
        if self.is_flying(run, attempt) || self.fault(6) {
            Sight::Unknown
        } else if bodies.iter().any(|body| matches!(body, Body::Alive | Body::Hung)) {
            Sight::Alive
        } else if bodies.contains(&Body::Remains) {
            Sight::Remains
        } else {
            Sight::Gone
        }
    }

    pub(crate) fn let_process_act(&mut self) {
        let living = |nth: &usize| matches!(self.processes[*nth].body, Body::Alive | Body::Unseen);
        let living: Vec<usize> = (0..self.processes.len()).filter(living).collect();
        if !living.is_empty() {
            let nth = self.chance.pick(&living);
            self.work(nth);
        }
    }

    pub(crate) fn work(&mut self, nth: usize) {
        let now = self.now().at;
        if self.processes[nth].body == Body::Unseen {
            self.processes[nth].body = Body::Alive;
        }
        let process = &self.processes[nth];
        if self.has_faults && self.chance.one_in(30) {
            let bodies = [Body::Gone, Body::Gone, Body::Hung, Body::Remains];
            let body = if process.has_begun { self.chance.pick(&bodies) } else { Body::Gone };
            self.processes[nth].body = body;
            return self.tell(|| format!("process {nth} is {body:?}"));
        }
        if !process.has_begun {
            let begin = process.begin();
            return self.send(Asker::Process(nth), begin);
        }
        let is_acked = process.acked == u64::try_from(process.reports.len()).unwrap();
        if process.has_ended && is_acked {
            self.processes[nth].body = Body::Gone;
            return;
        }
        match self.chance.below(6) {
            0 => {
                let worker = process.worker();
                self.send(Asker::Process(nth), Command::Poll { worker });
            }
            1 if self.has_faults && self.chance.one_in(4) => {
                let begin = process.begin();
                self.send(Asker::Process(nth), begin);
            }
            2 | 3 => self.processes[nth].work(&mut self.chance, now),
            _ => {
                if let Some(report) = process.report(&mut self.chance, self.has_faults) {
                    self.send(Asker::Process(nth), report);
                }
            }
        }
    }
}
