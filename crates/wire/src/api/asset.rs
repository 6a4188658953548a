//! Assets: what jobs make, and what was told of them.

use std::collections::BTreeMap;

use model::AssetEventKind;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::query::{bad_value, number, page_size};
use super::{QueryError, Time, words};
use crate::told::Metadata;

/// `GET /api/v1/assets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Assets {
    /// The assets, by code location and key.
    pub assets: Vec<Asset>,
    /// What to give as `after` for the next page; `null` if this is the last one.
    pub next: Option<String>,
}

/// An asset of a code location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asset {
    /// Its key, its parts joined by `/`.
    pub key: String,
    /// The code location that defines it.
    pub location: String,
    /// The group that it is in.
    pub group: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// The keys of the assets that it is made from.
    pub deps: Vec<String>,
    /// The pools that making it needs slots of.
    pub pools: Vec<String>,
    /// The jobs that make it.
    pub jobs: Vec<String>,
    /// The job by which it can be made alone or with others, with an `asset_selection`; `null` if it is
    /// not made here.
    pub job: Option<String>,
    /// How it is partitioned: `static`, `time_window`, `dynamic` or `multi`; `null` if it is not.
    pub partitions: Option<String>,
    /// When it was last made, as far as is known; `null` if it never was.
    pub latest_materialization_at: Option<Time>,
}

/// `GET /api/v1/assets/{location}/{asset}`: all about one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssetDetail {
    /// What lists show.
    #[serde(flatten)]
    pub asset: Asset,
    /// The latest time that it was made; `null` if it never was.
    pub latest_materialization: Option<AssetEvent>,
    /// Its checks, by name.
    pub checks: Vec<AssetCheck>,
}

/// A check of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssetCheck {
    /// Its name.
    pub name: String,
    /// The latest time that it was evaluated; `null` if it never was.
    pub latest: Option<AssetEvent>,
}

/// `GET /api/v1/asset-events`: events of assets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssetEvents {
    /// The events.
    pub events: Vec<AssetEvent>,
    /// What to give as `before` (as `after`, if the oldest come first) for the next page; `null` if
    /// there is nothing more now.
    pub next: Option<u64>,
}

/// Something that was told of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssetEvent {
    /// Its place among all changes.
    pub change: u64,
    /// What was told.
    #[serde(with = "words::asset_event_kind")]
    #[schema(schema_with = words::asset_event_kind::schema)]
    pub kind: AssetEventKind,
    /// The key of the asset.
    pub asset: String,
    /// The partition.
    pub partition: Option<String>,
    /// The name of the check, of a check.
    pub check: Option<String>,
    /// Whether the check has passed, of a check.
    pub passed: Option<bool>,
    /// How bad it is if the check has not passed, of a check: `WARN` or `ERROR`.
    pub severity: Option<String>,
    /// The id of the run that told it; its record may have been deleted.
    pub run: String,
    /// The job of the run.
    pub job: String,
    /// The code location of the job.
    pub location: String,
    /// The step that told it.
    pub step: String,
    /// When it happened.
    pub at: Time,
    /// More about it.
    pub description: Option<String>,
    /// What was told with it, in the order in which it was.
    pub metadata: Vec<Metadata>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What the data of an event of an asset have that its other parts do not.
#[derive(Debug, Default, Deserialize)]
struct Rest {
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    metadata: Vec<Metadata>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

impl From<&model::AssetEvent> for AssetEvent {
    fn from(event: &model::AssetEvent) -> Self {
        // It was written from a shape of ours.
        let rest: Rest = serde_json::from_str(&event.data).unwrap_or_default();
        Self {
            change: event.change.get(),
            kind: event.kind,
            asset: event.asset.clone(),
            partition: event.partition.clone(),
            check: event.check.clone(),
            passed: event.passed,
            severity: event.severity.clone(),
            run: event.run.to_string(),
            job: event.job.to_string(),
            location: event.location.to_string(),
            step: event.step.to_string(),
            at: event.at.into(),
            description: rest.description,
            metadata: rest.metadata,
            tags: rest.tags,
        }
    }
}

/// `GET /api/v1/materialized-partitions`: the partitions of an asset that were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MaterializedPartitions {
    /// Their keys, in their order.
    pub partitions: Vec<String>,
    /// What to give as `after` for the next page; `null` if this is the last one.
    pub next: Option<String>,
}

/// How many events of assets one answer has unless the request says otherwise.
pub const DEFAULT_ASSET_EVENTS: u32 = 100;

/// How many events of assets one answer can have; less, if they are large.
pub const MAX_ASSET_EVENTS: u32 = 1000;

/// Which events `GET /api/v1/asset-events` lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AssetEventFilter {
    /// Only of the asset with this key; of several, repeated, only with `latest`.
    #[param(rename = "asset", value_type = Option<Vec<String>>, example = json!(["sales/orders"]))]
    pub assets: Vec<String>,
    /// Only of this kind; of a materialization, with `latest`, unless given.
    #[param(value_type = Option<String>, example = "MATERIALIZATION")]
    pub kind: Option<AssetEventKind>,
    /// Only of this partition.
    pub partition: Option<String>,
    /// Only of the check of this name.
    pub check: Option<String>,
    /// Only what this run has told: its id.
    #[param(format = "uuid")]
    pub run: Option<String>,
    /// Only behind this change.
    pub after: Option<u64>,
    /// Only before this change.
    pub before: Option<u64>,
    /// `newest` first, or `oldest` first; the newest, unless given.
    #[param(rename = "order", value_type = Option<String>, pattern = "^(newest|oldest)$")]
    pub is_oldest_first: bool,
    /// Of each asset the newest event of the kind alone, in the order in which the assets are named.
    #[param(value_type = Option<bool>)]
    pub latest: bool,
    /// How many events, 1 to 1000; 100 unless given.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

impl AssetEventFilter {
    /// Reads the decoded pairs of a query.
    ///
    /// # Errors
    /// Says which parameter is unknown or wrong.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, QueryError> {
        let mut filter = Self::default();
        for (key, value) in pairs {
            filter.take(key.as_ref(), value.as_ref())?;
        }
        if filter.latest && filter.assets.is_empty() {
            return Err(bad_value("latest", "it needs at least one `asset`"));
        }
        if !filter.latest && filter.assets.len() > 1 {
            return Err(bad_value("asset", "several are for `latest=true`"));
        }
        // Without, all events there are would be walked for the few that are wanted.
        if filter.assets.is_empty() && filter.run.is_none() {
            let narrower = [
                ("kind", filter.kind.is_some()),
                ("partition", filter.partition.is_some()),
                ("check", filter.check.is_some()),
            ];
            if let Some((key, _)) = narrower.into_iter().find(|(_, is_given)| *is_given) {
                return Err(bad_value(key, "it needs an `asset` or a `run` beside it"));
            }
        }
        Ok(filter)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), QueryError> {
        match key {
            "asset" => self.assets.push(value.to_owned()),
            "kind" => {
                let kind = AssetEventKind::from_name(value);
                let problem = || bad_value(key, format!("there is no kind {value:?}"));
                self.kind = Some(kind.ok_or_else(problem)?);
            }
            "partition" => self.partition = Some(value.to_owned()),
            "check" => self.check = Some(value.to_owned()),
            "run" => self.run = Some(value.to_owned()),
            "after" => self.after = Some(number(key, value)?),
            "before" => self.before = Some(number(key, value)?),
            "order" => {
                self.is_oldest_first = match value {
                    "newest" => false,
                    "oldest" => true,
                    _ => return Err(bad_value(key, "it is `newest` or `oldest`")),
                };
            }
            "latest" => {
                self.latest = match value {
                    "true" => true,
                    "false" => false,
                    _ => return Err(bad_value(key, "it is `true` or `false`")),
                };
            }
            "limit" => {
                let limit = number(key, value)?;
                if !(1..=MAX_ASSET_EVENTS).contains(&limit) {
                    let problem = format!("it must be between 1 and {MAX_ASSET_EVENTS}");
                    return Err(bad_value(key, problem));
                }
                self.limit = Some(limit);
            }
            _ => {
                let known =
                    "asset, kind, partition, check, run, after, before, order, latest, limit";
                return Err(QueryError::UnknownKey { key: key.to_owned(), known });
            }
        }
        Ok(())
    }

    /// Returns the pairs of the query that says this.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs: Vec<_> = self.assets.iter().map(|key| ("asset", key.clone())).collect();
        pairs.extend(self.kind.map(|kind| ("kind", kind.as_str().to_owned())));
        pairs.extend(self.partition.clone().map(|partition| ("partition", partition)));
        pairs.extend(self.check.clone().map(|check| ("check", check)));
        pairs.extend(self.run.clone().map(|run| ("run", run)));
        pairs.extend(self.after.map(|change| ("after", change.to_string())));
        pairs.extend(self.before.map(|change| ("before", change.to_string())));
        pairs.extend(self.is_oldest_first.then(|| ("order", "oldest".to_owned())));
        pairs.extend(self.latest.then(|| ("latest", "true".to_owned())));
        pairs.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        pairs
    }
}

/// Which partitions `GET /api/v1/materialized-partitions` lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PartitionFilter {
    /// The key of the asset.
    pub asset: String,
    /// What the page before gave as `next`.
    #[param(min_length = 1)]
    pub after: Option<String>,
    /// How many partitions, 1 to 500; 50 unless given.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

impl PartitionFilter {
    /// Reads the decoded pairs of a query.
    ///
    /// # Errors
    /// Says which parameter is missing, unknown or wrong.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, QueryError> {
        let mut assets = Vec::new();
        let mut filter = Self::default();
        for (key, value) in pairs {
            let value = value.as_ref();
            match key.as_ref() {
                "asset" => assets.push(value.to_owned()),
                "after" => filter.after = Some(value.to_owned()),
                key @ "limit" => filter.limit = Some(page_size(key, value)?),
                key => {
                    let known = "asset, after, limit";
                    return Err(QueryError::UnknownKey { key: key.to_owned(), known });
                }
            }
        }
        match (assets.pop(), assets.is_empty()) {
            (Some(asset), true) => Ok(Self { asset, ..filter }),
            _ => Err(bad_value("asset", "one asset must be named")),
        }
    }

    /// Returns the pairs of the query that says this.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("asset", self.asset.clone())];
        pairs.extend(self.after.clone().map(|after| ("after", after)));
        pairs.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        pairs
    }
}
