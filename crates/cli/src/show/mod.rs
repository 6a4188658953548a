//! How answers look to people: tables, statuses, durations.
//!
//! Everything here is text in, text out; what is shown is decided by the commands.

mod layout;
mod metadata;
mod table;
mod words;

#[cfg(feature = "tui")]
pub(crate) use self::{
    layout::{GAP, cut, width},
    table::widths,
};
pub(crate) use metadata::metadata;
pub(crate) use table::{Cell, Colour, Style, When, lines, table};
pub(crate) use words::{
    ago, asset_event, check_result, fields, holders, interval, own_tags, plain, quoted, reason,
    run_status, step_status, tags, took,
};
