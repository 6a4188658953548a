//! `pointsman run list`.

use clap::Args;
use model::{RunStatus, Timestamp};
use wire::api::{MAX_PAGE, RunFilter, Runs, short_id};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::remote::{Remote, Session, now, run as run_remote};
use crate::show::{Style, ago, run_status, table, tags, took};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  pointsman run list --status QUEUED,STARTED\n  \
    pointsman run list --job nightly --tag team=docs --limit 100")]
pub(crate) struct ListArgs {
    /// Only runs in these statuses, such as QUEUED,STARTED
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = status)]
    status: Vec<RunStatus>,
    /// Only runs of this job
    #[arg(long, value_name = "JOB")]
    job: Option<String>,
    /// Only runs of jobs of this code location
    #[arg(short, long, value_name = "LOCATION")]
    location: Option<String>,
    /// Only runs with this tag; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag)]
    tag: Vec<(String, String)>,
    /// How many runs at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    remote: Remote,
}

fn status(text: &str) -> Result<RunStatus, String> {
    let upper = text.trim().to_ascii_uppercase();
    RunStatus::from_name(&upper).ok_or_else(|| {
        let known: Vec<&str> = RunStatus::ALL.iter().map(|status| status.as_str()).collect();
        format!("known statuses: {}", known.join(", "))
    })
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it must have the form key=value")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(crate) fn run(args: &ListArgs) -> Answer {
    run_remote(&args.remote, async |session| list(session, args).await)
}

async fn list(session: &Session, args: &ListArgs) -> Result<u8, Failure> {
    let mut filter = RunFilter {
        statuses: args.status.clone(),
        job: args.job.clone(),
        location: args.location.clone(),
        tags: args.tag.clone(),
        ..RunFilter::default()
    };
    let mut all = Runs { runs: Vec::new(), next: None };
    let mut wanted = args.limit;
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
    }
    session.tell(&all, |all| text(session.style, now(), all))?;
    Ok(0)
}

fn text(style: Style, now: Timestamp, Runs { runs, next }: &Runs) -> String {
    if runs.is_empty() {
        return "No such runs.\n".to_owned();
    }
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
    let mut text = table(style, header, rows.collect());
    if next.is_some() {
        text += &format!("The newest {} runs; --limit shows more.\n", runs.len());
    }
    text
}
