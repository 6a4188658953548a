//! Code locations: while one is paused, none of its runs starts.

use model::{Capacity, CodeLocation, LimitKey, Remedy, Run};

use super::Demands;
use crate::rules::Rules;

pub(super) fn demand(run: &Run, demands: &mut Demands) {
    demands.one_of(LimitKey::Location(run.location.clone()));
}

pub(super) fn capacity(location: &CodeLocation, rules: &Rules) -> Capacity {
    if rules.paused_until(location).is_some() { Capacity::AtMost(0) } else { Capacity::Unlimited }
}

pub(super) fn remedy(location: &CodeLocation, rules: &Rules) -> Remedy {
    Remedy::Resume { at: rules.paused_until(location).unwrap_or(rules.now) }
}
