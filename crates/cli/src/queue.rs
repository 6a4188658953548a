//! `pointsman queue`: who waits, in which order, and for what.

use clap::Args;
use model::Timestamp;
use wire::api::{ExplanationState, MAX_PAGE, Page, QueueEntry, QueuePage, short_id};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::{Remote, Session, now, run as run_remote};
use crate::show::{Cell, Style, holders, interval, reason, table};

/// Lists the queued runs in the order in which they are looked at, each with the first limit that
/// blocks it and those who hold that.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  pointsman queue\n  pointsman queue --limit 500 --json")]
pub(crate) struct QueueArgs {
    /// How many runs at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn run(args: &QueueArgs) -> Answer {
    run_remote(&args.remote, async |session| queue(session, args.limit).await)
}

async fn queue(session: &Session, mut wanted: u32) -> Result<u8, Failure> {
    let mut all = QueuePage { entries: Vec::new(), total: 0, next: None };
    let (mut after, mut progress) = (None, Progress::new());
    while wanted > 0 {
        let page = Page { after, limit: Some(wanted.min(MAX_PAGE)) };
        let page = session.client.queue(&page).await?;
        let count = u32::try_from(page.entries.len()).unwrap_or(u32::MAX);
        wanted = wanted.saturating_sub(count);
        all.entries.extend(page.entries);
        (all.total, all.next) = (page.total, page.next.clone());
        after = page.next;
        if after.is_none() || count == 0 {
            break;
        }
        progress.show(&format!("{} queued runs read ...", all.entries.len()));
    }
    progress.clear();
    session.tell(&all, |all| text(session.style, now(), all))?;
    Ok(0)
}

fn text(style: Style, now: Timestamp, QueuePage { entries, total, .. }: &QueuePage) -> String {
    if entries.is_empty() {
        return "The queue is empty.\n".to_owned();
    }
    let mut text = table(style, QUEUE_HEADER, queue_rows(now, entries));
    if (entries.len() as u64) < *total {
        text += &format!("{} of {total} queued runs; --limit shows more.\n", entries.len());
    }
    text
}

/// The columns of the queue.
pub(crate) const QUEUE_HEADER: [&str; 7] =
    ["#", "RUN", "JOB", "PRIORITY", "WAITING", "REASON", "HELD BY"];

/// Returns the rows of the queue.
pub(crate) fn queue_rows(now: Timestamp, entries: &[QueueEntry]) -> Vec<[Cell; 7]> {
    let row = |entry: &QueueEntry| {
        [
            entry.position.to_string().into(),
            short_id(&entry.run).into(),
            (&entry.job).into(),
            entry.priority.to_string().into(),
            interval(now.since(entry.waiting_since.0)).into(),
            waits_for(entry).into(),
            holders(&entry.explanation).into(),
        ]
    };
    entries.iter().map(row).collect()
}

fn waits_for(entry: &QueueEntry) -> String {
    match entry.explanation.state {
        ExplanationState::Blocked => reason(&entry.explanation),
        ExplanationState::Eligible => "its turn".to_owned(),
        ExplanationState::Holding => "it starts".to_owned(),
    }
}
