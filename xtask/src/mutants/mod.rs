//! `cargo xtask mutants`: are the tests able to find a mistake?
//!
//! Every `mutants/NAME.patch` plants one mistake. Each is applied to a scratch copy of the
//! workspace, where a test must then fail. A mistake that no test finds is a gap in the tests; a
//! patch that no longer applies or builds proves nothing. Both fail the run.

mod binaries;
mod outcome;
mod patch;
mod scratch;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::mutants::binaries::Binaries;
use crate::mutants::outcome::{Outcome, closing_line};
use crate::mutants::patch::Patch;
use crate::mutants::scratch::Scratch;
use crate::workspace::Workspace;

/// Each job builds everything once in a target folder of its own.
const MOST_JOBS: usize = 4;

/// Which mistakes are planted, and how.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Plants only the mistake of this name; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// How many scratch copies are worked on at a time; as many as there are cores, up to 4
    #[arg(long, value_name = "COUNT")]
    jobs: Option<NonZeroUsize>,
}

/// Plants the mistakes one after another and says which were found by which test.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let patches = select(patch::read_all(workspace)?, &options.only)?;
    let jobs = options.jobs.map_or_else(default_jobs, NonZeroUsize::get);
    let mut scratches = Vec::new();
    for number in 1..=jobs.min(patches.len()) {
        scratches.push(Scratch::new(workspace, &number.to_string())?);
    }
    let (first, others) = scratches.split_first().context("there is no scratch copy")?;
    if outdated(first, &patches)? > 0 {
        return Ok(ExitCode::FAILURE);
    }
    let Some(selections) = passes_without_mistake(first, &patches)? else {
        return Ok(ExitCode::FAILURE);
    };
    for other in others {
        other.take_built(first)?;
    }
    let outcomes = plant_all(&scratches, &patches, &selections)?;
    println!("{}", closing_line(&outcomes));
    let is_good = outcomes.iter().all(Outcome::is_found);
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_JOBS)
}

fn select(patches: Vec<Patch>, only: &[String]) -> Result<Vec<Patch>> {
    for name in only {
        ensure!(
            patches.iter().any(|patch| patch.name == *name),
            "there is no mutants/{name}.patch"
        );
    }
    let is_wanted = |patch: &Patch| match only {
        [] => !patch.is_on_demand,
        only => only.contains(&patch.name),
    };
    let patches: Vec<Patch> = patches.into_iter().filter(is_wanted).collect();
    ensure!(!patches.is_empty(), "there is no patch in mutants/");
    Ok(patches)
}

/// Says which patches do not apply, all of them before anything is built, and counts them.
fn outdated(scratch: &Scratch, patches: &[Patch]) -> Result<usize> {
    let mut outdated = 0;
    for patch in patches {
        if let Err(error) = scratch.check(patch)? {
            println!("{} no longer applies, carry it over: {}", patch.name, error.trim_end());
            outdated += 1;
        }
    }
    Ok(outdated)
}

/// The test binaries by the arguments of nextest that mean them.
type Selections<'a> = BTreeMap<&'a [String], Binaries>;

/// Runs the tests that should find the mistakes as they are: where one fails without a mistake,
/// failing with one says nothing. Returns which tests there are, or nothing if one failed.
fn passes_without_mistake<'a>(
    scratch: &Scratch,
    patches: &'a [Patch],
) -> Result<Option<Selections<'a>>> {
    let mut selections: BTreeMap<&[String], BTreeSet<&str>> = BTreeMap::new();
    for patch in patches {
        selections.entry(&patch.tests).or_default().insert(&patch.found_by);
    }
    let mut binaries = Selections::new();
    for (tests, only) in selections {
        let end = scratch.test(tests, only)?;
        if !end.is_pass() {
            let test = end.failed_test().unwrap_or("the build");
            println!("{test} fails without any mistake, so nothing can be found");
            return Ok(None);
        }
        binaries.insert(tests, scratch.list(tests)?);
    }
    Ok(Some(binaries))
}

/// Shares the patches out among the scratch copies; the outcomes come in no particular order.
fn plant_all(
    scratches: &[Scratch],
    patches: &[Patch],
    selections: &Selections<'_>,
) -> Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let work = |scratch: &Scratch| -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        while let Some(patch) = patches.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = plant(scratch, patch, &selections[patch.tests.as_slice()])
                .with_context(|| format!("failed to plant {}", patch.name))?;
            println!("{}", outcome.line(patch));
            outcomes.push(outcome);
        }
        Ok(outcomes)
    };
    std::thread::scope(|scope| {
        let start = |scratch| scope.spawn(move || work(scratch));
        let workers: Vec<_> = scratches.iter().map(start).collect();
        let mut outcomes = Vec::new();
        for worker in workers {
            let Ok(done) = worker.join() else {
                bail!("failed to finish: a worker panicked");
            };
            outcomes.extend(done?);
        }
        Ok(outcomes)
    })
}

/// Plants one mistake and lets the tests look for it: first the one that should find it, in a build of
/// its own binary alone, which is the fastest way to an answer, then all.
fn plant(scratch: &Scratch, patch: &Patch, binaries: &Binaries) -> Result<Outcome> {
    scratch.restore()?;
    scratch.apply(patch)?;
    let narrow = binaries.holding(&patch.found_by);
    let expected = narrow.as_ref().unwrap_or(&patch.tests);
    let expected = scratch.test(expected, [patch.found_by.as_str()])?;
    if let Some(outcome) = Outcome::of_expected(&expected) {
        return Ok(outcome);
    }
    let outcome = Outcome::of_all(&scratch.test(&patch.tests, [])?);
    if let Outcome::FoundByOther(test) = &outcome {
        scratch.restore()?;
        if !scratch.test(&patch.tests, [test.as_str()])?.is_pass() {
            return Ok(Outcome::Unclear);
        }
    }
    Ok(outcome)
}
