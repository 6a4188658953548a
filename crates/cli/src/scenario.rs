//! `pointsman scenario`: plays scenario files.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use replay::scenario::{Outcome, Scenario, play, read};
use serde_json::json;

/// What was asked could not be played: a file cannot be read or is malformed.
const EXIT_MALFORMED: u8 = 2;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
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

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Run(args) = command;
    let mut errors = std::io::stderr().lock();
    let Some(scenarios) = read_all(&args.files, &mut errors)? else {
        return Ok(ExitCode::from(EXIT_MALFORMED));
    };
    let outcomes: Vec<Outcome> = scenarios.iter().map(play).collect();
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{:#}", to_json(&outcomes))?;
    } else {
        print_lines(&outcomes, args.explain, &mut out)?;
    }
    let has_failed = outcomes.iter().any(|outcome| outcome.failure.is_some());
    Ok(ExitCode::from(u8::from(has_failed)))
}

/// Reads every file before anything is played; none if one of them is malformed.
fn read_all(files: &[PathBuf], errors: &mut impl Write) -> anyhow::Result<Option<Vec<Scenario>>> {
    let (mut scenarios, mut known, mut is_whole) = (Vec::new(), BTreeSet::new(), true);
    for file in files {
        match read_file(file, &mut known) {
            Ok(read) => scenarios.extend(read),
            Err(error) => {
                writeln!(errors, "{error:#}")?;
                is_whole = false;
            }
        }
    }
    Ok(is_whole.then_some(scenarios))
}

fn read_file(file: &Path, known: &mut BTreeSet<String>) -> anyhow::Result<Vec<Scenario>> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
    Ok(read(&name, &bytes, known)?)
}

fn print_lines(outcomes: &[Outcome], explain: bool, out: &mut impl Write) -> std::io::Result<()> {
    for outcome in outcomes {
        match &outcome.failure {
            None => writeln!(out, "ok {}", outcome.id)?,
            Some(failure) => {
                let (expected, got) = (&failure.expected, &failure.got);
                writeln!(out, "FAIL {}: expected {expected}, got {got}", outcome.id)?;
            }
        }
        if explain {
            print_reasons(outcome, out)?;
        }
    }
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    writeln!(out, "{} passed, {failed} failed", outcomes.len() - failed)
}

fn print_reasons(outcome: &Outcome, out: &mut impl Write) -> std::io::Result<()> {
    for tick in &outcome.ticks {
        let launched = match tick.launched.as_slice() {
            [] => "nothing".to_owned(),
            runs => runs.join(", "),
        };
        writeln!(out, "  at {}s launched {launched}", tick.at)?;
        for waiting in &tick.waiting {
            writeln!(out, "    {} waits", waiting.run)?;
            for reason in &waiting.reasons {
                writeln!(out, "      {reason}")?;
            }
        }
    }
    Ok(())
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
            .map(|waiting| json!({ "run": waiting.run, "reasons": waiting.reasons }));
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
