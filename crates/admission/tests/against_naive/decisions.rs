//! Which runs are admitted, which claims are granted, and in which order.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use admission::{Event, Facts, Image, RunFacts};
use model::{
    Capacity, ClaimState, DeploymentKind, Granularity, PoolBlocking, PoolName, Run, RunId, TagMatch,
};
use proptest::collection::vec;
use proptest::prelude::{TestCaseError, any, prop_assert, prop_assert_eq};
use proptest::test_runner::TestCaseResult;

use crate::every::every;
use crate::found::no_rules;
use crate::moves::{NewRun, Rules, World};
use crate::stage::{
    Played, What, drain, follow, naive_at_the_beginning, queued, renumbered, steps,
};
use crate::worlds::{queues, rules, worlds};

#[test]
fn the_image_decides_as_the_naive_model_does() {
    every(worlds(), |world| {
        let mut naive = naive_at_the_beginning(world);
        world.play(|_, played| {
            follow(&mut naive, played)?;
            prop_assert_eq!(renumbered(played.after.clone()), renumbered(naive.facts()));
            Ok(())
        })
    });
}

#[test]
fn nothing_admissible_is_held_back() {
    every(worlds(), |world| {
        let mut naive = naive_at_the_beginning(world);
        world.play(|image, played| {
            follow(&mut naive, played)?;
            let admitted = drain(&mut image.clone(), 1000);
            let ids: Vec<RunId> = admitted.iter().map(|admission| admission.run).collect();
            prop_assert_eq!(ids, naive.clone().admit());
            Ok(())
        })
    });
}

#[test]
fn no_grant_exceeds_a_limit() {
    every(worlds(), |world| {
        world.play(|_, played| {
            check_granted_slots(played)?;
            check_admitted_runs(played)
        })
    });
}

#[test]
fn a_blocked_run_consumes_nothing() {
    every(worlds(), |world| {
        world.play(|image, played| {
            let mut image = image.clone();
            let admitted = drain(&mut image, 1000);
            let blocked = queued(&image.facts());
            let mut without = played.after.clone();
            without.runs.retain(|facts| !blocked.contains(&facts.run.id));
            let (mut without, _) = Image::new(without).unwrap();
            prop_assert_eq!(drain(&mut without, 1000), admitted);
            Ok(())
        })
    });
}

#[test]
fn runs_are_admitted_by_priority_then_sequence() {
    every(worlds(), |world| {
        world.play(|image, played| {
            let admitted = drain(&mut image.clone(), 1000);
            let places: Vec<_> =
                admitted.iter().map(|admission| place(&played.after, admission.run)).collect();
            prop_assert!(places.is_sorted(), "admitted {:?}", admitted);
            Ok(())
        })
    });
}

#[test]
fn the_budget_changes_when_runs_are_admitted_but_not_which_nor_their_order() {
    every(worlds(), |world| {
        world.play(|image, _| {
            let mut at_once = image.clone();
            let admitted = drain(&mut at_once, u32::MAX);
            for budget in [1, 2, 3] {
                let mut by_and_by = image.clone();
                prop_assert_eq!(&drain(&mut by_and_by, budget), &admitted, "budget {}", budget);
                prop_assert_eq!(by_and_by.facts(), at_once.facts());
            }
            Ok(())
        })
    });
}

#[test]
fn a_second_decision_right_after_admits_nothing() {
    every(worlds(), |world| {
        world.play(|image, _| {
            let mut image = image.clone();
            drain(&mut image, 1000);
            let again = image.admit(1);
            prop_assert_eq!(again.admitted, vec![]);
            prop_assert!(!again.is_cut);
            Ok(())
        })
    });
}

#[test]
fn nothing_is_taken_back_that_was_once_given() {
    every(worlds(), |world| world.play(|_, played| check_kept(played)));
}

#[test]
fn the_order_of_arrival_does_not_matter_the_sequence_does() {
    let arrivals = vec(any::<u8>(), 30);
    every((queues(), (arrivals, rules())), |(runs, (arrivals, rules))| {
        let mut arrived: Vec<(&u8, &NewRun)> = arrivals.iter().zip(runs).collect();
        arrived.sort_by_key(|(arrival, _)| **arrival);
        let arrived: Vec<NewRun> = arrived.into_iter().map(|(_, run)| run.clone()).collect();
        let (mut one, mut other) = (submitted(rules, runs), submitted(rules, &arrived));
        prop_assert_eq!(drain(&mut one, 1000), drain(&mut other, 1000));
        prop_assert_eq!(one.facts(), other.facts());
        Ok(())
    });
}

#[test]
fn a_single_limit_that_is_higher_admits_no_fewer() {
    every((queues(), (0..=5_u32, 0..=6_usize)), |(runs, (limit, which))| {
        let with_limit = |limit| {
            let mut rules = no_rules();
            match which {
                6 => rules.max_runs = Some(limit),
                tag => rules.tag_limits[*tag] = Some(limit),
            }
            drain(&mut submitted(&rules, runs), 1000).len()
        };
        prop_assert!(with_limit(*limit) <= with_limit(limit + 1));
        Ok(())
    });
}

fn submitted(rules: &Rules, runs: &[NewRun]) -> Image {
    let world = World { rules: rules.clone(), pool_limits: [None; 3], moves: vec![] };
    let (mut image, _) = Image::new(world.beginning()).unwrap();
    for run in runs {
        image.apply(Event::Submit(run.run())).unwrap();
    }
    image
}

fn place(facts: &Facts, run: RunId) -> (Reverse<i32>, u64) {
    let run = &facts.runs.iter().find(|facts| facts.run.id == run).unwrap().run;
    let priority = run.tags.priority().unwrap_or_default();
    (Reverse(priority.get()), run.seq.get())
}

/// Checks the pools of each claim that was just granted against all slots that are held there.
fn check_granted_slots(played: &Played) -> TestCaseResult {
    let facts = &played.after;
    if facts.settings.pools.granularity == Granularity::Run {
        return Ok(());
    }
    let mut held: BTreeMap<PoolName, u32> = BTreeMap::new();
    for claim in facts.claims.iter().map(|facts| &facts.claim) {
        if claim.state == ClaimState::Granted {
            for (pool, slots) in claim.demand.iter() {
                *held.entry(pool.clone()).or_default() += slots.get();
            }
        }
    }
    let is_new = |step| played.granted().contains(step);
    for claim in facts.claims.iter().map(|facts| &facts.claim).filter(|claim| is_new(&claim.step)) {
        for (pool, _) in claim.demand.iter() {
            let (held, limit) = (held[pool], pool_limit(facts, pool));
            prop_assert!(held <= limit, "{held} slots of {limit} held in {pool}");
        }
    }
    Ok(())
}

/// Checks the limits on each run that was just admitted against all runs in progress.
fn check_admitted_runs(played: &Played) -> TestCaseResult {
    let facts = &played.after;
    let settings = &facts.settings;
    for run in played.admitted() {
        let RunFacts { run, is_held, .. } = facts.runs.iter().find(|it| it.run.id == run).unwrap();
        prop_assert!(!is_held);
        prop_assert!(!facts.loading.contains(&run.location));
        prop_assert!(facts.paused.iter().all(|(location, _)| *location != run.location));
        is_within(facts, settings.max_concurrent_runs, |_| true)?;
        let is_branch = |run: &Run| run.deployment.kind == DeploymentKind::Branch;
        if is_branch(run) {
            is_within(facts, settings.max_branch_deployment_runs, is_branch)?;
        }
        for limit in settings.tag_limits.iter() {
            let value = run.tags.get(&limit.key);
            let is_alike = |other: &Run| match &limit.matches {
                TagMatch::Key => other.tags.get(&limit.key).is_some(),
                TagMatch::Value(wanted) => other.tags.get(&limit.key) == Some(wanted.as_str()),
                TagMatch::EachValue => value.is_some() && other.tags.get(&limit.key) == value,
            };
            if is_alike(run) {
                is_within(facts, Capacity::AtMost(limit.limit), is_alike)?;
            }
        }
        let pools = &settings.pools;
        if (pools.granularity, pools.blocking) == (Granularity::Run, PoolBlocking::HoldsRunsBack) {
            for pool in run.pools.all() {
                let uses = |other: &Run| other.pools.all().any(|used| used == pool);
                is_within(facts, Capacity::AtMost(pool_limit(facts, pool)), uses)?;
            }
        }
    }
    Ok(())
}

fn is_within(facts: &Facts, limit: Capacity, counts: impl Fn(&Run) -> bool) -> TestCaseResult {
    let runs = facts.runs.iter().map(|facts| &facts.run);
    let counted = runs.filter(|run| run.status.is_in_progress() && counts(run)).count();
    match limit {
        Capacity::AtMost(limit) if counted > usize::try_from(limit).unwrap() => {
            Err(TestCaseError::fail(format!("{counted} runs of {limit} in progress")))
        }
        Capacity::AtMost(_) | Capacity::Unlimited => Ok(()),
    }
}

fn pool_limit(facts: &Facts, pool: &PoolName) -> u32 {
    let own = facts.pool_limits.iter().find(|(name, _)| name == pool);
    let limit = own.map(|(_, limit)| *limit).or(facts.settings.pools.default_limit);
    limit.map_or(u32::MAX, model::PoolLimit::get)
}

/// Checks that runs stay in progress, and steps keep their slots, until somebody ends or frees them.
fn check_kept(played: &Played) -> TestCaseResult {
    let given_back = match &played.what {
        What::Told(
            Event::Requeue { run }
            | Event::End { run }
            | Event::Delete { run }
            | Event::Free { run, .. },
            _,
        ) => Some(*run),
        What::Told(..) | What::Admitted(..) => None,
    };
    let in_progress = |facts: &Facts| -> Vec<RunId> {
        let runs = facts.runs.iter().map(|facts| &facts.run);
        runs.filter(|run| run.status.is_in_progress()).map(|run| run.id).collect()
    };
    let still = in_progress(&played.after);
    for run in in_progress(&played.before) {
        prop_assert!(still.contains(&run) || given_back == Some(run), "{run} is gone");
    }
    let still = steps(&played.after, ClaimState::Granted);
    for step in steps(&played.before, ClaimState::Granted) {
        prop_assert!(still.contains(&step) || given_back == Some(step.run), "{step} is gone");
    }
    Ok(())
}
