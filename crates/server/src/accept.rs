//! Takes connections and serves each: how long anybody may dawdle, and how it all ends. How many
//! there may be is said elsewhere. Of what is served it knows the addresses of the workers alone.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::connections::{Connections, Room, Seat};
use crate::error::ApiError;
use crate::guard::{WORKER_PATHS, with_headers};
use crate::stall::Unstalled;

/// How long a client may take to send the head of a request, or to be idle between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may leave an answer lie before its connection is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How large the head of a request may be, in bytes: far more than any of ours has.
const MAX_HEAD: usize = 64 * 1024;

/// How long answers that are under way get when the server stops. What takes longer is cut off; a
/// command that was sent is then done or not, as after any lost answer.
const DRAIN: Duration = Duration::from_secs(5);

/// How long to wait after the system had no connection to give, such as when no file is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Tells everything that waits that the server stops. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

/// Makes the signal that the server stops, and the one who gives it.
pub(crate) fn stopping() -> (watch::Sender<bool>, Stopping) {
    let (sender, receiver) = watch::channel(false);
    (sender, Stopping(receiver))
}

impl Stopping {
    /// Returns when the server stops.
    pub(crate) async fn wait(&mut self) {
        // A sender that is gone stops the server as well.
        let _ = self.0.wait_for(|stops| *stops).await;
    }
}

/// Serves every connection until the server stops, then ends those that are left.
pub(crate) async fn accept(
    listener: TcpListener,
    router: Router,
    connections: Connections,
    mut stopping: Stopping,
) {
    let room = Room::new(connections);
    let mut connections = JoinSet::new();
    loop {
        let next = tokio::select! {
            () = stopping.wait() => break,
            Some(_) = connections.join_next() => continue,
            next = take(&listener, &room) => next,
        };
        match next {
            Ok((stream, seat)) => {
                connections.spawn(serve_connection(stream, seat, router.clone(), stopping.clone()));
            }
            Err(error) => {
                warn!(%error, "failed to take a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = timeout(DRAIN, async { while connections.join_next().await.is_some() {} });
    if drained.await.is_err() {
        warn!(connections = connections.len(), "cut off connections that did not end in time");
    }
}

/// Waits for room, then for a connection.
async fn take(listener: &TcpListener, room: &Room) -> io::Result<(TcpStream, Seat)> {
    let seat = room.enter().await;
    let (stream, _) = listener.accept().await?;
    Ok((stream, seat))
}

async fn serve_connection(stream: TcpStream, seat: Seat, router: Router, mut stopping: Stopping) {
    // Events and answers are small and wanted at once.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "failed to set up a connection");
        return;
    }
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD);
    let stream = TokioIo::new(Unstalled::new(stream, WRITE_TIMEOUT));
    let answering = TowerToHyperService::new(router);
    let service = service_fn(|request: Request<Incoming>| {
        let is_worker = WORKER_PATHS.contains(&request.uri().path());
        if is_worker && !seat.is_given_to_worker() {
            Either::Left(async { Ok::<_, Infallible>(crowded()) })
        } else {
            Either::Right(answering.call(request))
        }
    });
    let connection = http.serve_connection(stream, service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection broke");
    }
}

/// Tells a worker that there are too many of them. Its connection ends, so that it takes no place of
/// others.
fn crowded() -> Response {
    warn!("too many connections of workers; one is told to come back");
    let mut response =
        with_headers(ApiError::unavailable("too many workers are connected").into_response());
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
