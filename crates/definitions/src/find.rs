//! Finds the job that somebody means, and says what they may have meant.

use std::collections::BTreeSet;
use std::sync::Arc;

use config::near_names;
use model::{CodeLocation, JobName};
use thiserror::Error;

use crate::job::Job;
use crate::locations::LocationState;
use crate::set::{Entry, Origin};

/// With how many names an unknown one is compared at most: comparing costs a microsecond each.
const MAX_COMPARED: usize = 10_000;

/// Says why a job cannot be found.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FindError {
    /// There is none of this name.
    #[error("there is no job `{job}`{}{}{}", within(location.as_ref()), meant(near), beside(failed))]
    Unknown {
        /// The name.
        job: JobName,
        /// Where it was looked for; everywhere, if not set.
        location: Option<CodeLocation>,
        /// Names of jobs that may have been meant, the likeliest first, at most three.
        near: Vec<JobName>,
        /// Where it was looked for in vain because the file could not be loaded, in order.
        failed: Vec<CodeLocation>,
    },
    /// There is no code location of this name.
    #[error("there is no code location `{location}`{}", meant(near))]
    UnknownLocation {
        /// The name.
        location: CodeLocation,
        /// Names of code locations that may have been meant, the likeliest first, at most three.
        near: Vec<CodeLocation>,
    },
    /// Several code locations have a job of this name.
    #[error("several code locations have a job `{job}`: {}; say which one", list(locations))]
    Ambiguous {
        /// The name.
        job: JobName,
        /// The code locations that have it, in order.
        locations: Vec<CodeLocation>,
    },
    /// It is not there yet: where it may be is being loaded.
    #[error("there is no job `{job}` yet: the code is still being loaded ({})", list(locations))]
    Loading {
        /// The name.
        job: JobName,
        /// The code locations that are being loaded for the first time, in order.
        locations: Vec<CodeLocation>,
    },
    /// It was there until its file went.
    #[error("the job `{job}` was defined in {origin}, which is gone")]
    Gone {
        /// The name.
        job: JobName,
        /// Where it was defined.
        origin: Origin,
    },
}

fn within(location: Option<&CodeLocation>) -> String {
    location.map(|location| format!(" in code location `{location}`")).unwrap_or_default()
}

fn meant<T: ToString>(near: &[T]) -> String {
    let near: Vec<String> = near.iter().map(|name| format!("`{}`", name.to_string())).collect();
    match near.as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

fn beside(failed: &[CodeLocation]) -> String {
    match failed {
        [] => String::new(),
        failed => format!(" (could not be loaded: {})", list(failed)),
    }
}

fn list(names: &[CodeLocation]) -> String {
    /// More are not read.
    const SHOWN: usize = 5;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Finds a job among these entries; `of_name` are the jobs of that name that are in force.
pub(crate) fn find(
    entries: &[Entry],
    of_name: &[Arc<Job>],
    job: &JobName,
    location: Option<&CodeLocation>,
) -> Result<Arc<Job>, FindError> {
    let is_there = |found: &&Arc<Job>| location.is_none_or(|wanted| *wanted == found.location);
    let found: Vec<&Arc<Job>> = of_name.iter().filter(is_there).collect();
    match found.as_slice() {
        [one] => Ok(Arc::clone(one)),
        [] => Err(not_found(entries, job, location)),
        several => {
            let mut locations: Vec<CodeLocation> =
                several.iter().map(|job| job.location.clone()).collect();
            locations.sort();
            Err(FindError::Ambiguous { job: job.clone(), locations })
        }
    }
}

fn not_found(entries: &[Entry], job: &JobName, location: Option<&CodeLocation>) -> FindError {
    let is_there = |entry: &&Entry| location.is_none_or(|wanted| *wanted == entry.name);
    let there: Vec<&Entry> = entries.iter().filter(is_there).collect();
    if let Some(location) = location.filter(|_| there.is_empty()) {
        let names = entries.iter().map(|entry| entry.name.as_str());
        let near = near_names(location.as_str(), names);
        let near = near.into_iter().filter_map(|name| CodeLocation::new(name).ok()).collect();
        return FindError::UnknownLocation { location: location.clone(), near };
    }
    let is_loading = |entry: &&&Entry| entry.state == LocationState::Loading;
    let loading = there.iter().filter(is_loading).map(|entry| entry.name.clone());
    let loading: BTreeSet<CodeLocation> = loading.collect();
    if !loading.is_empty() {
        return FindError::Loading { job: job.clone(), locations: loading.into_iter().collect() };
    }
    let had_it = |entry: &&&Entry| {
        let good = entry.good.as_ref().filter(|_| entry.state == LocationState::Gone);
        good.is_some_and(|good| good.definitions.jobs.iter().any(|known| known.name == *job))
    };
    if let Some(gone) = there.iter().find(had_it) {
        return FindError::Gone { job: job.clone(), origin: gone.origin.clone() };
    }
    let live = there.iter().filter_map(|entry| entry.live());
    let names = live.flat_map(|definitions| &definitions.jobs).map(|job| job.name.as_str());
    let near = near_names(job.as_str(), names.take(MAX_COMPARED));
    let is_failed = |entry: &&&Entry| matches!(entry.state, LocationState::Failed(_));
    let failed = there.iter().filter(is_failed).map(|entry| entry.name.clone());
    let failed: BTreeSet<CodeLocation> = failed.collect();
    FindError::Unknown {
        job: job.clone(),
        location: location.cloned(),
        near: near.into_iter().filter_map(|name| JobName::new(name).ok()).collect(),
        failed: failed.into_iter().collect(),
    }
}
