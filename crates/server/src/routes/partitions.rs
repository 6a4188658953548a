//! Dynamic partitions: what sets there are, their keys, and changes of them.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use model::{PartitionError, PartitionKey, PartitionsName};
use wire::api::{
    ChangePartitions, ChangedPartitions, DynamicPartitionFilter, ErrorCode, MAX_CHANGED_PARTITIONS,
    Page, PartitionSet, PartitionSets, Partitions,
};

use crate::app::App;
use crate::body::UserJson;
use crate::error::ApiError;
use crate::query::{Query, page_size};
use crate::segment::Segment;

/// `GET /api/v1/dynamic-partitions`.
pub(crate) async fn list(
    State(app): State<App>,
    query: Query,
) -> Result<Json<PartitionSets>, ApiError> {
    let page = query.read(Page::from_pairs)?;
    let limit = page_size(page.limit);
    let found = app.store().partition_names(page.after.as_deref(), limit).await?;
    let is_full = found.len() == limit as usize;
    let next = found.last().filter(|_| is_full).map(|(name, _)| name.to_string());
    let set = |(name, count): (PartitionsName, u64)| PartitionSet { name: name.to_string(), count };
    Ok(Json(PartitionSets { dynamic_partitions: found.into_iter().map(set).collect(), next }))
}

/// `GET /api/v1/dynamic-partitions/{name}`. A set without keys is one all the same.
pub(crate) async fn show(
    State(app): State<App>,
    name: Segment,
    query: Query,
) -> Result<Json<Partitions>, ApiError> {
    let name = named(&name)?;
    let filter = query.read(DynamicPartitionFilter::from_pairs)?;
    if let Some(key) = filter.key {
        let key = PartitionKey::new(key).map_err(|error| invalid(&error))?;
        let found = app.store().partitions_among(&name, &[key]).await?;
        let partitions = found.iter().map(ToString::to_string).collect();
        return Ok(Json(Partitions { name: name.to_string(), partitions, next: None }));
    }
    let limit = page_size(filter.limit);
    let found = app.store().partitions(&name, filter.after.unwrap_or(0), limit).await?;
    let is_full = found.len() == limit as usize;
    let next = found.last().filter(|_| is_full).map(|(number, _)| number.to_string());
    let partitions = found.iter().map(|(_, key)| key.to_string()).collect();
    Ok(Json(Partitions { name: name.to_string(), partitions, next }))
}

/// `POST /api/v1/dynamic-partitions/{name}`.
pub(crate) async fn change(
    State(app): State<App>,
    name: Segment,
    UserJson(ChangePartitions { add, remove }): UserJson<ChangePartitions>,
) -> Result<Json<ChangedPartitions>, ApiError> {
    let name = named(&name)?;
    if add.len() + remove.len() > MAX_CHANGED_PARTITIONS {
        let message = format!("one request changes at most {MAX_CHANGED_PARTITIONS} partitions");
        return Err(
            ApiError::new(ErrorCode::InvalidPartition, message).hint("do it in several requests")
        );
    }
    let mut seen = BTreeSet::new();
    let (add, remove) = (keys(&add, &mut seen)?, keys(&remove, &mut seen)?);
    let changed = app.handle.change_partitions(name.clone(), add, remove).await?;
    let texts = |keys: &[PartitionKey]| keys.iter().map(ToString::to_string).collect();
    Ok(Json(ChangedPartitions {
        name: name.to_string(),
        added: texts(&changed.added),
        removed: texts(&changed.removed),
    }))
}

fn keys(
    texts: &[String],
    seen: &mut BTreeSet<PartitionKey>,
) -> Result<Vec<PartitionKey>, ApiError> {
    let key = |text: &String| {
        let key = PartitionKey::new(text).map_err(|error| invalid(&error))?;
        if seen.insert(key.clone()) {
            return Ok(key);
        }
        let message = format!("the partition key {text:?} is given twice");
        Err(ApiError::new(ErrorCode::InvalidPartition, message))
    };
    texts.iter().map(key).collect()
}

fn named(Segment(name): &Segment) -> Result<PartitionsName, ApiError> {
    PartitionsName::new(name).map_err(|error| invalid(&error))
}

fn invalid(error: &PartitionError) -> ApiError {
    ApiError::new(ErrorCode::InvalidPartition, error.to_string())
}
