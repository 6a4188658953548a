//! Whoever sleeps before several gates is woken by each that is enough.

use model::Settings;

use crate::world::{IsCut, World};

#[test]
fn a_run_is_woken_by_whichever_root_step_can_start() {
    for opened in ["p", "q", "r"] {
        let mut world = World::new(Settings::default());
        for pool in ["p", "q", "r"] {
            world.limit(pool, 0);
        }
        world.submit("| p q r");
        assert_eq!(world.admit(10), (vec![], IsCut::No));
        world.limit(opened, 1);
        assert_eq!(world.admit(10), (vec![1], IsCut::No), "{opened}");
    }
}
