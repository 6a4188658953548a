//! What the store is asked before commands are decided: ids and keys that were used before, and
//! runs that have ended. No rule stands here; the answers go into the commands.

use std::collections::BTreeMap;
use std::sync::Arc;

use lifecycle::{Command, Known, Submit};
use model::RunId;
use store::{ReadError, Store};

use crate::commands::{Message, NotDone};

/// Fills in what commands need from the store. Those for which it cannot be asked are answered and
/// taken out.
pub(crate) async fn look_up(store: &Store, messages: &mut Vec<Message>) {
    let asked = messages.iter().fold(Asked::default(), Asked::with);
    if asked.is_nothing() {
        return;
    }
    match asked.answer(store).await {
        Ok(answers) => messages.iter_mut().for_each(|message| answers.fill_in(message)),
        Err(error) => {
            let why = format!("the store cannot be asked: {error}");
            for message in messages.extract_if(.., |message| needs_store(message)) {
                if let Message::Command { reply, .. } = message {
                    let _ = reply.send(Err(NotDone::Unavailable(why.clone())));
                }
            }
        }
    }
}

#[derive(Default)]
struct Asked {
    keys: Vec<Arc<str>>,
    ids: Vec<RunId>,
    ended: Vec<RunId>,
}

#[derive(Default)]
struct Answers {
    known: store::Known,
    /// How many events they have.
    ended: BTreeMap<RunId, u64>,
}

fn needs_store(message: &Message) -> bool {
    !Asked::default().with(message).is_nothing()
}

impl Asked {
    fn with(mut self, message: &Message) -> Self {
        if let Message::Command { command, .. } = message {
            if let Command::Submit(submit) = command {
                self.ids.extend(submit.id);
                self.keys.extend(key(submit).cloned());
            } else if let Command::Delete { run, .. } = command {
                self.ended.push(*run);
            }
        }
        self
    }

    fn is_nothing(&self) -> bool {
        self.keys.is_empty() && self.ids.is_empty() && self.ended.is_empty()
    }

    async fn answer(&self, store: &Store) -> Result<Answers, ReadError> {
        let mut answers = Answers::default();
        if !self.keys.is_empty() || !self.ids.is_empty() {
            let keys: Vec<&str> = self.keys.iter().map(AsRef::as_ref).collect();
            answers.known = store.known(&keys, &self.ids).await?;
        }
        for run in &self.ended {
            let life = store.run(*run).await?.map(|found| found.life);
            let ended = life.filter(|life| life.status.is_terminal());
            answers.ended.extend(ended.map(|life| (*run, life.event_count)));
        }
        Ok(answers)
    }
}

impl Answers {
    fn fill_in(&self, message: &mut Message) {
        let Message::Command { command, .. } = message else { return };
        if let Command::Submit(submit) = command {
            let used = |known: &&store::KnownKey| Some(&known.key.key) == key(submit);
            let same_key = self.known.keys.iter().find(used);
            submit.known = Known {
                is_id_taken: submit.id.is_some_and(|id| self.known.ids.contains(&id)),
                same_key: same_key.map(|known| (known.key.request_hash, known.run)),
            };
        } else if let Command::Delete { run, ended } = command {
            *ended = self.ended.get(run).copied();
        }
    }
}

fn key(submit: &Submit) -> Option<&Arc<str>> {
    submit.submission.idempotency.as_ref().map(|known| &known.key)
}
