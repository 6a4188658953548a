//! Commands about many runs: which ones are meant, by id or by what they are, and whether that may
//! be done to all of them.
//!
//! Runs that are named by id are meant as they stand. Runs that a query finds are shown before
//! anything is done to them: on a terminal the command asks, elsewhere `--yes` must say it.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;
use model::RunStatus;
use wire::api::{MAX_CHANGED_RUNS, MAX_PAGE, Run};

use super::filter::FilterArgs;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::Session;
use crate::show::plain;

/// A query, and whether it may be acted upon.
#[derive(Debug, Args)]
pub(crate) struct BulkArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Change nothing; print what would be done
    #[arg(long, conflicts_with = "yes")]
    pub(crate) preview: bool,
    /// Do not ask before runs are changed that a query finds
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// Which runs are meant.
#[derive(Debug)]
pub(crate) enum Meant<'a> {
    /// These.
    Ids(&'a [String]),
    /// Those that the query finds.
    Query,
}

impl BulkArgs {
    /// Returns which runs are meant, of those that were named.
    ///
    /// # Errors
    /// Neither runs nor a query are given, or both, or nobody can be asked whether the query is meant.
    pub(crate) fn meant<'a>(&self, ids: &'a [String]) -> Result<Meant<'a>, Failure> {
        match (ids, self.filter.is_empty()) {
            ([], true) => Err(Failure::input(
                "no runs are named",
                "name them by id, or by what they are: --queued, --job, --tag and others",
            )),
            ([], false) if !self.preview && !self.yes && !can_ask() => Err(Failure::input(
                "runs that a query finds are changed only after a question, and this is no terminal",
                "give --yes to change them, or --preview to see what would be done",
            )),
            ([], false) => Ok(Meant::Query),
            (ids, true) => Ok(Meant::Ids(ids)),
            (_, false) => Err(Failure::input(
                "runs are named by id and by a query at the same time",
                "give either ids, or --status, --job, --tag and others",
            )),
        }
    }

    /// Asks whether to go on, unless it was said already.
    pub(crate) fn may(&self, question: &str) -> Result<bool, Failure> {
        if self.yes { Ok(true) } else { ask(question) }
    }

    /// Finds the runs of the query, the newest first: those in `statuses`, unless the query says in
    /// which.
    ///
    /// # Errors
    /// There are more than [`MAX_CHANGED_RUNS`].
    pub(crate) async fn find(
        &self,
        session: &Session,
        statuses: &[RunStatus],
        is_meant: impl Fn(&Run) -> bool,
    ) -> Result<Vec<Run>, Failure> {
        let mut filter = self.filter.to_filter()?;
        if filter.statuses.is_empty() {
            filter.statuses = statuses.to_vec();
        }
        filter.limit = Some(MAX_PAGE);
        let mut found: Vec<Run> = Vec::new();
        let mut progress = Progress::new();
        loop {
            let page = session.client.runs(&filter).await?;
            found.extend(page.runs.into_iter().filter(&is_meant));
            if found.len() > MAX_CHANGED_RUNS {
                let message = format!("the query finds more than {MAX_CHANGED_RUNS} runs");
                return Err(Failure::input(message, "narrow it, or do it in parts with --since"));
            }
            filter.before = page.next;
            if filter.before.is_none() {
                return Ok(found);
            }
            progress.show(&format!("{} runs found ...", found.len()));
        }
    }
}

/// Returns whether there is somebody who could answer a question.
fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a question on standard error; anything but yes is no.
fn ask(question: &str) -> Result<bool, Failure> {
    let failed = |error: std::io::Error| Failure::Input { message: error.to_string(), hint: None };
    let mut stderr = std::io::stderr();
    let text = format!("{} [y/N] ", plain(question));
    stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()).map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Returns a number of runs in words.
pub(crate) fn runs(count: usize) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}
