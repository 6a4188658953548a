//! Takes connections and serves each: how many at a time, how long anybody may dawdle, and how it
//! all ends. It does not know what is served.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::stall::Unstalled;

/// How many connections are open at one time; others wait to be taken. A process may usually have
/// 1024 files open, and the store, the launches and the logs need some.
const MAX_CONNECTIONS: usize = 768;

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
pub(crate) async fn accept(listener: TcpListener, router: Router, mut stopping: Stopping) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = tokio::select! {
            () = stopping.wait() => break,
            Some(_) = connections.join_next() => continue,
            next = take(&listener, &room) => next,
        };
        match next {
            Ok((stream, permit)) => {
                let (router, stopping) = (router.clone(), stopping.clone());
                connections.spawn(async move {
                    serve_connection(stream, router, stopping).await;
                    drop(permit);
                });
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
async fn take(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

async fn serve_connection(stream: TcpStream, router: Router, mut stopping: Stopping) {
    // Events and answers are small and wanted at once.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "failed to set up a connection");
        return;
    }
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD);
    let stream = TokioIo::new(Unstalled::new(stream, WRITE_TIMEOUT));
    let connection = http.serve_connection(stream, TowerToHyperService::new(router));
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
