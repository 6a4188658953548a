//! `pointsman run list`.

use clap::Args;
use model::Timestamp;
use wire::api::{MAX_PAGE, Runs, short_id};

use super::filter::FilterArgs;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::{Remote, Session, now, run as run_remote};
use crate::show::{Style, ago, run_status, table, tags, took};

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  pointsman run list --in-progress
  pointsman run list --status FAILURE --since 2h
  pointsman run list --job nightly --tag team=docs --limit 100")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// How many runs at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only runs behind an earlier list, whose JSON has this under `next`
    #[arg(long, value_name = "NEXT")]
    before: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn run(args: &ListArgs) -> Answer {
    run_remote(&args.remote, async |session| list(session, args).await)
}

async fn list(session: &Session, args: &ListArgs) -> Result<u8, Failure> {
    let mut filter = args.filter.to_filter()?;
    filter.before.clone_from(&args.before);
    let mut all = Runs { runs: Vec::new(), next: None };
    let mut wanted = args.limit;
    let mut progress = Progress::new();
    while wanted > 0 {
        filter.limit = Some(wanted.min(MAX_PAGE));
        let page = session.client.runs(&filter).await?;
        let count = u32::try_from(page.runs.len()).unwrap_or(u32::MAX);
        wanted = wanted.saturating_sub(count);
        all.runs.extend(page.runs);
        all.next.clone_from(&page.next);
        filter.before = page.next;
        if filter.before.is_none() || count == 0 {
            break;
        }
        progress.show(&format!("{} runs read ...", all.runs.len()));
    }
    progress.clear();
    session.tell(&all, |all| text(session.style, now(), all))?;
    Ok(0)
}

fn text(style: Style, now: Timestamp, Runs { runs, next }: &Runs) -> String {
    if runs.is_empty() {
        return "No such runs.\n".to_owned();
    }
    let mut text = runs_table(style, now, runs);
    if let Some(next) = next {
        text += &format!(
            "The newest {} runs; --limit shows more, --before {next} the older ones.\n",
            runs.len()
        );
    }
    text
}

/// Returns runs as a table.
pub(super) fn runs_table(style: Style, now: Timestamp, runs: &[wire::api::Run]) -> String {
    let rows = runs.iter().map(|run| {
        [
            short_id(&run.id).into(),
            (&run.job).into(),
            run_status(run.status),
            run.priority.to_string().into(),
            ago(now, run.submitted_at).into(),
            took(now, run.started_at, run.ended_at).into(),
            tags(&run.tags).into(),
        ]
    });
    let header = ["RUN", "JOB", "STATUS", "PRIORITY", "SUBMITTED", "TOOK", "TAGS"];
    table(style, header, rows.collect())
}
