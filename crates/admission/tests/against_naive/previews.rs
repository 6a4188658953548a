//! Previews: they say what happens, and nothing happens.

use admission::{Edit, Event, Facts, Image, Reach, Refused};
use model::RunId;
use proptest::prelude::{TestCaseError, prop_assert, prop_assert_eq};
use proptest::test_runner::TestCaseResult;

use crate::every::every;
use crate::moves::{Move, World};
use crate::stage::drain;
use crate::worlds::{worlds, worlds_of_extremes};

/// Further than any world goes.
const FAR: Reach = Reach { runs: 1000, looks: 10_000 };

#[test]
fn a_preview_says_what_happens_and_changes_nothing() {
    every(worlds(), |world| {
        let mut step = 0;
        world.play(|image, played| {
            step += 1;
            check(image, &played.after, &edits(world, &played.after, step))
        })
    });
}

#[test]
fn a_preview_does_no_harm_to_numbers_at_the_end_of_their_range() {
    every(worlds_of_extremes(), |world| {
        let mut step = 0;
        world.play(|image, played| {
            step += 1;
            check(image, &played.after, &edits(world, &played.after, step))
        })
    });
}

#[test]
fn a_preview_that_is_cut_names_the_first() {
    every(worlds(), |world| {
        let mut step = 0;
        world.play(|image, played| {
            step += 1;
            let edits = edits(world, &played.after, step);
            let mut image = image.clone();
            let Ok(all) = image.preview(&edits, FAR) else { return Ok(()) };
            for runs in 0..3 {
                let cut = image.preview(&edits, Reach { runs, ..FAR }).unwrap();
                let first = all.started.len().min(runs as usize);
                prop_assert_eq!(&cut.started, &all.started[..first]);
                prop_assert_eq!(cut.is_cut, first < all.started.len());
            }
            Ok(())
        })
    });
}

fn check(image: &Image, facts: &Facts, edits: &[Edit]) -> TestCaseResult {
    let (mut asked, mut untouched) = (image.clone(), image.clone());
    let told = asked.preview(edits, FAR);
    asked.audit().map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&asked.facts(), facts);
    match (told, really(image, edits)) {
        (Ok(told), Ok(started)) => {
            prop_assert_eq!(told.started, started);
            prop_assert!(!told.is_cut);
        }
        (told, really) => prop_assert_eq!(told.map(|told| told.started), really),
    }
    prop_assert_eq!(drain(&mut asked, 1000), drain(&mut untouched, 1000));
    prop_assert_eq!(asked.facts(), untouched.facts());
    Ok(())
}

/// Makes the edits and returns what then starts.
fn really(image: &Image, edits: &[Edit]) -> Result<Vec<RunId>, Refused> {
    let mut image = image.clone();
    for edit in edits {
        let granted = image.apply(edit.clone().into())?;
        assert_eq!(granted, [], "{edit:?} gives room to a claim");
    }
    Ok(drain(&mut image, 1000).into_iter().map(|admission| admission.run).collect())
}

/// Picks up to three of the edits that the moves of the world name, others at each step.
fn edits(world: &World, facts: &Facts, step: usize) -> Vec<Edit> {
    let all: Vec<Edit> = world.moves.iter().filter_map(|next| edit(next, facts)).collect();
    let start = step.checked_rem(all.len()).unwrap_or(0);
    all.iter().cycle().skip(start).take((step % 4).min(all.len())).cloned().collect()
}

fn edit(next: &Move, facts: &Facts) -> Option<Edit> {
    match next.event(facts)? {
        Event::Retag { run, tags } => Some(Edit::Retag { run, tags }),
        Event::Reprioritize { run, priority } => {
            let now = facts.runs.iter().find(|facts| facts.run.id == run)?;
            Some(Edit::Retag { run, tags: now.run.tags.with_priority(priority) })
        }
        Event::Hold { run } => Some(Edit::Hold { run }),
        Event::Release { run } => Some(Edit::Release { run }),
        _ => None,
    }
}
