//! Whether the random worlds are worth looking at: a property of dull worlds shows nothing.

use std::collections::BTreeMap;

use admission::{Event, Facts, Image};
use model::{ClaimState, Explanation, LimitKey};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::stage::{IsCut, Played, What, queued, steps};
use crate::worlds::worlds;

/// How many worlds are played.
const WORLDS: usize = 300;

/// How often each of [`happenings`] must be seen in them.
const AT_LEAST: usize = 10;

#[test]
fn in_the_random_worlds_everything_happens_that_decisions_depend_on() {
    let mut runner = TestRunner::deterministic();
    let worlds = worlds();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..WORLDS {
        let world = worlds.new_tree(&mut runner).unwrap().current();
        let played = world.play(|image, played| {
            for (what, happens) in happenings(image, played) {
                *seen.entry(what).or_default() += usize::from(happens);
            }
            Ok(())
        });
        played.unwrap();
    }
    let rare: Vec<_> = seen.iter().filter(|(_, times)| **times < AT_LEAST).collect();
    assert!(rare.is_empty(), "happens too seldom: {rare:?} of {seen:?}");
}

fn happenings(image: &Image, played: &Played) -> Vec<(&'static str, bool)> {
    let facts = &played.after;
    let admitted = played.admitted().len();
    let granted = played.granted().len();
    let blocking = blocking(image, facts);
    let is_blocked_by =
        |is_it: fn(&LimitKey) -> bool| blocking.iter().any(|limits| limits.iter().any(is_it));
    let is_cut = matches!(played.what, What::Admitted(_, IsCut::Yes));
    let is_refused = matches!(played.what, What::Told(_, Err(_)));
    let is_ask = matches!(played.what, What::Told(Event::Ask { .. }, _));
    let again = |what: &What| match what {
        What::Admitted(admitted, _) => admitted.iter().any(|one| one.attempt.get() > 1),
        What::Told(..) => false,
    };
    let waiting = steps(facts, ClaimState::Pending);
    let reasons = waiting.iter().filter_map(|step| image.explain_step(step));
    let is_reserved = |explanation: Explanation| match explanation {
        Explanation::Blocked(reasons) => reasons.iter().any(|it| it.reserved_by.is_some()),
        Explanation::Holding | Explanation::Eligible => false,
    };
    vec![
        ("several runs are admitted at once", admitted > 1),
        ("a decision is cut", is_cut),
        ("a run is admitted again", again(&played.what)),
        ("an event is refused", is_refused),
        ("a claim is granted when it is asked", is_ask && granted > 0),
        ("a waiting claim is granted", !is_ask && granted > 0),
        ("several claims are granted at once", granted > 1),
        ("claims wait in numbers", waiting.len() > 3),
        ("a claim is passed over", facts.claims.iter().any(|it| it.passed_over_since.is_some())),
        ("a pool is reserved", reasons.into_iter().any(is_reserved)),
        ("runs wait in numbers", queued(facts).len() > 3),
        ("a run waits for several limits", blocking.iter().any(|limits| limits.len() > 1)),
        ("a run waits for the total", is_blocked_by(|key| *key == LimitKey::MaxConcurrentRuns)),
        ("a run waits for the branches", is_blocked_by(|key| *key == LimitKey::BranchDeployments)),
        ("a run waits for a tag", is_blocked_by(|key| matches!(key, LimitKey::Tag { .. }))),
        ("a run waits for a pool", is_blocked_by(|key| matches!(key, LimitKey::Pool(_)))),
        ("a run waits for a location", is_blocked_by(|key| matches!(key, LimitKey::Location(_)))),
        ("a run is held", is_blocked_by(|key| *key == LimitKey::Hold)),
    ]
}

/// Returns the limits that block each queued run.
fn blocking(image: &Image, facts: &Facts) -> Vec<Vec<LimitKey>> {
    let explanations = queued(facts).into_iter().filter_map(|run| image.explain_run(run));
    explanations
        .map(|explanation| match explanation {
            Explanation::Blocked(reasons) => reasons.into_iter().map(|it| it.limit).collect(),
            Explanation::Holding | Explanation::Eligible => Vec::new(),
        })
        .collect()
}
