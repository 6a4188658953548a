//! The settings and runs of a world: few names and narrow limits, so that everything collides.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{Dispatch, Known, Rules, Submit};
use model::{
    Capacity, CodeLocation, Demand, Deployment, Granularity, IdempotencyKey, JobName, PlanHash,
    PoolLimit, PoolName, PoolSettings, RunId, RunPools, Settings, Slots, StepKey, Submission,
    TagLimit, TagLimits, TagMatch,
};

use crate::chance::Chance;

pub(crate) const POOLS: [&str; 2] = ["p", "q"];

/// The steps of a job, none after another, each with the slots that it wants.
pub(crate) type Job = Vec<(StepKey, Demand)>;

pub(crate) fn pool(name: &str) -> PoolName {
    PoolName::new(name).unwrap()
}

pub(crate) fn settings(chance: &mut Chance) -> Settings {
    let mut tag_limits = Vec::new();
    for matches in [TagMatch::Key, TagMatch::EachValue, TagMatch::Value("a".to_owned())] {
        if chance.one_in(3) {
            let limit = chance.pick(&[1, 2]);
            tag_limits.push(TagLimit { key: "team".to_owned(), matches, limit });
        }
    }
    let default_limit = chance.one_in(3).then(|| PoolLimit::new(1).unwrap());
    let granularity = chance.pick(&[Granularity::Op, Granularity::Op, Granularity::Run]);
    Settings {
        max_concurrent_runs: chance.pick(&[
            Capacity::AtMost(1),
            Capacity::AtMost(2),
            Capacity::AtMost(4),
            Capacity::Unlimited,
        ]),
        tag_limits: TagLimits::new(tag_limits).unwrap(),
        pools: PoolSettings { granularity, default_limit, ..PoolSettings::default() },
        ..Settings::default()
    }
}

pub(crate) fn rules(chance: &mut Chance) -> Rules {
    let seconds = |of: Option<u64>| of.map(Duration::from_secs);
    Rules {
        dispatch: if chance.one_in(8) { Dispatch::AtOnce } else { Dispatch::Queued },
        max_launches: NonZeroU32::new(chance.pick(&[1, 2, 8])).unwrap(),
        max_location_retries: chance.pick(&[0, 1, 3]),
        location_retry_delay: Duration::from_mins(1),
        start_timeout: seconds(chance.pick(&[None, None, Some(90)])),
        cancel_timeout: Duration::from_secs(20),
        max_runtime: seconds(chance.pick(&[None, None, Some(200)])),
        heeds_runtime_tags: chance.one_in(2),
        lease: Duration::from_secs(30),
        grace: Duration::from_secs(10),
    }
}

/// The plan of a job stands in its submission as its number, so that a worker finds it there.
pub(crate) fn job(number: u8) -> Job {
    let mut chance = Chance::new(u64::from(number));
    let step = |chance: &mut Chance, name: &str| {
        let mut slots = Vec::new();
        for name in POOLS {
            if chance.one_in(2) {
                slots.push((pool(name), Slots::MIN));
            }
        }
        (StepKey::new(name).unwrap(), slots.into_iter().collect::<Demand>())
    };
    let count = 1 + chance.below(3);
    ["a", "b", "c"][..count].iter().map(|name| step(&mut chance, name)).collect()
}

pub(crate) fn pools_of(job: &Job) -> RunPools {
    RunPools::new(job.iter().map(|(_, demand)| demand.clone()), [])
}

pub(crate) fn submit(chance: &mut Chance) -> Submit {
    let number = u8::try_from(chance.below(6)).unwrap();
    let mut tags = Vec::new();
    if chance.one_in(2) {
        tags.push(("team", chance.pick(&["a", "b"])));
    }
    if chance.one_in(3) {
        tags.push(("dagster/priority", chance.pick(&["1", "-1", "x"])));
    }
    if chance.one_in(5) {
        tags.push(("dagster/max_runtime", chance.pick(&["100", "soon"])));
    }
    let key = chance.one_in(3).then(|| IdempotencyKey {
        key: chance.pick(&["k", "l"]).into(),
        request_hash: [chance.pick(&[1, 1, 2]); 32],
    });
    Submit {
        id: chance.one_in(4).then(|| RunId::from_u128(chance.pick(&[1, 2, 3]))),
        job: JobName::new("job").unwrap(),
        location: CodeLocation::new(chance.pick(&["here", "here", "there"])).unwrap(),
        deployment: Deployment::default(),
        tags: tags.into_iter().collect(),
        pools: pools_of(&job(number)),
        submission: Arc::new(Submission {
            plan: number.to_string().into(),
            plan_hash: PlanHash([number; 32]),
            config: "null".into(),
            idempotency: key,
        }),
        known: Known::default(),
    }
}
