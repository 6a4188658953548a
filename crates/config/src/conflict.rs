//! Which keys cannot stand together, and which have no effect beside others.

use crate::code::Code;
use crate::instance::Coordinator;
use crate::reader::Reader;
use crate::record::Found;
use crate::sections::Sections;

/// A limit that has an older place under the queue.
struct Moved {
    /// Where it stands under the queue.
    from: &'static [&'static str],
    /// The block of `concurrency` in which it belongs.
    block: &'static str,
    /// Its key there.
    key: &'static str,
}

const MOVED: [Moved; 3] = [
    Moved { from: &["max_concurrent_runs"], block: "runs", key: "max_concurrent_runs" },
    Moved { from: &["tag_concurrency_limits"], block: "runs", key: "tag_concurrency_limits" },
    Moved {
        from: &["block_op_concurrency_limited_runs", "op_concurrency_slot_buffer"],
        block: "pools",
        key: "op_granularity_run_buffer",
    },
];

impl Moved {
    /// Returns what stands at the older place.
    fn given<'b>(&self, sections: &Sections<'b>) -> Option<&'b Found> {
        match self.from {
            [key] => sections.queue.given(key),
            [block, key] => sections.queue.block(block)?.given(key),
            _ => None,
        }
    }

    fn old_path(&self, sections: &Sections<'_>) -> String {
        format!("{}.{}", sections.queue_path, self.from.join("."))
    }
}

/// Notes every pair of keys that exclude each other.
pub(crate) fn refuse_what_cannot_stand_together(reader: &mut Reader<'_>, sections: &Sections<'_>) {
    refuse_moved_keys(reader, sections);
    refuse_old_default_limit(reader, sections);
    refuse_buffer_without_blocking(reader, sections);
}

/// Once `concurrency.runs` or `concurrency.pools` is given, limits have no place under the queue.
fn refuse_moved_keys(reader: &mut Reader<'_>, sections: &Sections<'_>) {
    let newer = ["runs", "pools"]
        .iter()
        .find_map(|key| Some((*key, sections.concurrency.given(key)?.key_span)));
    let Some((newer, newer_span)) = newer else {
        return;
    };
    let (line, _) = reader.source().position(newer_span);
    for moved in MOVED {
        if let Some(found) = moved.given(sections) {
            let key = moved.old_path(sections);
            let message =
                format!("`{key}` cannot stand beside `concurrency.{newer}` (line {line})");
            let hint = hint_to_move(reader, sections, moved.block, moved.key);
            reader.refuse_as(Code::Conflict, found.key_span, message, hint);
        }
    }
}

/// Tells where a setting belongs, unless something stands there already.
fn hint_to_move(reader: &Reader<'_>, sections: &Sections<'_>, block: &str, key: &str) -> String {
    let place = format!("`concurrency.{block}.{key}`");
    match sections.concurrency.block(block).and_then(|record| record.given(key)) {
        Some(found) => {
            let (line, _) = reader.source().position(found.key_span);
            format!("remove it: line {line} says {place} already")
        }
        None => format!("write it as {place}"),
    }
}

fn refuse_old_default_limit(reader: &mut Reader<'_>, sections: &Sections<'_>) {
    const OLD: &str = "default_op_concurrency_limit";
    let Some(old) = sections.concurrency.given(OLD) else {
        return;
    };
    let span = old.key_span;
    let hint = hint_to_move(reader, sections, "pools", "default_limit");
    if let Some(pools) = sections.concurrency.given("pools") {
        let (line, _) = reader.source().position(pools.key_span);
        let message =
            format!("`concurrency.{OLD}` cannot stand beside `concurrency.pools` (line {line})");
        reader.refuse_as(Code::Conflict, span, message, hint);
    } else {
        let hint = hint + &what_moves_with_pools(sections);
        reader.warn(Code::Deprecated, span, format!("`{OLD}` is an older name"), hint);
    }
}

/// Names the limits under the queue that cannot stay there once there are `concurrency.pools`.
fn what_moves_with_pools(sections: &Sections<'_>) -> String {
    let moves: Vec<String> = MOVED
        .iter()
        .filter(|moved| moved.given(sections).is_some())
        .map(|moved| {
            let old = moved.old_path(sections);
            format!("`{old}` as `concurrency.{}.{}`", moved.block, moved.key)
        })
        .collect();
    if moves.is_empty() { String::new() } else { format!(", and with it {}", moves.join(", ")) }
}

fn refuse_buffer_without_blocking(reader: &mut Reader<'_>, sections: &Sections<'_>) {
    let is_off = sections.blocking.bool("enabled").is_some_and(|enabled| !enabled.value);
    let buffer = sections.blocking.int("op_concurrency_slot_buffer");
    let has_buffer = buffer.is_some_and(|buffer| buffer.value != 0);
    let found = sections.blocking.given("op_concurrency_slot_buffer");
    if let (true, true, Some(found)) = (is_off, has_buffer, found) {
        reader.refuse_as(
            Code::Conflict,
            found.span,
            "a slot buffer has no meaning while runs do not wait for pools",
            "set `enabled` to true beside it, or remove the buffer",
        );
    }
}

/// Warns of limits on runs that nothing applies.
pub(crate) fn warn_of_no_queue(
    reader: &mut Reader<'_>,
    sections: &Sections<'_>,
    coordinator: Coordinator,
) {
    if coordinator.has_queue() {
        return;
    }
    let hint = "it launches runs at once: remove `run_coordinator` to have a queue";
    let ignored = [
        ("concurrency.runs", sections.concurrency.given("runs")),
        ("concurrency.pools.granularity", sections.pools.given("granularity")),
    ];
    for (key, found) in ignored {
        if let Some(found) = found {
            let message = format!("`{key}` has no effect with {}", coordinator.class());
            reader.warn(Code::NoEffect, found.key_span, message, hint);
        }
    }
}
