//! The items of `submission_hooks`: what they are. How they are read, which of them are mistakes and
//! how they are written stands beside.

mod check;
mod read;
mod written;

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use check::refuse_what_is_no_hook;
pub(crate) use read::submission_hooks;
pub(crate) use written::as_written;

/// One item of `submission_hooks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionHook {
    /// What it does.
    pub action: HookAction,
    /// Which runs it is about.
    pub when: HookCondition,
}

/// What a submission hook does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookAction {
    /// It sets a tag.
    Tag {
        /// The key of the tag.
        key: String,
        /// Where the value comes from.
        source: TagSource,
        /// Whether it takes the place of a tag that the run has already.
        overwrite: bool,
    },
    /// It refuses the run, for this reason.
    Reject(String),
    /// It asks a program.
    Command {
        /// The program and its arguments.
        command: Vec<String>,
        /// How long it may take over one run.
        timeout: Duration,
    },
    /// It asks a Python class.
    Class(PythonClass),
}

/// A run coordinator class of the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonClass {
    /// The Python module.
    pub module: String,
    /// The class in it.
    pub class: String,
    /// What is handed to the class, as it is written: a map.
    pub config: serde_json::Value,
}

impl PythonClass {
    /// Returns its dotted name.
    pub fn name(&self) -> String {
        format!("{}.{}", self.module, self.class)
    }
}

/// Where the value of a tag comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagSource {
    /// A header of the request.
    Header {
        /// Its name, as it is written.
        name: String,
        /// The value without it.
        default: Option<String>,
    },
    /// The name of the code location.
    CodeLocation,
    /// The name of the job.
    Job,
    /// Who submits the run.
    User {
        /// The value where nobody is named.
        default: Option<String>,
    },
    /// Always the same.
    Constant(String),
}

/// Which runs a hook is about: all of which everything that is said is true. `*` in a text stands for
/// any text, also none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookCondition {
    /// The name of the job.
    pub job: Option<String>,
    /// The name of the code location.
    pub location: Option<String>,
    /// Tags that the run must have.
    pub tags: BTreeMap<String, String>,
    /// Headers that the request must have.
    pub headers: BTreeMap<String, String>,
    /// Tags that the run must not have.
    pub without_tags: Vec<String>,
    /// Headers that the request must not have.
    pub without_headers: Vec<String>,
}
