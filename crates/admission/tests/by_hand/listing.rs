//! Listings that are read in parts.

use model::{Capacity, PoolName};

use crate::world::World;

#[test]
fn pools_are_listed_behind_any_name_in_order_and_once() {
    let mut world = World::with_room_for(Capacity::AtMost(0));
    world.limit("c", 1);
    world.limit("e", 1);
    // Limits of other kinds stand before and behind the pools.
    world.submit("team=docs | b c");
    world.submit("| d");
    let behind = |name: Option<&str>| {
        let after = name.map(|name| PoolName::new(name).unwrap());
        let pools = world.image.pools_after(after.as_ref()).map(PoolName::as_str);
        pools.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(behind(None), "b c d e");
    assert_eq!(behind(Some("a")), "b c d e");
    assert_eq!(behind(Some("b")), "c d e");
    assert_eq!(behind(Some("cc")), "d e");
    assert_eq!(behind(Some("e")), "");
}
