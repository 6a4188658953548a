//! The configuration of a deployment: YAML text to typed settings, every mistake told with its
//! place and a hint.
//!
//! This room does no I/O and reads no environment: bytes, a file's name and a way to look up
//! variables are arguments.

mod problem;
mod reader;
mod source;
pub mod yaml;

pub use problem::{Excerpt, MAX_PROBLEMS, Place, Problem, Problems};
pub use reader::{Fields, Reader};
pub use source::{MAX_FILE_BYTES, Source, Span};
