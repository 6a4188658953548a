//! Launches: how many at a time, and what their outcomes come to.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use lifecycle::{CancelMode, Command, Launched, Rules, Sight};
use model::{Failure, FailureReason};

use crate::stage::{Stage, id, seq, submit};

fn unreachable() -> Launched {
    Launched::Unreachable("no file".to_owned())
}

fn with_retries(max_location_retries: u32) -> Rules {
    Rules { max_location_retries, location_retry_delay: Duration::from_mins(1), ..Rules::default() }
}

fn reason(stage: &Stage, run: u128) -> Option<FailureReason> {
    stage.life(run).failure.as_ref().map(|failure: &Failure| failure.reason)
}

#[test]
fn no_more_launches_are_under_way_than_the_rules_allow() {
    let max_launches = NonZeroU32::new(2).unwrap();
    let mut stage = Stage::new(Rules { max_launches, ..Rules::default() });
    let told = stage.tell_together((1..=4).map(submit).collect());
    assert!(told.ends_with("| launch 1/1 launch 2/1"), "{told}");
    assert_eq!(stage.launched(2, 1, Launched::Started), "done | | | launch 3/1");
    assert_eq!(stage.launched(2, 1, Launched::Started), "done | | |");
    assert_eq!(
        stage.launched(3, 1, Launched::Unknown("slow".into())).split(" | ").last(),
        Some("look 3/1 launch 4/1")
    );
}

#[test]
fn an_attempt_that_waits_for_its_launch_is_not_taken_for_lost() {
    let mut stage = Stage::new(Rules::default());
    stage.tell_together(vec![submit(1), submit(2)]);
    assert_eq!(stage.wait(3600), "done | | |");
    let worker = stage.worker(2, 1);
    let missed = Command::Missed { run: worker.run, attempt: worker.attempt };
    assert_eq!(stage.tell(missed), "done | | |");
    assert_eq!(stage.launched(1, 1, Launched::Started), "done | | | launch 2/1");
    assert_eq!(stage.wait(31), "done | 1 STARTING | 1 RUN_SUSPECT, | look 1/1");
}

#[test]
fn a_launch_that_waits_belongs_to_the_submission_that_it_was_made_for() {
    let mut stage = Stage::new(Rules::default());
    stage.tell_together(vec![submit(1), submit(2)]);
    stage.cancel(2, CancelMode::Force);
    stage.tell(Command::Delete { run: id(2), ended: Some(3) });
    stage.submit(2);
    assert_eq!(stage.launched(1, 1, Launched::Started), "done | | | launch 2/1");
    assert_eq!(stage.begin(2, 1), "done | 2 STARTED | 2 RUN_START, |");
    assert_eq!(stage.launched(2, 1, Launched::Started), "done | | |");
}

#[test]
fn a_location_that_cannot_be_reached_is_paused_and_its_run_keeps_its_place() {
    let mut stage = Stage::new(with_retries(1));
    stage.submit(1);
    stage.submit(2);
    assert_eq!(
        stage.launched(1, 1, unreachable()),
        "done | 1 QUEUED 2 QUEUED | LOCATION_PAUSED, 1 RUN_ENQUEUED, 2 RUN_ENQUEUED, |"
    );
    assert_eq!((stage.life(1).location_retries, stage.life(2).location_retries), (1, 0));
    assert_eq!(stage.wait(59), "done | | |");
    let told = stage.wait(1);
    assert!(told.ends_with("| launch 1/2"), "{told}");
    assert!(seq(&stage, 1) < seq(&stage, 2));
    assert!(stage.life(1).token.is_some());
    let told = stage.launched(1, 2, unreachable());
    assert!(
        told.starts_with("done | 1 FAILURE 2 QUEUED | LOCATION_PAUSED, 1 RUN_FAILURE,"),
        "{told}"
    );
    assert_eq!(reason(&stage, 1), Some(FailureReason::LaunchError));
}

#[test]
fn runs_of_a_location_that_is_being_loaded_wait_and_use_up_no_retry() {
    let max_launches = NonZeroU32::MIN;
    let mut stage = Stage::new(Rules { max_launches, ..with_retries(1) });
    let location = stage.state.image().run(id(1)).map(|run| run.location.clone());
    assert_eq!(location, None);
    stage.tell_together(vec![submit(1), submit(2)]);
    let locations = BTreeSet::from([stage.state.image().run(id(1)).unwrap().location.clone()]);
    stage.tell(Command::Loading { locations });
    // One is launched already, one is not.
    let told = stage.launched(1, 1, Launched::Started);
    assert_eq!(told, "done | 2 QUEUED | 2 RUN_ENQUEUED, |");
    stage.submit(3);
    assert_eq!(stage.wait(3600).split(" | ").last(), Some("look 1/1"));
    assert_eq!((stage.life(2).location_retries, stage.life(3).location_retries), (0, 0));
    let told = stage.tell(Command::Loading { locations: BTreeSet::new() });
    assert!(told.ends_with("launch 2/2"), "{told}");
}

#[test]
fn without_retries_a_location_is_not_paused() {
    let mut stage = Stage::new(with_retries(0));
    stage.submit(1);
    stage.submit(2);
    assert_eq!(
        stage.launched(1, 1, unreachable()),
        "done | 1 FAILURE | 1 RUN_FAILURE, | wake 1 launch 2/1"
    );
}

#[test]
fn a_run_whose_workers_die_before_they_begin_fails_in_the_end() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    for attempt in 1..Rules::MAX_LOST_STARTS {
        stage.launched(1, attempt, Launched::Started);
        let told = stage.observed(1, attempt, Sight::Gone);
        assert!(told.ends_with(&format!("launch 1/{}", attempt + 1)), "{told}");
    }
    let told = stage.observed(1, Rules::MAX_LOST_STARTS, Sight::Gone);
    assert_eq!(told, "done | 1 FAILURE | 1 RUN_FAILURE, | wake 1");
    assert_eq!(reason(&stage, 1), Some(FailureReason::Poison));
}

#[test]
fn the_loss_of_starts_is_counted_across_restarts() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    for attempt in 1..=Rules::MAX_LOST_STARTS {
        assert_eq!(stage.life(1).status.as_str(), "STARTING");
        stage.restart();
        stage.observed(1, attempt, Sight::Gone);
    }
    assert_eq!(reason(&stage, 1), Some(FailureReason::Poison));
}

#[test]
fn what_the_launcher_says_of_a_run_that_has_begun_is_passed_over() {
    for outcome in [Launched::Failed("why".into()), unreachable(), Launched::Unknown("why".into())]
    {
        for is_canceling in [false, true] {
            let mut stage = Stage::new(with_retries(1));
            stage.submit(1);
            stage.begin(1, 1);
            if is_canceling {
                stage.cancel(1, lifecycle::CancelMode::Wish);
            }
            assert_eq!(stage.launched(1, 1, outcome.clone()), "done | | |", "{is_canceling}");
        }
    }
}
