//! Steps that are code written for Dagster: what Python is asked for one try, and what its answer says
//! of how that try ended.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;
use wire::client::TOKEN_FILE;
use wire::plan::{DagsterPlan, PlanStep};
use wire::shim::{Event, ExecuteStep, Failure, Instance, Known, Run, VERSION};
use wire::worker::Assignment;

use crate::client::daemon_of;
use crate::graph::{Ending, Graph, Outputs, StepIndex, Try};

/// How long one line of an answer may be, in bytes: Python cuts those that are longer than a mebibyte.
const MAX_LINE: u64 = 2 * 1024 * 1024;

/// How many causes of an error are told.
const MAX_CAUSES: usize = 5;

/// The longest wait before a step is tried again.
const LONGEST_DELAY: Duration = Duration::from_hours(24 * 366);

/// What all steps of a run share.
#[derive(Debug, Clone)]
pub(crate) struct DagsterRun {
    plan: DagsterPlan,
    location: String,
    run: Run,
    home: PathBuf,
}

impl DagsterRun {
    /// Takes what is to be executed, if it is code written for Dagster; values that pass from step to
    /// step are kept below the home folder.
    pub(crate) fn of(given: &Assignment, run: &str, home: &Path) -> Option<Self> {
        let plan = given.plan.dagster.clone()?;
        let run_config = if given.config.is_null() {
            Json::Object(serde_json::Map::new())
        } else {
            given.config.clone()
        };
        let run = Run {
            id: run.to_owned(),
            job: given.plan.job.clone(),
            tags: given.tags.clone(),
            run_config,
            root_run_id: None,
            parent_run_id: None,
            asset_selection: plan.asset_selection.clone(),
            op_selection: plan.op_selection.clone(),
        };
        let location = given.plan.location.clone();
        Some(Self { plan, location, run, home: home.to_owned() })
    }

    /// The socket of the server that may have steps executed by forks of itself.
    pub(crate) fn fork(&self) -> Option<PathBuf> {
        self.plan.fork.clone()
    }

    /// Writes the request for one try of a step.
    pub(crate) fn request(&self, step: &PlanStep, start: Try, graph: &Graph) -> String {
        let tried = start.number.saturating_sub(1);
        let request = ExecuteStep {
            version: VERSION,
            target: self.plan.target.clone(),
            location: self.location.clone(),
            run: self.run.clone(),
            step: (!self.plan.is_whole).then(|| step.key.clone()),
            r#try: start.number,
            known: Known {
                dynamic: graph.dynamic_keys(),
                retries: [(step.key.clone(), tried)].into_iter().filter(|_| tried > 0).collect(),
                outputs: graph.outputs_before(start.step),
            },
            storage: self.home.clone(),
            instance: daemon_of(&self.home)
                .map(|url| Instance { url, token_file: self.home.join(TOKEN_FILE) }),
            prints_events: true,
        };
        // It has text keys only, and so can always be written.
        serde_json::to_string(&request).unwrap_or_default()
    }
}

/// Says how a try ended: what Python says last, unless its process did not end by itself.
pub(crate) fn ending(of_process: Ending, answer: &Path) -> Ending {
    let Answer { has_begun, last } = match read(answer) {
        Ok(said) => said,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Answer::default(),
        Err(error) => return Ending::Failed(format!("its answer cannot be read: {error}")),
    };
    match (last, of_process) {
        (Some(said), _) => said,
        (None, Ending::Failed(how)) if has_begun => {
            Ending::Failed(format!("its process died before the step ended: {how}"))
        }
        (None, Ending::Failed(how)) => Ending::Failed(how),
        (None, Ending::Unstartable(error)) => Ending::Unstartable(error),
        (None, Ending::Succeeded | Ending::Gave(_) | Ending::Again(..) | Ending::Final(_)) => {
            Ending::Failed("its process ended without a result".to_owned())
        }
    }
}

/// What an answer says.
#[derive(Debug, Default)]
struct Answer {
    /// Whether it says anything.
    has_begun: bool,
    /// How the step ended.
    last: Option<Ending>,
}

fn read(answer: &Path) -> io::Result<Answer> {
    let mut lines = BufReader::new(File::open(answer)?);
    let mut outputs = Outputs::new();
    let mut said = Answer::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(said);
        }
        // What cannot be read is no line of Python's: the code has found the descriptor.
        let Ok(event) = serde_json::from_slice(&line) else { continue };
        said.has_begun = true;
        said.last = take(event, &mut outputs).or(said.last);
    }
}

/// Takes one line; returns how the step ended, if it says that.
fn take(event: Event, outputs: &mut Outputs) -> Option<Ending> {
    match event {
        Event::Output { name, mapping_key } => {
            let keys = outputs.entry(name).or_default();
            if let Some(key) = mapping_key {
                keys.get_or_insert_default().push(key);
            }
            None
        }
        Event::Succeeded => Some(Ending::Gave(std::mem::take(outputs))),
        Event::Skipped | Event::RunSucceeded => Some(Ending::Gave(Outputs::new())),
        Event::UpForRetry { seconds_to_wait, error } => {
            let error = error.map_or("it asked to be tried again".to_owned(), |e| sentence(&e));
            Some(Ending::Again(error, delay(seconds_to_wait)))
        }
        Event::Failed { error } | Event::RunFailed { error } => {
            Some(Ending::Final(sentence(&error)))
        }
        Event::LoadError(error) => {
            let text = format!("the code cannot be loaded: {}: {}", error.class, error.message);
            Some(Ending::Final(text))
        }
        Event::BadRequest { message } => Some(Ending::Final(message)),
        Event::Other => None,
    }
}

fn delay(seconds: Option<f64>) -> Duration {
    Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or_default().min(LONGEST_DELAY)
}

/// Tells an error with its causes. What says nothing itself but was caused, as Dagster's own wish for
/// another try, is passed over.
fn sentence(failure: &Failure) -> String {
    let told = failure.cause.as_deref().filter(|_| failure.message.is_empty());
    let failure = told.unwrap_or(failure);
    let mut text = one(failure);
    let mut cause = failure.cause.as_deref();
    for _ in 0..MAX_CAUSES {
        let Some(failure) = cause else { break };
        text += &format!("; caused by {}", one(failure));
        cause = failure.cause.as_deref();
    }
    text
}

fn one(Failure { class, message, .. }: &Failure) -> String {
    // It stands in a sentence, on one line; as it is, it stands in the output of the step.
    let words: Vec<&str> = message.split_whitespace().collect();
    let message = words.join(" ");
    let message = message.trim_end_matches(':');
    match class {
        Some(class) if message.is_empty() => class.clone(),
        Some(class) => format!("{class}: {message}"),
        None => message.to_owned(),
    }
}

/// The step that a try is of, as its graph knows it.
pub(crate) fn step_of(graph: &Graph, steps: &[PlanStep], step: StepIndex) -> PlanStep {
    PlanStep { key: graph.key(step).to_owned(), ..steps[graph.origin(step)].clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(answer: &str, how: Ending) -> Ending {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answer");
        std::fs::write(&path, answer).unwrap();
        ending(how, &path)
    }

    fn after(lines: &[&str]) -> Ending {
        ended(&lines.join("\n"), Ending::Succeeded)
    }

    #[test]
    fn the_outputs_of_a_step_are_told_with_its_success() {
        let lines = [
            r#"{"version":1,"at":1.5,"kind":"started"}"#,
            r#"{"kind":"output","name":"plain","mapping_key":null,"type_check":true}"#,
            r#"{"kind":"output","name":"many","mapping_key":"a"}"#,
            r#"{"kind":"output","name":"many","mapping_key":"b"}"#,
            r#"{"kind":"materialization","asset_key":"x"}"#,
            "no line of ours",
            r#"{"version":1,"at":2.5,"kind":"succeeded"}"#,
        ];
        let keys = Some(vec!["a".to_owned(), "b".to_owned()]);
        let outputs = Outputs::from([("many".to_owned(), keys), ("plain".to_owned(), None)]);
        assert_eq!(after(&lines), Ending::Gave(outputs));
        let skipped = [lines[1], r#"{"kind":"skipped"}"#];
        assert_eq!(after(&skipped), Ending::Gave(Outputs::new()));
    }

    #[test]
    fn a_failure_names_its_causes_and_a_retry_its_delay() {
        let error =
            r#"{"class":"A","message":"a","cause":{"class":"B","message":"","cause":null}}"#;
        let failed = format!(r#"{{"kind":"failed","allow_retries":true,"error":{error}}}"#);
        assert_eq!(after(&[&failed]), Ending::Final("A: a; caused by B".to_owned()));
        let again = format!(r#"{{"kind":"up_for_retry","seconds_to_wait":1.5,"error":{error}}}"#);
        let text = "A: a; caused by B".to_owned();
        assert_eq!(after(&[&again]), Ending::Again(text, Duration::from_millis(1500)));
        let lines = error.replace(r#""a""#, r#""one failed:\n  a: b:\n""#);
        let failed = format!(r#"{{"kind":"failed","error":{lines}}}"#);
        let text = "A: one failed: a: b; caused by B".to_owned();
        assert_eq!(after(&[&failed]), Ending::Final(text));
    }

    #[test]
    fn a_process_that_dies_before_its_last_line_has_failed() {
        let killed = || Ending::Failed("ended by signal 9 (SIGKILL)".to_owned());
        let expected = "its process died before the step ended: ended by signal 9 (SIGKILL)";
        assert_eq!(ended(r#"{"kind":"started"}"#, killed()), Ending::Failed(expected.to_owned()));
        assert_eq!(
            ended("", Ending::Succeeded),
            Ending::Failed("its process ended without a result".to_owned())
        );
        let ran = Ending::Gave(Outputs::new());
        assert_eq!(ended(r#"{"kind":"succeeded"}"#, killed()), ran, "the step itself was done");
    }
}
