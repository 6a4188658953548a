//! What is true of the image itself: its indexes tell the truth, and it is what its facts make it.

use std::time::Duration;

use admission::{Event, Facts, Image, RunFacts};
use model::{ClaimState, Explanation, LimitKey, RunStatus, StepKey, TagMatch, TagScope};
use proptest::prelude::{TestCaseError, prop_assert, prop_assert_eq};

use crate::every::every;
use crate::moves::{POOLS, pool};
use crate::stage::{What, drain, follow, naive_at_the_beginning, renumbered, steps};
use crate::worlds::{worlds, worlds_of_extremes};

#[test]
fn every_index_tells_the_truth_after_every_event() {
    every(worlds(), |world| {
        world.play(|image, _| image.audit().map_err(|error| TestCaseError::fail(error.to_string())))
    });
}

#[test]
fn usage_is_the_sum_over_those_who_hold() {
    every(worlds(), |world| {
        let mut naive = naive_at_the_beginning(world);
        world.play(|image, played| {
            follow(&mut naive, played)?;
            for limit in limits(&played.after) {
                prop_assert_eq!(image.usage(&limit), naive.usage(&limit), "{}", limit);
            }
            Ok(())
        })
    });
}

#[test]
fn the_image_equals_one_rebuilt_from_scratch() {
    every(worlds(), |world| {
        world.play(|image, played| {
            let (rebuilt, granted) = Image::new(played.after.clone()).unwrap();
            prop_assert_eq!(granted, vec![]);
            prop_assert_eq!(rebuilt.facts(), played.after.clone());
            prop_assert_eq!(explanations(&rebuilt), explanations(image));
            let (mut image, mut rebuilt) = (image.clone(), rebuilt);
            prop_assert_eq!(drain(&mut rebuilt, 1000), drain(&mut image, 1000));
            Ok(())
        })
    });
}

#[test]
fn facts_that_contradict_one_another_are_refused() {
    every(worlds(), |world| {
        world.play(|_, played| {
            for facts in contradictory(&played.after) {
                prop_assert!(Image::new(facts.clone()).is_err(), "{:?}", facts);
            }
            Ok(())
        })
    });
}

#[test]
fn the_number_of_queued_runs_is_that_of_the_facts() {
    every(worlds(), |world| {
        world.play(|_, played| {
            let (image, _) = Image::new(played.after.clone()).unwrap();
            let is_queued = |facts: &&RunFacts| facts.run.status == RunStatus::Queued;
            let queued = played.after.runs.iter().filter(is_queued).count();
            prop_assert_eq!(image.queued(), queued as u64);
            Ok(())
        })
    });
}

#[test]
fn the_order_in_which_facts_are_told_does_not_matter() {
    every(worlds(), |world| {
        world.play(|_, played| {
            let mut facts = played.after.clone();
            facts.runs.reverse();
            facts.claims.reverse();
            let (rebuilt, _) = Image::new(facts).unwrap();
            prop_assert_eq!(&rebuilt.facts(), &played.after);
            Ok(())
        })
    });
}

#[test]
fn an_image_built_later_is_the_old_one_after_the_time_has_passed() {
    every(worlds(), |world| {
        world.play(|image, played| {
            let now = played.after.now.after(Duration::from_secs(2));
            let (built, granted) = Image::new(Facts { now, ..played.after.clone() }).unwrap();
            let mut image = image.clone();
            prop_assert_eq!(image.apply(Event::TimePassed { now }), Ok(granted));
            prop_assert_eq!(image.facts(), built.facts());
            Ok(())
        })
    });
}

#[test]
fn an_image_rebuilt_from_scratch_goes_on_as_the_old_one_does() {
    every(worlds(), |world| {
        world.play(|_, played| {
            let (mut rebuilt, _) = Image::new(played.before.clone()).unwrap();
            if let What::Told(event, said) = &played.what {
                prop_assert_eq!(&rebuilt.apply(event.clone()), said);
                prop_assert_eq!(renumbered(rebuilt.facts()), renumbered(played.after.clone()));
            }
            Ok(())
        })
    });
}

#[test]
fn a_refused_event_changes_nothing() {
    every(worlds(), |world| {
        world.play(|_, played| {
            if let What::Told(_, Err(_)) = &played.what {
                prop_assert_eq!(&played.before, &played.after);
            }
            Ok(())
        })
    });
}

#[test]
fn the_same_settings_set_again_change_nothing() {
    every(worlds(), |world| {
        world.play(|image, played| {
            let mut image = image.clone();
            let settings = played.after.settings.clone();
            prop_assert_eq!(image.apply(Event::Configure(settings)), Ok(vec![]));
            prop_assert_eq!(&image.facts(), &played.after);
            Ok(())
        })
    });
}

#[test]
fn numbers_at_the_end_of_their_range_do_no_harm() {
    every(worlds_of_extremes(), |world| {
        let mut naive = naive_at_the_beginning(world);
        world.play(|image, played| {
            follow(&mut naive, played)?;
            prop_assert!(!explanations(image).contains(&None));
            image.audit().map_err(|error| TestCaseError::fail(error.to_string()))
        })
    });
}

/// Returns facts that cannot all be true, made of some that can.
fn contradictory(facts: &Facts) -> Vec<Facts> {
    let mut contradictory = Vec::new();
    if let Some(run) = facts.runs.first() {
        let mut again = facts.clone();
        again.runs.push(run.clone());
        contradictory.push(again);

        let mut ended = facts.clone();
        ended.runs[0].run.status = RunStatus::Success;
        contradictory.push(ended);
    }
    if let Some(claim) = facts.claims.first() {
        let mut again = facts.clone();
        again.claims.push(claim.clone());
        contradictory.push(again);

        let mut of_nobody = facts.clone();
        of_nobody.runs.retain(|facts| facts.run.id != claim.claim.step.run);
        contradictory.push(of_nobody);

        let mut at_one_place = facts.clone();
        let mut other = claim.clone();
        other.claim.step.step = StepKey::new("another").unwrap();
        at_one_place.claims.push(other);
        contradictory.push(at_one_place);

        let mut before_it_began = facts.clone();
        let runs = before_it_began.runs.iter_mut();
        runs.for_each(|facts| facts.run.status = RunStatus::Starting);
        contradictory.push(before_it_began);
    }
    contradictory
}

/// Returns every limit that could count something in this world.
fn limits(facts: &Facts) -> Vec<LimitKey> {
    let mut limits = vec![LimitKey::MaxConcurrentRuns, LimitKey::BranchDeployments, LimitKey::Hold];
    limits.extend(POOLS.map(|name| LimitKey::Pool(pool(name))));
    for run in facts.runs.iter().map(|facts| &facts.run) {
        limits.push(LimitKey::Location(run.location.clone()));
        for limit in facts.settings.tag_limits.iter() {
            let value = run.tags.get(&limit.key).unwrap_or_default();
            let scope = match &limit.matches {
                TagMatch::Key => TagScope::AnyValue,
                TagMatch::Value(value) => TagScope::Value(value.as_str().into()),
                TagMatch::EachValue => TagScope::EachValue(value.into()),
            };
            limits.push(LimitKey::Tag { key: limit.key.as_str().into(), scope });
        }
    }
    limits
}

/// Returns what an image says of every run and every step.
fn explanations(image: &Image) -> Vec<Option<Explanation>> {
    let facts = image.facts();
    let runs = facts.runs.iter().map(|facts| image.explain_run(facts.run.id));
    let steps = [ClaimState::Granted, ClaimState::Pending]
        .into_iter()
        .flat_map(|state| steps(&facts, state))
        .map(|step| image.explain_step(&step));
    runs.chain(steps).collect()
}
