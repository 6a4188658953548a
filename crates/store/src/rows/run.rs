//! The rows of runs, and the texts in them that are read back: tags and pools.

use std::borrow::Cow;
use std::fmt;

use model::{
    Demand, DeploymentKind, NewRun, PoolName, RunChange, RunLife, RunPools, Slots, Tags, Timestamp,
};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::{DemandText, Hex, Id};

#[derive(Serialize)]
pub(super) struct RunRow<'a> {
    seq: u64,
    id: Id,
    job: &'a str,
    location: &'a str,
    deployment: &'a str,
    deployment_kind: &'static str,
    priority: i32,
    tags: TagsText<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pools: Option<PoolsOut<'a>>,
    plan_hash: Hex<'a>,
    config: &'a str,
    #[serde(flatten)]
    life: LifeRow<'a>,
}

impl<'a> RunRow<'a> {
    pub(super) fn new(new: &'a NewRun) -> Self {
        let run = &new.run;
        Self {
            seq: run.seq.get(),
            id: Id(run.id),
            job: run.job.as_str(),
            location: run.location.as_str(),
            deployment: run.deployment.name.as_str(),
            deployment_kind: match run.deployment.kind {
                DeploymentKind::Full => "FULL",
                DeploymentKind::Branch => "BRANCH",
            },
            priority: run.tags.priority().unwrap_or_default().get(),
            tags: TagsText(&run.tags),
            pools: PoolsOut::new(&run.pools),
            plan_hash: Hex(&new.submission.plan_hash.0),
            config: &new.submission.config,
            life: LifeRow::new(&new.life),
        }
    }
}

#[derive(Serialize)]
pub(super) struct ChangeRow<'a> {
    id: Id,
    #[serde(flatten)]
    life: LifeRow<'a>,
}

impl<'a> ChangeRow<'a> {
    pub(super) fn new(change: &'a RunChange) -> Self {
        Self { id: Id(change.run), life: LifeRow::new(&change.life) }
    }
}

#[derive(Serialize)]
pub(super) struct RetagRow<'a> {
    id: Id,
    priority: i32,
    tags: TagsText<'a>,
}

/// Returns the row of a run whose tags have changed.
pub(super) fn retag(change: &RunChange) -> Option<RetagRow<'_>> {
    let tags = change.tags.as_ref()?;
    let priority = tags.priority().unwrap_or_default().get();
    Some(RetagRow { id: Id(change.run), priority, tags: TagsText(tags) })
}

#[derive(Serialize)]
pub(super) struct IdempotencyRow<'a> {
    key: &'a str,
    request_hash: Hex<'a>,
    run_id: Id,
    at: i64,
}

/// Returns the row of a run that was submitted under a key.
pub(super) fn idempotency(new: &NewRun) -> Option<IdempotencyRow<'_>> {
    let key = new.submission.idempotency.as_ref()?;
    Some(IdempotencyRow {
        key: &key.key,
        request_hash: Hex(&key.request_hash),
        run_id: Id(new.run.id),
        at: new.life.submitted_at.as_micros(),
    })
}

#[derive(Serialize)]
struct LifeRow<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    is_held: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<Nonce>,
    is_first_pass_done: bool,
    is_suspect: bool,
    last_report: u64,
    location_retries: u32,
    lost_starts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_message: Option<&'a str>,
    submitted_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    canceling_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    event_count: u64,
}

impl<'a> LifeRow<'a> {
    fn new(life: &'a RunLife) -> Self {
        Self {
            status: life.status.as_str(),
            attempt: life.attempt.map(model::Attempt::get),
            is_held: life.is_held,
            token: life.token.as_ref().map(|token| Hex(&token.0)),
            nonce: life.nonce.map(|nonce| Nonce(nonce.0)),
            is_first_pass_done: life.is_first_pass_done,
            is_suspect: life.is_suspect,
            last_report: life.last_report,
            location_retries: life.location_retries,
            lost_starts: life.lost_starts,
            cancel: life.cancel.map(model::CancelCause::as_str),
            failure_reason: life.failure.as_ref().map(|failure| failure.reason.as_str()),
            failure_message: life.failure.as_ref().map(|failure| failure.message.as_str()),
            submitted_at: life.submitted_at.as_micros(),
            starting_at: life.starting_at.map(Timestamp::as_micros),
            started_at: life.started_at.map(Timestamp::as_micros),
            canceling_at: life.canceling_at.map(Timestamp::as_micros),
            ended_at: life.ended_at.map(Timestamp::as_micros),
            event_count: life.event_count,
        }
    }
}

struct Nonce(u128);

impl Serialize for Nonce {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:032x}", self.0))
    }
}

/// Tags as `{"key": "value"}`.
pub(crate) struct TagsText<'a>(pub(crate) &'a Tags);

impl Serialize for TagsText<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (key, value) in self.0.iter() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl TagsText<'_> {
    /// Reads tags back.
    pub(crate) fn parse(text: &str) -> Result<Tags, serde_json::Error> {
        serde_json::from_str(text).map(|TagsIn(tags)| tags)
    }
}

struct TagsIn(Tags);

impl<'de> Deserialize<'de> for TagsIn {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(TagsVisitor)
    }
}

struct TagsVisitor;

impl<'de> Visitor<'de> for TagsVisitor {
    type Value = TagsIn;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from tag keys to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TagsIn, A::Error> {
        let mut all = Vec::new();
        while let Some((Text(key), Text(value))) = map.next_entry()? {
            all.push((key, value));
        }
        Ok(TagsIn(all.into_iter().collect()))
    }
}

/// A text that is borrowed from the JSON where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Serialize)]
struct PoolsOut<'a> {
    roots: Vec<(DemandText<'a>, u32)>,
    has_pool_free_root: bool,
    all: Vec<&'a str>,
}

impl<'a> PoolsOut<'a> {
    /// Returns what to store of a run's pools; nothing for a run that uses none.
    fn new(pools: &'a RunPools) -> Option<Self> {
        let all: Vec<&str> = pools.all().map(PoolName::as_str).collect();
        if all.is_empty() {
            return None;
        }
        let roots = pools.roots().map(|(demand, count)| (DemandText(demand), count)).collect();
        Some(Self { roots, has_pool_free_root: pools.has_pool_free_root(), all })
    }
}

/// The pools of a run as they are stored.
#[derive(Debug, Deserialize)]
pub(crate) struct PoolsText<'a> {
    #[serde(borrow)]
    roots: Vec<(DemandIn<'a>, u32)>,
    has_pool_free_root: bool,
    #[serde(borrow)]
    all: Vec<Cow<'a, str>>,
}

type DemandIn<'a> = std::collections::BTreeMap<Cow<'a, str>, Slots>;

impl PoolsText<'_> {
    /// Reads the pools of a run back.
    pub(crate) fn parse(text: &str) -> Result<RunPools, Box<dyn std::error::Error + Send + Sync>> {
        let stored: PoolsText<'_> = serde_json::from_str(text)?;
        let mut roots = Vec::new();
        for (demand, count) in &stored.roots {
            let demand = demand_of(demand)?;
            roots.extend((0..*count).map(|_| demand.clone()));
        }
        if stored.has_pool_free_root {
            roots.push(Demand::default());
        }
        let all: Result<Vec<PoolName>, _> = stored.all.iter().map(PoolName::new).collect();
        Ok(RunPools::new(roots, all?))
    }

    /// Reads the demand of a claim back.
    pub(crate) fn parse_demand(
        text: &str,
    ) -> Result<Demand, Box<dyn std::error::Error + Send + Sync>> {
        Ok(demand_of(&serde_json::from_str(text)?)?)
    }
}

fn demand_of(stored: &DemandIn<'_>) -> Result<Demand, model::IdError> {
    stored.iter().map(|(pool, slots)| Ok((PoolName::new(pool)?, *slots))).collect()
}
