//! Keeps the view fresh: it is read again when the server tells of a change, not too often, and
//! slowly also when it tells of none.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use wire::client::{Changes, Client};

use super::frame::Snapshot;

/// How long at least between two readings: faster than eyes, and a small load for the server.
const SHORTEST: Duration = Duration::from_millis(300);

/// How long at most: what is no change of a run, such as a server that is gone, is seen then.
const LONGEST: Duration = Duration::from_secs(5);

/// What was read last.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) snapshot: Snapshot,
    /// The address of the server that told it.
    pub(super) url: String,
    /// Why nothing newer could be read.
    pub(super) problem: Option<String>,
}

/// Reads again and again, until nobody looks any more. A server that was started again may have
/// another address: `find` tells it.
pub(super) async fn keep_reading(
    mut client: Client,
    readings: watch::Sender<Reading>,
    find: impl Fn() -> Option<Client>,
) {
    let mut changes: Option<Changes> = None;
    loop {
        if changes.is_none() {
            changes = client.changes(None).await.ok();
        }
        let read = Snapshot::read(&client).await;
        let url = client.url().to_owned();
        if read.is_err()
            && let Some(found) = find().filter(|found| found.url() != url)
        {
            (client, changes) = (found, None);
        }
        readings.send_modify(|reading| match read {
            Ok(snapshot) => *reading = Reading { snapshot, url, problem: None },
            Err(error) => reading.problem = Some(error.to_string()),
        });
        if readings.is_closed() {
            return;
        }
        match changes.as_mut() {
            Some(stream) => match timeout(LONGEST, stream.next()).await {
                Ok(Ok(_)) => skip(stream).await,
                Ok(Err(_)) => {
                    changes = None;
                    // What tells no changes is not asked again without a pause.
                    sleep(SHORTEST).await;
                }
                Err(_) => {}
            },
            None => sleep(LONGEST).await,
        }
    }
}

/// Takes in what else changes in the shortest time: one reading shows it all.
async fn skip(stream: &mut Changes) {
    let all = async { while stream.next().await.is_ok() {} };
    // It ends early only with the stream, which is told by the next asking.
    drop(timeout(SHORTEST, all).await);
}
