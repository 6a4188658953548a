//! The world in which a scenario is played: the image, and the runs by the names that the scenario
//! gives them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use admission::{Event, Facts, Image, Refused};
use model::{
    Capacity, CodeLocation, Explanation, LimitKey, Reason, Run, RunId, RunStatus, Seq, Settings,
    StepId, StepKey, Timestamp,
};

use super::play::WaitReason;
use super::script::{NewRun, RunName};

/// How many runs one call of the core may look at; a decision calls until it is done.
const BUDGET: u32 = 1000;

#[derive(Debug)]
pub(super) struct World {
    pub(super) image: Image,
    ids: BTreeMap<RunName, RunId>,
    names: BTreeMap<RunId, RunName>,
    /// The runs that are neither queued nor in progress.
    outside: BTreeMap<RunId, Run>,
    /// Seconds since the scenario began.
    pub(super) now: i64,
}

impl World {
    pub(super) fn new(settings: Settings) -> Result<Self, Refused> {
        let (image, _) = Image::new(Facts { settings, ..Facts::default() })?;
        let (ids, names, outside) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Ok(Self { image, ids, names, outside, now: 0 })
    }

    /// Adds a run; that its name is new was checked when the scenario was read.
    pub(super) fn add(&mut self, new: &NewRun) -> Result<(), Refused> {
        let number = self.ids.len() as u64;
        let id = RunId::from_u128(u128::from(number));
        self.ids.insert(new.name.clone(), id);
        self.names.insert(id, new.name.clone());
        self.place(Run {
            id,
            seq: Seq::new(number),
            job: new.job.clone(),
            location: new.location.clone(),
            deployment: new.deployment.clone(),
            tags: new.tags.clone(),
            pools: new.pools.clone(),
            status: new.status,
            attempt: None,
        })
    }

    fn place(&mut self, run: Run) -> Result<(), Refused> {
        if run.status == RunStatus::Queued || run.status.is_in_progress() {
            return self.apply(Event::Submit(run));
        }
        self.outside.insert(run.id, run);
        Ok(())
    }

    pub(super) fn id(&self, name: &str) -> RunId {
        // A name that was never added has an id that no run has.
        self.ids.get(name).copied().unwrap_or(RunId::from_u128(u128::MAX))
    }

    pub(super) fn name(&self, id: RunId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    pub(super) fn step(&self, run: &str, step: &StepKey) -> StepId {
        StepId { run: self.id(run), step: step.clone() }
    }

    pub(super) fn status(&self, name: &str) -> Option<RunStatus> {
        let inside = self.image.run(self.id(name));
        inside.or_else(|| self.outside.get(&self.id(name))).map(|run| run.status)
    }

    /// Forces a run into a status, as if its worker or somebody else had reported it.
    pub(super) fn set_status(&mut self, name: &str, status: RunStatus) -> Result<(), Refused> {
        let run = self.id(name);
        let event = match (self.status(name), status) {
            (Some(now), wanted) if now == wanted => return Ok(()),
            (Some(RunStatus::Starting), RunStatus::Started) => Event::Begin { run },
            (Some(RunStatus::Starting), RunStatus::Queued) => Event::Requeue { run },
            (Some(RunStatus::Starting | RunStatus::Started), RunStatus::Canceling) => {
                Event::Cancel { run }
            }
            _ => return self.move_to(name, status),
        };
        self.apply(event)
    }

    /// Takes a run from wherever it is to a status that it could not reach in one transition.
    fn move_to(&mut self, name: &str, status: RunStatus) -> Result<(), Refused> {
        let id = self.id(name);
        let inside = self.image.run(id).cloned();
        if inside.is_some() {
            self.apply(Event::End { run: id })?;
        }
        match inside.or_else(|| self.outside.remove(&id)) {
            Some(run) => self.place(Run { status, ..run }),
            None => Err(Refused::UnknownRun(id)),
        }
    }

    pub(super) fn apply(&mut self, event: Event) -> Result<(), Refused> {
        self.image.apply(event).map(|_| ())
    }

    /// Lets time pass until so many seconds after the scenario began.
    pub(super) fn pass_time(&mut self, until: i64) -> Result<(), Refused> {
        self.now = until;
        self.apply(Event::TimePassed { now: self.instant() })
    }

    pub(super) fn instant(&self) -> Timestamp {
        Timestamp::from_micros(self.now.saturating_mul(1_000_000))
    }

    pub(super) fn is_paused(&self, location: &CodeLocation) -> bool {
        let (capacity, _) = self.image.usage(&LimitKey::Location(location.clone()));
        capacity == Capacity::AtMost(0)
    }

    /// Takes one whole decision and returns the runs that were admitted, in order.
    pub(super) fn admit(&mut self) -> Vec<RunName> {
        let mut admitted = Vec::new();
        loop {
            let decided = self.image.admit(BUDGET);
            admitted.extend(decided.admitted.iter().map(|admission| self.name(admission.run)));
            if !decided.is_cut {
                return admitted;
            }
        }
    }

    /// Returns the queued runs in the order of the queue.
    pub(super) fn queue(&self) -> impl Iterator<Item = RunName> {
        let queued = self.image.runs().filter(|run| run.status == RunStatus::Queued);
        let mut queued: Vec<&Run> = queued.collect();
        queued.sort_by_key(|run| (Reverse(run.tags.priority().unwrap_or_default()), run.seq));
        queued.into_iter().map(|run| self.name(run.id))
    }

    /// Returns each limit that blocks, with what there is to say of it.
    pub(super) fn reasons_of(&self, explanation: Option<Explanation>) -> Vec<WaitReason> {
        let name = |run| self.name(run);
        let reason = |reason: &Reason| WaitReason {
            limit: reason.limit.to_string(),
            sentence: reason.sentence(&name),
        };
        reasons(explanation).iter().map(reason).collect()
    }
}

/// Returns the names of the limits that block.
pub(super) fn limits_of(explanation: Option<Explanation>) -> BTreeSet<String> {
    reasons(explanation).iter().map(|reason| reason.limit.to_string()).collect()
}

fn reasons(explanation: Option<Explanation>) -> Vec<Reason> {
    match explanation {
        Some(Explanation::Blocked(reasons)) => reasons,
        Some(Explanation::Holding | Explanation::Eligible) | None => Vec::new(),
    }
}
