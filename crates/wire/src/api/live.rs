//! Live changes: of runs that were submitted, of slots that are held, of the configuration.

use std::collections::BTreeMap;
use std::fmt;

use model::RunStatus;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Time, words};

/// How many runs one request may change: all of them are written in one commit.
pub const MAX_CHANGED_RUNS: usize = 10_000;

/// `POST /api/v1/run-changes`: changes runs that have not ended, all or nothing. Either `runs` or
/// `query` says which; both or neither is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunChanges {
    /// The runs, each by its id or a beginning of it that no other run has; at most
    /// [`MAX_CHANGED_RUNS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<Vec<String>>,
    /// Which runs, as a query; at most [`MAX_CHANGED_RUNS`] may match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<RunQuery>,
    /// What is changed.
    pub change: RunChange,
    /// Whether to tell only what would come of it, and to change nothing.
    #[serde(default)]
    pub preview: bool,
}

/// What is changed of a run. In JSON: `{"priority": 5}`, `{"set_tags": {"k": "v"}, "remove_tags":
/// ["k2"]}`, `"hold"` or `"release"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunChange {
    /// It has this priority from now on, and its tag `dagster/priority` says so.
    Priority(i32),
    /// Its tags.
    Tags {
        /// These are set, over values that they may have.
        set: BTreeMap<String, String>,
        /// These are taken away.
        remove: Vec<String>,
    },
    /// It stays in the queue until it is released.
    Hold,
    /// It is held no longer.
    Release,
}

/// Which runs; every key that is given must match. Without a status, runs that have not ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunQuery {
    /// Runs in one of these statuses.
    #[serde(default, with = "words::run_statuses", skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<RunStatus>,
    /// Runs of jobs with this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Runs of this code location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Runs that have all these tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Runs that were submitted at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

/// The answer to [`RunChanges`]. Each run that matched stands in one of the lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunChangesAnswer {
    /// How many runs were meant.
    pub matched: u64,
    /// The ids of the runs that are changed.
    pub changed: Vec<String>,
    /// The ids of the runs that are as the change would make them already.
    pub unchanged: Vec<String>,
    /// The runs that cannot be changed like this; they stay as they are.
    pub refused: Vec<RefusedChange>,
    /// The ids of the runs that start at once because of the change, in their order.
    pub started: Vec<String>,
    /// Whether more start than `started` names.
    pub is_started_cut: bool,
    /// Whether nothing was changed, and all this is what would be.
    pub is_preview: bool,
}

/// A run that cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedChange {
    /// Its id.
    pub run: String,
    /// Why, as a sentence.
    pub reason: String,
}

/// `POST /api/v1/runs/{run}/free-slots`: gives back the slots that steps of a run hold in pools,
/// while the steps go on. What waits for slots goes on waiting.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreeSlots {
    /// The key of the step; all steps of the run, if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// The answer to [`FreeSlots`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FreedSlots {
    /// What was given back, by step; empty if nothing was held.
    pub freed: Vec<FreedStep>,
}

/// What one step gave back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreedStep {
    /// The step's key.
    pub step: String,
    /// How many slots of each pool.
    pub pools: BTreeMap<String, u32>,
}

/// The configuration in force: in `GET /api/v1/instance`, and the answer to
/// `POST /api/v1/configuration/reload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// The file that is in force; `null` if it is the defaults.
    pub path: Option<String>,
    /// When it was put in force.
    pub loaded_at: Time,
    /// Why the file as it is now is not in force; `null` if it is.
    pub problem: Option<ConfigurationProblem>,
    /// The keys whose new values come into force only when the daemon is started again.
    pub needs_restart: Vec<String>,
}

/// Why a file is not in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationProblem {
    /// What is wrong in it, with its place, for people.
    pub message: String,
    /// When that was found.
    pub at: Time,
}

/// The words of the changes that need nothing more.
const HOLD: &str = "hold";
const RELEASE: &str = "release";

/// A change as an object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    priority: Option<i32>,
    set_tags: Option<BTreeMap<String, String>>,
    remove_tags: Option<Vec<String>>,
}

impl Serialize for RunChange {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Hold => to.serialize_str(HOLD),
            Self::Release => to.serialize_str(RELEASE),
            Self::Priority(priority) => {
                let mut map = to.serialize_map(Some(1))?;
                map.serialize_entry("priority", priority)?;
                map.end()
            }
            Self::Tags { set, remove } => {
                let mut map = to.serialize_map(Some(2))?;
                map.serialize_entry("set_tags", set)?;
                map.serialize_entry("remove_tags", remove)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for RunChange {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ChangeVisitor)
    }
}

struct ChangeVisitor;

impl<'de> Visitor<'de> for ChangeVisitor {
    type Value = RunChange;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "`hold`, `release`, or an object with `priority`, or with `set_tags` and `remove_tags`",
        )
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<RunChange, E> {
        match word {
            HOLD => Ok(RunChange::Hold),
            RELEASE => Ok(RunChange::Release),
            _ => Err(E::unknown_variant(word, &[HOLD, RELEASE])),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RunChange, A::Error> {
        let Fields { priority, set_tags, remove_tags } =
            Fields::deserialize(MapAccessDeserializer::new(map))?;
        match (priority, set_tags, remove_tags) {
            (Some(priority), None, None) => Ok(RunChange::Priority(priority)),
            (None, None, None) => Err(A::Error::custom(
                "nothing is changed: give `priority`, `set_tags` or `remove_tags`",
            )),
            (None, set, remove) => Ok(RunChange::Tags {
                set: set.unwrap_or_default(),
                remove: remove.unwrap_or_default(),
            }),
            (Some(_), ..) => {
                Err(A::Error::custom("`priority` stands alone: change the tags in another request"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: &str) -> Result<RunChange, String> {
        serde_json::from_str(change).map_err(|error| error.to_string())
    }

    #[test]
    fn every_change_reads_back_as_it_was_written() {
        let set = BTreeMap::from([("team".to_owned(), "docs".to_owned())]);
        for (change, json) in [
            (RunChange::Priority(-5), r#"{"priority":-5}"#),
            (
                RunChange::Tags { set, remove: vec!["old".to_owned()] },
                r#"{"set_tags":{"team":"docs"},"remove_tags":["old"]}"#,
            ),
            (RunChange::Hold, r#""hold""#),
            (RunChange::Release, r#""release""#),
        ] {
            assert_eq!(serde_json::to_string(&change).unwrap(), json);
            assert_eq!(read(json), Ok(change));
        }
        let removed = RunChange::Tags { set: BTreeMap::new(), remove: vec!["a".to_owned()] };
        assert_eq!(read(r#"{"remove_tags": ["a"]}"#), Ok(removed));
    }

    #[test]
    fn a_change_that_cannot_be_meant_is_an_error_that_says_what_can() {
        for (json, told) in [
            (r#""pause""#, "expected `hold` or `release`"),
            ("{}", "give `priority`, `set_tags` or `remove_tags`"),
            (r#"{"priority": 1, "set_tags": {"a": "b"}}"#, "`priority` stands alone"),
            (r#"{"priorty": 1}"#, "unknown field `priorty`"),
            ("5", "expected `hold`, `release`, or an object"),
            (r#"{"priority": 3000000000}"#, "invalid value"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(told), "{json}: {error}");
        }
    }

    #[test]
    fn a_request_says_only_what_it_means() {
        let query = RunQuery { status: vec![RunStatus::Queued], ..RunQuery::default() };
        let request =
            RunChanges { runs: None, query: Some(query), change: RunChange::Hold, preview: true };
        let json = r#"{"query":{"status":["QUEUED"]},"change":"hold","preview":true}"#;
        assert_eq!(serde_json::to_string(&request).unwrap(), json);
        assert_eq!(serde_json::from_str::<RunChanges>(json).unwrap(), request);
        for wrong in [
            r#"{"query": {"statuses": []}, "change": "hold"}"#,
            r#"{"query": {"status": ["RUNNING"]}, "change": "hold"}"#,
            r#"{"run": [], "change": "hold"}"#,
        ] {
            assert!(serde_json::from_str::<RunChanges>(wrong).is_err(), "{wrong}");
        }
    }
}
