//! Users and passers-by: what is asked of the daemon, by chance.

use std::time::Duration;

use lifecycle::{CancelMode, Command, Worker};
use model::{Attempt, Nonce, PoolLimit, RunId, TokenHash};

use crate::play::{Asker, MOST_OPEN, MOST_WAITING, World};
use crate::setup::{self, POOLS, pool};

impl World {
    pub(crate) fn send(&mut self, asker: Asker, command: Command) {
        if self.inbox.len() < MOST_WAITING {
            self.inbox.push_back((asker, command));
        }
    }

    pub(crate) fn submit(&mut self) {
        if self.store.open().count() >= MOST_OPEN {
            return;
        }
        let submit = setup::submit(&mut self.chance);
        let key = submit.submission.idempotency.as_ref();
        let key = key.map(|known| (known.key.clone(), known.request_hash));
        self.send(Asker::Submitter(key), Command::Submit(Box::new(submit)));
    }

    pub(crate) fn any_run(&mut self) -> Option<RunId> {
        let runs: Vec<RunId> = self.store.runs.keys().copied().collect();
        (!runs.is_empty()).then(|| self.chance.pick(&runs))
    }

    pub(crate) fn any_open(&mut self) -> Option<RunId> {
        let runs: Vec<RunId> = self.store.open().map(|row| row.run.id).collect();
        (!runs.is_empty()).then(|| self.chance.pick(&runs))
    }

    pub(crate) fn cancel(&mut self, mode: CancelMode) {
        if let Some(run) = self.any_open() {
            self.send(Asker::Canceler(run), Command::Cancel { run, mode });
        }
    }

    pub(crate) fn delete(&mut self) {
        if let Some(run) = self.any_run() {
            self.send(Asker::Nobody, Command::Delete { run, ended: None });
        }
    }

    pub(crate) fn set_pool_limit(&mut self) {
        let pool = pool(self.chance.pick(&POOLS));
        let number = self.chance.pick(&[0, 1, 1, 2, 2, 3]);
        let limit = (!self.chance.one_in(4)).then(|| PoolLimit::new(number).unwrap());
        self.send(Asker::Nobody, Command::SetPoolLimit { pool, limit });
    }

    pub(crate) fn pass_time(&mut self) {
        let millis = self.chance.pick(&[1, 300, 700, 2000, 9000, 35_000, 100_000]);
        self.time += Duration::from_millis(millis);
    }

    /// Somebody with a wrong token, or who thinks that it is another attempt.
    pub(crate) fn stray(&mut self) {
        let Some(run) = self.any_run() else { return };
        let attempt = Attempt::new(self.chance.pick(&[1, 2])).unwrap();
        let worker = Worker { run, attempt, token: TokenHash([255; 32]) };
        let command = match self.chance.below(3) {
            0 => Command::Poll { worker },
            1 => return self.send(Asker::Nobody, Command::Missed { run, attempt }),
            _ => Command::Begin { worker, nonce: Nonce(u128::MAX) },
        };
        self.send(Asker::Stranger, command);
    }
}
