//! The stream of all changes: what is stored behind a place, then what comes.
//!
//! Nothing is kept for a client but the page that it is being sent: a slow one reads later from the
//! store. One that takes nothing at all loses its connection, and can resume.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{self, KeepAlive, Sse};
use coordinator::Handle;
use futures_util::stream::{self, Stream};
use model::{Change, LifeEvent};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tracing::{error, warn};

use crate::accept::Stopping;
use crate::app::App;
use crate::error::ApiError;
use crate::query::{Query, place};

/// How many changes are read from the store at one time.
const PAGE: u32 = 200;

/// How often a stream without changes shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The header by which a browser resumes.
const LAST_EVENT_ID: &str = "last-event-id";

/// `GET /api/v1/changes`: from behind the change that is named, or from now on.
pub(crate) async fn changes(
    State(app): State<App>,
    headers: HeaderMap,
    query: Query,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, ApiError> {
    let permit = app.streams.clone().try_acquire_owned().map_err(|_| {
        warn!("too many streams of changes are open");
        ApiError::unavailable("too many streams of changes are open")
    })?;
    let seen = app.handle.changes();
    let last = *seen.borrow();
    let seen_from = after(&headers, query)?.unwrap_or(last);
    if seen_from > last {
        let message =
            format!("there is no change {} yet; the last one is {}", seen_from.get(), last.get());
        return Err(ApiError::bad_request(message).hint("start anew, without `after`"));
    }
    let follower = Follower {
        handle: app.handle,
        seen,
        at: seen_from,
        page: VecDeque::new(),
        stopping: app.stopping,
        _permit: permit,
    };
    let events = stream::unfold(follower, async |mut follower| {
        let event = follower.next().await?;
        Some((Ok(shown(&event)), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Returns the change that the client saw last. A browser that resumes repeats the address it began
/// with, so the header goes before the parameter.
fn after(headers: &HeaderMap, query: Query) -> Result<Option<Change>, ApiError> {
    let asked = query.only("after")?;
    let resumed = match headers.get(LAST_EVENT_ID).map(|id| id.to_str()) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => return Err(ApiError::bad_request("Last-Event-ID is no number")),
    };
    Ok(place("after", resumed.or(asked.as_deref()))?.map(Change::new))
}

/// Somebody who is told all changes, one after the other.
struct Follower {
    handle: Handle,
    seen: watch::Receiver<Change>,
    /// The last change that was read.
    at: Change,
    page: VecDeque<LifeEvent>,
    stopping: Stopping,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    /// Waits for the next change; none when the stream ends: the client resumes.
    async fn next(&mut self) -> Option<LifeEvent> {
        loop {
            if let Some(event) = self.page.pop_front() {
                return Some(event);
            }
            let known = *self.seen.borrow_and_update();
            if known > self.at {
                self.read(known).await?;
                continue;
            }
            tokio::select! {
                changed = self.seen.changed() => changed.ok()?,
                () = self.stopping.wait() => return None,
            }
        }
    }

    /// Reads the next page of what is known. Changes of deleted runs are gone, so that there may be
    /// none at all.
    async fn read(&mut self, known: Change) -> Option<()> {
        let read = tokio::select! {
            read = self.handle.store().events_after(self.at, PAGE) => read,
            () = self.stopping.wait() => return None,
        };
        match read {
            Ok(page) => {
                // What was committed since `known` was looked at is told next time, so that nobody
                // is ever told a change that a new stream would not know.
                self.page = page.into_iter().filter(|event| event.change <= known).collect();
                self.at = self.page.back().map_or(known, |event| event.change);
                Some(())
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                error!(error, "failed to read changes; a stream ends");
                None
            }
        }
    }
}

fn shown(event: &LifeEvent) -> sse::Event {
    let named = sse::Event::default().id(event.change.get().to_string()).event(event.kind.as_str());
    named.json_data(wire::api::Event::from(event)).unwrap_or_else(|error| {
        // Its parts are numbers and texts, which always can be written.
        error!(%error, "failed to write a change");
        sse::Event::default().comment("a change that cannot be written")
    })
}
