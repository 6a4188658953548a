//! `pointsman run cancel` and `pointsman run delete`: each run on its own, what fails is told at the
//! end.

use std::time::Duration;

use clap::Args;
use model::RunStatus;
use serde_json::json;
use wire::api::{CancelRun, Run, RunState, short_id};

use super::bulk::{BulkArgs, Meant, runs};
use super::filter::age;
use super::list::runs_table;
use crate::answer::{Answer, WRONG};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::{Remote, Session, complain, now, run as run_remote, say, tell_json};

/// How many of the runs that a query found are shown before the question.
const MAX_SHOWN: usize = 10;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 all were told to end, 1 some were not, 2 nobody could be asked, 3 no server.

Example:
  pointsman run cancel 1b4e28ba
  pointsman run cancel --force 1b4e28ba 9f3c77aa
  pointsman run cancel --queued --tag team=docs --preview")]
pub(crate) struct CancelArgs {
    /// The runs' ids or the beginnings of them
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Mark them as canceled at once, whatever their workers do
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    bulk: BulkArgs,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A run in progress must be canceled first. What is deleted is gone. A query finds runs that have ended,
unless it says otherwise.
Exit codes: 0 all were deleted, 1 some were not, 2 nobody could be asked, 3 no server.

Example:
  pointsman run delete 1b4e28ba
  pointsman run delete --status CANCELED --job nightly --preview
  pointsman run delete --ended --older-than 30d --yes")]
pub(crate) struct DeleteArgs {
    /// The runs' ids or the beginnings of them
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Of the runs that a query finds, only those that ended (or, if queued, were submitted) longer
    /// ago than this, such as 12h or 30d
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Duration>,
    #[command(flatten)]
    bulk: BulkArgs,
    #[command(flatten)]
    remote: Remote,
}

/// What is done to each run.
struct Deed {
    /// As in `cancel 3 runs`.
    verb: &'static str,
    /// The statuses in which a query finds runs, unless it says otherwise.
    statuses: Vec<RunStatus>,
}

pub(crate) fn cancel(args: &CancelArgs) -> Answer {
    let how = CancelRun { force: args.force };
    let is_unfinished = |status: &RunStatus| !status.is_terminal();
    let statuses = RunStatus::ALL.into_iter().filter(is_unfinished).collect();
    let deed = Deed { verb: "cancel", statuses };
    run_remote(&args.remote, async |session| {
        let ids = choose(session, &args.bulk, &args.ids, &deed, |_| true).await?;
        each(session, ids, async |id| {
            let RunState { id, status } = session.client.cancel(id, how).await?;
            Ok((
                format!("Run {} is {status}.\n", short_id(&id)),
                json!({ "id": id, "status": status.as_str() }),
            ))
        })
        .await
    })
}

pub(crate) fn delete(args: &DeleteArgs) -> Answer {
    let statuses = RunStatus::ALL.into_iter().filter(|status| status.is_terminal()).collect();
    let deed = Deed { verb: "delete", statuses };
    run_remote(&args.remote, async |session| {
        if args.older_than.is_some() && !args.ids.is_empty() {
            let message = "--older-than narrows a query, and runs are named by id";
            return Err(Failure::input(message, "leave out --older-than, or the ids"));
        }
        let present = now();
        let is_old = |run: &Run| {
            let then = run.ended_at.unwrap_or(run.submitted_at).0;
            args.older_than.is_none_or(|age| present.since(then) > age)
        };
        let ids = choose(session, &args.bulk, &args.ids, &deed, is_old).await?;
        each(session, ids, async |id| {
            session.client.delete(id).await?;
            Ok((
                format!("Deleted run {}.\n", short_id(id)),
                json!({ "id": id, "is_deleted": true }),
            ))
        })
        .await
    })
}

/// The runs to which something is done.
enum Chosen {
    /// They are named; each is looked for when its turn comes.
    Named(Vec<String>),
    /// A query found them.
    Found(Vec<String>),
    /// It was only asked which they would be.
    Nothing,
}

/// Finds out which runs are meant, and whether it may be done to them.
async fn choose(
    session: &Session,
    bulk: &BulkArgs,
    ids: &[String],
    deed: &Deed,
    is_meant: impl Fn(&Run) -> bool,
) -> Result<Chosen, Failure> {
    let found = match bulk.meant(ids)? {
        Meant::Ids(ids) if !bulk.preview => return Ok(Chosen::Named(ids.to_vec())),
        Meant::Ids(ids) => {
            let mut found = Vec::new();
            for id in ids {
                found.push(session.find_run(id).await?.run);
            }
            found
        }
        Meant::Query => bulk.find(session, &deed.statuses, is_meant).await?,
    };
    if bulk.preview && session.is_json {
        let ids: Vec<&String> = found.iter().map(|run| &run.id).collect();
        tell_json(&json!({ "is_preview": true, "runs": ids }))?;
        return Ok(Chosen::Nothing);
    }
    if found.is_empty() {
        if !session.is_json {
            say("No such runs.\n")?;
        }
        return Ok(if bulk.preview { Chosen::Nothing } else { Chosen::Found(Vec::new()) });
    }
    if !session.is_json && !bulk.yes {
        say(&shown(session, &found, deed))?;
    }
    let question = format!("{} {}?", capital(deed.verb), runs(found.len()));
    if bulk.preview || !bulk.may(&question)? {
        return Ok(Chosen::Nothing);
    }
    Ok(Chosen::Found(found.into_iter().map(|run| run.id).collect()))
}

/// Returns the first of the runs that were found, and how many there are.
fn shown(session: &Session, found: &[Run], deed: &Deed) -> String {
    let mut text = format!("Would {} {}:\n", deed.verb, runs(found.len()));
    text += &runs_table(session.style, now(), found.get(..MAX_SHOWN).unwrap_or(found), false);
    if found.len() > MAX_SHOWN {
        text += &format!("... and {} more\n", found.len() - MAX_SHOWN);
    }
    text
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Does something to each run, whatever becomes of the others.
async fn each<F>(session: &Session, chosen: Chosen, act: F) -> Result<u8, Failure>
where
    F: AsyncFn(&str) -> Result<(String, serde_json::Value), Failure>,
{
    let (ids, is_named) = match chosen {
        Chosen::Named(ids) => (ids, true),
        Chosen::Found(ids) => (ids, false),
        Chosen::Nothing => return Ok(0),
    };
    let (mut documents, mut code) = (Vec::new(), 0);
    let mut progress = Progress::new();
    for (index, id) in ids.iter().enumerate() {
        progress.show(&format!("{index} of {} ...", runs(ids.len())));
        let done = async {
            if is_named { act(&session.find_run(id).await?.run.id).await } else { act(id).await }
        };
        let done = done.await;
        progress.clear();
        match done {
            Ok((line, document)) => {
                documents.push(document);
                if !session.is_json {
                    say(&line)?;
                }
            }
            // With one run alone its failure is the command's.
            Err(failure) if ids.len() == 1 => return Err(failure),
            // Of those that would fail alike nothing is said, but what was done before is told.
            Err(failure) if failure.is_of_the_server() && documents.is_empty() => {
                return Err(failure);
            }
            Err(failure) => {
                let is_last = failure.is_of_the_server();
                code = if is_last { failure.exit_code() } else { WRONG };
                documents.push(json!({ "id": id, "error": failure.to_json() }));
                complain(&failure);
                if is_last {
                    break;
                }
            }
        }
    }
    if session.is_json {
        tell_json(&documents)?;
    }
    Ok(code)
}
