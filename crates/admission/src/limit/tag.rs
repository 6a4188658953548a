//! Tag concurrency limits in their three forms: by key, by key and value, by each distinct value.
//! Every limit that matches a run holds; the strictest wins.

use model::{Capacity, LimitKey, Run, TagLimit, TagLimits, TagMatch, TagScope};

use super::Demands;

pub(super) fn demand(run: &Run, limits: &TagLimits, demands: &mut Demands) {
    for (key, value) in run.tags.iter() {
        for limit in limits.on_key(key) {
            if let Some(scope) = scope_of(limit, value) {
                demands.one_of(LimitKey::Tag { key: key.into(), scope });
            }
        }
    }
}

/// Returns which runs a limit counts together with one that has this value; none if it does not
/// count that one.
fn scope_of(limit: &TagLimit, value: &str) -> Option<TagScope> {
    match &limit.matches {
        TagMatch::Key => Some(TagScope::AnyValue),
        TagMatch::Value(wanted) => (wanted == value).then(|| TagScope::Value(value.into())),
        TagMatch::EachValue => Some(TagScope::EachValue(value.into())),
    }
}

pub(super) fn capacity(key: &str, scope: &TagScope, limits: &TagLimits) -> Capacity {
    let is_it = |limit: &&TagLimit| match (&limit.matches, scope) {
        (TagMatch::Key, TagScope::AnyValue) | (TagMatch::EachValue, TagScope::EachValue(_)) => true,
        (TagMatch::Value(wanted), TagScope::Value(value)) => **wanted == **value,
        (TagMatch::Key | TagMatch::Value(_) | TagMatch::EachValue, _) => false,
    };
    limits
        .on_key(key)
        .find(is_it)
        .map_or(Capacity::Unlimited, |limit| Capacity::AtMost(limit.limit))
}
