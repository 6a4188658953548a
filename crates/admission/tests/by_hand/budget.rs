//! A decision looks at no more runs and lines of runs than its budget allows, and forgets nothing
//! that it has not looked at.

use model::{Settings, TagLimit, TagLimits, TagMatch};

use crate::world::{IsCut, World};

#[test]
fn no_more_runs_are_admitted_than_the_budget_allows() {
    let mut world = World::new(Settings::default());
    for _ in 0..5 {
        world.submit("");
    }
    assert_eq!(world.admit(0), (vec![], IsCut::Yes));
    assert_eq!(world.admit(2), (vec![1, 2], IsCut::Yes));
    assert_eq!(world.admit(2), (vec![3, 4], IsCut::Yes));
    assert_eq!(world.admit(2), (vec![5], IsCut::No));
}

#[test]
fn a_line_that_is_blocked_takes_its_part_of_the_budget() {
    let no_team_at_all = TagLimit { key: "team".into(), matches: TagMatch::EachValue, limit: 0 };
    let tag_limits = TagLimits::new(vec![no_team_at_all]).unwrap();
    let mut world = World::new(Settings { tag_limits, ..Settings::default() });
    for tags in ["team=a", "team=b", "team=c", "free"] {
        world.submit(tags);
    }
    assert_eq!(world.admit(3), (vec![], IsCut::Yes));
    assert_eq!(world.admit(1), (vec![4], IsCut::No));
}
