//! After a restart: every attempt is looked for before anything starts.

use std::time::Duration;

use lifecycle::{CancelMode, Launched, Rules, Sight};

use crate::stage::Stage;

#[test]
fn nothing_starts_until_every_attempt_was_looked_for() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    stage.submit(2);
    assert_eq!(stage.restart(), "restarted | | | look 1/1 look 2/1");
    assert!(stage.state.is_recovering());
    assert_eq!(stage.submit(3), "new 3 | 3 QUEUED | 3 RUN_SUBMITTED, 3 RUN_ENQUEUED, |");
    assert_eq!(stage.observed(1, 1, Sight::Unknown), "done | | |");
    assert_eq!(
        stage.observed(2, 1, Sight::Alive),
        "done | 3 STARTING | 3 RUN_DEQUEUED, 3 RUN_STARTING, | launch 3/1"
    );
}

#[test]
fn a_look_that_is_not_answered_is_made_again() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    stage.restart();
    for _ in 0..5 {
        let looks = (0..20).filter(|_| stage.wait(1).contains("look 1/1")).count();
        assert!(looks > 0);
    }
    assert!(stage.state.is_recovering());
}

#[test]
fn a_worker_that_is_heard_of_need_not_be_looked_for() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    stage.begin(1, 1);
    stage.restart();
    assert!(stage.state.is_recovering());
    stage.poll(1);
    assert!(!stage.state.is_recovering());
}

#[test]
fn what_was_seen_before_a_worker_was_heard_of_is_looked_at_again() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    assert_eq!(stage.restart(), "restarted | | | look 1/1");
    // Its process was started by the daemon before, and nobody could see it yet.
    stage.begin(1, 1);
    assert_eq!(stage.observed(1, 1, Sight::Gone), "done | | | look 1/1");
    assert_eq!(stage.observed(1, 1, Sight::Gone), "done | 1 FAILURE | 1 RUN_FAILURE, | wake 1");
}

#[test]
fn a_run_that_went_back_to_the_queue_need_not_be_looked_for() {
    let mut stage = Stage::new(Rules { max_location_retries: 1, ..Rules::default() });
    stage.submit(1);
    stage.restart();
    assert!(stage.state.is_recovering());
    // The launch was under way when the state was built anew.
    stage.launched(1, 1, Launched::Unreachable("no file".to_owned()));
    assert!(!stage.state.is_recovering());
    assert_eq!(stage.life(1).status.as_str(), "QUEUED");
}

#[test]
fn a_lease_begins_anew_with_a_new_leadership() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    stage.begin(1, 1);
    stage.wait(29);
    stage.restart();
    stage.observed(1, 1, Sight::Alive);
    for _ in 0..29 {
        stage.wait(1);
    }
    assert!(!stage.life(1).is_suspect);
    stage.wait(1);
    assert!(stage.life(1).is_suspect);
}

#[test]
fn a_bound_that_lies_beyond_all_time_is_none_after_a_repair() {
    let rules = Rules {
        max_runtime: Some(Duration::MAX),
        cancel_timeout: Duration::MAX,
        ..Rules::default()
    };
    let mut stage = Stage::new(rules);
    stage.submit(1);
    stage.begin(1, 1);
    stage.wait(1);
    assert_eq!(stage.rebuild(), " | | look 1/1");
    stage.cancel(1, CancelMode::Wish);
    assert_eq!(stage.rebuild(), " | | look 1/1");
    assert_eq!(stage.life(1).status.as_str(), "CANCELING");
}
