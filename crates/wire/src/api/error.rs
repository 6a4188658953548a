//! Errors of the API: one envelope, codes that stay.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::words;

/// The body of every answer that is an error: `{"error": {...}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorAnswer {
    /// What is wrong.
    pub error: ErrorDetail,
}

/// What is wrong, for a machine and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// The code, which stays.
    pub code: ErrorCode,
    /// What is wrong, as a sentence.
    pub message: String,
    /// How to mend it, as a sentence.
    #[serde(default)]
    pub hint: Option<String>,
}

impl ErrorAnswer {
    /// Makes an error without a hint.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { error: ErrorDetail { code, message: message.into(), hint: None } }
    }

    /// Adds how to mend it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.error.hint = Some(hint.into());
        self
    }
}

/// Declares the codes with their words and HTTP statuses.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal, $status:literal;)+) => {
        /// What kind of error it is. The words stay; new ones may come.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// Returns what it means, as one sentence or more.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+),)+
                }
            }

            /// Returns the HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $status,)+
                }
            }
        }
    };
}

codes! {
    /// The request has a value that cannot be.
    BadRequest = "bad_request", 400;
    /// The body is not JSON, or JSON of another form.
    InvalidJson = "invalid_json", 400;
    /// The body or the query has a key that is not known.
    UnknownKey = "unknown_key", 400;
    /// What the run has written is not kept any more.
    OutputRemoved = "output_removed", 410;
    /// The request is larger than it may be.
    TooLarge = "too_large", 413;
    /// The token is missing or wrong.
    Unauthorized = "unauthorized", 401;
    /// The `Host` header names another host.
    ForbiddenHost = "forbidden_host", 421;
    /// The request comes from a page of another origin.
    ForbiddenOrigin = "forbidden_origin", 403;
    /// There is nothing at this address.
    NotFound = "not_found", 404;
    /// What is at this address does not take this method.
    MethodNotAllowed = "method_not_allowed", 405;
    /// The body did not arrive in time.
    Timeout = "timeout", 408;
    /// The body does not say that it is JSON.
    UnsupportedMediaType = "unsupported_media_type", 415;
    /// There is no such run.
    UnknownRun = "unknown_run", 404;
    /// Several runs have an id that begins like this.
    AmbiguousPrefix = "ambiguous_prefix", 409;
    /// There is no such job.
    UnknownJob = "unknown_job", 404;
    /// Several code locations have a job of this name.
    AmbiguousJob = "ambiguous_job", 409;
    /// There is no such code location.
    UnknownLocation = "unknown_location", 404;
    /// The code in which the job may be is still being loaded.
    LocationLoading = "location_loading", 503;
    /// There is a run with the id that was asked for.
    RunExists = "run_exists", 409;
    /// Something else was submitted under the same idempotency key.
    KeyReused = "key_reused", 409;
    /// The run has ended already.
    RunEnded = "run_ended", 409;
    /// The run is in progress.
    RunInProgress = "run_in_progress", 409;
    /// The slots belong to the run until it ends, not to its steps.
    SlotsOfRun = "slots_of_run", 409;
    /// The request means more runs than one may change.
    TooManyRuns = "too_many_runs", 422;
    /// The configuration file cannot be put in force; the one before stays.
    InvalidConfiguration = "invalid_configuration", 422;
    /// The text is no pool name.
    InvalidPool = "invalid_pool", 400;
    /// The text is no name or key of dynamic partitions, or there are too many keys.
    InvalidPartition = "invalid_partition", 400;
    /// The number cannot be a pool's limit.
    InvalidLimit = "invalid_limit", 400;
    /// The value cannot be a priority.
    InvalidPriority = "invalid_priority", 400;
    /// A submission hook refuses the run.
    Rejected = "rejected", 422;
    /// A submission hook failed, so that nobody knows whether it would refuse the run.
    HookFailed = "hook_failed", 502;
    /// The server cannot do it now; later it can.
    Unavailable = "unavailable", 503;
    /// The disk is full; nothing was changed.
    DiskFull = "disk_full", 503;
    /// The server has a fault. Clients read a word that they do not know as this one.
    Internal = "internal", 500;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let words = Self::ALL.iter().map(|code| code.as_str());
        words::schema("What kind of error it is. The words stay; new ones may come.", words).into()
    }
}

impl ToSchema for ErrorCode {}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = Self::ALL.iter().copied().find(|code| code.as_str() == word);
        Ok(known.unwrap_or(Self::Internal))
    }
}
