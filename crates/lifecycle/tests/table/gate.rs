//! The begin gate: one process of an attempt passes, and what it is told then.

use lifecycle::{CancelMode, Command, Rules};
use model::Nonce;

use crate::stage::Stage;

#[test]
fn the_same_nonce_gets_the_same_yes_and_another_one_none_ever() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    let worker = stage.worker(1, 1);
    let mut begin = |nonce| stage.tell(Command::Begin { worker, nonce: Nonce(nonce) });
    assert_eq!(begin(7), "done | 1 STARTED | 1 RUN_START, |");
    assert_eq!(begin(8), "dismissed: another worker has taken its place | | |");
    assert_eq!(begin(7), "done | | |");
    assert_eq!(begin(8), "dismissed: another worker has taken its place | | |");
}

#[test]
fn whoever_comes_first_wins_when_a_begin_and_a_cancel_meet_in_one_commit() {
    let begin = |stage: &Stage| Command::Begin { worker: stage.worker(1, 1), nonce: Nonce(1) };
    let cancel = Command::Cancel { run: crate::stage::id(1), mode: CancelMode::Wish };
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    let told = stage.tell_together(vec![begin(&stage), cancel.clone()]);
    assert_eq!(told, "done, CANCELING | 1 CANCELING | 1 RUN_START, 1 RUN_CANCELING, | wake 1");
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    let told = stage.tell_together(vec![cancel, begin(&stage)]);
    assert_eq!(
        told,
        "CANCELING, dismissed: the run was canceled before it began | 1 CANCELING | \
         1 RUN_CANCELING, | end 1/1 look 1/1 wake 1"
    );
}

#[test]
fn the_yes_is_the_same_after_a_restart() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    let worker = stage.worker(1, 1);
    stage.begin(1, 1);
    stage.restart();
    assert_eq!(stage.begin(1, 1), "done | | |");
    let other = stage.tell(Command::Begin { worker, nonce: Nonce(2) });
    assert_eq!(other, "dismissed: another worker has taken its place | | |");
}
