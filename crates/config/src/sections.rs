//! The blocks of a file that the rules look at together.

use crate::file::Blocks;
use crate::record::Record;

/// The blocks under their names; an absent one is empty.
pub(crate) struct Sections<'b> {
    pub(crate) concurrency: &'b Record,
    pub(crate) runs: &'b Record,
    pub(crate) pools: &'b Record,
    pub(crate) queue: &'b Record,
    pub(crate) blocking: &'b Record,
    /// How the block of the queue is called, for messages.
    pub(crate) queue_path: &'static str,
}

impl<'b> Sections<'b> {
    /// Picks the blocks out of a file.
    pub(crate) fn of(blocks: &'b Blocks) -> Self {
        let concurrency = blocks.root.block_or_empty("concurrency");
        let (queue, queue_path) = match &blocks.queue {
            Some((record, path)) => (record, *path),
            None => (Record::empty(), ""),
        };
        Self {
            concurrency,
            runs: concurrency.block_or_empty("runs"),
            pools: concurrency.block_or_empty("pools"),
            queue,
            blocking: queue.block_or_empty("block_op_concurrency_limited_runs"),
            queue_path,
        }
    }
}
