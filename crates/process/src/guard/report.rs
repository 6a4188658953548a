//! What a guard tells the worker: JSON lines on its standard output.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The command was started.
    Started {
        /// Its process.
        pid: u32,
    },
    /// The command ended by itself, and nothing of it is left.
    Exited {
        /// Its exit code; 0 says that it succeeded.
        code: i32,
        /// Whether some of its output was not kept.
        is_output_cut: bool,
    },
    /// The command was ended by a signal, and nothing of it is left.
    Signaled {
        /// The signal's number.
        signal: i32,
        /// Whether some of its output was not kept.
        is_output_cut: bool,
    },
    /// The command was not started.
    NotStarted {
        /// Why, and how to mend it, as a sentence.
        message: String,
    },
}

/// Writes one line; a worker that is gone hears nothing, which is no failure of the guard.
pub(super) fn send(report: &Report) {
    let mut line = serde_json::to_vec(report).unwrap_or_default();
    line.push(b'\n');
    let mut output = io::stdout().lock();
    drop(output.write_all(&line).and_then(|()| output.flush()));
}
