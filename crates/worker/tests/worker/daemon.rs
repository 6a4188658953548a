//! A daemon that speaks the worker protocol and decides nothing: the tests say what it answers. What
//! it knows survives its server, as the store survives the real one.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use wire::told::Told;
use wire::worker::{
    Assignment, Begin, Cancel, Directions, Dismissal, Identity, PROTOCOL, Poll, Received, Report,
    ReportKind, Reports,
};

use crate::world::TOKEN;

/// How long anything is waited for: far more than a loaded machine needs.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// What the daemon knows.
#[derive(Debug)]
pub(crate) struct Known {
    assignment: Assignment,
    /// The nonces of all that asked to begin.
    pub(crate) begins: Vec<String>,
    /// The reports, each once, in their order.
    pub(crate) reports: Vec<Report>,
    /// How many reports came that were there already.
    pub(crate) repeated: usize,
    /// How many answers are still to be lost: the question is taken, the answer is not given.
    pub(crate) lost_answers: usize,
    dismissal: Option<Dismissal>,
    /// Whether slots are granted as soon as they are asked for.
    pub(crate) grants_at_once: bool,
    directions: Directions,
}

/// The daemon's knowledge, and who waits for it to change.
#[derive(Debug)]
pub(crate) struct Daemon {
    known: Mutex<Known>,
    changed: Condvar,
    version: watch::Sender<u64>,
}

/// A server that runs until it is dropped; its connections end with it.
#[derive(Debug)]
pub(crate) struct Server {
    runtime: Option<Runtime>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}

impl Daemon {
    pub(crate) fn new(assignment: Assignment) -> Arc<Self> {
        let known = Known {
            assignment,
            begins: Vec::new(),
            reports: Vec::new(),
            repeated: 0,
            lost_answers: 0,
            dismissal: None,
            grants_at_once: false,
            directions: Directions { version: 1, ..Directions::default() },
        };
        let (known, version) = (Mutex::new(known), watch::Sender::new(1));
        Arc::new(Self { known, changed: Condvar::new(), version })
    }

    /// Serves on a port of its own and writes its address into the home folder.
    pub(crate) fn serve(self: &Arc<Self>, home: &Path) -> Server {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/worker/v1/begin", post(begin))
            .route("/worker/v1/report", post(report))
            .route("/worker/v1/poll", post(poll))
            .with_state(Arc::clone(self));
        runtime.spawn(async move { axum::serve(listener, router).await });
        let (new, file) = (home.join("server.json.new"), home.join("server.json"));
        std::fs::write(&new, format!(r#"{{"url": "{url}", "pid": 1, "started_at": 0}}"#)).unwrap();
        std::fs::rename(new, file).unwrap();
        Server { runtime: Some(runtime) }
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap()
    }

    /// Waits until it knows what a test waits for.
    pub(crate) fn wait_for(&self, what: &str, mut is_so: impl FnMut(&Known) -> bool) {
        let give_up_at = Instant::now() + DEADLINE;
        let mut known = self.known();
        while !is_so(&known) {
            let left = give_up_at.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}: {:#?}", known.reports);
            known = self.changed.wait_timeout(known, left).unwrap().0;
        }
    }

    /// Waits for a report of a step, said as `a started 1`.
    pub(crate) fn wait_for_report(&self, words: &str) {
        self.wait_for(words, |known| known.told().iter().any(|told| told == words));
    }

    pub(crate) fn grant(&self, step: &str) {
        self.direct(|directions| directions.granted.push(step.to_owned()));
    }

    pub(crate) fn cancel(&self) {
        let cancel = Cancel { reason: "somebody asked for it".to_owned(), is_failure: false };
        self.direct(|directions| directions.cancel = Some(cancel));
    }

    /// Answers everything that is asked with a dismissal, from now on and at once.
    pub(crate) fn dismiss(&self, code: &str) {
        let (code, message) = (code.to_owned(), "no more".to_owned());
        self.known().dismissal = Some(Dismissal { code, message });
        self.direct(|_| {});
    }

    fn direct(&self, change: impl FnOnce(&mut Directions)) {
        let mut known = self.known();
        change(&mut known.directions);
        known.directions.version += 1;
        self.version.send_replace(known.directions.version);
    }

    /// Checks who asks, and whether the answer is to be lost.
    fn refusal(known: &mut Known, identity: &Identity) -> Option<Response> {
        let dismissal = match &known.dismissal {
            Some(dismissal) => Some(dismissal.clone()),
            None if identity.token != TOKEN => {
                Some(Dismissal { code: "wrong_token".to_owned(), message: "no".to_owned() })
            }
            None => None,
        };
        dismissal.map(|dismissal| (StatusCode::GONE, Json(dismissal)).into_response())
    }

    fn answer<A: serde::Serialize>(known: &mut Known, answer: A) -> Response {
        if known.lost_answers > 0 {
            known.lost_answers -= 1;
            return StatusCode::BAD_GATEWAY.into_response();
        }
        Json(answer).into_response()
    }
}

impl Known {
    /// The reports in words.
    pub(crate) fn told(&self) -> Vec<String> {
        self.reports.iter().map(|report| words(&report.kind)).collect()
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.reports.last(), Some(Report { kind: ReportKind::Ended { .. }, .. }))
    }

    /// Frees the slots of a step that no longer runs, and grants what is asked for.
    fn take(&mut self, kind: &ReportKind) {
        let granted = &mut self.directions.granted;
        match kind {
            ReportKind::Asked { step, .. } if self.grants_at_once => granted.push(step.clone()),
            ReportKind::GaveBack { step }
            | ReportKind::Succeeded { step, .. }
            | ReportKind::UpForRetry { step, .. }
            | ReportKind::Failed { step, .. }
            | ReportKind::Canceled { step } => granted.retain(|one| one != step),
            ReportKind::Asked { .. }
            | ReportKind::Planned { .. }
            | ReportKind::FirstPassDone
            | ReportKind::Started { .. }
            | ReportKind::Told { .. }
            | ReportKind::Skipped { .. }
            | ReportKind::Ended { .. } => {}
        }
    }
}

async fn begin(State(daemon): State<Arc<Daemon>>, Json(asked): Json<Begin>) -> Response {
    let mut known = daemon.known();
    assert_eq!(asked.protocol, PROTOCOL);
    known.begins.push(asked.nonce.clone());
    daemon.changed.notify_all();
    if let Some(refusal) = Daemon::refusal(&mut known, &asked.identity) {
        return refusal;
    }
    if known.begins[0] != asked.nonce {
        let message = "another process has begun".to_owned();
        let dismissal = Dismissal { code: "superseded".to_owned(), message };
        return (StatusCode::GONE, Json(dismissal)).into_response();
    }
    let assignment = known.assignment.clone();
    Daemon::answer(&mut known, assignment)
}

async fn report(State(daemon): State<Arc<Daemon>>, Json(told): Json<Reports>) -> Response {
    let mut known = daemon.known();
    if let Some(refusal) = Daemon::refusal(&mut known, &told.identity) {
        return refusal;
    }
    let before = known.directions.clone();
    for (number, report) in (told.first..).zip(told.reports) {
        let last = known.reports.len() as u64;
        assert!(number <= last + 1, "report {number} came after {last}");
        if number <= last {
            known.repeated += 1;
        } else {
            known.take(&report.kind);
            known.reports.push(report);
        }
    }
    // Slots that are freed and granted again in one request are nothing new to tell.
    if known.directions != before {
        known.directions.version += 1;
        daemon.version.send_replace(known.directions.version);
    }
    daemon.changed.notify_all();
    let last = known.reports.len() as u64;
    Daemon::answer(&mut known, Received { last })
}

async fn poll(State(daemon): State<Arc<Daemon>>, Json(asked): Json<Poll>) -> Response {
    let mut version = daemon.version.subscribe();
    let newer = version.wait_for(|version| *version != asked.seen);
    drop(tokio::time::timeout(Duration::from_secs(1), newer).await);
    let mut known = daemon.known();
    if let Some(refusal) = Daemon::refusal(&mut known, &asked.identity) {
        return refusal;
    }
    Json(known.directions.clone()).into_response()
}

/// A report in words.
pub(crate) fn words(kind: &ReportKind) -> String {
    match kind {
        ReportKind::Planned { steps } => format!("planned {}", steps.join(" ")),
        ReportKind::Asked { step, .. } => format!("{step} asked"),
        ReportKind::GaveBack { step } => format!("{step} gave back"),
        ReportKind::FirstPassDone => "first pass done".to_owned(),
        ReportKind::Started { step, r#try } => format!("{step} started {try}"),
        ReportKind::Succeeded { step, r#try } => format!("{step} succeeded {try}"),
        ReportKind::UpForRetry { step, r#try, error, .. } => {
            format!("{step} retries {try}: {error}")
        }
        ReportKind::Failed { step, r#try, error, .. } => format!("{step} failed {try}: {error}"),
        ReportKind::Skipped { step, reason } => format!("{step} skipped: {reason}"),
        ReportKind::Told { step, told, .. } => {
            if let Told::Materialization(about) = &**told {
                return format!("{step} made {}", about.asset_key);
            }
            if let Told::LeftOut { events } = &**told {
                return format!("{step} left out {events}");
            }
            format!("{step} told {told:?}")
        }
        ReportKind::Canceled { step } => format!("{step} canceled"),
        ReportKind::Ended { outcome } => format!("ended {outcome:?}"),
    }
}

/// The nonces, each once.
pub(crate) fn distinct(nonces: &[String]) -> usize {
    nonces.iter().collect::<BTreeSet<_>>().len()
}
