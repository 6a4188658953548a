//! Dynamic partitions: what of a change is new, and the command that makes it durable.
//!
//! What is there already is not added again, so that whoever adds the same keys over and over writes
//! nothing. It is looked up before: a change that somebody else makes meanwhile is as good as one made
//! before or after.

use lifecycle::Command;
use model::{PartitionKey, PartitionsName};

use crate::commands::CommandError;
use crate::handle::Handle;

/// What a change of dynamic partitions has changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangedPartitions {
    /// The keys that were not there before, in the order in which they were given.
    pub added: Vec<PartitionKey>,
    /// The keys that were there before.
    pub removed: Vec<PartitionKey>,
}

impl Handle {
    /// Adds dynamic partitions and removes others; when this returns, that is durable. No key is to be
    /// given twice.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] if nothing can be written now.
    pub async fn change_partitions(
        &self,
        name: PartitionsName,
        add: Vec<PartitionKey>,
        remove: Vec<PartitionKey>,
    ) -> Result<ChangedPartitions, CommandError> {
        let asked = [&add[..], &remove[..]].concat();
        let there = self.store.partitions_among(&name, &asked).await.map_err(|error| {
            CommandError::Unavailable(format!("the store cannot be asked: {error}"))
        })?;
        let added: Vec<_> = add.into_iter().filter(|key| !there.contains(key)).collect();
        let removed: Vec<_> = remove.into_iter().filter(|key| there.contains(key)).collect();
        if !added.is_empty() || !removed.is_empty() {
            let (add, remove) = (added.clone(), removed.clone());
            self.entry.decide(Command::ChangePartitions { name, add, remove }).await?;
        }
        Ok(ChangedPartitions { added, removed })
    }
}
