//! Explanations whose lists and numbers are longer than is told.

use model::{Capacity, Count, LimitKey, PoolLimit, PoolName, Remedy};

use crate::world::World;

#[test]
fn a_reason_names_ten_holders_and_counts_the_others() {
    let mut world = World::with_room_for(Capacity::AtMost(13));
    for _ in 0..14 {
        world.submit("");
    }
    world.admit(100);
    let reasons = world.reasons(14);
    assert_eq!(reasons.len(), 1);
    assert_eq!((reasons[0].holders.shown.len(), reasons[0].holders.more), (10, 3));
}

#[test]
fn those_ahead_are_counted_up_to_a_bound_and_then_it_says_at_least() {
    let mut world = World::with_room_for(Capacity::AtMost(0));
    for _ in 0..1500 {
        world.submit("");
    }
    let ahead = |run| world.reasons(run)[0].ahead;
    assert_eq!(ahead(1), Count::Exactly(0));
    assert_eq!(ahead(500), Count::Exactly(499));
    let Count::AtLeast(counted) = ahead(1500) else { unreachable!("{:?}", ahead(1500)) };
    assert!((900..=1499).contains(&counted), "{counted}");
}

#[test]
fn a_remedy_never_wants_a_pool_limit_that_no_pool_can_have() {
    let mut world = World::with_room_for(Capacity::Unlimited);
    let most = PoolLimit::MAX;
    world.limit("p", most.into());
    world.submit(&format!("| p:{most}"));
    world.admit(1);
    world.submit("| p:3");
    world.submit(&format!("| p:{}", most + 1));
    world.admit(10);
    let remedies = |run| -> Vec<(LimitKey, Remedy)> {
        world.reasons(run).into_iter().map(|reason| (reason.limit, reason.remedy)).collect()
    };
    let pool = LimitKey::Pool(PoolName::new("p").unwrap());
    assert_eq!(remedies(2), [(pool.clone(), Remedy::FreeUnits(3))]);
    assert_eq!(remedies(3), [(pool, Remedy::WantAtMost(most))]);
}
