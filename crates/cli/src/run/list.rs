//! `pointsman run list`.

use clap::Args;
use model::Timestamp;
use wire::api::{MAX_PAGE, Run, Runs, short_id};

use super::filter::FilterArgs;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::{Remote, Session, now, run as run_remote};
use crate::show::{Style, ago, own_tags, run_status, table, tags, took};

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
    /// Show the tags of the code location and the priority too, and hidden ones
    #[arg(long)]
    all_tags: bool,
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
    session.tell(&all, |all| text(session.style, now(), all, args.all_tags))?;
    Ok(0)
}

fn text(style: Style, now: Timestamp, Runs { runs, next }: &Runs, with_all_tags: bool) -> String {
    if runs.is_empty() {
        return "No such runs.\n".to_owned();
    }
    let mut text = runs_table(style, now, runs, with_all_tags);
    if let Some(next) = next {
        text += &format!("There are older runs: --limit shows more, --before {next} those.\n");
    }
    text
}

/// Returns runs as a table; with all tags only if they are asked for.
pub(super) fn runs_table(
    style: Style,
    now: Timestamp,
    runs: &[Run],
    with_all_tags: bool,
) -> String {
    let rows = runs.iter().map(|run| {
        [
            short_id(&run.id).into(),
            (&run.job).into(),
            run_status(run.status),
            run.priority.to_string().into(),
            ago(now, run.submitted_at).into(),
            took(now, run.started_at, run.ended_at).into(),
            if with_all_tags { tags(&run.tags) } else { own_tags(&run.tags) }.into(),
        ]
    });
    let header = ["RUN", "JOB", "STATUS", "PRIORITY", "SUBMITTED", "TOOK", "TAGS"];
    table(style, header, rows.collect())
}
