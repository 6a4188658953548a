//! One line on standard error that says how far something long has come; it is there on a terminal
//! alone, and is wiped away before anything else is printed.

use std::io::{IsTerminal, Write};

use crate::show::plain;

/// The line, while there is something to wait for.
#[derive(Debug)]
pub(crate) struct Progress {
    is_shown: bool,
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self { is_shown: false, is_terminal: std::io::stderr().is_terminal() && !is_dumb }
    }

    /// Shows a text in place of the one before.
    pub(crate) fn show(&mut self, text: &str) {
        if self.is_terminal {
            self.is_shown = true;
            write(&format!("\r\x1b[2K{}", plain(text)));
        }
    }

    /// Wipes the line away.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            write("\r\x1b[2K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Writes to standard error; whether anybody sees it makes no difference.
fn write(text: &str) {
    let mut stderr = std::io::stderr();
    drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
}
