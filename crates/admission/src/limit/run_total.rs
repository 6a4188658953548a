//! `max_concurrent_runs`: the runs in progress in total.
//!
//! Every run needs it, so it is asked once before the queue is looked at and nobody parks there.

use model::LimitKey;

use super::Demands;

pub(super) fn demand(demands: &mut Demands) {
    demands.runs.push(LimitKey::MaxConcurrentRuns);
}
