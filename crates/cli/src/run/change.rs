//! `pointsman run set-priority`, `set-tags`, `hold` and `release`: changes of runs that have not
//! ended, by id or by a query, with what would start because of them.
//!
//! All runs of a command are changed in one commit or not at all. What a query finds is shown first,
//! and exactly that is changed then.

use std::collections::BTreeMap;

use clap::Args;
use model::RunStatus;
use wire::api::{RunChange, RunChanges, RunChangesAnswer, RunQuery, short_id};

use super::bulk::{BulkArgs, Meant, runs};
use super::filter::tag;
use crate::answer::{Answer, WRONG};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::{Remote, Session, run as run_remote, say, tell_json};
use crate::show::plain;

/// How many ids a line names.
const MAX_NAMED: usize = 10;

#[derive(Debug, Args)]
#[command(
    override_usage = "pointsman run set-priority [OPTIONS] [ID]... <N>",
    after_help = "\
A larger number goes first; 0 is usual. Runs that wait behind a limit are ordered anew at once.
Exit codes: 0 changed, 1 some runs cannot be changed, 2 nobody could be asked, 3 no server.

Example:
  pointsman run set-priority 1b4e28ba 5
  pointsman run set-priority --queued --tag team=docs -1 --preview"
)]
pub(crate) struct PriorityArgs {
    /// The runs' ids or the beginnings of them, and behind them the priority
    #[arg(value_name = "ID|N", required = true, allow_negative_numbers = true)]
    ids_and_priority: Vec<String>,
    #[command(flatten)]
    bulk: BulkArgs,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "pointsman run set-tags [OPTIONS] [ID]... [KEY=VALUE]...",
    after_help = "\
Limits count a run by its new tags at once. Nothing that is in progress is ended because of that.
Exit codes: 0 changed, 1 some runs cannot be changed, 2 nobody could be asked, 3 no server.

Example:
  pointsman run set-tags 1b4e28ba team=docs --remove owner
  pointsman run set-tags --queued --job nightly lane=slow --preview"
)]
pub(crate) struct TagsArgs {
    /// The runs' ids or the beginnings of them, and the tags to set
    #[arg(value_name = "ID|KEY=VALUE")]
    ids_and_tags: Vec<String>,
    /// A tag to take away; may be repeated
    #[arg(long, value_name = "KEY")]
    remove: Vec<String>,
    #[command(flatten)]
    bulk: BulkArgs,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A run that is held keeps its place in the queue and blocks nobody.
Exit codes: 0 held, 1 some runs cannot be held, 2 nobody could be asked, 3 no server.

Example:
  pointsman run hold 1b4e28ba
  pointsman run hold --queued --job nightly")]
pub(crate) struct HoldArgs {
    /// The runs' ids or the beginnings of them
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    bulk: BulkArgs,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 released, 1 some runs cannot be released, 2 nobody could be asked, 3 no server.

Example:
  pointsman run release 1b4e28ba
  pointsman run release --queued --since 1d --preview")]
pub(crate) struct ReleaseArgs {
    /// The runs' ids or the beginnings of them
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    bulk: BulkArgs,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn set_priority(args: &PriorityArgs) -> Answer {
    run_remote(&args.remote, async |session| {
        let Some((last, ids)) = args.ids_and_priority.split_last() else {
            return Err(no_priority());
        };
        let priority = last.parse().map_err(|_| no_priority())?;
        change(session, &args.bulk, ids, RunChange::Priority(priority)).await
    })
}

fn no_priority() -> Failure {
    Failure::input(
        "the last argument is no priority",
        "write a whole number behind the runs: `pointsman run set-priority 1b4e28ba 5`",
    )
}

pub(crate) fn set_tags(args: &TagsArgs) -> Answer {
    run_remote(&args.remote, async |session| {
        let (mut set, mut ids) = (BTreeMap::new(), Vec::new());
        for word in &args.ids_and_tags {
            if !word.contains('=') {
                ids.push(word.clone());
                continue;
            }
            let bad = |problem| Failure::input(format!("`{word}`: {problem}"), "write key=value");
            let (key, value) = tag(word).map_err(bad)?;
            set.insert(key, value);
        }
        if set.is_empty() && args.remove.is_empty() {
            let hint = "write key=value to set a tag, or --remove KEY";
            return Err(Failure::input("no tag is named", hint));
        }
        let remove = args.remove.clone();
        change(session, &args.bulk, &ids, RunChange::Tags { set, remove }).await
    })
}

pub(crate) fn hold(args: &HoldArgs) -> Answer {
    run_remote(&args.remote, async |session| {
        change(session, &args.bulk, &args.ids, RunChange::Hold).await
    })
}

pub(crate) fn release(args: &ReleaseArgs) -> Answer {
    run_remote(&args.remote, async |session| {
        change(session, &args.bulk, &args.ids, RunChange::Release).await
    })
}

/// Changes the runs that are meant, after a question where one is due.
async fn change(
    session: &Session,
    bulk: &BulkArgs,
    ids: &[String],
    change: RunChange,
) -> Result<u8, Failure> {
    let mut request = RunChanges { runs: None, query: None, change, preview: bulk.preview };
    match bulk.meant(ids)? {
        Meant::Ids(ids) => request.runs = Some(ids.to_vec()),
        Meant::Query => request.query = Some(query(bulk, &request.change)?),
    }
    let mut others = RunChangesAnswer::default();
    if request.query.is_some() && !bulk.yes && !bulk.preview {
        request.preview = true;
        let mut found = session.client.change_runs(&request).await?;
        if found.changed.is_empty() {
            return tell(session, &RunChangesAnswer { is_preview: false, ..found });
        }
        if !session.is_json {
            say(&text(&found))?;
        }
        if !bulk.may(&format!("Change {}?", runs(found.changed.len())))? {
            return Ok(0);
        }
        (request.runs, request.query) = (Some(std::mem::take(&mut found.changed)), None);
        request.preview = false;
        others = found;
    }
    let mut progress = Progress::new();
    progress.show("changing ...");
    let done = session.client.change_runs(&request).await?;
    progress.clear();
    tell(session, &with_others(done, others))
}

/// Adds the runs that the query found and that could not be changed, or needed not be.
fn with_others(mut done: RunChangesAnswer, others: RunChangesAnswer) -> RunChangesAnswer {
    done.matched += (others.unchanged.len() + others.refused.len()) as u64;
    done.unchanged.extend(others.unchanged);
    done.refused.extend(others.refused);
    done
}

/// Returns the query; unless it says in which statuses, those count for which the change is made.
fn query(bulk: &BulkArgs, change: &RunChange) -> Result<RunQuery, Failure> {
    let mut query = bulk.filter.to_query()?;
    if query.status.is_empty() && matches!(change, RunChange::Hold | RunChange::Release) {
        query.status = vec![RunStatus::Queued];
    }
    Ok(query)
}

fn tell(session: &Session, done: &RunChangesAnswer) -> Result<u8, Failure> {
    if session.is_json {
        tell_json(done)?;
    } else {
        say(&text(done))?;
    }
    Ok(if done.refused.is_empty() { 0 } else { WRONG })
}

fn text(done: &RunChangesAnswer) -> String {
    if done.matched == 0 {
        return "No such runs.\n".to_owned();
    }
    let (changed, starts) = if done.is_preview {
        ("Would change", "Would start at once")
    } else {
        ("Changed", "Started at once")
    };
    let mut text = String::new();
    if !done.changed.is_empty() {
        text += &line(&format!("{changed} {}", runs(done.changed.len())), &done.changed, false);
    }
    if !done.unchanged.is_empty() {
        text += &line(
            &format!("As wanted already: {}", runs(done.unchanged.len())),
            &done.unchanged,
            false,
        );
    }
    for refused in &done.refused {
        text += &format!("Not changed: {}: {}\n", short_id(&refused.run), plain(&refused.reason));
    }
    if done.started.is_empty() {
        if !done.changed.is_empty() {
            let none = if done.is_preview { "No run would start" } else { "No run started" };
            text += &format!("{none} because of it.\n");
        }
    } else {
        let more = if done.is_started_cut { "more than " } else { "" };
        let title = format!("{starts}: {more}{}", runs(done.started.len()));
        text += &line(&title, &done.started, done.is_started_cut);
    }
    text
}

/// Returns a line that names the first of some runs.
fn line(title: &str, ids: &[String], is_cut: bool) -> String {
    let named: Vec<&str> = ids.iter().take(MAX_NAMED).map(|id| short_id(id)).collect();
    let more = if ids.len() > MAX_NAMED || is_cut { ", ..." } else { "" };
    format!("{title} ({}{more})\n", named.join(", "))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use wire::api::RefusedChange;

    use super::*;

    fn ids(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("{n:08}-2fa1-4e1d-8c2a-6f5c3a9d7e10")).collect()
    }

    #[test]
    fn what_was_changed_and_what_starts_is_told() {
        let refused =
            vec![RefusedChange { run: ids(1).remove(0), reason: "it has ended".to_owned() }];
        let mut done = RunChangesAnswer {
            matched: 15,
            changed: ids(12),
            unchanged: ids(2),
            refused,
            started: ids(1),
            is_started_cut: false,
            is_preview: true,
        };
        expect![[r#"
            Would change 12 runs (00000000, 00000001, 00000002, 00000003, 00000004, 00000005, 00000006, 00000007, 00000008, 00000009, ...)
            As wanted already: 2 runs (00000000, 00000001)
            Not changed: 00000000: it has ended
            Would start at once: 1 run (00000000)
        "#]]
        .assert_eq(&text(&done));
        (done.is_preview, done.started) = (false, Vec::new());
        assert!(text(&done).ends_with("No run started because of it.\n"));
        assert_eq!(text(&RunChangesAnswer::default()), "No such runs.\n");
    }
}
