//! A world whose runs are written as short texts.

use admission::{Event, Facts, Image};
use model::{
    Capacity, CodeLocation, Demand, Deployment, Explanation, JobName, PoolLimit, PoolName, Reason,
    Run, RunId, RunPools, RunStatus, Seq, Settings, Slots,
};

pub(crate) struct World {
    pub(crate) image: Image,
    submitted: u64,
}

/// Whether a decision says that there is more to look at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IsCut {
    Yes,
    No,
}

impl World {
    pub(crate) fn new(settings: Settings) -> Self {
        let facts = Facts { settings, ..Facts::default() };
        Self { image: Image::new(facts).unwrap().0, submitted: 0 }
    }

    /// Returns a world with no limit but that on all runs in progress.
    pub(crate) fn with_room_for(runs: Capacity) -> Self {
        Self::new(Settings { max_concurrent_runs: runs, ..Settings::default() })
    }

    /// Submits a run, numbered from 1: `team=a db | p q:2`, its tags before the bar and after it
    /// the pool and the slots that each root step wants.
    pub(crate) fn submit(&mut self, text: &str) {
        let (tags, roots) = text.split_once('|').unwrap_or((text, ""));
        self.submitted += 1;
        let run = Run {
            id: RunId::from_u128(self.submitted.into()),
            seq: Seq::new(self.submitted),
            job: JobName::new("job").unwrap(),
            location: CodeLocation::new("location").unwrap(),
            deployment: Deployment::default(),
            tags: tags.split_whitespace().map(tag).collect(),
            pools: RunPools::new(roots.split_whitespace().map(demand), []),
            status: RunStatus::Queued,
            attempt: None,
        };
        self.tell(Event::Submit(run));
    }

    pub(crate) fn limit(&mut self, pool: &str, limit: i64) {
        let pool = PoolName::new(pool).unwrap();
        self.tell(Event::PoolLimitSet { pool, limit: PoolLimit::new(limit).unwrap() });
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.image.apply(event).unwrap();
    }

    /// Asks for a decision and returns the numbers of the runs that it admits.
    pub(crate) fn admit(&mut self, budget: u32) -> (Vec<u128>, IsCut) {
        let decided = self.image.admit(budget);
        let runs = decided.admitted.iter().map(|admission| admission.run.as_u128()).collect();
        (runs, if decided.is_cut { IsCut::Yes } else { IsCut::No })
    }

    /// Returns the reasons why a run has not started.
    pub(crate) fn reasons(&self, run: u128) -> Vec<Reason> {
        match self.image.explain_run(RunId::from_u128(run)) {
            Some(Explanation::Blocked(reasons)) => reasons,
            Some(Explanation::Holding | Explanation::Eligible) | None => vec![],
        }
    }
}

fn tag(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

fn demand(text: &str) -> Demand {
    let (pool, slots) = text.split_once(':').unwrap_or((text, "1"));
    let slots = Slots::new(slots.parse().unwrap()).unwrap();
    [(PoolName::new(pool).unwrap(), slots)].into_iter().collect()
}
