//! What the code of a step tells beside how it ends: one shape on its way from Python through the
//! worker and the daemon to whoever asks the API.
//!
//! How much of it is kept is decided where the worker reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much one event tells at most, in bytes of its JSON: beyond that it is cut, and says so.
pub const MAX_EVENT_DATA: usize = 64 * 1024;

/// One entry of metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Metadata {
    /// What it is called.
    pub label: String,
    /// What `value` is: `text`, `url`, `path`, `json`, `markdown`, `float`, `int`, `bool`, `table`,
    /// `asset`, `null` or `other`; `left_out` if it was too large, and `value` says how large.
    pub kind: String,
    /// The value.
    #[serde(default)]
    #[schema(value_type = serde_json::Value)]
    pub value: serde_json::Value,
}

/// Something that code has told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Told {
    /// It made an asset.
    Materialization(AboutAsset),
    /// It noticed something of an asset.
    Observation(AboutAsset),
    /// It has evaluated a check of an asset.
    Check {
        /// The key of the asset, its parts joined by `/`.
        asset_key: String,
        /// The name of the check.
        check: String,
        /// Whether it has passed.
        passed: bool,
        /// How bad it is if it has not: `WARN` or `ERROR`.
        #[serde(default)]
        severity: Option<String>,
        /// More about it.
        #[serde(default)]
        description: Option<String>,
        /// What was told with it.
        #[serde(default)]
        metadata: Vec<Metadata>,
    },
    /// It has tested what it expects.
    Expectation {
        /// What it is called.
        #[serde(default)]
        label: Option<String>,
        /// Whether it is as expected.
        passed: bool,
        /// More about it.
        #[serde(default)]
        description: Option<String>,
        /// What was told with it.
        #[serde(default)]
        metadata: Vec<Metadata>,
    },
    /// It gave an output.
    Output {
        /// Its name.
        name: String,
        /// The key of this value of a dynamic output.
        #[serde(default)]
        mapping_key: Option<String>,
        /// What was told with it.
        #[serde(default)]
        metadata: Vec<Metadata>,
    },
    /// A step inside it has begun a try.
    Started,
    /// A step inside it has ended well.
    Succeeded,
    /// A step inside it has nothing to do.
    Skipped,
    /// A try of a step inside it has failed, and there will be another one.
    UpForRetry {
        /// What went wrong.
        #[serde(default)]
        error: Option<Error>,
    },
    /// A step inside it has failed.
    Failed {
        /// What went wrong.
        error: Error,
    },
    /// It told more than is kept.
    LeftOut {
        /// How many events are left out.
        events: u64,
    },
}

/// What is told of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutAsset {
    /// The key of the asset, its parts joined by `/`.
    pub asset_key: String,
    /// The partition of the asset.
    #[serde(default)]
    pub partition: Option<String>,
    /// More about it.
    #[serde(default)]
    pub description: Option<String>,
    /// What was told with it.
    #[serde(default)]
    pub metadata: Vec<Metadata>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What went wrong in code.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Error {
    /// The class of the exception.
    #[serde(default)]
    pub class: Option<String>,
    /// What the exception says.
    pub message: String,
    /// The frames, as Python writes them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stack: String,
    /// What caused it.
    #[serde(default)]
    pub cause: Option<Box<Error>>,
}

/// How many causes of an error a sentence tells.
const MAX_CAUSES: usize = 5;

impl Error {
    /// Tells the error with its causes on one line. What says nothing itself but was caused, as
    /// Dagster's own wish for another try, is passed over.
    pub fn sentence(&self) -> String {
        let told = self.cause.as_deref().filter(|_| self.message.is_empty());
        let error = told.unwrap_or(self);
        let mut text = error.alone();
        let mut cause = error.cause.as_deref();
        for _ in 0..MAX_CAUSES {
            let Some(error) = cause else { break };
            text += &format!("; caused by {}", error.alone());
            cause = error.cause.as_deref();
        }
        text
    }

    /// Tells it without its causes, on one line; as it is, it stands in the output of the step.
    fn alone(&self) -> String {
        let words: Vec<&str> = self.message.split_whitespace().collect();
        let message = words.join(" ");
        let message = message.trim_end_matches(':');
        match &self.class {
            Some(class) if message.is_empty() => class.clone(),
            Some(class) => format!("{class}: {message}"),
            None => message.to_owned(),
        }
    }
}
