//! The configuration of a deployment: YAML text to typed settings, every mistake told with its
//! place and a hint.
//!
//! This room does no I/O and reads no environment: bytes, a file's name and a way to look up
//! variables are arguments.

mod code;
mod conflict;
mod coordinator;
mod file;
mod hooks;
mod instance;
mod key;
pub mod keys;
mod problem;
mod reader;
mod record;
mod reference;
mod resolve;
mod schema;
mod sections;
mod show;
mod slip;
mod source;
mod substitution;
mod tag_limits;
mod walk;
mod wording;
pub mod yaml;

pub use code::Code;
pub use file::read_blocks;
pub use hooks::{HookAction, HookCondition, PythonClass, SubmissionHook, TagSource};
pub use instance::{
    Coordinator, History, InstanceConfig, Pools, Queue, RunLimits, RunMonitoring, RunRetries,
    Server, StepStart,
};
pub use problem::{Excerpt, MAX_PROBLEMS, Place, Problem, Problems, quoted};
pub use reader::{Fields, Reader, near_names};
pub use record::{Origin, Setting, Written};
pub use reference::reference;
pub use schema::schema;
pub use show::Row;
pub use source::{MAX_FILE_BYTES, Source, Span};
pub use walk::{Lookup, MAX_ITEMS};
