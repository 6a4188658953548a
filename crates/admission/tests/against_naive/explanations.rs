//! Why a run or a step has not started: the limits that block it, their numbers, and the way out.

use std::collections::BTreeSet;

use admission::{Event, Facts, Image};
use model::{
    Capacity, Claim, ClaimState, Count, Explanation, Granularity, Holder, HolderOf, LimitKey,
    PoolName, Reason, Remedy, Run, RunId, Settings, StepId, TagLimit, TagLimits, TagMatch,
    TagScope,
};
use naive::Naive;
use proptest::prelude::{TestCaseError, prop_assert, prop_assert_eq};
use proptest::test_runner::TestCaseResult;

use crate::every::every;
use crate::moves::pool_limit_of;
use crate::stage::{follow, naive_at_the_beginning, queued, steps};
use crate::worlds::worlds;

/// How often the way out of an explanation is taken before a step must have its slots.
const WAYS_OUT: usize = 100;

#[test]
fn explain_names_exactly_the_limits_that_block() {
    every(worlds(), |world| {
        let mut naive = naive_at_the_beginning(world);
        world.play(|image, played| {
            follow(&mut naive, played)?;
            for run in played.after.runs.iter().map(|facts| facts.run.id) {
                let explanation = image.explain_run(run).unwrap();
                prop_assert_eq!(limits(&explanation), naive.blocking(run), "{}", run);
            }
            for step in played.after.claims.iter().map(|facts| &facts.claim.step) {
                let explanation = image.explain_step(step).unwrap();
                prop_assert_eq!(limits(&explanation), naive.blocking_step(step), "{}", step);
            }
            Ok(())
        })
    });
}

#[test]
fn explain_knows_nothing_of_runs_and_steps_that_are_not_there() {
    every(worlds(), |world| {
        world.play(|image, played| {
            for facts in &played.before.runs {
                let is_there = played.after.runs.iter().any(|it| it.run.id == facts.run.id);
                prop_assert_eq!(image.explain_run(facts.run.id).is_some(), is_there);
            }
            for facts in &played.before.claims {
                let is_there =
                    played.after.claims.iter().any(|it| it.claim.step == facts.claim.step);
                prop_assert_eq!(image.explain_step(&facts.claim.step).is_some(), is_there);
            }
            Ok(())
        })
    });
}

#[test]
fn a_reason_carries_the_numbers_of_its_limit() {
    every(worlds(), |world| {
        let mut naive = naive_at_the_beginning(world);
        world.play(|image, played| {
            follow(&mut naive, played)?;
            for run in queued(&played.after) {
                for reason in reasons(image.explain_run(run)) {
                    check_numbers(&reason, &naive)?;
                    prop_assert_eq!(reason.ahead, runs_ahead(&naive, run, &reason.limit));
                    prop_assert_eq!(&reason.reserved_by, &None);
                    prop_assert_eq!(reason.wanted, wanted_by_run(&played.after, run, &reason));
                }
            }
            for claim in waiting(&played.after) {
                for reason in reasons(image.explain_step(&claim.step)) {
                    check_numbers(&reason, &naive)?;
                    prop_assert_eq!(reason.wanted, slots(claim, &reason.limit));
                    prop_assert_eq!(reason.ahead, claims_ahead(&naive, claim, &reason.limit));
                }
            }
            Ok(())
        })
    });
}

#[test]
fn the_holders_of_a_reason_are_those_who_take_the_units() {
    every(worlds(), |world| {
        world.play(|image, played| {
            let facts = &played.after;
            for run in queued(facts) {
                for reason in reasons(image.explain_run(run)) {
                    check_holders(&reason, &holders(facts, &reason.limit, Asker::Run))?;
                }
            }
            for claim in waiting(facts) {
                for reason in reasons(image.explain_step(&claim.step)) {
                    check_holders(&reason, &holders(facts, &reason.limit, Asker::Step))?;
                }
            }
            Ok(())
        })
    });
}

#[test]
fn the_remedies_of_an_explanation_free_the_run() {
    every(worlds(), |world| {
        world.play(|image, played| {
            for run in queued(&played.after) {
                let mut image = image.clone();
                for reason in reasons(image.explain_run(run)) {
                    take_way_out(&mut image, run, &reason)?;
                }
                prop_assert_eq!(image.explain_run(run), Some(Explanation::Eligible), "{}", run);
            }
            Ok(())
        })
    });
}

#[test]
fn the_remedies_of_an_explanation_in_the_end_give_the_step_its_slots() {
    every(worlds(), |world| {
        world.play(|image, played| {
            for step in steps(&played.after, ClaimState::Pending) {
                let mut image = image.clone();
                for _ in 0..WAYS_OUT {
                    for reason in reasons(image.explain_step(&step)) {
                        take_way_out(&mut image, step.run, &reason)?;
                    }
                }
                prop_assert_eq!(image.explain_step(&step), Some(Explanation::Holding), "{}", step);
            }
            Ok(())
        })
    });
}

#[test]
fn a_remedy_raises_a_limit_no_further_than_it_must() {
    every(worlds(), |world| {
        world.play(|image, played| {
            let granularity = played.after.settings.pools.granularity;
            for run in queued(&played.after) {
                for mut reason in reasons(image.explain_run(run)) {
                    // At op granularity one reason may stand for several root steps.
                    let is_exact = !matches!(reason.limit, LimitKey::Pool(_))
                        || granularity == Granularity::Run;
                    if let (Remedy::RaiseTo(limit), true) = (&mut reason.remedy, is_exact) {
                        *limit -= 1;
                        let mut image = image.clone();
                        take_way_out(&mut image, run, &reason)?;
                        let still = limits(&image.explain_run(run).unwrap()).unwrap();
                        prop_assert!(still.contains(&reason.limit), "{:?}", reason);
                    }
                }
            }
            Ok(())
        })
    });
}

/// Returns the limits of an explanation, checked for their order; none if it is eligible, and
/// `None` if it does not wait.
fn limits(explanation: &Explanation) -> Option<BTreeSet<LimitKey>> {
    match explanation {
        Explanation::Holding => None,
        Explanation::Eligible => Some(BTreeSet::new()),
        Explanation::Blocked(reasons) => {
            assert!(!reasons.is_empty());
            assert!(
                reasons.is_sorted_by_key(|reason| (&reason.limit, &reason.reserved_by)),
                "not ordered: {reasons:?}"
            );
            Some(reasons.iter().map(|reason| reason.limit.clone()).collect())
        }
    }
}

fn reasons(explanation: Option<Explanation>) -> Vec<Reason> {
    match explanation {
        Some(Explanation::Blocked(reasons)) => reasons,
        Some(Explanation::Holding | Explanation::Eligible) | None => Vec::new(),
    }
}

fn waiting(facts: &Facts) -> Vec<&Claim> {
    let claims = facts.claims.iter().map(|facts| &facts.claim);
    claims.filter(|claim| claim.state == ClaimState::Pending).collect()
}

fn check_numbers(reason: &Reason, naive: &Naive) -> TestCaseResult {
    prop_assert_eq!((reason.capacity, reason.usage), naive.usage(&reason.limit), "{:?}", reason);
    Ok(())
}

fn slots(claim: &Claim, limit: &LimitKey) -> u32 {
    let LimitKey::Pool(pool) = limit else {
        return 0;
    };
    claim.demand.iter().find(|(name, _)| *name == pool).map_or(0, |(_, slots)| slots.get())
}

/// Returns one unit, or of a pool whose slots steps hold, what the widest root step asks.
fn wanted_by_run(facts: &Facts, run: RunId, reason: &Reason) -> u32 {
    let run = &facts.runs.iter().find(|facts| facts.run.id == run).unwrap().run;
    let (LimitKey::Pool(pool), Granularity::Op) = (&reason.limit, facts.settings.pools.granularity)
    else {
        return 1;
    };
    let slots = run.pools.roots().flat_map(|(root, _)| root.iter());
    let of_pool = slots.filter(|(name, _)| *name == pool).map(|(_, slots)| slots.get());
    of_pool.max().unwrap_or_default()
}

/// Counts the queued runs that go before one and need the same limit.
fn runs_ahead(naive: &Naive, run: RunId, limit: &LimitKey) -> Count {
    if *limit == LimitKey::Hold {
        return Count::Exactly(0);
    }
    let queue = naive.queue();
    let before = queue.iter().take_while(|other| **other != run);
    let waits = |other: &&RunId| naive.waits_for(**other).is_some_and(|all| all.contains(limit));
    Count::Exactly(before.filter(waits).count())
}

fn claims_ahead(naive: &Naive, claim: &Claim, limit: &LimitKey) -> Count {
    let waiting = naive.waiting();
    let before = waiting.iter().take_while(|facts| facts.claim.step != claim.step);
    Count::Exactly(before.filter(|facts| slots(&facts.claim, limit) > 0).count())
}

/// Who asks: a queued run or a waiting step.
#[derive(Clone, Copy)]
enum Asker {
    Run,
    Step,
}

/// Returns all who take units of a limit that the asker cannot have.
fn holders(facts: &Facts, limit: &LimitKey, asker: Asker) -> Vec<Holder> {
    let in_progress = || facts.runs.iter().filter(|facts| facts.run.status.is_in_progress());
    let LimitKey::Pool(pool) = limit else {
        let counted = in_progress().filter(|facts| counts(limit, &facts.run));
        return counted.map(|facts| as_holder(&facts.run, HolderOf::Run, 1)).collect();
    };
    if facts.settings.pools.granularity == Granularity::Run {
        let counted = in_progress().filter(|facts| facts.run.pools.all().any(|name| name == pool));
        return counted.map(|facts| as_holder(&facts.run, HolderOf::Run, 1)).collect();
    }
    let granted = claim_holders(facts, pool, ClaimState::Granted);
    let Asker::Run = asker else {
        return granted;
    };
    let starting = in_progress().filter(|facts| !facts.is_first_pass_done).map(|facts| &facts.run);
    let roots = starting.filter_map(|run| {
        let slots = *run.pools.root_slots().get(pool)?;
        Some(as_holder(run, HolderOf::Roots, slots))
    });
    let pending = claim_holders(facts, pool, ClaimState::Pending);
    roots.chain(granted).chain(pending).collect()
}

fn counts(limit: &LimitKey, run: &Run) -> bool {
    match limit {
        LimitKey::BranchDeployments => run.deployment.kind == model::DeploymentKind::Branch,
        LimitKey::Tag { key, scope: TagScope::AnyValue } => run.tags.get(key).is_some(),
        LimitKey::Tag { key, scope: TagScope::Value(value) | TagScope::EachValue(value) } => {
            run.tags.get(key) == Some(value)
        }
        LimitKey::Location(location) => run.location == *location,
        LimitKey::MaxConcurrentRuns => true,
        LimitKey::Pool(_) | LimitKey::Hold => false,
    }
}

fn as_holder(run: &Run, of: HolderOf, units: u64) -> Holder {
    Holder { run: run.id, of, units }
}

fn claim_holders(facts: &Facts, pool: &PoolName, state: ClaimState) -> Vec<Holder> {
    let claims = facts.claims.iter().map(|facts| &facts.claim);
    let limit = LimitKey::Pool(pool.clone());
    claims
        .filter(|claim| claim.state == state && slots(claim, &limit) > 0)
        .map(|claim| {
            let StepId { run, step } = claim.step.clone();
            let of = match state {
                ClaimState::Granted => HolderOf::Step(step),
                ClaimState::Pending => HolderOf::PendingStep(step),
            };
            Holder { run, of, units: slots(claim, &limit).into() }
        })
        .collect()
}

fn check_holders(reason: &Reason, all: &[Holder]) -> TestCaseResult {
    let shown = &reason.holders.shown;
    prop_assert!(all.starts_with(shown), "{:?}, holders are {:?}", reason, all);
    prop_assert_eq!(shown.len() + reason.holders.more, all.len(), "{:?}", reason);
    prop_assert!(reason.holders.more == 0 || shown.len() >= 10, "{:?}", reason);
    Ok(())
}

/// Does what a reason says would free it.
fn take_way_out(image: &mut Image, waiter: RunId, reason: &Reason) -> TestCaseResult {
    let settings = image.facts().settings;
    let event = match (&reason.remedy, &reason.limit) {
        (Remedy::RaiseTo(limit), LimitKey::Pool(pool)) => {
            Event::PoolLimitSet { pool: pool.clone(), limit: pool_limit_of(*limit) }
        }
        (Remedy::RaiseTo(limit), key) => Event::Configure(raised(settings, key, *limit)),
        (Remedy::Release, LimitKey::Hold) => Event::Release { run: waiter },
        (Remedy::Resume { .. }, LimitKey::Location(location)) => {
            Event::LocationResumed { location: location.clone() }
        }
        (Remedy::AwaitLoad, LimitKey::Location(location)) => {
            // It may be paused beside that.
            let resumed = Event::LocationResumed { location: location.clone() };
            image.apply(resumed).map_err(|refused| TestCaseError::fail(refused.to_string()))?;
            Event::LocationsLoading { locations: BTreeSet::new() }
        }
        (Remedy::FreeReservation(StepId { run, step }), LimitKey::Pool(_)) => {
            Event::Free { run: *run, step: Some(step.clone()) }
        }
        (remedy, _) => {
            return Err(TestCaseError::fail(format!("no way out: {remedy:?} of {reason:?}")));
        }
    };
    image.apply(event).map_err(|refused| TestCaseError::fail(refused.to_string()))?;
    Ok(())
}

fn raised(mut settings: Settings, key: &LimitKey, limit: u32) -> Settings {
    match key {
        LimitKey::MaxConcurrentRuns => settings.max_concurrent_runs = Capacity::AtMost(limit),
        LimitKey::BranchDeployments => {
            settings.max_branch_deployment_runs = Capacity::AtMost(limit);
        }
        LimitKey::Tag { key, scope } => {
            let matches = match scope {
                TagScope::AnyValue => TagMatch::Key,
                TagScope::Value(value) => TagMatch::Value(value.to_string()),
                TagScope::EachValue(_) => TagMatch::EachValue,
            };
            let raised = settings.tag_limits.iter().cloned().map(|mut one: TagLimit| {
                if *one.key == **key && one.matches == matches {
                    one.limit = limit;
                }
                one
            });
            settings.tag_limits = TagLimits::new(raised.collect()).unwrap();
        }
        LimitKey::Pool(_) | LimitKey::Location(_) | LimitKey::Hold => {}
    }
    settings
}
