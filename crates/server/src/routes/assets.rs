//! Assets: what there is, and what was told of them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use definitions::LocatedAsset;
use model::{AssetEventKind, Change, RunId};
use store::{AssetEventsFilter, Order};
use wire::api::{
    self, AssetCheck, AssetDetail, AssetEvent, AssetEventFilter, AssetEvents, Assets,
    DEFAULT_ASSET_EVENTS, ErrorCode, MaterializedPartitions, Page, PartitionFilter, Time,
};

use crate::app::App;
use crate::error::ApiError;
use crate::query::{Query, end_of, page_size, place_of};

/// `GET /api/v1/assets`.
pub(crate) async fn list(State(app): State<App>, query: Query) -> Result<Json<Assets>, ApiError> {
    let page = query.read(Page::from_pairs)?;
    let after: Option<(String, String)> = place_of("after", page.after.as_deref())?;
    let limit = page_size(page.limit) as usize;
    let is_behind = |asset: &LocatedAsset| {
        after.as_ref().is_none_or(|(location, key)| {
            (asset.location.as_str(), asset.asset.key.as_str()) > (location, key)
        })
    };
    let mut assets = app.handle.locations().assets();
    assets.sort_by(|a, b| (&a.location, &a.asset.key).cmp(&(&b.location, &b.asset.key)));
    let found = assets.into_iter().filter(is_behind).take(limit).map(shown);
    let mut assets: Vec<api::Asset> = found.collect();
    add_when_made(&app, &mut assets).await?;
    let last = assets.last().filter(|_| assets.len() == limit);
    let next = last.and_then(|last| end_of(&(&last.location, &last.key)));
    Ok(Json(Assets { assets, next }))
}

/// Adds when each of some assets was last made.
async fn add_when_made(app: &App, assets: &mut [api::Asset]) -> Result<(), ApiError> {
    let keys: Vec<&str> = assets.iter().map(|asset| asset.key.as_str()).collect();
    let made = app.store().latest_materializations(&keys).await?;
    let made: BTreeMap<String, Time> =
        made.into_iter().map(|made| (made.asset, made.at.into())).collect();
    for asset in assets {
        asset.latest_materialization_at = made.get(&asset.key).copied();
    }
    Ok(())
}

fn shown(LocatedAsset { location, asset, job }: LocatedAsset) -> api::Asset {
    api::Asset {
        key: asset.key,
        location: location.to_string(),
        group: asset.group,
        description: asset.description,
        deps: asset.deps,
        pools: asset.pools,
        jobs: asset.jobs,
        job: job.filter(|_| asset.is_executable).map(|job| job.to_string()),
        partitions: asset.partitions.map(|partitions| partitions.kind),
        latest_materialization_at: None,
    }
}

/// The two parts of an address that name an asset, decoded.
#[derive(Debug)]
pub(crate) struct Named {
    location: String,
    asset: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path((location, asset)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::bad_request("the address is not UTF-8"))?;
        Ok(Self { location, asset })
    }
}

/// `GET /api/v1/assets/{location}/{asset}`.
pub(crate) async fn show(
    State(app): State<App>,
    Named { location, asset: key }: Named,
    query: Query,
) -> Result<Json<AssetDetail>, ApiError> {
    query.none()?;
    let is_it =
        |found: &LocatedAsset| found.location.as_str() == location && found.asset.key == key;
    let found = app.handle.locations().assets().into_iter().find(is_it).ok_or_else(|| {
        let message = format!("there is no asset `{key}` in code location `{location}`");
        ApiError::new(ErrorCode::NotFound, message).hint("`GET /api/v1/assets` lists the assets")
    })?;
    let names = found.asset.checks.clone();
    let of_asset = AssetEventsFilter {
        asset: Some(key.clone()),
        kind: Some(AssetEventKind::Materialization),
        ..AssetEventsFilter::default()
    };
    let made = app.store().asset_events(&of_asset, Order::Newest, 1).await?.events;
    let latest = made.first().map(AssetEvent::from);
    let mut asset = shown(found);
    asset.latest_materialization_at = latest.as_ref().map(|event| event.at);
    let checks = checks(&app, &key, names).await?;
    Ok(Json(AssetDetail { asset, latest_materialization: latest, checks }))
}

/// Returns the checks that are defined, and those that have left a result.
async fn checks(app: &App, asset: &str, names: Vec<String>) -> Result<Vec<AssetCheck>, ApiError> {
    let mut checks: BTreeMap<String, Option<AssetEvent>> =
        names.into_iter().map(|name| (name, None)).collect();
    for event in app.store().latest_checks(asset).await? {
        checks.insert(event.check.clone().unwrap_or_default(), Some(AssetEvent::from(&event)));
    }
    Ok(checks.into_iter().map(|(name, latest)| AssetCheck { name, latest }).collect())
}

/// `GET /api/v1/asset-events`.
pub(crate) async fn events(
    State(app): State<App>,
    query: Query,
) -> Result<Json<AssetEvents>, ApiError> {
    let asked = query.read(AssetEventFilter::from_pairs)?;
    let filter = AssetEventsFilter {
        asset: None,
        kind: asked.kind,
        partition: asked.partition,
        check: asked.check,
        run: asked.run.as_deref().map(str::parse::<RunId>).transpose()?,
        after: asked.after.map(Change::new),
        before: asked.before.map(Change::new),
    };
    if asked.latest {
        let events = latest(&app, asked.assets, filter).await?;
        return Ok(Json(AssetEvents { events, next: None }));
    }
    let filter = AssetEventsFilter { asset: asked.assets.into_iter().next(), ..filter };
    let order = if asked.is_oldest_first { Order::Oldest } else { Order::Newest };
    let limit = asked.limit.unwrap_or(DEFAULT_ASSET_EVENTS);
    let page = app.store().asset_events(&filter, order, limit).await?;
    let next = page.events.last().filter(|_| page.is_cut).map(|event| event.change.get());
    Ok(Json(AssetEvents { events: page.events.iter().map(AssetEvent::from).collect(), next }))
}

/// Returns the newest event of each asset.
async fn latest(
    app: &App,
    assets: Vec<String>,
    filter: AssetEventsFilter,
) -> Result<Vec<AssetEvent>, ApiError> {
    let kind = filter.kind.unwrap_or(AssetEventKind::Materialization);
    let filter = AssetEventsFilter { kind: Some(kind), ..filter };
    let of_kind = AssetEventsFilter { kind: Some(kind), ..AssetEventsFilter::default() };
    if filter == of_kind {
        let found = app.store().latest_asset_events(&assets, kind).await?;
        return Ok(found.iter().map(AssetEvent::from).collect());
    }
    let mut events = Vec::new();
    for asset in assets {
        let of_asset = AssetEventsFilter { asset: Some(asset), ..filter.clone() };
        let page = app.store().asset_events(&of_asset, Order::Newest, 1).await?;
        events.extend(page.events.iter().map(AssetEvent::from));
    }
    Ok(events)
}

/// `GET /api/v1/materialized-partitions`.
pub(crate) async fn partitions(
    State(app): State<App>,
    query: Query,
) -> Result<Json<MaterializedPartitions>, ApiError> {
    let asked = query.read(PartitionFilter::from_pairs)?;
    let limit = page_size(asked.limit);
    let after = asked.after.as_deref();
    let partitions = app.store().materialized_partitions(&asked.asset, after, limit).await?;
    let next = partitions.last().filter(|_| partitions.len() == limit as usize).cloned();
    Ok(Json(MaterializedPartitions { partitions, next }))
}
