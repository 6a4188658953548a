//! Code locations: while one is paused, or is being loaded for the first time, none of its runs starts.

use model::{Capacity, CodeLocation, LimitKey, Remedy, Run};

use super::Demands;
use crate::rules::Rules;

pub(super) fn demand(run: &Run, demands: &mut Demands) {
    demands.one_of(LimitKey::Location(run.location.clone()));
}

pub(super) fn capacity(location: &CodeLocation, rules: &Rules) -> Capacity {
    let is_closed = rules.paused_until(location).is_some() || rules.loading().contains(location);
    if is_closed { Capacity::AtMost(0) } else { Capacity::Unlimited }
}

pub(super) fn remedy(location: &CodeLocation, rules: &Rules) -> Remedy {
    if rules.loading().contains(location) {
        return Remedy::AwaitLoad;
    }
    Remedy::Resume { at: rules.paused_until(location).unwrap_or(rules.now) }
}
