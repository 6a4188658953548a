//! Cancels: who wins, and when a run that is told to end has ended.

use lifecycle::{CancelMode, Launched, Rules, Sight};

use crate::stage::Stage;

#[test]
fn a_run_that_was_canceled_before_it_began_ends_when_nothing_of_it_lives() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    stage.cancel(1, CancelMode::Wish);
    assert_eq!(stage.life(1).token, None);
    for sight in [Sight::Unknown, Sight::Alive, Sight::Remains, Sight::Unknown] {
        stage.observed(1, 1, sight);
        assert_eq!(stage.life(1).status.as_str(), "CANCELING", "{sight:?}");
    }
    stage.launched(1, 1, Launched::Started);
    assert_eq!(stage.observed(1, 1, Sight::Gone), "done | 1 CANCELED | 1 RUN_CANCELED, | wake 1");
}

#[test]
fn a_run_that_was_canceled_before_it_began_is_looked_for_and_ended_anew_after_a_restart() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    stage.cancel(1, CancelMode::Wish);
    assert_eq!(stage.restart(), "restarted | | | look 1/1 end 1/1");
    assert_eq!(stage.begin(1, 1), "dismissed: the run was canceled before it began | | |");
    assert_eq!(stage.observed(1, 1, Sight::Gone), "done | 1 CANCELED | 1 RUN_CANCELED, | wake 1");
}

#[test]
fn a_launch_that_waits_is_never_made_once_its_run_is_canceled() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    stage.submit(2);
    stage.cancel(2, CancelMode::Force);
    assert_eq!(stage.launched(1, 1, Launched::Started), "done | | |");
}

#[test]
fn a_second_cancel_changes_nothing_and_force_ends_it_at_once() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    stage.begin(1, 1);
    stage.cancel(1, CancelMode::Wish);
    assert_eq!(stage.cancel(1, CancelMode::Wish), "CANCELING | | |");
    assert_eq!(
        stage.cancel(1, CancelMode::Force),
        "CANCELED | 1 CANCELED | 1 RUN_CANCELED, | wake 1 end 1/1"
    );
    assert_eq!(stage.poll(1), "dismissed: the run has ended | | |");
}
