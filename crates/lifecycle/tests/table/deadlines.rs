//! What becomes of attempts by the passing of time alone.

use std::time::Duration;

use lifecycle::{CancelMode, Launched, Rules, Sight};
use model::FailureReason;

use crate::stage::{Stage, submit_with};

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn begun(rules: Rules, tags: &[(&str, &str)]) -> Stage {
    let mut stage = Stage::new(rules);
    stage.tell(submit_with(1, tags, None));
    stage.launched(1, 1, Launched::Started);
    stage.begin(1, 1);
    stage
}

#[test]
fn a_worker_that_is_not_heard_of_is_suspect_and_looked_for_until_it_is_heard_of() {
    let mut stage = begun(Rules::default(), &[]);
    assert_eq!(stage.wait(29), "done | | |");
    assert_eq!(stage.wait(1), "done | 1 STARTED | 1 RUN_SUSPECT, | look 1/1");
    assert!(stage.life(1).is_suspect);
    assert_eq!(stage.observed(1, 1, Sight::Unknown), "done | | |");
    let mut looks = 0;
    for _ in 0..600 {
        looks += usize::from(stage.wait(1).ends_with("look 1/1"));
    }
    // After 0.5, 1, 2, 4 and 8 seconds, then each 15.
    assert!((40..=46).contains(&looks), "{looks}");
    assert_eq!(stage.observed(1, 1, Sight::Alive), "done | | |");
    assert_eq!(stage.poll(1), "granted [] | 1 STARTED | 1 RUN_FOUND, |");
    assert!(!stage.life(1).is_suspect);
    assert_eq!(stage.wait(29), "done | | |");
    assert_eq!(stage.wait(1), "done | 1 STARTED | 1 RUN_SUSPECT, | look 1/1");
}

#[test]
fn a_worker_that_is_heard_of_is_not_looked_for() {
    let mut stage = begun(Rules::default(), &[]);
    for _ in 0..20 {
        assert_eq!(stage.wait(20), "done | | |");
        assert_eq!(stage.poll(1), "granted [] | | |");
    }
}

#[test]
fn a_run_that_does_not_begin_in_time_fails_and_whatever_was_started_is_ended() {
    let rules = Rules { start_timeout: Some(seconds(20)), ..Rules::default() };
    let mut stage = Stage::new(rules);
    stage.submit(1);
    assert_eq!(stage.wait(19), "done | | |");
    assert_eq!(stage.wait(1), "done | 1 FAILURE | 1 RUN_FAILURE, | end 1/1 wake 1");
    let reason = stage.life(1).failure.as_ref().map(|failure| failure.reason);
    assert_eq!(reason, Some(FailureReason::StartTimeout));
    assert_eq!(stage.begin(1, 1), "dismissed: the run has ended | | |");
    let mut stage = begun(rules, &[]);
    assert_eq!(stage.wait(29), "done | | |");
}

#[test]
fn what_is_left_of_a_time_out_is_kept_across_a_restart() {
    let rules = Rules { start_timeout: Some(seconds(20)), ..Rules::default() };
    let mut stage = Stage::new(rules);
    stage.submit(1);
    stage.wait(15);
    stage.restart();
    stage.wait(4);
    assert_eq!(stage.life(1).status.as_str(), "STARTING");
    stage.wait(1);
    assert_eq!(stage.life(1).status.as_str(), "FAILURE");
}

#[test]
fn a_run_that_runs_too_long_is_told_to_end_then_killed_and_has_failed() {
    let rules = Rules {
        max_runtime: Some(seconds(10)),
        cancel_timeout: seconds(5),
        lease: seconds(1000),
        ..Rules::default()
    };
    let mut stage = begun(rules, &[]);
    assert_eq!(stage.wait(9), "done | | |");
    assert_eq!(stage.wait(1), "done | 1 CANCELING | 1 RUN_CANCELING, | wake 1");
    assert_eq!(stage.poll(1), "granted [] cancel MAX_RUNTIME | | |");
    assert_eq!(stage.wait(4), "done | | |");
    assert_eq!(stage.wait(1), "done | | | end 1/1 look 1/1");
    assert_eq!(stage.observed(1, 1, Sight::Unknown), "done | | |");
    assert_eq!(stage.observed(1, 1, Sight::Gone), "done | 1 FAILURE | 1 RUN_FAILURE, | wake 1");
    let reason = stage.life(1).failure.as_ref().map(|failure| failure.reason);
    assert_eq!(reason, Some(FailureReason::MaxRuntime));
}

#[test]
fn a_tag_says_how_long_a_run_may_run_where_tags_are_heeded() {
    let bound = |heeds_runtime_tags, tags: &[(&str, &str)]| {
        let max_runtime = Some(seconds(10));
        let rules =
            Rules { max_runtime, heeds_runtime_tags, lease: seconds(1000), ..Rules::default() };
        let mut stage = begun(rules, tags);
        (1..100).find(|_| {
            stage.wait(1);
            stage.life(1).cancel.is_some()
        })
    };
    assert_eq!(bound(true, &[("dagster/max_runtime", "7")]), Some(7));
    assert_eq!(bound(true, &[("dagster/max_runtime", " 20.5 ")]), Some(21));
    assert_eq!(bound(true, &[("dagster/max_runtime_seconds", "3")]), Some(3));
    assert_eq!(bound(false, &[("dagster/max_runtime", "7")]), Some(10));
}

#[test]
fn oddity_27_a_tag_that_cannot_be_read_leaves_the_bound_of_the_deployment_in_force() {
    for text in ["soon", "", "-5", "nan", "inf", "1e300"] {
        let rules =
            Rules { max_runtime: Some(seconds(10)), heeds_runtime_tags: true, ..Rules::default() };
        let mut stage = begun(rules, &[("dagster/max_runtime", text)]);
        stage.wait(10);
        assert_eq!(stage.life(1).status.as_str(), "CANCELING", "{text:?}");
    }
}

#[test]
fn a_worker_that_was_to_be_killed_and_is_seen_alive_is_killed_again() {
    let rules = Rules { cancel_timeout: seconds(5), ..Rules::default() };
    let mut stage = begun(rules, &[]);
    stage.cancel(1, CancelMode::Wish);
    assert_eq!(stage.observed(1, 1, Sight::Alive), "done | | |");
    assert_eq!(stage.wait(5), "done | | | end 1/1 look 1/1");
    assert_eq!(stage.observed(1, 1, Sight::Alive), "done | | | end 1/1");
    // It may well go on to speak; it is looked for all the same.
    assert_eq!(stage.poll(1), "granted [] cancel ASKED | | |");
    assert_eq!(stage.wait(1), "done | | | look 1/1");
    assert_eq!(stage.observed(1, 1, Sight::Alive), "done | | | end 1/1");
}

#[test]
fn what_is_left_of_a_dead_worker_is_ended_until_it_is_gone() {
    let mut stage = begun(Rules::default(), &[]);
    assert_eq!(stage.observed(1, 1, Sight::Remains), "done | 1 STARTED | 1 RUN_SUSPECT, | end 1/1");
    assert_eq!(stage.wait(1), "done | | | look 1/1");
    assert_eq!(stage.observed(1, 1, Sight::Remains), "done | | | end 1/1");
    assert_eq!(stage.observed(1, 1, Sight::Gone), "done | 1 FAILURE | 1 RUN_FAILURE, | wake 1");
}
