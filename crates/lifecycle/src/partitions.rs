//! Dynamic partitions: what anybody adds and removes is noted and written.
//!
//! Which of them there are is not known here: no decision depends on it.

use model::{DynamicPartition, EventKind, PartitionKey, PartitionsName, Presence};

use crate::command::Reply;
use crate::state::{Note, State};

impl State {
    pub(crate) fn change_partitions(
        &mut self,
        name: &PartitionsName,
        add: Vec<PartitionKey>,
        remove: Vec<PartitionKey>,
    ) -> Reply {
        for (kind, keys, presence) in [
            (EventKind::PartitionsRemoved, remove, Presence::Removed),
            (EventKind::PartitionsAdded, add, Presence::Added),
        ] {
            if let Some(message) = told(name, &keys) {
                self.note_all(Note::new(kind, message));
            }
            let changed = |key| (DynamicPartition { name: name.clone(), key }, presence);
            self.pending.partitions.extend(keys.into_iter().map(changed));
        }
        Reply::Done
    }
}

/// Tells of keys by the first of them; nothing, if there is none.
fn told(name: &PartitionsName, keys: &[PartitionKey]) -> Option<String> {
    let (first, more) = keys.split_first()?;
    Some(match more.len() {
        0 => format!("{name}: {first}"),
        more => format!("{name}: {first} and {more} more"),
    })
}
