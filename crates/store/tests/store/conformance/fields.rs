//! Every field of every row, whatever stands in it, reads back as it was written.

use model::{
    Attempt, Batch, CancelCause, Change, Claim, ClaimOrder, ClaimState, CodeLocation, Demand,
    Deployment, DeploymentKind, DeploymentName, EventKind, Failure, FailureReason, IdempotencyKey,
    JobName, LifeEvent, NewRun, Nonce, PlanHash, PoolLimit, PoolName, Priority, Run, RunChange,
    RunLife, RunPools, RunStatus, Seq, Slots, StepId, StepKey, StepRow, StepStatus, Submission,
    Tags, Timestamp, TokenHash,
};
use pointsman_store::{RunsFilter, Store};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::leader;
use crate::world::id;

const CASES: u64 = 60;

/// Numbers as large as a column takes.
const LARGEST: u64 = i64::MAX as u64;

pub(crate) async fn every_field_reads_back_as_it_was_written(store: &Store) {
    let epoch = leader(store).await;
    let mut runner = TestRunner::deterministic();
    let mut change = Change::NONE;
    for seq in 1..=CASES {
        let mut batch = batch(seq).new_tree(&mut runner).unwrap().current();
        for event in &mut batch.events {
            change = change.next();
            event.change = change;
        }
        store.commit(epoch, &batch).await.unwrap();
        assert_stored(store, &batch).await;
        let changed = change_of(&batch.new_runs[0], &mut runner);
        let again = Batch { changed_runs: vec![changed.clone()], ..Batch::default() };
        store.commit(epoch, &again).await.unwrap();
        let stored = store.run(changed.run).await.unwrap().unwrap();
        assert_eq!(stored.life, changed.life);
        let tags = changed.tags.unwrap_or(batch.new_runs[0].run.tags.clone());
        assert_eq!(stored.run.tags, tags);
        for (key, value) in tags.iter() {
            let tags = Tags::default().with(key, value);
            let filter = RunsFilter { tags, ..RunsFilter::default() };
            let found = store.runs(&filter, None, 1).await.unwrap();
            assert_eq!(found[0].run.id, changed.run, "{key:?} {value:?}");
        }
        end(store, epoch, &batch).await;
    }
}

async fn assert_stored(store: &Store, batch: &Batch) {
    let new = &batch.new_runs[0];
    let id = new.run.id;
    let stored = store.run(id).await.unwrap().unwrap();
    assert_eq!((&stored.run, &stored.life), (&new.run, &new.life));
    let spec = store.spec(id).await.unwrap().unwrap();
    assert_eq!(spec.plan, new.submission.plan);
    assert_eq!(spec.config, new.submission.config);
    assert_eq!(spec.tags, new.run.tags);
    let key = new.submission.idempotency.as_ref().unwrap();
    let known = store.known(&[&key.key], &[id]).await.unwrap();
    assert_eq!(
        known.keys.iter().map(|known| (&known.key, known.run)).collect::<Vec<_>>(),
        [(key, id)]
    );
    assert_eq!(store.steps(id).await.unwrap(), batch.steps);
    let mut paged: Vec<StepRow> = Vec::new();
    loop {
        let after = paged.last().map(|step| (step.position, step.key()));
        let page = store.steps_after(id, after, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, batch.steps);
    assert_eq!(store.events(id, 0, 100).await.unwrap(), batch.events[..1]);
    let before = Change::new(batch.events[0].change.get() - 1);
    assert_eq!(store.events_after(before, 100).await.unwrap(), batch.events);
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.claims, batch.claims);
    let limits: Vec<_> =
        loaded.pool_limits.into_iter().map(|(pool, limit)| (pool, Some(limit))).collect();
    assert_eq!(limits, batch.pool_limits);
    let pauses: Vec<_> =
        loaded.pauses.into_iter().map(|(place, until)| (place, Some(until))).collect();
    assert_eq!(pauses, batch.pauses);
    let is_loaded = loaded.runs.contains(&stored);
    assert_eq!(is_loaded, !new.life.status.is_terminal());
    let steps: Vec<_> = loaded.steps.into_iter().filter(|row| row.id.run == id).collect();
    let is_in_progress = new.life.status.is_in_progress();
    assert_eq!(steps, if is_in_progress { batch.steps.clone() } else { Vec::new() });
}

/// Takes away what later cases would see.
async fn end(store: &Store, epoch: model::Epoch, batch: &Batch) {
    let gone = Batch {
        freed: batch.claims.iter().map(|claim| claim.step.clone()).collect(),
        pool_limits: batch.pool_limits.iter().map(|(pool, _)| (pool.clone(), None)).collect(),
        pauses: batch.pauses.iter().map(|(location, _)| (location.clone(), None)).collect(),
        ..Batch::default()
    };
    store.commit(epoch, &gone).await.unwrap();
    let loaded = store.load().await.unwrap();
    assert_eq!((loaded.claims, loaded.pool_limits, loaded.pauses), (vec![], vec![], vec![]));
}

fn change_of(new: &NewRun, runner: &mut TestRunner) -> RunChange {
    let mut life = life().new_tree(runner).unwrap().current();
    if new.life.status.is_terminal() {
        life.status = new.life.status;
    }
    life.submitted_at = new.life.submitted_at;
    let tags = of(tags()).new_tree(runner).unwrap().current();
    RunChange { run: new.run.id, life, tags }
}

fn batch(seq: u64) -> impl Strategy<Value = Batch> {
    (run(seq), step(seq), claim(seq), event(), event(), limits()).prop_map(
        move |(new, step, claim, mut own, mut other, (pool_limit, pause))| {
            own.run = Some((id(seq), own.change.get()));
            other.run = None;
            Batch {
                new_runs: vec![new],
                steps: vec![step],
                claims: vec![claim],
                pool_limits: vec![pool_limit],
                pauses: vec![pause],
                events: vec![own, other],
                ..Batch::default()
            }
        },
    )
}

fn run(seq: u64) -> impl Strategy<Value = NewRun> {
    let place = (name(), name(), name(), any::<bool>());
    let submitted = (text(), text(), any::<[u8; 32]>(), text(), any::<[u8; 32]>());
    (place, tags(), pools(), life(), submitted).prop_map(
        move |((job, location, deployment, is_branch), tags, pools, life, submitted)| {
            let (plan, config, hash, key, request_hash) = submitted;
            let kind = if is_branch { DeploymentKind::Branch } else { DeploymentKind::Full };
            let name = DeploymentName::new(deployment).unwrap();
            let run = Run {
                id: id(seq),
                seq: Seq::new(seq),
                job: JobName::new(job).unwrap(),
                location: CodeLocation::new(location).unwrap(),
                deployment: Deployment { name, kind },
                tags,
                pools,
                status: life.status,
                attempt: life.attempt,
            };
            let key = format!("{seq}{key}").into();
            let submission = Submission {
                plan: plan.into(),
                plan_hash: PlanHash(hash),
                config: config.into(),
                idempotency: Some(IdempotencyKey { key, request_hash }),
            };
            NewRun { run, submission: submission.into(), life }
        },
    )
}

fn life() -> impl Strategy<Value = RunLife> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let secrets = (of(any::<[u8; 32]>()), of(any::<u128>()), of(1..=u32::MAX));
    let numbers = (0..=LARGEST, any::<u32>(), any::<u32>(), 0..=LARGEST);
    let causes = (
        of(prop::sample::select(CancelCause::ALL)),
        of((prop::sample::select(FailureReason::ALL), text())),
    );
    let times = (instant(), of(instant()), of(instant()), of(instant()), of(instant()));
    let status = prop::sample::select(&RunStatus::ALL[..]);
    (status, flags, secrets, numbers, causes, times).prop_map(
        |(status, flags, (token, nonce, attempt), numbers, (cancel, failure), times)| RunLife {
            status,
            attempt: attempt.and_then(Attempt::new),
            is_held: flags.0,
            token: token.map(TokenHash),
            nonce: nonce.map(Nonce),
            is_first_pass_done: flags.1,
            is_suspect: flags.2,
            last_report: numbers.0,
            location_retries: numbers.1,
            lost_starts: numbers.2,
            cancel,
            failure: failure.map(|(reason, message)| Failure { reason, message }),
            submitted_at: times.0,
            starting_at: times.1,
            started_at: times.2,
            canceling_at: times.3,
            ended_at: times.4,
            event_count: numbers.3,
        },
    )
}

fn step(seq: u64) -> impl Strategy<Value = StepRow> {
    let times = (of(instant()), of(instant()), of(instant()), of(instant()));
    let status = prop::sample::select(&StepStatus::ALL[..]);
    (name(), any::<u32>(), status, any::<u32>(), times, of(text())).prop_map(
        move |(key, position, status, try_number, times, error)| StepRow {
            id: StepId { run: id(seq), step: StepKey::new(key).unwrap() },
            position,
            status,
            try_number,
            waiting_since: times.0,
            started_at: times.1,
            ended_at: times.2,
            retry_at: times.3,
            error,
        },
    )
}

fn claim(seq: u64) -> impl Strategy<Value = Claim> {
    let order = (any::<i32>(), any::<i32>(), 0..=LARGEST);
    (name(), demand(), order, any::<bool>()).prop_map(move |(step, demand, order, is_granted)| {
        let (run, step_priority) = (Priority::new(order.0), Priority::new(order.1));
        Claim {
            step: StepId { run: id(seq), step: StepKey::new(step).unwrap() },
            demand,
            order: ClaimOrder::new(run, step_priority, order.2),
            state: if is_granted { ClaimState::Granted } else { ClaimState::Pending },
        }
    })
}

fn event() -> impl Strategy<Value = LifeEvent> {
    let kind = prop::sample::select(EventKind::ALL);
    let told = (text(), of(text()));
    (1..=LARGEST, instant(), of(1..=u32::MAX), of(name()), kind, told).prop_map(
        |(number, at, attempt, step, kind, (message, data))| LifeEvent {
            change: Change::new(number),
            run: None,
            at,
            attempt: attempt.and_then(Attempt::new),
            step: step.map(|step| StepKey::new(step).unwrap()),
            kind,
            message,
            data: data.map(Into::into),
        },
    )
}

type Limits = ((PoolName, Option<PoolLimit>), (CodeLocation, Option<Timestamp>));

fn limits() -> impl Strategy<Value = Limits> {
    (name(), 0..=i64::from(PoolLimit::MAX), name(), instant()).prop_map(
        |(pool, slots, location, until)| {
            let pool = (PoolName::new(pool).unwrap(), PoolLimit::new(slots).ok());
            (pool, (CodeLocation::new(location).unwrap(), Some(until)))
        },
    )
}

fn pools() -> impl Strategy<Value = RunPools> {
    (vec(demand(), 0..4), vec(name(), 0..3)).prop_map(|(roots, later)| {
        RunPools::new(roots, later.into_iter().map(|pool| PoolName::new(pool).unwrap()))
    })
}

fn demand() -> impl Strategy<Value = Demand> {
    vec((name(), 1..=1000_u32), 0..3).prop_map(|wanted| {
        let slots = wanted.into_iter();
        slots.map(|(pool, n)| (PoolName::new(pool).unwrap(), Slots::new(n).unwrap())).collect()
    })
}

fn tags() -> impl Strategy<Value = Tags> {
    vec((text(), text()), 0..4).prop_map(Tags::from_iter)
}

fn instant() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_micros)
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", "[^\\s]{1,8}", Just("\"'\\\u{0}é[k0]".to_owned())]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{0,2}", any::<String>(), Just("\"'\\\u{0}é\n$1".to_owned())]
}
