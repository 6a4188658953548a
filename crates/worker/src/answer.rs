//! The answer of Python for one try of a step, read while it is written: what the code tells, and how
//! the try ended.
//!
//! Each line is read once and only what is new is read; a file of any length costs one buffer and one
//! line. What an event may hold is decided in `crate::cut`, how many are told in `crate::walk`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Timestamp;
use wire::shim::{Event, Head};
use wire::told::{Error, Told};

use crate::clock::Clock;
use crate::cut;
use crate::graph::{Ending, Heard, Outputs};

/// How long one line of an answer may be, in bytes: Python cuts those that are longer than a mebibyte.
const MAX_LINE: usize = 2 * 1024 * 1024;

/// How much is read at one time, so that the worker is never long away from its other work.
const CHUNK: usize = 256 * 1024;

/// The longest wait before a step is tried again.
const LONGEST_DELAY: Duration = Duration::from_hours(24 * 366);

/// An answer that is being read.
#[derive(Debug)]
pub(crate) struct Answer {
    path: PathBuf,
    file: Option<File>,
    /// What was read of a line whose end is not there yet.
    line: Vec<u8>,
    /// Whether the beginning of that line was thrown away, because it is too long for a line of ours.
    is_overlong: bool,
    began_at: Timestamp,
    clock: Clock,
    /// Whether it says anything.
    has_begun: bool,
    outputs: Outputs,
    last: Option<Last>,
}

/// What says how the try ended.
#[derive(Debug)]
struct Last {
    ending: Ending,
    error: Option<Error>,
}

impl Answer {
    /// Begins to read an answer that is about to be written.
    pub(crate) fn new(path: &Path, clock: Clock) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            line: Vec::new(),
            is_overlong: false,
            began_at: clock.now(),
            clock,
            has_begun: false,
            outputs: Outputs::new(),
            last: None,
        }
    }

    /// Whether it says anything yet.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Reads some of what is new, and adds what it tells; returns whether there may be more. A file that
    /// is not there yet has nothing new.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn read(&mut self, heard: &mut Vec<Heard>) -> io::Result<bool> {
        let file = match &mut self.file {
            Some(file) => file,
            None => match File::open(&self.path) {
                Ok(file) => self.file.insert(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            },
        };
        let mut chunk = Vec::new();
        file.take(CHUNK as u64).read_to_end(&mut chunk)?;
        let mut rest = chunk.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, behind) = rest.split_at(end);
            self.add(line);
            self.end_line(heard);
            rest = behind.get(1..).unwrap_or_default();
        }
        self.add(rest);
        Ok(chunk.len() == CHUNK)
    }

    fn add(&mut self, part: &[u8]) {
        if self.is_overlong || self.line.len() + part.len() > MAX_LINE {
            self.is_overlong = true;
            self.line.clear();
        } else {
            self.line.extend_from_slice(part);
        }
    }

    fn end_line(&mut self, heard: &mut Vec<Heard>) {
        let line = std::mem::take(&mut self.line);
        if !std::mem::take(&mut self.is_overlong) {
            self.take_line(&line, heard);
        }
    }

    /// Takes a line. What cannot be read is no line of Python's: the code has found the descriptor.
    fn take_line(&mut self, line: &[u8], heard: &mut Vec<Heard>) {
        let Ok(Head { kind, at, step }) = serde_json::from_slice(line) else { return };
        self.has_begun = true;
        let is_inner = step.is_some();
        match kind.as_str() {
            "log" | "engine" | "loaded" => {}
            "materialization" | "observation" | "check" | "expectation" | "left_out" => {
                self.hear(line, at, step, heard);
            }
            "output" => {
                self.hear(line, at, step, heard);
                if !is_inner {
                    self.take_output(line);
                }
            }
            "started" | "succeeded" | "skipped" | "up_for_retry" | "failed" if is_inner => {
                self.hear(line, at, step, heard);
            }
            _ => {
                if let Ok(event) = serde_json::from_slice(line) {
                    self.last = self.end(event).or(self.last.take());
                }
            }
        }
    }

    fn hear(&self, line: &[u8], at: Option<f64>, inner: Option<String>, heard: &mut Vec<Heard>) {
        let Ok(told) = serde_json::from_slice(line) else { return };
        heard.push(Heard { at: self.instant(at), inner, told: cut::told(told) });
    }

    /// Returns when something happened: what Python says, if it can be.
    fn instant(&self, at: Option<f64>) -> Timestamp {
        let now = self.clock.now();
        let Some(Ok(since)) = at.map(Duration::try_from_secs_f64) else { return now };
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(micros).clamp(self.began_at, now.max(self.began_at))
    }

    fn take_output(&mut self, line: &[u8]) {
        if let Ok(Told::Output { name, mapping_key, .. }) = serde_json::from_slice(line) {
            let keys = self.outputs.entry(name).or_default();
            if let Some(key) = mapping_key {
                keys.get_or_insert_default().push(key);
            }
        }
    }

    /// Returns how the try ended, if an event says that.
    fn end(&mut self, event: Event) -> Option<Last> {
        let gave = |outputs| Last { ending: Ending::Gave(outputs), error: None };
        match event {
            Event::Succeeded => Some(gave(std::mem::take(&mut self.outputs))),
            Event::Skipped | Event::RunSucceeded => Some(gave(Outputs::new())),
            Event::UpForRetry { seconds_to_wait, error } => {
                let sentence = error.as_ref().map(Error::sentence);
                let sentence = sentence.unwrap_or_else(|| "it asked to be tried again".to_owned());
                Some(Last { ending: Ending::Again(sentence, delay(seconds_to_wait)), error })
            }
            Event::Failed { error } | Event::RunFailed { error } => {
                Some(Last { ending: Ending::Final(error.sentence()), error: Some(error) })
            }
            Event::LoadError(error) => {
                let text = format!("the code cannot be loaded: {}: {}", error.class, error.message);
                let (class, message) = (Some(error.class), error.message);
                let error = Error { class, message, stack: error.traceback, cause: None };
                Some(Last { ending: Ending::Final(text), error: Some(error) })
            }
            Event::BadRequest { message } => {
                Some(Last { ending: Ending::Final(message), error: None })
            }
            Event::Other => None,
        }
    }

    /// Says how the try ended, with what its code has raised: what Python says last, unless its process
    /// did not end by itself. Nothing of it is left, and all of it was read.
    pub(crate) fn conclude(
        mut self,
        of_process: Ending,
        heard: &mut Vec<Heard>,
    ) -> (Ending, Option<Error>) {
        self.end_line(heard);
        if let Some(Last { ending, error }) = self.last {
            return (ending, error.map(cut::error));
        }
        let ending = match of_process {
            Ending::Failed(how) if self.has_begun => {
                Ending::Failed(format!("its process died before the step ended: {how}"))
            }
            Ending::Failed(how) => Ending::Failed(how),
            Ending::Unstartable(error) => Ending::Unstartable(error),
            Ending::Succeeded | Ending::Gave(_) | Ending::Again(..) | Ending::Final(_) => {
                Ending::Failed("its process ended without a result".to_owned())
            }
        };
        (ending, None)
    }
}

fn delay(seconds: Option<f64>) -> Duration {
    Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or_default().min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests;
