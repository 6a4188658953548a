//! Live changes: of runs that were submitted, of slots that are held, of the options of the daemon.
//!
//! Which runs are meant is found out here, before the loop judges each of them: one that has moved
//! on meanwhile is judged as it is then.

use std::collections::BTreeSet;

use lifecycle::{Changed, Command, Refusal, Reply, RunChange, check_new_tags};
use model::{Demand, RunId, RunStatus, Seq, StepKey};
use store::RunsFilter;
use wire::api::MAX_CHANGED_RUNS;

use crate::commands::CommandError;
use crate::decider::bytes_of_change;
use crate::handle::{Handle, unexpected};
use crate::options::Options;

/// How many runs are read at one time, with all their tags.
const PAGE: u32 = 500;

/// Which runs are meant.
#[derive(Debug, Clone)]
pub enum Meant {
    /// These.
    Runs(Vec<RunId>),
    /// Those that a filter lets through; one without a status, those that have not ended.
    Query(RunsFilter),
}

/// Whether a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    Apply,
    /// It is only told what would come of it.
    Preview,
}

impl Handle {
    /// Changes runs, all in one commit, or tells what would come of that. Of runs that are named by
    /// a query the oldest stand first.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] and [`CommandError::InvalidPriority`] if no run can be changed like this, [`CommandError::TooManyRuns`],
    /// [`Refusal::TooManyTags`], and [`Refusal::UnknownRun`] if one of those that are named is not stored.
    pub async fn change_runs(
        &self,
        meant: Meant,
        change: RunChange,
        mode: Mode,
    ) -> Result<Changed, CommandError> {
        if let RunChange::Tags { set, .. } = &change {
            check_new_tags(set)?;
        }
        let runs = match meant {
            Meant::Runs(runs) => self.known(runs).await?,
            Meant::Query(filter) => self.matching(filter).await?,
        };
        match mode {
            Mode::Preview => {
                let bytes = bytes_of_change(runs.len());
                Ok(self.entry.try_out(bytes, move |state| state.preview(&runs, &change)).await??)
            }
            Mode::Apply => match self.entry.decide(Command::Change { runs, change }).await {
                Ok(Reply::Changed(changed)) => Ok(changed),
                Ok(_) => Err(unexpected()),
                Err(not_done) => Err(not_done.into()),
            },
        }
    }

    /// Gives back the slots that one step of a run holds, or all its steps; they go on. Returns what
    /// was given back.
    ///
    /// # Errors
    /// [`Refusal::SlotsOfRun`] at run granularity, [`Refusal::Ended`] if the run has ended,
    /// [`Refusal::UnknownRun`] if there is none.
    pub async fn free_slots(
        &self,
        run: RunId,
        step: Option<StepKey>,
    ) -> Result<Vec<(StepKey, Demand)>, CommandError> {
        match self.entry.decide(Command::FreeSlots { run, step }).await {
            Ok(Reply::Freed(freed)) => Ok(freed),
            Ok(_) => Err(unexpected()),
            Err(not_done) => Err(self.or_ended(run, not_done.into()).await),
        }
    }

    /// Puts other options in force, all of them or none; the address stays what it is. When this
    /// returns well, they are, also for whatever starts because of them.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] or [`CommandError::DiskFull`] if nothing can be written now;
    /// then those from before are in force.
    pub async fn configure(&self, options: Options) -> Result<(), CommandError> {
        self.entry.configure(options).await?;
        Ok(())
    }

    /// Returns runs that are all stored.
    async fn known(&self, runs: Vec<RunId>) -> Result<Vec<RunId>, CommandError> {
        let distinct: BTreeSet<RunId> = runs.iter().copied().collect();
        if distinct.len() > MAX_CHANGED_RUNS {
            return Err(CommandError::TooManyRuns(MAX_CHANGED_RUNS));
        }
        let known = self.store.known(&[], &runs).await.map_err(|error| unreadable(&error))?;
        match distinct.difference(&known.ids).next() {
            Some(unknown) => Err(Refusal::UnknownRun(*unknown).into()),
            None => Ok(runs),
        }
    }

    /// Returns the runs that a filter lets through, the oldest first.
    async fn matching(&self, mut filter: RunsFilter) -> Result<Vec<RunId>, CommandError> {
        if filter.statuses.is_empty() {
            let open = RunStatus::ALL.into_iter().filter(|status| !status.is_terminal());
            filter.statuses = open.collect();
        }
        let (mut runs, mut before): (Vec<RunId>, Option<Seq>) = (Vec::new(), None);
        loop {
            let page =
                self.store.runs(&filter, before, PAGE).await.map_err(|error| unreadable(&error))?;
            runs.extend(page.iter().map(|stored| stored.run.id));
            if runs.len() > MAX_CHANGED_RUNS {
                return Err(CommandError::TooManyRuns(MAX_CHANGED_RUNS));
            }
            if page.len() < PAGE as usize {
                runs.reverse();
                return Ok(runs);
            }
            before = page.last().map(|stored| stored.run.seq);
        }
    }
}

fn unreadable(error: &store::ReadError) -> CommandError {
    CommandError::Unavailable(format!("the store cannot be asked: {error}"))
}
