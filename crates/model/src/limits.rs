//! The limits that a deployment sets: what the configuration says once it has been read.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::pool::{Granularity, PoolLimit};

/// How much a limit lets through at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capacity {
    /// At most this many; 0 lets nothing through.
    AtMost(u32),
    /// As many as ask.
    Unlimited,
}

impl Capacity {
    /// Returns whether so many units fit into it when nothing is taken.
    pub fn is_at_least(self, units: u32) -> bool {
        match self {
            Self::AtMost(limit) => units <= limit,
            Self::Unlimited => true,
        }
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(number) => number.fmt(f),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

/// Every setting that the decisions depend on. A decision uses one version of it throughout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Runs in progress at one time; 10 unless set (Dagster's `max_concurrent_runs`).
    pub max_concurrent_runs: Capacity,
    /// Runs in progress at one time over all branch deployments together; unlimited unless set.
    pub max_branch_deployment_runs: Capacity,
    /// Limits on runs in progress by tag (Dagster's `tag_concurrency_limits`).
    pub tag_limits: TagLimits,
    /// How pools are enforced (Dagster's `concurrency.pools`).
    pub pools: PoolSettings,
    /// How long a claim for more than one slot may be passed over before it reserves its pools;
    /// never, if not set.
    pub reserve_after: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_concurrent_runs: Capacity::AtMost(10),
            max_branch_deployment_runs: Capacity::Unlimited,
            tag_limits: TagLimits::default(),
            pools: PoolSettings::default(),
            reserve_after: None,
        }
    }
}

/// How pools are enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolSettings {
    /// Who holds the slots.
    pub granularity: Granularity,
    /// The limit of a pool that has none of its own; without it such a pool is unlimited.
    pub default_limit: Option<PoolLimit>,
    /// How many root slots beyond a pool's room a run may still start with, at op granularity only
    /// (Dagster's `op_granularity_run_buffer`).
    pub run_buffer: u32,
    /// Whether the queue looks at pools at all (Dagster's
    /// `block_op_concurrency_limited_runs.enabled`).
    pub blocking: PoolBlocking,
}

/// Whether a queued run waits for pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PoolBlocking {
    /// A run that the pools would stop at once stays queued.
    #[default]
    HoldsRunsBack,
    /// Runs start whatever the pools say; only steps wait.
    StepsOnly,
}

/// Limits the runs in progress that carry a tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagLimit {
    /// The tag's key.
    pub key: String,
    /// Which values of the tag it counts, and whether together or apart.
    pub matches: TagMatch,
    /// How many such runs may be in progress at one time; 0 holds all of them back.
    pub limit: u32,
}

/// Which runs a tag limit counts together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagMatch {
    /// All runs that have the key, whatever its value.
    Key,
    /// The runs whose tag has this value; the empty value is a value.
    Value(String),
    /// The runs that have the key, each distinct value counted apart (Dagster's
    /// `applyLimitPerUniqueValue: true`).
    EachValue,
}

/// The tag limits of a deployment, no two of one kind on the same key (and value).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagLimits(Vec<TagLimit>);

/// Two limits of one kind on the same key and value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("tag `{}` has two limits of the same kind", .0.key)]
pub struct DuplicateTagLimit(
    /// The second of the two.
    pub TagLimit,
);

impl TagLimits {
    /// Takes the limits in any order.
    ///
    /// # Errors
    /// [`DuplicateTagLimit`] if two are of one kind on the same key and value: which of them was
    /// meant cannot be known. (Dagster silently takes the last.)
    pub fn new(mut limits: Vec<TagLimit>) -> Result<Self, DuplicateTagLimit> {
        limits.sort();
        let same =
            |pair: &&[TagLimit]| pair[0].key == pair[1].key && pair[0].matches == pair[1].matches;
        match limits.windows(2).find(same) {
            Some(pair) => Err(DuplicateTagLimit(pair[1].clone())),
            None => Ok(Self(limits)),
        }
    }

    /// Returns every limit, ordered by key and kind.
    pub fn iter(&self) -> impl Iterator<Item = &TagLimit> {
        self.0.iter()
    }

    /// Returns the limits on one key.
    pub fn on_key<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a TagLimit> {
        let first = self.0.partition_point(|limit| limit.key.as_str() < key);
        self.0[first..].iter().take_while(move |limit| limit.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(key: &str, matches: TagMatch, limit: u32) -> TagLimit {
        TagLimit { key: key.to_owned(), matches, limit }
    }

    #[test]
    fn oddity_24_two_limits_of_one_kind_on_one_key_are_an_error() {
        let value = |v: &str| TagMatch::Value(v.to_owned());
        assert!(
            TagLimits::new(vec![
                limit("team", TagMatch::Key, 1),
                limit("team", TagMatch::EachValue, 1),
                limit("team", value("a"), 1),
                limit("team", value("b"), 1),
            ])
            .is_ok()
        );
        for matches in [TagMatch::Key, TagMatch::EachValue, value("a")] {
            let twice = vec![limit("team", matches.clone(), 2), limit("team", matches, 1)];
            assert!(TagLimits::new(twice).is_err());
        }
    }

    #[test]
    fn limits_are_found_by_key() {
        let limits = TagLimits::new(vec![
            limit("b", TagMatch::Key, 1),
            limit("a", TagMatch::Key, 2),
            limit("b", TagMatch::EachValue, 3),
            limit("c", TagMatch::Key, 4),
        ])
        .unwrap();
        let found: Vec<u32> = limits.on_key("b").map(|limit| limit.limit).collect();
        assert_eq!(found, [1, 3]);
        assert_eq!(limits.on_key("bb").count(), 0);
    }
}
