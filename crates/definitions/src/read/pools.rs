//! The slots that an op wants.

use std::collections::BTreeMap;

use config::yaml::Node;
use config::{Code, Fields, Reader, Span, quoted};
use model::{PoolLimit, PoolName};

use super::keys::refuse_both;
use super::values::TagMap;

/// Dagster's older way to name the pool of an op.
const POOL_TAG: &str = "dagster/concurrency_key";

/// The slots by pool.
pub(super) type Pools = BTreeMap<String, u32>;

/// Takes the pools of an op, from `pool`, `pools` or the tag.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, tags: &TagMap<'_>) -> Pools {
    refuse_both(reader, fields, ["pool", "pools"], "write all of them under `pools`");
    let mut pools = Pools::new();
    if let Some(pool) = fields.get("pool").and_then(|node| one(reader, node)) {
        pools.insert(pool, 1);
    }
    if let Some(node) = fields.get("pools") {
        pools.extend(several(reader, node));
    }
    if let Some((span, text)) = tags.get(POOL_TAG) {
        let is_given = fields.get("pool").is_some() || fields.get("pools").is_some();
        let pool = of_tag(reader, *span, text, is_given.then_some(&pools));
        pools.extend(pool.map(|pool| (pool, 1)));
    }
    pools
}

fn one(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    if node.as_map().is_some() {
        let hint = "write `pools`, with `s`, for several slots or several pools";
        reader.refuse_as(Code::WrongType, node.span, "`pool` must be text; found a map", hint);
        return None;
    }
    let text = reader.text(node, "`pool`")?;
    pool_name(reader, text, node.span)
}

fn several(reader: &mut Reader<'_>, node: &Node) -> Pools {
    let mut pools = Pools::new();
    if let Some(text) = node.as_text() {
        let message = "`pools` must be a map; found text";
        let hint = format!("write `pool: {text}` for one slot of it, or `pools: {{{text}: 1}}`");
        reader.refuse_as(Code::WrongType, node.span, message, hint);
        return pools;
    }
    let Some(fields) = reader.map(node, "`pools`") else {
        return pools;
    };
    for (pool, span, node) in fields.in_order() {
        let pool = pool_name(reader, pool, span);
        let slots = slots(reader, node);
        pools.extend(pool.zip(slots));
    }
    pools
}

fn slots(reader: &mut Reader<'_>, node: &Node) -> Option<u32> {
    let number = reader.int(node, "a number of slots")?;
    let slots = u32::try_from(number).ok().filter(|slots| (1..=PoolLimit::MAX).contains(slots));
    if slots.is_none() {
        let message = format!("an op cannot want {number} slots of a pool");
        let hint = format!("write a number between 1 and {}", PoolLimit::MAX);
        reader.refuse_as(Code::OutOfRange, node.span, message, hint);
    }
    slots
}

fn pool_name(reader: &mut Reader<'_>, text: &str, span: Span) -> Option<String> {
    if PoolName::new(text).is_ok() && !text.contains('\0') {
        return Some(text.to_owned());
    }
    let message = match text {
        "" => "the name of a pool is empty".to_owned(),
        text => format!("the name of a pool cannot be {}", quoted(text)),
    };
    let hint = "use any characters but white space, as in `team/db`";
    reader.refuse_as(Code::WrongValue, span, message, hint);
    None
}

/// Takes the pool that the tag names, if no key does; the two must not differ.
fn of_tag(
    reader: &mut Reader<'_>,
    span: Span,
    text: &str,
    given: Option<&Pools>,
) -> Option<String> {
    let pool = pool_name(reader, text, span)?;
    match given {
        Some(pools) if pools.contains_key(&pool) => None,
        None => Some(pool),
        Some(pools) if pools.is_empty() => Some(pool),
        Some(_) => {
            let message =
                format!("the tag `{POOL_TAG}` names another pool, {}, than the op", quoted(text));
            reader.refuse_as(
                Code::Conflict,
                span,
                message,
                "remove the tag, or write all pools under `pools`",
            );
            None
        }
    }
}
