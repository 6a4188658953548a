//! The limits inside one run: how many of its steps run at once, all together and by their tags.
//!
//! Says which of them a step falls under, for the worker that keeps to them and for whoever explains
//! why a step waits. When a step goes on is decided by the worker.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// How many steps of a run run at once (Dagster's executor). The default bounds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Executor {
    /// How many steps run at once at most; no bound, if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<NonZeroU32>,
    /// Limits on the steps that run at once by their tags. Every one that a step falls under holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tag_concurrency_limits: Vec<StepTagLimit>,
    /// Whether the steps were to share one process, one after another (Dagster's in-process
    /// executor): `max_concurrent` is 1 then. A command is a process of its own all the same.
    #[serde(default, skip_serializing_if = "is_not")]
    pub in_process: bool,
}

/// Limits the steps of a run that carry a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTagLimit {
    /// The tag's key.
    pub key: String,
    /// Which values of the tag it counts, and whether together or apart.
    #[serde(default, skip_serializing_if = "StepMatch::is_key")]
    pub value: StepMatch,
    /// How many such steps run at once at most.
    pub limit: NonZeroU32,
}

/// Which steps a tag limit counts together: in JSON `null`, a text, or
/// `{"applyLimitPerUniqueValue": true}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(from = "Option<MatchShape>", into = "Option<MatchShape>")]
pub enum StepMatch {
    /// All steps that have the key, whatever its value.
    #[default]
    Key,
    /// The steps whose tag has this value; the empty value is a value.
    Value(String),
    /// The steps that have the key, each distinct value counted apart.
    EachValue,
}

impl StepMatch {
    fn is_key(&self) -> bool {
        *self == Self::Key
    }
}

/// A match as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum MatchShape {
    Value(String),
    Each {
        #[serde(rename = "applyLimitPerUniqueValue")]
        is_each: bool,
    },
}

impl From<Option<MatchShape>> for StepMatch {
    fn from(shape: Option<MatchShape>) -> Self {
        match shape {
            None | Some(MatchShape::Each { is_each: false }) => Self::Key,
            Some(MatchShape::Value(value)) => Self::Value(value),
            Some(MatchShape::Each { is_each: true }) => Self::EachValue,
        }
    }
}

impl From<StepMatch> for Option<MatchShape> {
    fn from(matches: StepMatch) -> Self {
        match matches {
            StepMatch::Key => None,
            StepMatch::Value(value) => Some(MatchShape::Value(value)),
            StepMatch::EachValue => Some(MatchShape::Each { is_each: true }),
        }
    }
}

/// One limit inside a run, as far as it counts its steps together: a limit on each value of a tag is
/// one of these for each value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnLimit {
    /// On all steps.
    AllSteps,
    /// On all steps with this tag.
    Key(String),
    /// On the steps whose tag has a value: the key, then the value.
    Value(String, String),
    /// On the steps whose tag has a value, as on those of each other value: the key, then the value.
    EachValue(String, String),
}

impl fmt::Display for OwnLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllSteps => f.write_str("max_concurrent"),
            Self::Key(key) => write!(f, "{key}"),
            Self::Value(key, value) => write!(f, "{key}={value}"),
            Self::EachValue(key, value) => write!(f, "{key}={value}, each value apart"),
        }
    }
}

impl Executor {
    /// Returns whether it bounds nothing and says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the limits that a step with these tags falls under, each with how many steps it lets
    /// run at once.
    pub fn limits_of(&self, tags: &BTreeMap<String, String>) -> Vec<(OwnLimit, NonZeroU32)> {
        let of_all = self.max_concurrent.map(|most| (OwnLimit::AllSteps, most));
        let by_tag = self.tag_concurrency_limits.iter().filter_map(|limit| {
            let value = tags.get(&limit.key)?;
            Some((limit.on(value)?, limit.limit))
        });
        of_all.into_iter().chain(by_tag).collect()
    }
}

impl StepTagLimit {
    /// Returns which steps it counts together with one whose tag has this value; none if it does
    /// not count that one.
    fn on(&self, value: &str) -> Option<OwnLimit> {
        let (key, value) = (self.key.clone(), value.to_owned());
        match &self.value {
            StepMatch::Key => Some(OwnLimit::Key(key)),
            StepMatch::Value(wanted) => (*wanted == value).then_some(OwnLimit::Value(key, value)),
            StepMatch::EachValue => Some(OwnLimit::EachValue(key, value)),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_not(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_three_forms_of_a_tag_limit_are_written_as_dagster_writes_them() {
        let text = json!({
            "max_concurrent": 4,
            "tag_concurrency_limits": [
                {"key": "a", "limit": 1},
                {"key": "a", "value": "x", "limit": 2},
                {"key": "a", "value": {"applyLimitPerUniqueValue": true}, "limit": 3},
            ],
        });
        let executor: Executor = serde_json::from_value(text.clone()).unwrap();
        let forms: Vec<&StepMatch> =
            executor.tag_concurrency_limits.iter().map(|limit| &limit.value).collect();
        assert_eq!(
            forms,
            [&StepMatch::Key, &StepMatch::Value("x".to_owned()), &StepMatch::EachValue]
        );
        assert_eq!(serde_json::to_value(&executor).unwrap(), text);
        for value in [json!(null), json!({"applyLimitPerUniqueValue": false})] {
            let limit: StepTagLimit =
                serde_json::from_value(json!({"key": "a", "value": value, "limit": 1})).unwrap();
            assert_eq!(limit.value, StepMatch::Key);
        }
    }

    #[test]
    fn a_limit_that_lets_no_step_run_is_none() {
        assert!(serde_json::from_value::<Executor>(json!({"max_concurrent": 0})).is_err());
        let limit = json!({"key": "a", "limit": 0});
        assert!(serde_json::from_value::<StepTagLimit>(limit).is_err());
    }

    #[test]
    fn a_step_falls_under_every_limit_on_its_tags() {
        let executor: Executor = serde_json::from_value(json!({
            "max_concurrent": 9,
            "tag_concurrency_limits": [
                {"key": "a", "limit": 1},
                {"key": "a", "value": "x", "limit": 2},
                {"key": "a", "value": {"applyLimitPerUniqueValue": true}, "limit": 3},
                {"key": "b", "limit": 4},
            ],
        }))
        .unwrap();
        let shown = |tags: &[(&str, &str)]| {
            let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            let limits = executor.limits_of(&tags.iter().map(own).collect());
            limits.iter().map(|(limit, most)| format!("{limit}: {most}")).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(&[("a", "x"), ("c", "")]),
            ["max_concurrent: 9", "a: 1", "a=x: 2", "a=x, each value apart: 3"]
        );
        assert_eq!(
            shown(&[("a", "y"), ("b", "")]),
            ["max_concurrent: 9", "a: 1", "a=y, each value apart: 3", "b: 4"]
        );
        assert_eq!(shown(&[]), ["max_concurrent: 9"]);
    }
}
