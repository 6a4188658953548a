//! One try of a step that is code written for Dagster: its process is watched, and its answer read while
//! it is written.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use wire::told::Error;

use crate::answer::Answer;
use crate::graph::{Ending, Heard, Try};
use crate::tries::RunningTry;

/// How often it is looked whether an answer has become longer: soon enough for somebody who watches,
/// and a look costs next to nothing.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How many batches of events wait for the walk, of all tries together: each is of one read.
pub(crate) const MAX_WAITING: usize = 16;

/// What a try has told, some of it.
pub(crate) type Batch = (Try, Vec<Heard>);

/// A try that runs.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) of: Try,
    pub(crate) running: RunningTry,
    pub(crate) stop: Arc<Notify>,
    pub(crate) answer: Answer,
    /// How long its code may take to be loaded.
    pub(crate) load_timeout: Duration,
    pub(crate) events: mpsc::Sender<Batch>,
}

impl Followed {
    /// Follows it until nothing of it is left. All that it has told is in the channel when this returns.
    pub(crate) async fn follow(self) -> (Ending, Option<Error>) {
        let Self { of, running, stop, mut answer, load_timeout, events } = self;
        let load_by = Instant::now() + load_timeout;
        let (mut is_late, mut broken) = (false, None);
        let mut watched = std::pin::pin!(running.watch(Arc::clone(&stop)));
        let of_process = loop {
            tokio::select! {
                ending = &mut watched => break ending,
                () = sleep(LOOK_AGAIN) => {
                    broken = read_all(of, &mut answer, &events).await.err().or(broken);
                    if !is_late && !answer.has_begun() && Instant::now() >= load_by {
                        is_late = true;
                        stop.notify_one();
                    }
                }
            }
        };
        broken = read_all(of, &mut answer, &events).await.err().or(broken);
        if let Some(error) = broken {
            return (Ending::Failed(format!("its answer cannot be read: {error}")), None);
        }
        if is_late && !answer.has_begun() {
            let seconds = load_timeout.as_secs_f64();
            let sentence = format!("its code has not been loaded within {seconds} s");
            return (Ending::Failed(sentence), None);
        }
        let mut heard = Vec::new();
        let concluded = answer.conclude(of_process, &mut heard);
        tell(of, heard, &events).await;
        concluded
    }
}

/// Reads what there is of an answer, a part at a time.
async fn read_all(
    of: Try,
    answer: &mut Answer,
    events: &mpsc::Sender<Batch>,
) -> std::io::Result<()> {
    loop {
        let mut heard = Vec::new();
        let read = answer.read(&mut heard);
        tell(of, heard, events).await;
        if !read? {
            return Ok(());
        }
        yield_now().await;
    }
}

async fn tell(of: Try, heard: Vec<Heard>, events: &mpsc::Sender<Batch>) {
    if !heard.is_empty() {
        // The walk hears until every try has ended.
        drop(events.send((of, heard)).await);
    }
}
