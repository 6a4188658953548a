//! How answers look to people: tables, statuses, durations.
//!
//! Everything here is text in, text out; what is shown is decided by the commands.

mod table;
mod words;

pub(crate) use table::{Cell, Style, table};
pub(crate) use words::{
    ago, fields, holders, interval, plain, reason, run_status, step_status, tags, took,
};
