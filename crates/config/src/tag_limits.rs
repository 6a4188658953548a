//! The limits by tag: from their list to the model's, no two on the same runs.

use std::collections::BTreeMap;

use model::{TagLimit, TagLimits, TagMatch};

use crate::code::Code;
use crate::problem::quoted;
use crate::reader::Reader;
use crate::record::{Datum, Record, Setting};
use crate::resolve::count;

/// Reads a list of tag limits; the second of two on the same runs is noted.
pub(crate) fn tag_limits(
    reader: &mut Reader<'_>,
    record: &Record,
    key: &str,
) -> Option<Setting<TagLimits>> {
    let (found, items) = record.blocks(key)?;
    let mut first_of: BTreeMap<(String, TagMatch), u32> = BTreeMap::new();
    let mut limits = Vec::new();
    for item in items {
        let Some(limit) = tag_limit(item) else {
            continue;
        };
        let (line, _) = reader.source().position(item.span);
        let what = (limit.key.clone(), limit.matches.clone());
        if let Some(first) = first_of.get(&what) {
            let message = format!("a second limit on {}", runs_of(&limit));
            let hint = format!("the first stands in line {first}: keep one of the two");
            reader.refuse_as(Code::DuplicateLimit, item.span, message, hint);
        } else {
            first_of.insert(what, line);
            limits.push(limit);
        }
    }
    let value = TagLimits::new(limits).ok()?;
    let origin = found.origin.clone();
    Some(Setting { value, origin })
}

const EACH_VALUE: &str = "applyLimitPerUniqueValue";

fn tag_limit(item: &Record) -> Option<TagLimit> {
    let matches = match item.given("value").map(|found| &found.datum) {
        Some(Datum::Text(value)) => TagMatch::Value(value.clone()),
        Some(Datum::Block(value)) if value.bool(EACH_VALUE)?.value => TagMatch::EachValue,
        None | Some(Datum::Block(_) | Datum::Null) => TagMatch::Key,
        Some(_) => return None,
    };
    Some(TagLimit { key: item.text("key")?.value, matches, limit: count(item.int("limit")?.value) })
}

/// Names the runs that a limit counts.
fn runs_of(limit: &TagLimit) -> String {
    let key = quoted(&limit.key);
    match &limit.matches {
        TagMatch::Key => format!("the runs with the tag {key}"),
        TagMatch::EachValue => format!("each value of the tag {key}"),
        TagMatch::Value(value) => format!("the runs whose tag {key} is {}", quoted(value)),
    }
}
