//! `pointsman run watch`, and the waiting of `job launch --wait`: tells every event of a run until it
//! ends.
//!
//! The stream of changes says that something happened; the run's own events, numbered without a
//! gap, say what: whatever the stream missed is fetched by number. While a run waits, the reasons are
//! told as they stood at its last event.

use std::time::Duration;

use clap::Args;
use model::{EventKind, RunStatus};
use wire::api::{Event, MAX_PAGE, Page, RunDetail, short_id};
use wire::client::{Changes, News};

use crate::answer::{Answer, WRONG};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::{Remote, Session, now, run as run_remote, say, tell_json_line};
use crate::show::{interval, plain};

/// How often the line is written anew that says how long the run has been what it is.
const TICK: Duration = Duration::from_secs(1);

/// Shows every event of a run as it happens, from its submission on, until the run ends.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 it succeeded, 1 it did not, 3 no server. With --json each event is a line.

Example:
  pointsman run watch 1b4e28ba")]
pub(crate) struct WatchArgs {
    /// The run's id or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// What is printed of a run that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing.
    Nothing,
    /// A line for each event.
    Lines,
    /// A JSON document in a line for each event.
    Json,
}

pub(crate) fn run(args: &WatchArgs) -> Answer {
    run_remote(&args.remote, async |session| {
        let run = session.find_run(&args.id).await?.run;
        let told = if session.is_json { Told::Json } else { Told::Lines };
        let changes = session.client.changes(None).await?;
        let status = follow(session, changes, &run.id, told).await?;
        Ok(if status == RunStatus::Success { 0 } else { WRONG })
    })
}

/// Tells the events of a run until it has ended; returns how. The changes were opened before this,
/// so that nothing can happen unseen between two readings.
pub(crate) async fn follow(
    session: &Session,
    mut changes: Changes,
    run: &str,
    told: Told,
) -> Result<RunStatus, Failure> {
    let (mut last, mut reasons) = (0, Vec::new());
    loop {
        last = tell_events(session, run, last, told).await?;
        let detail = session.client.run(run).await?;
        if detail.run.status.is_terminal() {
            tell_events(session, run, last, told).await?;
            tell_end(&detail, told)?;
            return Ok(detail.run.status);
        }
        if told == Told::Lines && detail.sentences != reasons {
            for sentence in &detail.sentences {
                say(&format!("{:14}waits: {}\n", "", plain(sentence)))?;
            }
            reasons.clone_from(&detail.sentences);
        }
        wait_for(&mut changes, &detail).await?;
    }
}

/// Waits until something may have happened to the run, and shows meanwhile how long that takes.
async fn wait_for(changes: &mut Changes, detail: &RunDetail) -> Result<(), Failure> {
    let run = &detail.run;
    let since = run.started_at.or(run.starting_at).unwrap_or(run.submitted_at);
    let mut progress = Progress::new();
    let show = |progress: &mut Progress| {
        let waited = interval(now().since(since.0));
        progress.show(&format!("Run {} is {} for {waited} ...", short_id(&run.id), run.status));
    };
    loop {
        let news = next_news(changes, || show(&mut progress)).await?;
        match news {
            News::Event(event) if event.run.as_deref() == Some(&run.id) => return Ok(()),
            // It does not say which; if it was this one, reading it says that there is none.
            News::Event(event) if event.kind == EventKind::RunDeleted => return Ok(()),
            News::Event(_) => {}
            News::Reopened => return Ok(()),
        }
    }
}

/// Waits for news, and shows again and again that it does.
async fn next_news(changes: &mut Changes, mut show: impl FnMut()) -> Result<News, Failure> {
    let mut tick = tokio::time::interval(TICK);
    // Not begun anew at each tick: it counts how often a broken stream was opened again.
    let mut news = std::pin::pin!(changes.next());
    loop {
        tokio::select! {
            news = &mut news => return Ok(news?),
            _ = tick.tick() => show(),
        }
    }
}

/// Tells the events behind the one numbered `last`; returns the number of the last one told.
async fn tell_events(
    session: &Session,
    run: &str,
    mut last: u64,
    told: Told,
) -> Result<u64, Failure> {
    loop {
        let page = Page { after: Some(last.to_string()), limit: Some(MAX_PAGE) };
        let events = session.client.events(run, &page).await?;
        for event in &events.events {
            match told {
                Told::Nothing => {}
                Told::Lines => say(&line(event))?,
                Told::Json => tell_json_line(event)?,
            }
            last = last.max(event.number.unwrap_or(last));
        }
        if events.next.is_none() || events.events.is_empty() {
            return Ok(last);
        }
    }
}

fn line(event: &Event) -> String {
    // The time of day in UTC stands behind the date: `2026-01-31T12:00:00.000000Z`.
    let at = event.at.to_string();
    let time = at.get(11..23).unwrap_or(&at);
    let mut text = format!("{time}  {:<18}", event.kind.as_str());
    if let Some(step) = &event.step {
        text += &format!("  {}", plain(step));
    }
    if !event.message.is_empty() {
        text += &format!("  {}", plain(&event.message));
    }
    text.trim_end().to_owned() + "\n"
}

fn tell_end(detail: &RunDetail, told: Told) -> Result<(), Failure> {
    if told != Told::Lines {
        return Ok(());
    }
    let run = &detail.run;
    let mut text = format!("Run {} ended: {}", short_id(&run.id), run.status);
    if let Some(failure) = &run.failure {
        text += &format!(" ({})", plain(&failure.message));
    }
    say(&(text + "\n"))
}
