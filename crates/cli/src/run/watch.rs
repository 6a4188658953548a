//! `pointsman run watch`, and the waiting of `job launch --wait`: tells every event of a run until it
//! ends.
//!
//! The stream of changes says that something happened; the run's own events, numbered without a
//! gap, say what: whatever the stream missed is fetched by number. While a run waits, the reasons are
//! told as they stood at its last event.
//!
//! A server that is started again is found again, also at another address.

use std::time::Duration;

use clap::Args;
use model::RunStatus;
use wire::api::{MAX_PAGE, Page, RunDetail, short_id};
use wire::client::{Changes, Client, News};

use crate::answer::{Answer, WRONG};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::{Remote, Session, now, run as run_remote, say, tell_json_line};
use crate::show::{interval, plain};

/// How often the line is written anew that says how long the run has been what it is.
const TICK: Duration = Duration::from_secs(1);

/// How many readings in a row may fail: before each, the stream is opened again, which waits for the
/// server.
const MAX_FAILED_READINGS: u32 = 20;

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
        let ended = follow(session, changes, &run.id, told).await?;
        Ok(if ended.run.status == RunStatus::Success { 0 } else { WRONG })
    })
}

/// Tells the events of a run until it has ended; returns it as it ended. The changes were opened before this,
/// so that nothing can happen unseen between two readings.
pub(crate) async fn follow(
    session: &Session,
    changes: Changes,
    run: &str,
    told: Told,
) -> Result<RunDetail, Failure> {
    let mut followed = Followed { session, changes, run, told, last: 0, reasons: Vec::new() };
    let mut failed = 0;
    loop {
        match followed.tell_news().await {
            Ok(detail) if detail.run.status.is_terminal() => return Ok(detail),
            Ok(detail) => {
                failed = 0;
                followed.wait(&detail).await?;
            }
            Err(Failure::Client(error)) if error.is_passing() && failed < MAX_FAILED_READINGS => {
                failed += 1;
                followed.changes.resume(|| session.find_again()).await?;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// A run that is followed.
struct Followed<'a> {
    session: &'a Session,
    changes: Changes,
    run: &'a str,
    told: Told,
    /// The number of the last event that was told.
    last: u64,
    /// Why it waits, as it was told last.
    reasons: Vec<String>,
}

impl Followed<'_> {
    /// Tells what is new; returns the run as it is.
    async fn tell_news(&mut self) -> Result<RunDetail, Failure> {
        let client = self.changes.client().clone();
        self.tell_events(&client).await?;
        let detail = client.run(self.run).await?;
        if detail.run.status.is_terminal() {
            self.tell_events(&client).await?;
            tell_end(&detail, self.told)?;
        } else if self.told == Told::Lines && detail.sentences != self.reasons {
            for sentence in &detail.sentences {
                let sentence = self.session.style.wrap(21, &plain(sentence));
                say(&format!("{:14}waits: {sentence}\n", ""))?;
            }
            self.reasons.clone_from(&detail.sentences);
        }
        Ok(detail)
    }

    /// Tells the events behind the last one that was told.
    async fn tell_events(&mut self, client: &Client) -> Result<(), Failure> {
        loop {
            let page = Page { after: Some(self.last.to_string()), limit: Some(MAX_PAGE) };
            let events = client.events(self.run, &page).await?;
            for event in &events.events {
                match self.told {
                    Told::Nothing => {}
                    Told::Lines => say(&super::events::line(event))?,
                    Told::Json => tell_json_line(event)?,
                }
                self.last = self.last.max(event.number.unwrap_or(self.last));
            }
            if events.next.is_none() || events.events.is_empty() {
                return Ok(());
            }
        }
    }

    /// Waits until something may have happened to the run, and shows meanwhile how long that takes.
    async fn wait(&mut self, detail: &RunDetail) -> Result<(), Failure> {
        let run = &detail.run;
        let since = run.started_at.or(run.starting_at).unwrap_or(run.submitted_at);
        let mut progress = Progress::new();
        loop {
            let news = self.next_news(|| {
                let waited = interval(now().since(since.0));
                let (id, status) = (short_id(&run.id), run.status);
                progress.show(&format!("Run {id} is {status} for {waited} ..."));
            });
            match news.await? {
                News::Event(event) if event.run.as_deref() == Some(&run.id) => return Ok(()),
                News::Event(_) => {}
                News::Reopened => return Ok(()),
            }
        }
    }

    /// Waits for news, and shows again and again that it does.
    async fn next_news(&mut self, mut show: impl FnMut()) -> Result<News, Failure> {
        let mut tick = tokio::time::interval(TICK);
        // Not begun anew at each tick: it counts how often a broken stream was opened again.
        let mut news = std::pin::pin!(self.changes.next_wherever(|| self.session.find_again()));
        loop {
            tokio::select! {
                news = &mut news => return Ok(news?),
                _ = tick.tick() => show(),
            }
        }
    }
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
