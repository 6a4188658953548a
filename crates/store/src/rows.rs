//! A batch as JSON texts, one for each statement that writes it.
//!
//! The names of the fields are those of the columns. What is absent is no field at all, so that the
//! statement sees a plain NULL. The same texts serve every dialect.

mod asset;
mod run;

use std::collections::{BTreeMap, BTreeSet};

use model::{Batch, Change, Claim, ClaimState, Demand, LifeEvent, Presence, RunId, StepRow};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use run::{ChangeRow, RunRow};
pub(crate) use run::{PoolsText, TagsText};

/// Rows for one statement: their JSON array and their number.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) json: String,
    pub(crate) count: usize,
}

/// All the rows of a batch, by the statement that takes them.
#[derive(Debug)]
pub(crate) struct BatchRows {
    pub(crate) plans: Rows,
    pub(crate) runs: Rows,
    pub(crate) idempotency: Rows,
    pub(crate) changes: Rows,
    /// The runs whose tags have changed: their ids, and their new tags.
    pub(crate) retagged: Rows,
    pub(crate) retags: Rows,
    pub(crate) steps: Rows,
    pub(crate) claims: Rows,
    pub(crate) freed: Rows,
    pub(crate) pool_limits: Rows,
    pub(crate) pool_limits_gone: Rows,
    pub(crate) pauses: Rows,
    pub(crate) pauses_gone: Rows,
    pub(crate) partitions: Rows,
    pub(crate) partitions_gone: Rows,
    pub(crate) deleted: Rows,
    pub(crate) events: Rows,
    pub(crate) asset_events: Rows,
    /// The number of the first event, if there is one.
    pub(crate) first_change: Option<Change>,
    pub(crate) last_change: Change,
    pub(crate) last_seq: u64,
    pub(crate) last_claim: u64,
}

impl Rows {
    pub(crate) fn new<T: Serialize>(
        rows: impl IntoIterator<Item = T>,
    ) -> Result<Self, serde_json::Error> {
        let mut json = Vec::from(b"[");
        let mut count = 0;
        for row in rows {
            if count > 0 {
                json.push(b',');
            }
            serde_json::to_writer(&mut json, &row)?;
            count += 1;
        }
        json.push(b']');
        let json = String::from_utf8(json).map_err(serde::ser::Error::custom)?;
        Ok(Self { json, count })
    }

    /// Returns rows that are ids of runs.
    pub(crate) fn of_ids<'a>(
        ids: impl IntoIterator<Item = &'a RunId>,
    ) -> Result<Self, serde_json::Error> {
        Self::new(ids.into_iter().map(|id| Id(*id)))
    }
}

impl BatchRows {
    pub(crate) fn new(batch: &Batch) -> Result<Self, serde_json::Error> {
        let plans: BTreeMap<_, _> =
            batch.new_runs.iter().map(|new| (new.submission.plan_hash, &new.submission)).collect();
        let freed =
            batch.freed.iter().map(|id| FreedRow { run: Id(id.run), step: id.step.as_str() });
        let of_assets: BTreeSet<Change> =
            batch.asset_events.iter().map(|event| event.change).collect();
        let retagged = batch.changed_runs.iter().filter(|change| change.tags.is_some());
        Ok(Self {
            plans: Rows::new(
                plans.iter().map(|(hash, of)| PlanRow { hash: Hex(&hash.0), plan: &of.plan }),
            )?,
            runs: Rows::new(batch.new_runs.iter().map(RunRow::new))?,
            idempotency: Rows::new(batch.new_runs.iter().filter_map(run::idempotency))?,
            changes: Rows::new(batch.changed_runs.iter().map(ChangeRow::new))?,
            retagged: Rows::of_ids(retagged.map(|change| &change.run))?,
            retags: Rows::new(batch.changed_runs.iter().filter_map(run::retag))?,
            steps: Rows::new(batch.steps.iter().map(step))?,
            claims: Rows::new(batch.claims.iter().map(claim))?,
            freed: Rows::new(freed)?,
            pool_limits: Rows::new(batch.pool_limits.iter().filter_map(|(pool, limit)| {
                Some(NumberRow { name: pool.as_str(), number: (*limit)?.get().into() })
            }))?,
            pool_limits_gone: Rows::new(gone(&batch.pool_limits).map(model::PoolName::as_str))?,
            pauses: Rows::new(batch.pauses.iter().filter_map(|(location, until)| {
                Some(NumberRow { name: location.as_str(), number: (*until)?.as_micros() })
            }))?,
            pauses_gone: Rows::new(gone(&batch.pauses).map(model::CodeLocation::as_str))?,
            partitions: partitions(batch, Presence::Added)?,
            partitions_gone: partitions(batch, Presence::Removed)?,
            deleted: Rows::of_ids(&batch.deleted_runs)?,
            events: Rows::new(batch.events.iter().map(|told| event(told, &of_assets)))?,
            asset_events: asset::rows(&batch.asset_events)?,
            first_change: batch.events.first().map(|event| event.change),
            last_change: batch.events.last().map_or(Change::NONE, |event| event.change),
            last_seq: batch.new_runs.iter().map(|new| new.run.seq.get()).max().unwrap_or(0),
            last_claim: batch.claims.iter().map(|claim| claim.order.asked()).max().unwrap_or(0),
        })
    }
}

/// Returns the names that are given nothing any more.
fn gone<N, T>(settings: &[(N, Option<T>)]) -> impl Iterator<Item = &N> {
    settings.iter().filter(|(_, setting)| setting.is_none()).map(|(name, _)| name)
}

/// Bytes as lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl Serialize for Hex<'_> {
    /// Writes them in one piece: there are several of them in each row.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let digits = |byte: &u8| [byte >> 4, byte & 0xf].map(|digit| DIGITS[usize::from(digit)]);
        let text: String = self.0.iter().flat_map(digits).map(char::from).collect();
        to.serialize_str(&text)
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A run's id as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Id(pub(crate) RunId);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:032x}", self.0.as_u128()))
    }
}

#[derive(Serialize)]
struct PlanRow<'a> {
    hash: Hex<'a>,
    plan: &'a str,
}

#[derive(Serialize)]
struct NumberRow<'a> {
    name: &'a str,
    number: i64,
}

#[derive(Serialize)]
struct PartitionRow<'a> {
    name: &'a str,
    key: &'a str,
}

/// Returns the partitions of a batch that are there from now on, or that are not.
fn partitions(batch: &Batch, wanted: Presence) -> Result<Rows, serde_json::Error> {
    let those = batch.partitions.iter().filter(|(_, presence)| *presence == wanted);
    Rows::new(those.map(|(one, _)| PartitionRow { name: one.name.as_str(), key: one.key.as_str() }))
}

#[derive(Serialize)]
struct FreedRow<'a> {
    run: Id,
    step: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
struct StepRowJson<'a> {
    run: Id,
    key: &'a str,
    position: u32,
    status: &'a str,
    try_number: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

fn step(row: &StepRow) -> StepRowJson<'_> {
    StepRowJson {
        run: Id(row.id.run),
        key: row.id.step.as_str(),
        position: row.position,
        status: row.status.as_str(),
        try_number: row.try_number,
        waiting_since: row.waiting_since.map(model::Timestamp::as_micros),
        started_at: row.started_at.map(model::Timestamp::as_micros),
        ended_at: row.ended_at.map(model::Timestamp::as_micros),
        retry_at: row.retry_at.map(model::Timestamp::as_micros),
        error: row.error.as_deref(),
    }
}

#[derive(Serialize)]
struct ClaimRow<'a> {
    run: Id,
    step: &'a str,
    demand: DemandText<'a>,
    priority: i64,
    asked: u64,
    state: &'static str,
}

fn claim(claim: &Claim) -> ClaimRow<'_> {
    ClaimRow {
        run: Id(claim.step.run),
        step: claim.step.step.as_str(),
        demand: DemandText(&claim.demand),
        priority: claim.order.priority(),
        asked: claim.order.asked(),
        state: match claim.state {
            ClaimState::Pending => "PENDING",
            ClaimState::Granted => "GRANTED",
        },
    }
}

/// A demand as `{"pool": slots}`.
struct DemandText<'a>(&'a Demand);

impl Serialize for DemandText<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (pool, slots) in self.0.iter() {
            map.serialize_entry(pool.as_str(), &slots)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct EventRow<'a> {
    change: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    kind: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
}

/// Returns the row of an event. The data of one of an asset stand in its other row.
fn event<'a>(event: &'a LifeEvent, of_assets: &BTreeSet<Change>) -> EventRow<'a> {
    EventRow {
        change: event.change.get(),
        run: event.run.map(|(run, _)| Id(run)),
        number: event.run.map(|(_, number)| number),
        at: event.at.as_micros(),
        attempt: event.attempt.map(model::Attempt::get),
        step: event.step.as_ref().map(model::StepKey::as_str),
        kind: event.kind.as_str(),
        message: &event.message,
        data: event.data.as_deref().filter(|_| !of_assets.contains(&event.change)),
    }
}
