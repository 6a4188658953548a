//! The rows of events of assets: each says whether it is the latest of its kind in its batch.

use std::collections::BTreeMap;

use model::{AssetEvent, AssetEventKind, Change};
use serde::Serialize;

use super::{Id, Rows};

#[derive(Serialize)]
struct AssetEventRow<'a> {
    change: u64,
    kind: &'static str,
    asset: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'a str>,
    run: Id,
    job: &'a str,
    location: &'a str,
    step: &'a str,
    at: i64,
    is_latest: bool,
    data: &'a str,
}

/// Of which things an event can be the latest.
type Subject<'a> = (&'a str, AssetEventKind, Option<&'a str>, Option<&'a str>);

fn subject(event: &AssetEvent) -> Subject<'_> {
    (&event.asset, event.kind, event.partition.as_deref(), event.check.as_deref())
}

pub(super) fn rows(events: &[AssetEvent]) -> Result<Rows, serde_json::Error> {
    let latest: BTreeMap<Subject<'_>, Change> =
        events.iter().map(|event| (subject(event), event.change)).collect();
    Rows::new(events.iter().map(|event| AssetEventRow {
        change: event.change.get(),
        kind: event.kind.as_str(),
        asset: &event.asset,
        partition: event.partition.as_deref(),
        check_name: event.check.as_deref(),
        passed: event.passed,
        severity: event.severity.as_deref(),
        run: Id(event.run),
        job: event.job.as_str(),
        location: event.location.as_str(),
        step: event.step.as_str(),
        at: event.at.as_micros(),
        is_latest: latest.get(&subject(event)) == Some(&event.change),
        data: &event.data,
    }))
}
