//! Kills processes at random times.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use wire::client::{SERVER_FILE, ServerFile};

use crate::census::{self, Member, Part};
use crate::dice::Dice;
use crate::harness::Deployment;
use crate::submitter::client;

/// How long a daemon may take until it answers, on a machine that does much else.
const START_PATIENCE: Duration = Duration::from_mins(2);

/// How long the next launch is waited for.
const LAUNCH_PATIENCE: Duration = Duration::from_secs(3);

const PAUSE: Duration = Duration::from_millis(10);

/// What was killed.
#[derive(Debug, Default)]
pub(crate) struct Killed {
    pub(crate) daemons: u64,
    /// Those of them that did not serve yet.
    pub(crate) starting_daemons: u64,
    pub(crate) parts: BTreeMap<Part, u64>,
    /// The runs of which a process was killed.
    pub(crate) runs: BTreeSet<String>,
}

/// Somebody who kills.
pub(crate) struct Killer<'a> {
    pub(crate) deployment: &'a mut Deployment,
    pub(crate) dice: Dice,
    pub(crate) killed: Killed,
}

impl Killer<'_> {
    /// Kills the daemon so many times, each time starting it again: while it starts, while it
    /// launches a worker, while it takes up what it finds, or at any later moment.
    pub(crate) async fn kill_daemons(&mut self, times: u64) {
        for _ in 0..times {
            // Half of the kills hit a launch: that is where something is under way outside of the
            // store, and it does not take long.
            match self.dice.below(8) {
                0 => self.wait_up_to(30).await,
                1 => {
                    self.wait_for_answer().await;
                    self.wait_up_to(150).await;
                }
                2 | 3 => {
                    self.wait_for_answer().await;
                    self.wait_up_to(1500).await;
                }
                _ => {
                    self.wait_for_answer().await;
                    self.wait_for_launch().await;
                    self.wait_up_to(25).await;
                }
            }
            self.kill_daemon().await;
        }
        self.wait_for_answer().await;
    }

    /// Kills whatever belongs to the deployment, so many times in all.
    pub(crate) async fn kill_anything(&mut self, times: u64) {
        self.wait_for_answer().await;
        for _ in 0..times {
            self.wait_up_to(900).await;
            if self.dice.one_in(4) {
                self.kill_daemon().await;
            } else {
                self.kill_process().await;
            }
        }
        self.wait_for_answer().await;
    }

    async fn kill_daemon(&mut self) {
        let is_starting = self.server_pid() != Some(self.pid());
        self.deployment.kill();
        self.killed.daemons += 1;
        self.killed.starting_daemons += u64::from(is_starting);
        if self.dice.one_in(3) {
            self.wait_up_to(700).await;
        }
        self.deployment.spawn_with("serve", &[], &[]);
    }

    /// Kills a worker, a guard or a process of a step, each part as likely as the others.
    async fn kill_process(&mut self) {
        let parts = [Part::Worker, Part::Guard, Part::Step];
        let Some(part) = self.dice.one_of(&parts).copied() else { return };
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            let mut members = census::take(self.deployment.home());
            members.retain(|member| member.part == part && member.run.is_some());
            if let Some(victim) = self.dice.one_of(&members).cloned() {
                return self.kill_member(&victim);
            }
            assert!(Instant::now() < deadline, "there was no {part:?} for too long");
            sleep(PAUSE).await;
        }
    }

    fn kill_member(&mut self, victim: &Member) {
        self.killed.runs.extend(victim.run.clone());
        *self.killed.parts.entry(victim.part).or_default() += 1;
        victim.kill().unwrap_or_else(|error| panic!("{victim}: {error}"));
    }

    async fn wait_up_to(&mut self, millis: u64) {
        sleep(Duration::from_millis(self.dice.below(millis))).await;
    }

    /// Waits until one more run has a folder, which is the first act of its launch; not for long,
    /// because every run may be waiting for something.
    async fn wait_for_launch(&self) {
        let folder = self.deployment.path("runs");
        let launched = || std::fs::read_dir(&folder).map_or(0, Iterator::count);
        let (before, deadline) = (launched(), Instant::now() + LAUNCH_PATIENCE);
        while launched() == before && Instant::now() < deadline {
            sleep(Duration::from_millis(1)).await;
        }
    }

    async fn answers(&self) -> bool {
        match client(self.deployment.home()) {
            Some(client) => client.queue(&wire::api::Page::default()).await.is_ok(),
            None => false,
        }
    }

    async fn wait_for_answer(&mut self) {
        let deadline = Instant::now() + START_PATIENCE;
        while !self.answers().await {
            self.pid();
            assert!(Instant::now() < deadline, "the daemon did not answer for too long");
            sleep(PAUSE).await;
        }
    }

    /// Returns the daemon's process, which never ends by itself.
    fn pid(&mut self) -> u32 {
        match self.deployment.pid() {
            Some(pid) => pid,
            None => panic!("the daemon ended by itself:\n{}", self.deployment.read("daemon.log")),
        }
    }

    /// Returns the process that the home names as the one that serves.
    fn server_pid(&self) -> Option<u32> {
        let file = std::fs::read(self.deployment.path(SERVER_FILE)).ok()?;
        serde_json::from_slice(&file).ok().map(|server: ServerFile| server.pid)
    }
}
