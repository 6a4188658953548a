//! What `top` shows: read from the server, put into rows. How it is drawn is decided elsewhere.

use model::{RunStatus, Timestamp};
use wire::api::{Instance, Page, Pools, QueuePage, Run, RunFilter, short_id};
use wire::client::{Client, ClientError};

use crate::pool::{POOLS_HEADER, pool_rows};
use crate::queue::{QUEUE_HEADER, queue_rows};
use crate::show::{Cell, interval, run_status, tags};

/// How many runs of a kind are read: more than anybody scrolls through, and a small answer.
const MAX_RUNS: u32 = 200;

/// What goes on at one moment.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) instance: Instance,
    /// The newest of the runs in progress.
    pub(super) in_progress: Vec<Run>,
    /// The beginning of the queue.
    pub(super) queue: QueuePage,
    pub(super) pools: Pools,
}

impl Snapshot {
    /// Reads all parts; they are told one after the other, so that a run that starts meanwhile may
    /// stand in two of them or in none.
    pub(super) async fn read(client: &Client) -> Result<Self, ClientError> {
        let in_progress = RunFilter {
            statuses: RunStatus::ALL.into_iter().filter(|status| status.is_in_progress()).collect(),
            limit: Some(MAX_RUNS),
            ..RunFilter::default()
        };
        let queued = Page { after: None, limit: Some(MAX_RUNS) };
        let (instance, runs, queue, pools) = tokio::try_join!(
            client.instance(),
            client.runs(&in_progress),
            client.queue(&queued),
            client.pools()
        )?;
        Ok(Self { instance, in_progress: runs.runs, queue, pools })
    }
}

/// A part of the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pane {
    pub(super) title: String,
    /// The names of the columns, then the rows.
    pub(super) rows: Vec<Vec<Cell>>,
}

/// Returns the line that says what the server is and does.
pub(super) fn header(url: &str, snapshot: &Snapshot, now: Timestamp) -> String {
    let instance = &snapshot.instance;
    let up = interval(now.since(instance.started_at.0));
    let mut text = format!("pointsman {} at {url}, up {up}", instance.version);
    if instance.is_recovering {
        text += ", recovering: nothing starts until it knows what became of the runs in progress";
    }
    text
}

/// Returns the parts of the view.
pub(super) fn panes(snapshot: &Snapshot, now: Timestamp) -> [Pane; 3] {
    let Snapshot { instance, in_progress, queue, pools } = snapshot;
    let limit = instance.rules.max_concurrent_runs;
    let of = limit.map_or(String::new(), |limit| format!(" of {limit}"));
    let running_title = format!("IN PROGRESS {}{of}", instance.in_progress);
    let queue_title = format!("QUEUE {}", queue.total);
    let pools_title = format!("POOLS {}", pools.pools.len());
    let pool_rows = pool_rows(&instance.rules.pools, &pools.pools);
    [
        pane(shown(running_title, in_progress.len()), RUNS_HEADER, run_rows(now, in_progress)),
        pane(
            shown(queue_title, queue.entries.len()),
            QUEUE_HEADER,
            queue_rows(now, &queue.entries),
        ),
        pane(pools_title, POOLS_HEADER, pool_rows),
    ]
}

/// Says in a title that not all are shown.
fn shown(title: String, count: usize) -> String {
    if count == MAX_RUNS as usize { format!("{title} ({count} shown)") } else { title }
}

fn pane<const N: usize>(title: String, header: [&str; N], rows: Vec<[Cell; N]>) -> Pane {
    let header = header.iter().map(Cell::from).collect();
    Pane { title, rows: std::iter::once(header).chain(rows.into_iter().map(Vec::from)).collect() }
}

const RUNS_HEADER: [&str; 6] = ["RUN", "JOB", "STATUS", "PRIORITY", "FOR", "TAGS"];

fn run_rows(now: Timestamp, runs: &[Run]) -> Vec<[Cell; 6]> {
    let row = |run: &Run| {
        let since = run.started_at.or(run.starting_at).unwrap_or(run.submitted_at);
        [
            short_id(&run.id).into(),
            (&run.job).into(),
            run_status(run.status),
            run.priority.to_string().into(),
            interval(now.since(since.0)).into(),
            tags(&run.tags).into(),
        ]
    };
    runs.iter().map(row).collect()
}
