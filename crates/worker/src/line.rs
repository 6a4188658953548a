//! The line between the walk and the daemon: reports go out in their order, directions come in.
//!
//! Both ways are level-triggered. What is told out is in the spool until the daemon has it; what is
//! heard is the whole of the latest directions, so that nothing is lost with an answer. The walk
//! never waits for the daemon here: only [`Line::deliver`] and [`Line::listen`] do.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};
use wire::worker::{
    Cancel, Directions, Dismissal, Identity, POLL_SECONDS, Poll, Received, Report, Reports,
};

use crate::client::{AskError, Backoff, Client, Route};
use crate::spool::{Batch, Spool, SpoolError};

const REPORT: Route =
    Route { path: "/worker/v1/report", timeout: Duration::from_secs(30), max_answer: 64 * 1024 };

/// An open poll is answered after [`POLL_SECONDS`] at the latest, plus what a loaded machine needs.
const POLL: Route = Route {
    path: "/worker/v1/poll",
    timeout: Duration::from_secs(POLL_SECONDS + 20),
    // Every step of a large plan granted at once.
    max_answer: 16 * 1024 * 1024,
};

/// What the walk should know now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    /// The steps that have their slots.
    pub(crate) granted: Vec<String>,
    /// The number of the last report that the daemon had when it was asked for that.
    pub(crate) heard: u64,
    /// Set when the steps are to be ended.
    pub(crate) cancel: Option<Cancel>,
    /// Set when nobody listens any more.
    pub(crate) end: Option<LineEnd>,
}

/// Why nobody listens any more.
#[derive(Debug, Clone)]
pub(crate) enum LineEnd {
    /// The daemon has no more use for this attempt.
    Dismissed(Dismissal),
    /// The reports cannot be read back from the spool.
    Broken(String),
}

/// The line. Its two ways are driven beside the walk, on one thread.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    client: &'a Client,
    identity: &'a Identity,
    spool: RefCell<Spool>,
    /// Wakes [`Line::deliver`]: there is more, or there will be no more.
    more: Notify,
    is_closed: Cell<bool>,
    received: watch::Sender<u64>,
    awaited: Cell<u64>,
    told: watch::Sender<Told>,
}

impl<'a> Line<'a> {
    pub(crate) fn new(client: &'a Client, identity: &'a Identity, spool: Spool) -> Self {
        Self {
            client,
            identity,
            spool: RefCell::new(spool),
            more: Notify::new(),
            is_closed: Cell::new(false),
            received: watch::Sender::new(0),
            awaited: Cell::new(0),
            told: watch::Sender::new(Told::default()),
        }
    }

    /// Keeps reports to be delivered. When nobody listens any more, they are dropped.
    ///
    /// # Errors
    /// They cannot be written; they are delivered nevertheless, but the worker must end.
    pub(crate) fn keep(&self, reports: Vec<Report>) -> Result<(), SpoolError> {
        if reports.is_empty() || self.told.borrow().end.is_some() {
            return Ok(());
        }
        let kept = self.spool.borrow_mut().append(reports);
        self.more.notify_one();
        kept
    }

    /// Whether there is room for what no run hangs on: a run must not end because its code tells much
    /// while the daemon is away.
    pub(crate) fn has_room(&self) -> bool {
        self.told.borrow().end.is_none() && self.spool.borrow().has_room()
    }

    /// Says which report's answer is awaited: the directions must be asked for anew when
    /// the daemon has it.
    pub(crate) fn set_awaited(&self, number: u64) {
        self.awaited.set(number);
    }

    /// Says that there will be no more reports.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        self.more.notify_one();
    }

    /// Hears what the walk should know, now and whenever that changes.
    pub(crate) fn told(&self) -> watch::Receiver<Told> {
        self.told.subscribe()
    }

    /// Says that nobody will hear of this attempt any more, so that its steps are ended.
    pub(crate) async fn cut(&self, why: &str) -> Infallible {
        self.end(LineEnd::Broken(why.to_owned()));
        pending().await
    }

    /// Waits until nothing can be reported any more.
    pub(crate) async fn broken(&self) {
        let mut told = self.told.subscribe();
        let is_broken = |told: &Told| matches!(told.end, Some(LineEnd::Broken(_)));
        if told.wait_for(is_broken).await.is_err() {
            // The sender lives as long as this.
            pending::<()>().await;
        }
    }

    /// Delivers reports until the line is closed and the daemon has all of them, or nobody listens
    /// any more; returns why that is, if so.
    pub(crate) async fn deliver(&self) -> Option<LineEnd> {
        let mut backoff = Backoff::new();
        loop {
            let next = self.spool.borrow().batch();
            let sent = match next {
                Ok(Some(batch)) => self.send(batch).await,
                Ok(None) if self.is_closed.get() => return None,
                Ok(None) => {
                    self.more.notified().await;
                    continue;
                }
                Err(error) => Err(LineEnd::Broken(error.to_string())),
            };
            match sent {
                Ok(Progress::Some) => backoff = Backoff::new(),
                Ok(Progress::None) => backoff.wait().await,
                Err(end) => {
                    self.end(end.clone());
                    while !self.is_closed.get() {
                        self.more.notified().await;
                    }
                    return Some(end);
                }
            }
        }
    }

    async fn send(&self, Batch { first, reports }: Batch) -> Result<Progress, LineEnd> {
        let question = Reports { identity: self.identity.clone(), first, reports };
        match self.client.ask::<_, Received>(REPORT, &question).await {
            Ok(Received { last }) => self.forget(last),
            Err(AskError::Dismissed(dismissal)) => Err(LineEnd::Dismissed(dismissal)),
            Err(AskError::Away(_)) => Ok(Progress::None),
        }
    }

    fn forget(&self, last: u64) -> Result<Progress, LineEnd> {
        let mut spool = self.spool.borrow_mut();
        match spool.forget(last) {
            Ok(true) => {
                self.received.send_replace(spool.received());
                Ok(Progress::Some)
            }
            Ok(false) => {
                warn!("the daemon says that it has reports up to {last}, which is behind");
                Ok(Progress::None)
            }
            Err(error) => Err(LineEnd::Broken(error.to_string())),
        }
    }

    /// Asks for directions for ever, and renews the lease by that.
    pub(crate) async fn listen(&self) -> Infallible {
        let mut backoff = Backoff::new();
        let (mut seen, mut heard) = (0, 0);
        loop {
            let awaited = self.awaited.get();
            let is_first_since = heard < awaited;
            heard = *self.received.borrow();
            if is_first_since && awaited <= heard {
                // The directions that the walk found too old may be the same ones again.
                seen = 0;
            }
            let poll = Poll { identity: self.identity.clone(), seen };
            tokio::select! {
                answer = self.client.ask::<_, Directions>(POLL, &poll) => match answer {
                    Ok(directions) => {
                        backoff = Backoff::new();
                        seen = directions.version;
                        self.tell(directions, heard);
                    }
                    Err(AskError::Dismissed(dismissal)) => {
                        self.end(LineEnd::Dismissed(dismissal));
                        return pending().await;
                    }
                    Err(AskError::Away(_)) => backoff.wait().await,
                },
                () = self.is_outdated(heard) => {}
            }
        }
    }

    /// Waits until a question that was put when the daemon had the reports up to `heard` is too old
    /// for a step whose answer is awaited.
    async fn is_outdated(&self, heard: u64) {
        let mut received = self.received.subscribe();
        let is_outdated = |received: &u64| {
            let awaited = self.awaited.get();
            heard < awaited && awaited <= *received
        };
        if received.wait_for(is_outdated).await.is_err() {
            // The sender lives as long as this.
            pending::<()>().await;
        }
    }

    fn tell(&self, directions: Directions, heard: u64) {
        self.told.send_modify(|told| {
            told.granted = directions.granted;
            told.cancel = directions.cancel;
            told.heard = heard;
        });
    }

    fn end(&self, end: LineEnd) {
        match &end {
            LineEnd::Dismissed(Dismissal { code, message }) => {
                info!(dismissal.code = %code, "the daemon dismissed this worker: {message}");
            }
            LineEnd::Broken(reason) => error!("nothing can be reported any more: {reason}"),
        }
        self.told.send_modify(|told| told.end = Some(end));
    }
}

/// Whether the daemon took a report that it had not yet.
enum Progress {
    Some,
    None,
}
