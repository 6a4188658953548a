//! Which keys cannot stand together, and which have no effect beside others.

use crate::instance::Coordinator;
use crate::reader::Reader;
use crate::sections::Sections;

/// The limits that have an older place under the queue: there, and where they belong.
const MOVED: [(&[&str], &str); 3] = [
    (&["max_concurrent_runs"], "concurrency.runs.max_concurrent_runs"),
    (&["tag_concurrency_limits"], "concurrency.runs.tag_concurrency_limits"),
    (
        &["block_op_concurrency_limited_runs", "op_concurrency_slot_buffer"],
        "concurrency.pools.op_granularity_run_buffer",
    ),
];

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
    let queue = sections.queue;
    let (line, _) = reader.source().position(newer_span);
    for (keys, place) in MOVED {
        let found = match keys {
            [key] => queue.given(key),
            [block, key] => queue.block(block).and_then(|record| record.given(key)),
            _ => None,
        };
        if let Some(found) = found {
            let key = format!("{}.{}", sections.queue_path, keys.join("."));
            let message =
                format!("`{key}` cannot stand beside `concurrency.{newer}` (line {line})");
            let hint = format!("write it as `{place}`");
            reader.refuse_with_hint(found.key_span, message, hint);
        }
    }
}

fn refuse_old_default_limit(reader: &mut Reader<'_>, sections: &Sections<'_>) {
    const OLD: &str = "default_op_concurrency_limit";
    let Some(old) = sections.concurrency.given(OLD) else {
        return;
    };
    let span = old.key_span;
    let hint = "write it as `concurrency.pools.default_limit`";
    match sections.concurrency.given("pools") {
        Some(pools) => {
            let (line, _) = reader.source().position(pools.key_span);
            let message = format!(
                "`concurrency.{OLD}` cannot stand beside `concurrency.pools` (line {line})"
            );
            reader.refuse_with_hint(span, message, hint);
        }
        None => reader.warn(span, format!("`{OLD}` is an older name"), hint),
    }
}

fn refuse_buffer_without_blocking(reader: &mut Reader<'_>, sections: &Sections<'_>) {
    let is_off = sections.blocking.bool("enabled").is_some_and(|enabled| !enabled.value);
    let buffer = sections.blocking.int("op_concurrency_slot_buffer");
    let has_buffer = buffer.is_some_and(|buffer| buffer.value != 0);
    let found = sections.blocking.given("op_concurrency_slot_buffer");
    if let (true, true, Some(found)) = (is_off, has_buffer, found) {
        reader.refuse_with_hint(
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
            reader.warn(found.key_span, message, hint);
        }
    }
}
