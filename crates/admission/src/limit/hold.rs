//! Holds: a held run waits until somebody releases it.

use model::{Capacity, LimitKey};

use super::Demands;

/// Nobody passes a hold.
pub(super) const CAPACITY: Capacity = Capacity::AtMost(0);

pub(super) fn demand(is_held: bool, demands: &mut Demands) {
    if is_held {
        demands.all.push((LimitKey::Hold, 1));
    }
}
