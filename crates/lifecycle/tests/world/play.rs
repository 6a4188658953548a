//! Plays a world: users, launcher and workers act by chance, the daemon takes turns and crashes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{CancelMode, Command, Effect, Ids, Moment, Rules, Secret, State};
use model::{Attempt, Nonce, RunId, Settings, Timestamp, TokenHash};

use crate::chance::Chance;
use crate::changes::{Changes, Wish};
use crate::checks::Checks;
use crate::outside::{Body, Process};
use crate::setup;
use crate::store::{Store, must};

pub(crate) type Played = Result<(), String>;

/// So many runs live at a time, and so many messages wait, before no more are made.
pub(crate) const MOST_OPEN: usize = 8;
pub(crate) const MOST_WAITING: usize = 40;

/// The rounds after which users cancel what has not ended by itself, and after which all must have.
const PATIENCE: usize = 200;
const ROUNDS: usize = 800;

/// Who waits for the answer to a command.
#[derive(Debug, Clone)]
pub(crate) enum Asker {
    Submitter(Option<(Arc<str>, [u8; 32])>),
    Canceler(RunId),
    Process(usize),
    /// Somebody who has no part in the run and must never be told yes.
    Stranger,
    Nobody,
}

/// Where the daemon dies in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    Never,
    BeforeCommit,
    AfterCommit,
    AfterSomeReplies,
    AfterSomeEffects,
}

/// Whether a world tells what happens in it, which costs more than playing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    Nothing,
    Story,
}

/// Draws ids and secrets that were never drawn before.
#[derive(Debug, Default)]
pub(crate) struct Drawn(u64);

impl Ids for Drawn {
    fn run_id(&mut self) -> RunId {
        self.0 += 1;
        RunId::from_u128(1000 + u128::from(self.0))
    }

    fn secret(&mut self) -> (Secret, TokenHash) {
        self.0 += 1;
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.0.to_be_bytes());
        (Secret(bytes), TokenHash(bytes))
    }
}

pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) settings: Settings,
    pub(crate) rules: Rules,
    pub(crate) store: Store,
    pub(crate) state: State,
    pub(crate) checks: Checks,
    pub(crate) ids: Drawn,
    /// The time since the world began, by a clock that never jumps.
    pub(crate) time: Duration,
    /// When this leadership began, by that clock.
    pub(crate) led_since: Duration,
    /// By how many seconds the clock of the day was set forward, and whether it was ever set back.
    pub(crate) skew: u64,
    pub(crate) inbox: VecDeque<(Asker, Command)>,
    pub(crate) outside: Vec<Effect>,
    pub(crate) processes: Vec<Process>,
    /// What users were told to be true.
    pub(crate) submitted: BTreeSet<RunId>,
    pub(crate) keys: BTreeMap<Arc<str>, ([u8; 32], RunId)>,
    pub(crate) never_to_begin: BTreeSet<RunId>,
    pub(crate) forced: BTreeSet<RunId>,
    pub(crate) deleted: BTreeSet<RunId>,
    /// Which process of each attempt was let through the gate.
    pub(crate) let_through: BTreeMap<(RunId, Attempt), Nonce>,
    pub(crate) unasked: BTreeSet<(RunId, Attempt)>,
    /// How each run must be by what was changed of it.
    pub(crate) wished: BTreeMap<RunId, Wish>,
    pub(crate) changes: Changes,
    pub(crate) has_faults: bool,
    pub(crate) commits: u64,
    pub(crate) telling: Telling,
    pub(crate) story: Vec<String>,
}

impl World {
    pub(crate) fn new(seed: u64, telling: Telling) -> Self {
        let mut chance = Chance::new(seed);
        let (settings, rules) = (setup::settings(&mut chance), setup::rules(&mut chance));
        let store = Store::default();
        let now = Moment { at: Timestamp::from_micros(1_000_000_000), elapsed: Duration::ZERO };
        let state = State::recover(store.recovered(), settings.clone(), rules, now).unwrap();
        Self {
            chance,
            checks: Checks::new(settings.clone()),
            story: vec![format!("{settings:?}\n{rules:?}")],
            telling,
            settings,
            rules,
            store,
            state,
            ids: Drawn::default(),
            time: Duration::ZERO,
            led_since: Duration::ZERO,
            skew: 0,
            inbox: VecDeque::new(),
            outside: Vec::new(),
            processes: Vec::new(),
            submitted: BTreeSet::new(),
            keys: BTreeMap::new(),
            never_to_begin: BTreeSet::new(),
            forced: BTreeSet::new(),
            deleted: BTreeSet::new(),
            let_through: BTreeMap::new(),
            unasked: BTreeSet::new(),
            wished: BTreeMap::new(),
            changes: Changes::default(),
            has_faults: true,
            commits: 0,
        }
    }

    /// Returns what has happened, the last of it last.
    pub(crate) fn story(&self) -> String {
        let skipped = self.story.len().saturating_sub(120).max(1);
        let rest = self.story.get(skipped..).unwrap_or_default();
        format!("{}\n...\n{}", self.story[0], rest.join("\n"))
    }

    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.telling == Telling::Story {
            self.story.push(what().replace("00000000-0000-0000-0000-00000000", ""));
        }
    }

    pub(crate) fn now(&self) -> Moment {
        let at = Timestamp::from_micros(1_000_000_000).after(self.time);
        let at = at.after(Duration::from_secs(self.skew));
        Moment { at, elapsed: self.time.saturating_sub(self.led_since) }
    }

    pub(crate) fn play(&mut self, moves: usize) -> Played {
        for _ in 0..moves {
            self.act();
            if self.chance.one_in(2) {
                self.turn()?;
            }
        }
        Ok(())
    }

    pub(crate) fn act(&mut self) {
        match self.chance.below(100) {
            0..=13 => self.submit(),
            14..=17 => self.cancel(CancelMode::Wish),
            18 => self.cancel(CancelMode::Force),
            19 => self.delete(),
            20 => self.set_pool_limit(),
            21..=23 => self.change_runs(),
            24 => self.free_slots(),
            25 => self.configure(),
            26..=45 => self.perform_one(),
            46..=82 => self.let_process_act(),
            83..=95 => self.pass_time(),
            96..=98 => self.stray(),
            // A clock that is set forward; a leadership that ends sets it back for the next.
            _ => self.skew += 3600,
        }
    }

    pub(crate) fn finish(&mut self) -> Played {
        if self.chance.one_in(2) {
            self.crash(Crash::Never)?;
        }
        self.has_faults = false;
        self.release_all();
        self.tell(|| "no faults from here on".to_owned());
        for round in 0..ROUNDS {
            self.everybody_acts();
            self.turn()?;
            while !self.inbox.is_empty() {
                self.turn()?;
            }
            if self.store.open().next().is_none() && self.outside.is_empty() {
                return self.nothing_is_left();
            }
            if round % PATIENCE == PATIENCE - 1 {
                self.cancel_all();
            }
            let next = self.state.next_deadline(self.now()).unwrap_or(Duration::MAX);
            let next = next.clamp(Duration::from_millis(1), Duration::from_secs(4));
            self.time += next;
        }
        let open: Vec<_> = self.store.open().map(|row| (row.run.id, &row.life)).collect();
        Err(format!("these never end: {open:?}, {:?}", self.processes))
    }

    pub(crate) fn everybody_acts(&mut self) {
        for _ in 0..self.outside.len() {
            let effect = self.outside.remove(0);
            self.perform(effect);
        }
        for nth in 0..self.processes.len() {
            let ended = self.store.runs.get(&self.processes[nth].run);
            let has_ended = ended.is_none_or(|row| row.life.status.is_terminal());
            let process = &mut self.processes[nth];
            // What is left of a run that has ended is the guards' to end.
            if has_ended && process.body == Body::Remains {
                process.body = Body::Gone;
            }
            for _ in 0..3 {
                if matches!(self.processes[nth].body, Body::Alive | Body::Unseen) {
                    self.work(nth);
                }
            }
        }
    }

    pub(crate) fn cancel_all(&mut self) {
        let open: Vec<RunId> = self.store.open().map(|row| row.run.id).collect();
        for run in open {
            self.send(Asker::Canceler(run), Command::Cancel { run, mode: CancelMode::Wish });
        }
    }

    pub(crate) fn nothing_is_left(&self) -> Played {
        must(self.store.claims.is_empty(), || format!("held: {:?}", self.store.claims))?;
        must(!self.state.is_recovering(), || "it is still recovering".to_owned())?;
        let facts = self.state.image().facts();
        must(facts.runs.is_empty(), || format!("the state has {:?}", facts.runs))?;
        let waits = self.state.next_deadline(self.now()).is_some();
        must(!waits || !facts.paused.is_empty(), || "a deadline is left".to_owned())
    }
}
