//! Starts the worker of an attempt, ends what is left of one, and says whether anything of it lives.
//!
//! What a launcher says about a start is a hint: whether a worker may run user code is decided when
//! it begins. What it says about an end is proof: an attempt is [`Sight::Gone`] only if nothing of it
//! can run any more.

mod launcher;
pub mod local;

pub use launcher::{
    ForgetError, LaunchError, LaunchOrder, Launcher, ListError, Sight, TerminateError, Token,
};
