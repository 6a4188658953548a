//! Assets: what jobs make.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
}
