//! Loads a code location: asks Python what there is in it, and makes jobs of the answer.

use std::sync::Arc;

use config::{Code, Problem, Problems};
use model::JobName;
use process::errand::Wanted;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use wire::plan::Executor;
use wire::shim::{self, Describe, LoadError, Loaded, VERSION};

use super::host::{AskError, Asked};
use super::steps::{Planned, Selection, Tools, steps};
use super::{PythonHost, PythonLocation};
use crate::job::{Job, JobText, PythonJob};
use crate::read::{Definitions, MAX_JOBS};
use crate::set::Parsed;

/// Loads a code location, from a thread that may wait; `stamp` says how its files were before, `known`
/// what came of it the last time. When it is not wanted any more Python is ended, and what is returned
/// is of no use.
pub(crate) fn load(
    host: &PythonHost,
    location: &Arc<PythonLocation>,
    stamp: [u8; 32],
    known: Option<&Parsed>,
    wanted: &Wanted,
) -> Arc<Parsed> {
    let request = Describe {
        version: VERSION,
        target: location.target.clone(),
        location: location.name.to_string(),
    };
    let asked: Asked<Json> = host.describe(location, request, wanted);
    let digest = match &asked.answer {
        Ok(answer) => Sha256::digest(answer.to_string()).into(),
        Err(error) => Sha256::digest(error.to_string()).into(),
    };
    if let Some(definitions) = unchanged(location, known.filter(|known| known.digest == digest)) {
        return Arc::new(Parsed { digest, stamp: Some(stamp), result: Ok(definitions) });
    }
    let loaded = asked.answer.and_then(|answer| {
        serde_json::from_value(answer).map_err(|error| AskError::unreadable(&error))
    });
    let result = match loaded {
        Ok(Loaded::Definitions { jobs, assets, warnings, .. }) => {
            definitions(host, location, jobs, assets, warnings).map(Arc::new)
        }
        Ok(Loaded::LoadError(error)) => Err(of_load_error(location, &error, &asked.printed)),
        Err(error) => Err(of_ask_error(location, &error, &asked.printed)),
    };
    Arc::new(Parsed {
        digest,
        stamp: Some(stamp),
        result: result.map_err(|problem| Arc::new(Problems::from(problem))),
    })
}

/// Returns the definitions that an equal answer came to the last time. Those of another target, or with
/// another interpreter, look the same and are started otherwise.
fn unchanged(location: &PythonLocation, known: Option<&Parsed>) -> Option<Arc<Definitions>> {
    let definitions = known?.result.as_ref().ok()?;
    let is_of_this =
        |job: &Arc<Job>| job.python.as_ref().is_some_and(|python| *python.location == *location);
    definitions.jobs.iter().all(is_of_this).then(|| Arc::clone(definitions))
}

/// Says that a code location could not be loaded for no fault of its own.
pub(crate) fn not_loaded(location: &PythonLocation, stamp: [u8; 32], why: &str) -> Arc<Parsed> {
    let problem = Problem::of_file(&location.to_string(), format!("it was not loaded: {why}"));
    let result = Err(Arc::new(Problems::from(problem)));
    Arc::new(Parsed { digest: Sha256::digest(why).into(), stamp: Some(stamp), result })
}

fn definitions(
    host: &PythonHost,
    location: &Arc<PythonLocation>,
    jobs: Vec<shim::Job>,
    assets: Vec<shim::Asset>,
    said: Vec<String>,
) -> Result<Definitions, Problem> {
    let shown = location.to_string();
    if jobs.len() > MAX_JOBS {
        let message = format!("it defines more than {MAX_JOBS} jobs");
        return Err(Problem::of_file(&shown, message).with_code(Code::TooLarge));
    }
    let interpreter = host.interpreter(location);
    let python_path = host.python_path();
    let fork = host.fork_socket(location);
    let tools = Tools {
        location,
        interpreter: &interpreter,
        python_path: &python_path,
        inherited_env: host.inherited_env(),
        fork: fork.as_deref(),
    };
    let mut warnings: Vec<Problem> =
        said.into_iter().map(|text| Problem::of_file(&shown, text)).collect();
    let mut made = Vec::new();
    for job in jobs.iter().filter(|job| !job.is_hidden) {
        if let Some(why) = job.plan.as_ref().and_then(|plan| plan.whole.as_ref()) {
            let (name, message) = (&job.name, "runs in one process, with all its pools");
            warnings.push(Problem::of_file(&shown, format!("job `{name}` {message}: {why}")));
        }
    }
    for job in jobs {
        let (name, is_hidden) = (job.name.clone(), job.is_hidden);
        match make(job, location, tools) {
            Ok(job) => made.push(Arc::new(job)),
            // Nobody has written it.
            Err(_) if is_hidden => {}
            Err(why) => {
                let message = format!("job `{name}` cannot be launched: {why}");
                warnings.push(Problem::of_file(&shown, message));
            }
        }
    }
    Ok(Definitions {
        location: location.name.clone(),
        jobs: made,
        assets,
        warnings,
        named_at: None,
    })
}

fn make(job: shim::Job, location: &Arc<PythonLocation>, tools: Tools<'_>) -> Result<Job, String> {
    let planned = match &job.plan {
        Some(plan) => Some(
            steps(&job.name, plan, &Selection::default(), tools)
                .map_err(|error| error.to_string())?,
        ),
        None => None,
    };
    let (steps, executor, dagster) = match planned {
        Some(Planned { steps, executor, dagster }) => (steps, executor, Some(dagster)),
        None => (Vec::new(), Executor::default(), None),
    };
    let text = JobText {
        name: JobName::new(&job.name).map_err(|error| error.to_string())?,
        location: location.name.clone(),
        description: job.description,
        tags: job.run_tags.into_iter().collect(),
        config: Json::Null,
        steps,
        executor,
        dagster,
        python: Some(PythonJob {
            location: Arc::clone(location),
            no_plan: job.plan.is_none().then(|| {
                job.plan_error.unwrap_or_else(|| "its steps depend on the run's config".to_owned())
            }),
            asset_keys: job.asset_keys,
            partitions: job.partitions,
            is_hidden: job.is_hidden,
        }),
    };
    Job::new(text).map_err(|error| error.to_string())
}

/// Shows what the user's code raised, with its traceback.
fn of_load_error(location: &PythonLocation, error: &LoadError, printed: &str) -> Problem {
    let LoadError { class, message, traceback } = error;
    let text = if traceback.trim().is_empty() {
        format!("{class}: {message}")
    } else {
        format!("the code cannot be loaded\n{}", traceback.trim_end())
    };
    let problem = Problem::of_file(&location.to_string(), with_printed(text, printed));
    // Python has found its own, not the user's, import in vain.
    if class == "ModuleNotFoundError" && traceback.is_empty() {
        return problem.with_hint(
            "for another interpreter activate its virtual environment, or set `executable_path` in \
             the workspace file",
        );
    }
    problem
}

fn of_ask_error(location: &PythonLocation, error: &AskError, printed: &str) -> Problem {
    let problem = Problem::of_file(&location.to_string(), with_printed(error.to_string(), printed));
    match error {
        AskError::NoInterpreter(_) => problem.with_hint(
            "install Python, activate a virtual environment, or set `executable_path` in the \
             workspace file",
        ),
        AskError::Late(_) => {
            problem.with_hint("code that is imported must not wait for anything for long")
        }
        AskError::NotAsked(_) | AskError::Died(_) | AskError::TooLong => problem,
    }
}

fn with_printed(text: String, printed: &str) -> String {
    match printed {
        "" => text,
        printed => format!("{text}\n--- it printed:\n{printed}"),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;

    use wire::shim::{Target, TargetKind};

    use super::*;

    fn location(file: &str, executable: Option<&str>) -> Arc<PythonLocation> {
        let what = TargetKind::File { path: file.into() };
        let target = Target { what, attribute: None, working_directory: "/srv".into() };
        Arc::new(PythonLocation::new(target, Some("etl"), executable.map(Into::into)))
    }

    fn loaded(location: &Arc<PythonLocation>) -> Parsed {
        let tools = Tools {
            location,
            interpreter: Path::new("python3"),
            python_path: OsStr::new(""),
            fork: None,
            inherited_env: None,
        };
        let job = serde_json::from_value(serde_json::json!({"name": "nightly", "plan": null}));
        let definitions = Definitions {
            location: location.name.clone(),
            jobs: vec![Arc::new(make(job.unwrap(), location, tools).unwrap())],
            assets: Vec::new(),
            warnings: Vec::new(),
            named_at: None,
        };
        Parsed { digest: [0; 32], stamp: None, result: Ok(Arc::new(definitions)) }
    }

    #[test]
    fn an_equal_answer_of_another_file_or_interpreter_is_not_what_was_known() {
        let known = loaded(&location("/srv/a.py", None));
        let is_known =
            |file, executable| unchanged(&location(file, executable), Some(&known)).is_some();
        assert!(is_known("/srv/a.py", None));
        assert!(!is_known("/srv/b.py", None));
        assert!(!is_known("/srv/a.py", Some("/opt/bin/python")));
    }
}
