//! A small world of runs for the tests: it keeps the numbers and says what must be stored.

use std::sync::Arc;

use model::{
    Attempt, Batch, Change, Claim, ClaimOrder, ClaimState, CodeLocation, Demand, Deployment,
    EventKind, IdempotencyKey, JobName, LifeEvent, NewRun, PlanHash, PoolName, Priority, Run,
    RunChange, RunId, RunLife, RunPools, RunStatus, Seq, StepId, StepKey, StepRow, StepStatus,
    Submission, Tags, Timestamp, TokenHash,
};

/// Gives ids and numbers in order, as the loop does.
#[derive(Debug, Default, Clone)]
pub(crate) struct World {
    seq: u64,
    change: u64,
    asked: u64,
}

impl World {
    /// Goes on after what is stored.
    pub(crate) fn after(position: pointsman_store::Position) -> Self {
        let (seq, change) = (position.seq.get(), position.change.get());
        Self { seq, change, asked: position.claim }
    }

    pub(crate) fn event(
        &mut self,
        life: Option<(RunId, &mut RunLife)>,
        kind: EventKind,
    ) -> LifeEvent {
        self.change += 1;
        let run = life.map(|(run, life)| {
            life.event_count += 1;
            (run, life.event_count)
        });
        LifeEvent {
            change: Change::new(self.change),
            run,
            at: now(self.change),
            attempt: None,
            step: None,
            kind,
            message: String::new(),
            data: None,
        }
    }

    /// Adds a queued run to a batch and returns it.
    pub(crate) fn submit(&mut self, batch: &mut Batch, job: &str, tags: &[(&str, &str)]) -> NewRun {
        self.seq += 1;
        let id = id(self.seq);
        let mut life = RunLife::new(RunStatus::Queued, now(self.seq));
        batch.events.push(self.event(Some((id, &mut life)), EventKind::RunSubmitted));
        batch.events.push(self.event(Some((id, &mut life)), EventKind::RunEnqueued));
        let run = Run {
            id,
            seq: Seq::new(self.seq),
            job: JobName::new(job).unwrap(),
            location: CodeLocation::new("etl").unwrap(),
            deployment: Deployment::default(),
            tags: tags.iter().copied().collect(),
            pools: RunPools::none(),
            status: RunStatus::Queued,
            attempt: None,
        };
        let new = NewRun { run, submission: submission(job, None), life };
        batch.new_runs.push(new.clone());
        new
    }

    /// Lets a run go on to a status, with the event that says so.
    pub(crate) fn go_on(&mut self, batch: &mut Batch, run: &mut NewRun, status: RunStatus) {
        let kind = match status {
            RunStatus::Starting => EventKind::RunDequeued,
            RunStatus::Started => EventKind::RunStart,
            RunStatus::Canceling => EventKind::RunCanceling,
            RunStatus::Success => EventKind::RunSuccess,
            RunStatus::Failure => EventKind::RunFailure,
            RunStatus::Canceled => EventKind::RunCanceled,
            RunStatus::NotStarted
            | RunStatus::Queued
            | RunStatus::Managed
            | RunStatus::Suspended => panic!("the tests know no way to {status}"),
        };
        let (id, life) = (run.run.id, &mut run.life);
        life.status = status;
        if status == RunStatus::Starting {
            life.attempt = Some(Attempt::FIRST);
            life.token = Some(TokenHash([7; 32]));
            life.starting_at = Some(now(self.change));
        }
        if status.is_terminal() {
            life.token = None;
            life.ended_at = Some(now(self.change));
        }
        batch.events.push(self.event(Some((id, life)), kind));
        (run.run.status, run.run.attempt) = (status, run.life.attempt);
        batch.changed_runs.push(RunChange { run: id, life: run.life.clone(), tags: None });
    }

    /// Gives a run other tags, with the event that says so.
    pub(crate) fn retag(&mut self, batch: &mut Batch, run: &mut NewRun, tags: &[(&str, &str)]) {
        run.run.tags = tags.iter().copied().collect();
        batch.events.push(self.event(Some((run.run.id, &mut run.life)), EventKind::RunRetagged));
        let tags = Some(run.run.tags.clone());
        batch.changed_runs.push(RunChange { run: run.run.id, life: run.life.clone(), tags });
    }

    /// Adds a claim of one slot.
    pub(crate) fn claim(
        &mut self,
        batch: &mut Batch,
        run: &NewRun,
        step: &str,
        pool: &str,
    ) -> Claim {
        self.asked += 1;
        let claim = Claim {
            step: step_id(run, step),
            demand: Demand::one(PoolName::new(pool).unwrap()),
            order: ClaimOrder::new(run.run.tags.priority().unwrap(), Priority::DEFAULT, self.asked),
            state: ClaimState::Granted,
        };
        batch.claims.push(claim.clone());
        claim
    }
}

pub(crate) fn id(number: u64) -> RunId {
    // Spread over all prefixes, as random ids are.
    let spread = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    RunId::from_u128(spread << 64 | u128::from(number))
}

pub(crate) fn now(number: u64) -> Timestamp {
    Timestamp::from_micros(1_763_000_000_000_000 + i64::try_from(number).unwrap())
}

pub(crate) fn submission(job: &str, key: Option<&str>) -> Arc<Submission> {
    let mut hash = [0; 32];
    hash.iter_mut().zip(job.bytes()).for_each(|(to, from)| *to = from);
    Arc::new(Submission {
        plan: format!("{{\"job\": \"{job}\"}}").into(),
        plan_hash: PlanHash(hash),
        config: "null".into(),
        idempotency: key.map(|key| IdempotencyKey { key: key.into(), request_hash: [3; 32] }),
    })
}

pub(crate) fn step_id(run: &NewRun, step: &str) -> StepId {
    StepId { run: run.run.id, step: StepKey::new(step).unwrap() }
}

pub(crate) fn step_row(run: &NewRun, step: &str, position: u32, status: StepStatus) -> StepRow {
    StepRow {
        id: step_id(run, step),
        position,
        status,
        try_number: 0,
        waiting_since: None,
        started_at: None,
        ended_at: None,
        retry_at: None,
        error: None,
    }
}

pub(crate) fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().copied().collect()
}
