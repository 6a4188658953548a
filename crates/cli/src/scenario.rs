//! `pointsman scenario`: plays scenario files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ::config::Problems;
use clap::{Args, Subcommand};
use replay::scenario::{Outcome, Scenario, Tick, WaitReason, Waiting, play, read};
use serde_json::json;
use thiserror::Error;

use crate::answer::{Answer, UNREADABLE, WRONG};

#[derive(Debug, Subcommand)]
pub(crate) enum ScenarioCommand {
    /// Play each scenario of these files in virtual time.
    Run(RunArgs),
}

/// Plays each scenario of the files in virtual time, against the same core that the daemon uses. It
/// needs no server and no store. Prints `ok ID` or `FAIL ID: expected ..., got ...` for each.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 all passed, 1 some failed, 2 a file cannot be read or is malformed.

Example:
  pointsman scenario run tests/scenarios/*.yaml
  pointsman scenario run --explain my-limits.yaml")]
pub(crate) struct RunArgs {
    /// Scenario files (YAML).
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Say after each decision why each run that stays queued does so.
    #[arg(long)]
    explain: bool,
    /// Print one JSON document instead of lines.
    #[arg(long)]
    json: bool,
}

/// Says why a file cannot be played.
#[derive(Debug, Error)]
enum ReadError {
    #[error("cannot read {name}: {source}")]
    Unreadable { name: String, source: std::io::Error },
    #[error(transparent)]
    Malformed(#[from] Problems),
}

pub(crate) fn run(command: &ScenarioCommand) -> Answer {
    let ScenarioCommand::Run(args) = command;
    let scenarios = match read_all(&args.files) {
        Ok(scenarios) => scenarios,
        Err(stderr) => return Answer { stderr, code: UNREADABLE, ..Answer::default() },
    };
    let outcomes: Vec<Outcome> = scenarios.iter().map(play).collect();
    let has_failed = outcomes.iter().any(|outcome| outcome.failure.is_some());
    let stdout = if args.json {
        format!("{:#}\n", to_json(&outcomes))
    } else {
        to_lines(&outcomes, args.explain)
    };
    Answer { stdout, code: if has_failed { WRONG } else { 0 }, ..Answer::default() }
}

/// Reads every file before anything is played.
///
/// # Errors
/// All that is wrong in any of them.
fn read_all(files: &[PathBuf]) -> Result<Vec<Scenario>, String> {
    let (mut scenarios, mut known, mut errors) = (Vec::new(), BTreeSet::new(), String::new());
    for file in files {
        match read_file(file, &mut known) {
            Ok(read) => scenarios.extend(read),
            Err(error) => errors += &format!("{error}\n"),
        }
    }
    if errors.is_empty() { Ok(scenarios) } else { Err(errors) }
}

fn read_file(file: &Path, known: &mut BTreeSet<String>) -> Result<Vec<Scenario>, ReadError> {
    let name = file.display().to_string();
    match std::fs::read(file) {
        Ok(bytes) => Ok(read(&name, &bytes, known)?),
        Err(source) => Err(ReadError::Unreadable { name, source }),
    }
}

fn to_lines(outcomes: &[Outcome], explain: bool) -> String {
    let mut lines = String::new();
    for Outcome { id, failure, ticks } in outcomes {
        lines += &match failure {
            None => format!("ok {id}\n"),
            Some(failure) => {
                format!("FAIL {id}: expected {}, got {}\n", failure.expected, failure.got)
            }
        };
        if explain {
            for tick in ticks {
                lines += &reasons(tick);
            }
        }
    }
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    lines + &format!("{} passed, {failed} failed\n", outcomes.len() - failed)
}

fn reasons(tick: &Tick) -> String {
    let launched = match tick.launched.as_slice() {
        [] => "nothing".to_owned(),
        runs => runs.join(", "),
    };
    let mut lines = format!("  at {}s launched {launched}\n", tick.at);
    for waiting in &tick.waiting {
        lines += &format!("    {} waits\n", waiting.run);
        for reason in &waiting.reasons {
            lines += &format!("      {}\n", reason.sentence);
        }
    }
    lines
}

fn to_json(outcomes: &[Outcome]) -> serde_json::Value {
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    let scenarios: Vec<serde_json::Value> = outcomes.iter().map(outcome_to_json).collect();
    json!({ "passed": outcomes.len() - failed, "failed": failed, "scenarios": scenarios })
}

fn outcome_to_json(outcome: &Outcome) -> serde_json::Value {
    let failure = outcome.failure.as_ref();
    let ticks = outcome.ticks.iter().map(|tick| {
        let waiting = tick
            .waiting
            .iter()
            .map(|waiting| json!({ "run": waiting.run, "reasons": reasons_to_json(waiting) }));
        json!({
            "at_seconds": tick.at,
            "launched": tick.launched,
            "waiting": waiting.collect::<Vec<_>>(),
        })
    });
    json!({
        "id": outcome.id,
        "ok": failure.is_none(),
        "failure": failure.map(|failure| json!({
            "expected": failure.expected,
            "got": failure.got,
        })),
        "ticks": ticks.collect::<Vec<_>>(),
    })
}

fn reasons_to_json(waiting: &Waiting) -> Vec<serde_json::Value> {
    let reason = |reason: &WaitReason| json!({ "limit": reason.limit, "text": reason.sentence });
    waiting.reasons.iter().map(reason).collect()
}
