//! Judges a test by what its steps wrote themselves and by what the store says of its runs. It
//! shares no rule with the product: the limits and the order of the ops are counted anew here.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use model::RunStatus;

use crate::ledger::{Line, Who};
use crate::workload::{Op, Workload};

/// A run whose submission was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Submitted {
    pub(crate) job: &'static str,
    pub(crate) tags: BTreeMap<String, String>,
    /// Whether it was canceled while it was queued, and that was acknowledged.
    pub(crate) is_canceled: bool,
}

/// What is known when everything has ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    /// The runs that were acknowledged, by id.
    pub(crate) submitted: BTreeMap<String, Submitted>,
    /// The runs that the store has, by id.
    pub(crate) found: BTreeMap<String, RunStatus>,
    /// The runs of which a process other than the daemon was killed.
    pub(crate) disturbed: BTreeSet<String>,
    pub(crate) ledger: Vec<Line>,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A run was acknowledged and is not there.
    Lost { run: String },
    /// There is a run that nobody was told of, or one of its steps ran.
    Unasked { run: String },
    /// A run has not ended.
    NotEnded { run: String, status: RunStatus },
    /// A run did not succeed though nobody killed anything of it.
    Failed { run: String, status: RunStatus },
    /// A run that was canceled before it started is not canceled.
    NotCanceled { run: String, status: RunStatus },
    /// A run that was canceled before it started has started.
    StartedCanceled { who: Who },
    /// The same try of the same attempt was started twice.
    StartedTwice { who: Who, before: Who },
    /// User code ran in two attempts of a run.
    TwoAttempts { who: Who, before: Who },
    /// A step was tried again while its earlier try lived.
    TriesOverlap { who: Who, before: Who },
    /// A step was tried again though it had succeeded.
    TriedAfterSuccess { who: Who },
    /// A step started before one that it comes after had succeeded.
    TooEarly { who: Who, after: &'static str },
    /// More slots of a pool were held than it has.
    PoolOver { pool: &'static str, used: u32, limit: u32, who: Who },
    /// More runs were in progress than a limit allows.
    RunsOver { limit: String, runs: BTreeSet<String>, who: Who },
    /// A run succeeded and one of its steps did not end well exactly once.
    StepOfSuccess { run: String, step: &'static str, successes: usize },
    /// A process of a step was there when every run had ended.
    Outlives { who: Who },
    /// A step started that its job does not have.
    NoSuchStep { who: Who },
}

/// The greatest use of each limit that the ledger shows: a test that never reaches a limit says
/// nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Peaks {
    pub(crate) pools: BTreeMap<&'static str, u32>,
    pub(crate) runs: usize,
}

/// Returns everything that must not be, and how hard the limits were pressed on.
pub(crate) fn judge(workload: &Workload, account: &Account) -> (Vec<Violation>, Peaks) {
    let mut violations = judge_statuses(workload, account);
    let mut play = Play::new(workload, account);
    for (index, line) in account.ledger.iter().enumerate() {
        play.take(index, line);
    }
    violations.append(&mut play.violations);
    violations.extend(play.alive.into_values().map(|who| Violation::Outlives { who }));
    (violations, play.peaks)
}

fn judge_statuses(workload: &Workload, account: &Account) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (run, submitted) in &account.submitted {
        let run = run.clone();
        match account.found.get(&run) {
            None => violations.push(Violation::Lost { run }),
            Some(RunStatus::Canceled) if submitted.is_canceled => {}
            Some(status) if submitted.is_canceled => {
                violations.push(Violation::NotCanceled { run, status: *status });
            }
            Some(RunStatus::Success) => {
                violations.extend(judge_success(workload, account, &run, submitted));
            }
            Some(status) if !status.is_terminal() => {
                violations.push(Violation::NotEnded { run, status: *status });
            }
            Some(status) if !account.disturbed.contains(&run) => {
                violations.push(Violation::Failed { run, status: *status });
            }
            Some(_) => {}
        }
    }
    let unasked = account.found.keys().filter(|run| !account.submitted.contains_key(*run));
    violations.extend(unasked.map(|run| Violation::Unasked { run: run.clone() }));
    violations
}

fn judge_success(
    workload: &Workload,
    account: &Account,
    run: &str,
    submitted: &Submitted,
) -> Vec<Violation> {
    let ops = workload.job(submitted.job).map_or(&[][..], |job| &job.ops);
    let successes = |op: &Op| {
        let is_success = |line: &&Line| matches!(line, Line::End(who, 0) if who.run == run && who.step == op.key);
        account.ledger.iter().filter(is_success).count()
    };
    let counted = ops.iter().map(|op| (op.key, successes(op)));
    let wrong = counted.filter(|(_, successes)| *successes != 1);
    wrong
        .map(|(step, successes)| Violation::StepOfSuccess { run: run.to_owned(), step, successes })
        .collect()
}

/// The key of a step's process: everything but its number.
type Key = (String, String, u32, u32);

fn key(who: &Who) -> Key {
    (who.run.clone(), who.step.clone(), who.attempt, who.try_number)
}

/// The ledger as it is read line by line.
struct Play<'a> {
    workload: &'a Workload,
    account: &'a Account,
    /// The first and the last line of each run: it was in progress in between.
    spans: BTreeMap<&'a str, (usize, usize)>,
    /// Who lives now, by number of the process.
    alive: BTreeMap<u32, Who>,
    started: BTreeMap<Key, Who>,
    /// The first process of each run.
    first: BTreeMap<&'a str, &'a Who>,
    succeeded: BTreeSet<(&'a str, &'a str)>,
    violations: Vec<Violation>,
    peaks: Peaks,
}

impl<'a> Play<'a> {
    fn new(workload: &'a Workload, account: &'a Account) -> Self {
        let mut spans: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (index, line) in account.ledger.iter().enumerate() {
            let (Line::Start(who) | Line::End(who, _) | Line::Gone(who)) = line;
            spans.entry(&who.run).or_insert((index, index)).1 = index;
        }
        Self {
            workload,
            account,
            spans,
            alive: BTreeMap::new(),
            started: BTreeMap::new(),
            first: BTreeMap::new(),
            succeeded: BTreeSet::new(),
            violations: Vec::new(),
            peaks: Peaks::default(),
        }
    }

    fn take(&mut self, index: usize, line: &'a Line) {
        match line {
            Line::Start(who) => self.start(index, who),
            Line::End(who, code) => {
                self.leave(who);
                if *code == 0 {
                    self.succeeded.insert((&who.run, &who.step));
                }
            }
            Line::Gone(who) => self.leave(who),
        }
    }

    /// A process that was found dead may have told its end, and its number may be another's now.
    fn leave(&mut self, who: &Who) {
        if self.alive.get(&who.pid) == Some(who) {
            self.alive.remove(&who.pid);
        }
    }

    fn start(&mut self, index: usize, who: &'a Who) {
        self.judge_identity(who);
        self.alive.insert(who.pid, who.clone());
        let account = self.account;
        let Some(submitted) = account.submitted.get(&who.run) else {
            self.violations.push(Violation::Unasked { run: who.run.clone() });
            return;
        };
        if submitted.is_canceled {
            self.violations.push(Violation::StartedCanceled { who: who.clone() });
        }
        let job = self.workload.job(submitted.job);
        let Some(op) = job.and_then(|job| job.ops.iter().find(|op| op.key == who.step)) else {
            self.violations.push(Violation::NoSuchStep { who: who.clone() });
            return;
        };
        for after in op.after {
            if !self.succeeded.contains(&(who.run.as_str(), *after)) {
                self.violations.push(Violation::TooEarly { who: who.clone(), after });
            }
        }
        self.judge_pools(who, op);
        if self.spans.get(who.run.as_str()).is_some_and(|(first, _)| *first == index) {
            self.judge_runs(index, who);
        }
    }

    /// Judges whether this process may be at all.
    fn judge_identity(&mut self, who: &'a Who) {
        let first = *self.first.entry(&who.run).or_insert(who);
        if first.attempt != who.attempt {
            let before = first.clone();
            self.violations.push(Violation::TwoAttempts { who: who.clone(), before });
        }
        if let Some(before) = self.started.insert(key(who), who.clone()) {
            self.violations.push(Violation::StartedTwice { who: who.clone(), before });
            return;
        }
        let is_of_step = |other: &&Who| other.run == who.run && other.step == who.step;
        if let Some(before) = self.alive.values().find(is_of_step).cloned() {
            self.violations.push(Violation::TriesOverlap { who: who.clone(), before });
        }
        if self.succeeded.contains(&(who.run.as_str(), who.step.as_str())) {
            self.violations.push(Violation::TriedAfterSuccess { who: who.clone() });
        }
    }

    fn judge_pools(&mut self, who: &Who, op: &Op) {
        for (pool, _) in op.pools {
            let used: u32 = self.alive.values().map(|holder| self.slots(holder, pool)).sum();
            let peak = self.peaks.pools.entry(pool).or_default();
            *peak = used.max(*peak);
            let limit = self.workload.pools.get(pool).copied().unwrap_or(u32::MAX);
            if used > limit {
                self.violations.push(Violation::PoolOver { pool, used, limit, who: who.clone() });
            }
        }
    }

    fn slots(&self, who: &Who, pool: &str) -> u32 {
        let submitted = self.account.submitted.get(&who.run);
        let job = submitted.and_then(|submitted| self.workload.job(submitted.job));
        let op = job.and_then(|job| job.ops.iter().find(|op| op.key == who.step));
        let demand = op.and_then(|op| op.pools.iter().find(|(name, _)| *name == pool));
        demand.map_or(0, |(_, slots)| *slots)
    }

    /// Judges the limits on runs at the moment when a run first shows that it is in progress.
    fn judge_runs(&mut self, index: usize, who: &Who) {
        let spans = self.spans.iter();
        let runs: BTreeSet<&str> = spans
            .filter(|(_, (first, last))| (*first..=*last).contains(&index))
            .map(|(run, _)| *run)
            .collect();
        self.peaks.runs = self.peaks.runs.max(runs.len());
        self.hold_to(self.workload.max_concurrent_runs, &runs, "max_concurrent_runs", who);
        for limit in &self.workload.tag_limits {
            let counted = |run: &str| limit.counted(&self.account.submitted.get(run)?.tags);
            let Some(own) = counted(&who.run) else { continue };
            let same = runs.iter().copied().filter(|run| counted(run) == Some(own)).collect();
            self.hold_to(limit.limit, &same, &format!("{}={own}", limit.key), who);
        }
    }

    fn hold_to(&mut self, bound: u32, runs: &BTreeSet<&str>, limit: &str, who: &Who) {
        if runs.len() > usize::try_from(bound).unwrap_or(usize::MAX) {
            let runs = runs.iter().map(|run| (*run).to_owned()).collect();
            let limit = format!("{limit} ({bound})");
            self.violations.push(Violation::RunsOver { limit, runs, who: who.clone() });
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, step, attempt, try_number, pid } = self;
        write!(f, "run {run}, attempt {attempt}, step {step}, try {try_number}, process {pid}")
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { run } => write!(f, "run {run} was acknowledged and is lost"),
            Self::Unasked { run } => write!(f, "nobody submitted run {run}"),
            Self::NotEnded { run, status } => write!(f, "run {run} never ended: {status:?}"),
            Self::Failed { run, status } => {
                write!(f, "run {run} is {status:?}, though nothing of it was killed")
            }
            Self::NotCanceled { run, status } => {
                write!(f, "run {run} is {status:?}, though it was canceled in the queue")
            }
            Self::StartedCanceled { who } => write!(f, "started though canceled: {who}"),
            Self::StartedTwice { who, before } => write!(f, "started twice: {who}; {before}"),
            Self::TwoAttempts { who, before } => write!(f, "two attempts ran: {who}; {before}"),
            Self::TriesOverlap { who, before } => write!(f, "two tries lived: {who}; {before}"),
            Self::TriedAfterSuccess { who } => write!(f, "started after its success: {who}"),
            Self::TooEarly { who, after } => write!(f, "started before {after} succeeded: {who}"),
            Self::PoolOver { pool, used, limit, who } => {
                write!(f, "{used} slots of pool {pool} ({limit}) were held at the start of {who}")
            }
            Self::RunsOver { limit, runs, who } => {
                write!(f, "more runs than {limit} at the start of {who}: {runs:?}")
            }
            Self::StepOfSuccess { run, step, successes } => {
                write!(f, "run {run} is SUCCESS, its step {step} succeeded {successes} times")
            }
            Self::Outlives { who } => write!(f, "lives after all runs have ended: {who}"),
            Self::NoSuchStep { who } => write!(f, "its job has no such step: {who}"),
        }
    }
}
