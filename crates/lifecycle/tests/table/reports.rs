//! The reports of workers: each counts once, in its order.

use lifecycle::{CancelMode, Outcome, ReportKind, Rules, Sight};
use model::{PoolLimit, PoolName, StepId, StepStatus, Timestamp};

use crate::stage::{Stage, asked, failed, id, key};

fn planned(steps: &[&str]) -> ReportKind {
    ReportKind::Planned(steps.iter().map(|step| key(step)).collect())
}

fn started(step: &str) -> ReportKind {
    ReportKind::Started { step: key(step), try_number: 1 }
}

/// A run that has begun, with pool `db` of one slot.
fn begun() -> Stage {
    let mut stage = Stage::new(Rules::default());
    stage.tell(lifecycle::Command::SetPoolLimit {
        pool: PoolName::new("db").unwrap(),
        limit: Some(PoolLimit::new(1).unwrap()),
    });
    stage.submit(1);
    stage.begin(1, 1);
    stage
}

fn step(stage: &Stage, name: &str) -> StepStatus {
    stage.steps[&StepId { run: id(1), step: key(name) }].status
}

#[test]
fn reports_that_are_sent_again_count_once() {
    let mut stage = begun();
    let first = vec![planned(&["a"]), asked("a", "db")];
    assert_eq!(
        stage.report(1, 1, first.clone()),
        "received 2 | 1 STARTED | 1 STEP_GRANTED a, | wake 1"
    );
    assert_eq!(stage.report(1, 1, first.clone()), "received 2 | | |");
    let more = vec![asked("a", "db"), started("a"), ReportKind::Succeeded(key("a"))];
    assert_eq!(
        stage.report(1, 2, more.clone()),
        "received 4 | 1 STARTED | 1 STEP_START a, 1 STEP_SUCCESS a, |"
    );
    stage.restart();
    assert_eq!(stage.report(1, 2, more), "received 4 | | |");
}

#[test]
fn reports_behind_a_gap_wait_until_it_is_filled() {
    let mut stage = begun();
    assert_eq!(stage.report(1, 2, vec![started("a")]), "received 0 | | |");
    assert_eq!(stage.report(1, 1, vec![planned(&["a"])]), "received 1 | 1 STARTED | |");
    assert_eq!(
        stage.report(1, 2, vec![started("a")]),
        "received 2 | 1 STARTED | 1 STEP_START a, |"
    );
}

#[test]
fn a_report_numbered_beyond_all_reason_is_a_gap() {
    let mut stage = begun();
    let two = vec![planned(&["a"]), started("a")];
    assert_eq!(stage.report(1, u64::MAX, two.clone()), "received 0 | | |");
    assert_eq!(stage.report(1, u64::MAX - 1, two), "received 0 | | |");
}

#[test]
fn reports_after_the_last_one_change_nothing() {
    let mut stage = begun();
    let ended = ReportKind::Ended(Outcome::Succeeded);
    assert_eq!(
        stage.report(1, 1, vec![planned(&["a"]), ended, started("a"), failed()]),
        "received 4 | 1 SUCCESS | 1 RUN_SUCCESS, | wake 1"
    );
    assert_eq!(step(&stage, "a"), StepStatus::Canceled);
    assert_eq!(stage.report(1, 5, vec![failed()]), "dismissed: the run has ended | | |");
}

#[test]
fn a_superseded_attempt_is_not_listened_to() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    stage.observed(1, 1, Sight::Gone);
    stage.begin(1, 2);
    assert_eq!(
        stage.report(1, 1, vec![ReportKind::Ended(Outcome::Succeeded)]),
        "dismissed: another worker has taken its place | | |"
    );
}

#[test]
fn a_step_that_is_planned_again_stays_as_it_is() {
    let mut stage = begun();
    stage.report(1, 1, vec![planned(&["a", "b"]), started("a")]);
    stage.report(1, 3, vec![planned(&["b", "a", "c"])]);
    assert_eq!(step(&stage, "a"), StepStatus::Running);
    let places: Vec<u32> = stage.steps.values().map(|row| row.position).collect();
    assert_eq!(places, [0, 1, 2]);
}

#[test]
fn a_report_that_cannot_be_is_noted_and_counts_as_received() {
    let mut stage = begun();
    assert_eq!(
        stage.report(1, 1, vec![started("a"), planned(&["a"]), ReportKind::Succeeded(key("a"))]),
        "received 3 | 1 STARTED | 1 ENGINE_EVENT, 1 ENGINE_EVENT, |"
    );
}

#[test]
fn slots_go_to_the_next_in_the_commit_that_frees_them() {
    let mut stage = begun();
    assert_eq!(
        stage.report(1, 1, vec![planned(&["a", "b"]), asked("a", "db"), asked("b", "db")]),
        "received 3 | 1 STARTED | 1 STEP_GRANTED a, 1 STEP_WAITING b, | wake 1"
    );
    assert_eq!(
        stage.report(
            1,
            4,
            vec![
                started("a"),
                ReportKind::Failed { step: key("a"), error: "x".repeat(5000), details: None }
            ]
        ),
        "received 5 | 1 STARTED | 1 STEP_START a, 1 STEP_FAILURE a, 1 STEP_GRANTED b, | wake 1"
    );
    let error = stage.steps[&StepId { run: id(1), step: key("a") }].error.clone();
    assert_eq!(error.map(|error| error.len()), Some(4096 + " ...".len()));
    let retry = ReportKind::UpForRetry {
        step: key("b"),
        error: "why".to_owned(),
        details: None,
        retry_at: Timestamp::from_micros(5),
    };
    stage.report(1, 6, vec![started("b"), retry]);
    assert_eq!(step(&stage, "b"), StepStatus::UpForRetry);
    assert!(stage.claims.is_empty(), "{:?}", stage.claims);
}

#[test]
fn a_run_that_ends_gives_back_all_that_its_steps_hold() {
    let mut stage = begun();
    stage.report(1, 1, vec![planned(&["a", "b"]), asked("a", "db"), asked("b", "db")]);
    assert_eq!(stage.claims.len(), 2);
    assert_eq!(
        stage.report(1, 4, vec![failed()]),
        "received 4 | 1 FAILURE | 1 STEP_CANCELED a, 1 STEP_CANCELED b, 1 RUN_FAILURE, | wake 1"
    );
    assert!(stage.claims.is_empty(), "{:?}", stage.claims);
    assert_eq!(stage.life(1).last_report, 4);
}

#[test]
fn a_failure_is_told_in_so_many_words_at_most() {
    for error in ["é".repeat(5000), "x".repeat(5000)] {
        let mut stage = begun();
        let outcome = Outcome::Failed { by_step: false, error };
        stage.report(1, 1, vec![ReportKind::Ended(outcome)]);
        let message = stage.life(1).failure.as_ref().map(|failure| failure.message.len());
        assert_eq!(message, Some(4096 + " ...".len()));
    }
}

#[test]
fn a_run_that_is_being_canceled_keeps_what_it_has_and_waits_for_nothing() {
    let mut stage = begun();
    stage.report(1, 1, vec![planned(&["a", "b"]), asked("a", "db"), asked("b", "db")]);
    stage.cancel(1, CancelMode::Wish);
    let held: Vec<&str> = stage.claims.keys().map(|step| step.step.as_str()).collect();
    assert_eq!(held, ["a"]);
    assert_eq!(
        stage.report(1, 4, vec![ReportKind::Canceled(key("a")), ReportKind::Canceled(key("b"))]),
        "received 5 | 1 CANCELING | 1 STEP_CANCELED a, 1 STEP_CANCELED b, |"
    );
    assert!(stage.claims.is_empty(), "{:?}", stage.claims);
}

#[test]
fn nothing_is_granted_to_a_question_of_a_run_that_is_being_canceled() {
    let mut stage = begun();
    stage.report(1, 1, vec![planned(&["a"])]);
    stage.cancel(1, CancelMode::Wish);
    assert_eq!(stage.report(1, 2, vec![asked("a", "db")]), "received 2 | 1 CANCELING | |");
    assert!(stage.claims.is_empty(), "{:?}", stage.claims);
}

#[test]
fn a_step_that_stands_back_frees_its_slots_at_once_and_may_ask_again() {
    let mut stage = begun();
    stage.report(1, 1, vec![planned(&["a", "b"]), asked("a", "db"), asked("b", "db")]);
    assert_eq!(stage.poll(1), "granted [a] | | |");
    stage.report(1, 4, vec![ReportKind::GaveBack(key("a"))]);
    assert_eq!(stage.poll(1), "granted [b] | | |");
    stage.report(1, 5, vec![asked("a", "db"), ReportKind::GaveBack(key("b"))]);
    assert_eq!(stage.poll(1), "granted [a] | | |");
    let of_nobody = stage.report(1, 7, vec![ReportKind::GaveBack(key("b"))]);
    assert!(of_nobody.starts_with("received 7 | 1 STARTED | 1 ENGINE_EVENT"), "{of_nobody}");
}
