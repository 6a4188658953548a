//! A launcher that starts no process: the worker is a task that speaks to the daemon directly.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use coordinator::Handle;
use launch::{ForgetError, LaunchError, LaunchOrder, Launcher, Sight, TerminateError};
use model::{Attempt, RunId};
use tokio::sync::watch;
use wire::worker::{Begin, Identity, Outcome, PROTOCOL, Poll, Report, ReportKind, Reports};

/// What the workers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// They never begin.
    Never,
    /// They begin, start their step and end well.
    Nothing,
    /// The same, but their step waits for its slot of a pool.
    Pooled,
}

/// The launcher, and what its workers have come to.
#[derive(Debug, Clone)]
pub(crate) struct NoOp(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    work: Work,
    daemon: OnceLock<Handle>,
    counts: watch::Sender<Counts>,
    slot: Mutex<Slot>,
}

/// How far the workers are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) launched: usize,
    /// Have asked for their slot.
    pub(crate) asked: usize,
    pub(crate) ended: usize,
    /// Whether who has the slot may give it back.
    pub(crate) may_go_on: bool,
}

/// The one slot of the pool.
#[derive(Debug, Default)]
struct Slot {
    freed: Option<Instant>,
    /// How long it took from each freeing to the next grant.
    handed_on: Vec<Duration>,
}

impl Slot {
    fn note_grant(&mut self) {
        self.handed_on.extend(self.freed.take().map(|freed| freed.elapsed()));
    }
}

impl NoOp {
    pub(crate) fn new(work: Work) -> Self {
        let (daemon, counts) = (OnceLock::new(), watch::Sender::new(Counts::default()));
        Self(Arc::new(Parts { work, daemon, counts, slot: Mutex::default() }))
    }

    /// Says to whom the workers speak.
    pub(crate) fn work_for(&self, daemon: Handle) {
        self.0.daemon.set(daemon).unwrap();
    }

    /// Waits until the workers are so far.
    pub(crate) async fn wait_for(&self, is_so_far: impl FnMut(&Counts) -> bool) {
        self.0.counts.subscribe().wait_for(is_so_far).await.unwrap();
    }

    /// Lets whoever has the slot give it back.
    pub(crate) fn go_on(&self) {
        self.0.counts.send_modify(|counts| counts.may_go_on = true);
    }

    /// Returns how long it took from each freeing of the slot to the next grant.
    pub(crate) fn handed_on(&self) -> Vec<Duration> {
        self.0.slot.lock().unwrap().handed_on.clone()
    }
}

impl Launcher for NoOp {
    async fn launch(&self, order: LaunchOrder) -> Result<(), LaunchError> {
        self.0.counts.send_modify(|counts| counts.launched += 1);
        if self.0.work != Work::Never {
            let daemon = self.0.daemon.get().unwrap().clone();
            let (run, attempt) = (order.run.to_string(), order.attempt.get());
            let identity = Identity { run, attempt, token: order.token.reveal().to_owned() };
            let worker = Worker { daemon, identity, parts: self.0.clone() };
            tokio::spawn(worker.work());
        }
        Ok(())
    }

    async fn terminate(&self, _: RunId, _: Attempt, _: Duration) -> Result<(), TerminateError> {
        Ok(())
    }

    async fn observe(&self, _: RunId, _: Attempt) -> Sight {
        Sight::Alive
    }

    async fn forget(&self, _: RunId) -> Result<(), ForgetError> {
        Ok(())
    }
}

struct Worker {
    daemon: Handle,
    identity: Identity,
    parts: Arc<Parts>,
}

impl Worker {
    async fn work(self) {
        let nonce = format!("{:032x}", 1);
        let begin = Begin { identity: self.identity.clone(), nonce, protocol: PROTOCOL };
        self.daemon.begin(begin).await.unwrap();
        let step = || "work".to_owned();
        let planned = ReportKind::Planned { steps: vec![step()] };
        let started = ReportKind::Started { step: step(), r#try: 1 };
        let last = if self.parts.work == Work::Pooled {
            let pools = [("db".to_owned(), 1)].into();
            let asked = ReportKind::Asked { step: step(), pools, priority: 0 };
            self.report(1, [planned, asked, ReportKind::FirstPassDone]).await;
            self.wait_for_slot().await;
            let last = self.report(4, [started]).await;
            self.parts.slot.lock().unwrap().freed = Some(Instant::now());
            last
        } else {
            self.report(1, [planned, started, ReportKind::FirstPassDone]).await
        };
        let succeeded = ReportKind::Succeeded { step: step(), r#try: 1 };
        self.report(last + 1, [succeeded, ReportKind::Ended { outcome: Outcome::Succeeded }]).await;
        self.parts.counts.send_modify(|counts| counts.ended += 1);
    }

    /// Tells the daemon; returns the number of the last report that is durable.
    async fn report<const N: usize>(&self, first: u64, kinds: [ReportKind; N]) -> u64 {
        let reports = kinds.map(|kind| Report { at: 0, kind }).into();
        let told = Reports { identity: self.identity.clone(), first, reports };
        self.daemon.report(told).await.unwrap().last
    }

    /// Waits for the slot as a worker does, then until it may be given back.
    async fn wait_for_slot(&self) {
        self.parts.counts.send_modify(|counts| counts.asked += 1);
        let mut seen = 0;
        loop {
            let poll = Poll { identity: self.identity.clone(), seen };
            let directions = self.daemon.poll(poll).await.unwrap();
            if !directions.granted.is_empty() {
                break;
            }
            seen = directions.version;
        }
        self.parts.slot.lock().unwrap().note_grant();
        let mut counts = self.parts.counts.subscribe();
        counts.wait_for(|counts| counts.may_go_on).await.unwrap();
    }
}
