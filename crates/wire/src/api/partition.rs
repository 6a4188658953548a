//! Dynamic partitions: sets of keys that grow and shrink while the server runs.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::QueryError;
use super::query::{bad_value, page_size};

/// How many keys one request may add and remove together: they are written in one commit.
pub const MAX_CHANGED_PARTITIONS: usize = 1000;

/// `GET /api/v1/dynamic-partitions`: a page of the names that have keys, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartitionSets {
    /// The names.
    pub dynamic_partitions: Vec<PartitionSet>,
    /// What to give as `after` for the next page; `null` if this is the last one.
    pub next: Option<String>,
}

/// A set of dynamic partitions as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartitionSet {
    /// Its name.
    pub name: String,
    /// How many keys it has.
    pub count: u64,
}

/// `GET /api/v1/dynamic-partitions/{name}`: a page of its keys, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Partitions {
    /// The name of the set.
    pub name: String,
    /// The keys.
    pub partitions: Vec<String>,
    /// What to give as `after` for the next page; `null` if this is the last one.
    pub next: Option<String>,
}

/// Which keys of a set `GET /api/v1/dynamic-partitions/{name}` lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DynamicPartitionFilter {
    /// This key alone, if it is there.
    #[param(min_length = 1)]
    pub key: Option<String>,
    /// What the page before gave as `next`.
    #[param(pattern = "^[0-9]+$")]
    pub after: Option<u64>,
    /// How many keys, 1 to 500; 50 unless given.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

impl DynamicPartitionFilter {
    /// Reads the decoded pairs of a query.
    ///
    /// # Errors
    /// Says which parameter is unknown or wrong.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, QueryError> {
        let mut filter = Self::default();
        for (key, value) in pairs {
            let value = value.as_ref();
            match key.as_ref() {
                "key" => filter.key = Some(value.to_owned()),
                key @ "after" => {
                    let place = value.parse().map_err(|_| {
                        bad_value(key, format!("{value:?} is no place in this list"))
                    })?;
                    filter.after = Some(place);
                }
                key @ "limit" => filter.limit = Some(page_size(key, value)?),
                key => {
                    let known = "key, after, limit";
                    return Err(QueryError::UnknownKey { key: key.to_owned(), known });
                }
            }
        }
        Ok(filter)
    }
}

/// `POST /api/v1/dynamic-partitions/{name}`: adds keys and removes others, at most 1000 together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePartitions {
    /// The keys to add, in this order; one that is there keeps its place.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub add: Vec<String>,
    /// The keys to remove.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub remove: Vec<String>,
}

/// What a change of dynamic partitions has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedPartitions {
    /// The name of the set.
    pub name: String,
    /// The keys that were not there before.
    pub added: Vec<String>,
    /// The keys that were there before.
    pub removed: Vec<String>,
}
