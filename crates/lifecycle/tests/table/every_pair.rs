//! Every command in every status of a run: what is answered, written and set going.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use lifecycle::{
    CancelMode, Command, Launched, Outcome, ReportKind, Rules, RunChange, Sight, Worker,
};
use model::{Nonce, Priority, Tags, TokenHash};

use crate::stage::{Stage, id, reports};

/// Where run 1 is when a command comes.
#[derive(Clone, Copy)]
enum At {
    Nowhere,
    Queued,
    Starting,
    Started,
    CanceledBeforeBegin,
    CanceledAfterBegin,
    SecondAttempt,
    Ended,
}

fn set(at: At) -> Stage {
    let mut stage = Stage::new(Rules::default());
    let begin = |stage: &mut Stage| {
        stage.submit(1);
        stage.begin(1, 1);
    };
    match at {
        At::Nowhere => {}
        At::Queued => {
            // Only a run that something holds back stays queued.
            let none = model::Capacity::AtMost(0);
            let settings =
                model::Settings { max_concurrent_runs: none, ..model::Settings::default() };
            stage = Stage::with(Rules::default(), settings);
            stage.submit(1);
        }
        At::Starting => {
            stage.submit(1);
        }
        At::Started => begin(&mut stage),
        At::CanceledBeforeBegin => {
            stage.submit(1);
            stage.cancel(1, CancelMode::Wish);
        }
        At::CanceledAfterBegin => {
            begin(&mut stage);
            stage.cancel(1, CancelMode::Wish);
        }
        At::SecondAttempt => {
            stage.submit(1);
            stage.launched(1, 1, Launched::Started);
            stage.observed(1, 1, Sight::Gone);
        }
        At::Ended => {
            begin(&mut stage);
            stage.report(1, 1, vec![ReportKind::Ended(Outcome::Succeeded)]);
        }
    }
    stage
}

fn commands(stage: &Stage) -> Vec<(&'static str, Command)> {
    let (run, first) = (id(1), stage.worker(1, 1));
    let (attempt, nonce) = (first.attempt, Nonce(1));
    let stranger = Worker { token: TokenHash([9; 32]), ..first };
    let next = stage.worker(1, 2);
    let launched = |outcome| Command::Launched { run, attempt, outcome };
    let observed = |sight| Command::Observed { run, attempt, sight };
    let why = || "why".to_owned();
    let ended = |outcome| Command::Report {
        worker: first,
        first: 1,
        reports: reports(vec![ReportKind::Ended(outcome)]),
    };
    let changed = |change| Command::Change { runs: vec![run], change };
    let failed = Outcome::Failed { by_step: true, error: why() };
    vec![
        ("begin", Command::Begin { worker: first, nonce }),
        ("begin, other nonce", Command::Begin { worker: first, nonce: Nonce(2) }),
        ("begin, wrong token", Command::Begin { worker: stranger, nonce }),
        ("begin, next attempt", Command::Begin { worker: next, nonce }),
        ("poll", Command::Poll { worker: first }),
        ("poll, wrong token", Command::Poll { worker: stranger }),
        ("report success", ended(Outcome::Succeeded)),
        ("report failure", ended(failed)),
        ("report canceled", ended(Outcome::Canceled)),
        ("missed", Command::Missed { run, attempt }),
        ("launched", launched(Launched::Started)),
        ("launch failed", launched(Launched::Failed(why()))),
        ("launch unreachable", launched(Launched::Unreachable(why()))),
        ("launch unknown", launched(Launched::Unknown(why()))),
        ("seen alive", observed(Sight::Alive)),
        ("seen remains", observed(Sight::Remains)),
        ("seen gone", observed(Sight::Gone)),
        ("seen unknown", observed(Sight::Unknown)),
        ("cancel", Command::Cancel { run, mode: CancelMode::Wish }),
        ("cancel by force", Command::Cancel { run, mode: CancelMode::Force }),
        ("delete", Command::Delete { run, ended: None }),
        ("hold", changed(RunChange::Hold)),
        ("release", changed(RunChange::Release)),
        ("priority", changed(RunChange::Priority(Priority::new(7)))),
        (
            "tags",
            changed(RunChange::Tags {
                set: Tags::default().with("a", "b"),
                remove: BTreeSet::new(),
            }),
        ),
        ("free slots", Command::FreeSlots { run, step: None }),
    ]
}

fn check(at: At, expected: &Expect) {
    let mut table = String::new();
    for nth in 0..commands(&set(at)).len() {
        let mut stage = set(at);
        let (name, command) = commands(&stage).swap_remove(nth);
        table += &format!("{name:<20} -> {}\n", stage.tell(command));
    }
    expected.assert_eq(&table);
}

#[test]
fn what_comes_of_each_command_for_a_run_that_is_not_known() {
    check(
        At::Nowhere,
        &expect![[r#"
            begin                -> dismissed: the run has ended | | |
            begin, other nonce   -> dismissed: the run has ended | | |
            begin, wrong token   -> dismissed: the run has ended | | |
            begin, next attempt  -> dismissed: the run has ended | | |
            poll                 -> dismissed: the run has ended | | |
            poll, wrong token    -> dismissed: the run has ended | | |
            report success       -> dismissed: the run has ended | | |
            report failure       -> dismissed: the run has ended | | |
            report canceled      -> dismissed: the run has ended | | |
            missed               -> done | | |
            launched             -> done | | |
            launch failed        -> done | | |
            launch unreachable   -> done | | |
            launch unknown       -> done | | |
            seen alive           -> done | | |
            seen remains         -> done | | |
            seen gone            -> done | | |
            seen unknown         -> done | | |
            cancel               -> refused: unknown run | | |
            cancel by force      -> refused: unknown run | | |
            delete               -> refused: unknown run | | |
            hold                 -> refused 1 (it has ended) | | |
            release              -> refused 1 (it has ended) | | |
            priority             -> refused 1 (it has ended) | | |
            tags                 -> refused 1 (it has ended) | | |
            free slots           -> refused: unknown run | | |
        "#]],
    );
}

#[test]
fn what_comes_of_each_command_for_a_queued_run() {
    check(
        At::Queued,
        &expect![[r#"
            begin                -> dismissed: another worker has taken its place | | |
            begin, other nonce   -> dismissed: another worker has taken its place | | |
            begin, wrong token   -> dismissed: another worker has taken its place | | |
            begin, next attempt  -> dismissed: another worker has taken its place | | |
            poll                 -> dismissed: another worker has taken its place | | |
            poll, wrong token    -> dismissed: another worker has taken its place | | |
            report success       -> dismissed: another worker has taken its place | | |
            report failure       -> dismissed: another worker has taken its place | | |
            report canceled      -> dismissed: another worker has taken its place | | |
            missed               -> done | | |
            launched             -> done | | |
            launch failed        -> done | | |
            launch unreachable   -> done | | |
            launch unknown       -> done | | |
            seen alive           -> done | | |
            seen remains         -> done | | |
            seen gone            -> done | | |
            seen unknown         -> done | | |
            cancel               -> CANCELED | 1 CANCELED | 1 RUN_CANCELED, | wake 1
            cancel by force      -> CANCELED | 1 CANCELED | 1 RUN_CANCELED, | wake 1
            delete               -> done | | 1 RUN_DELETED, | forget 1
            hold                 -> changed 1 | 1 QUEUED | 1 RUN_HELD, |
            release              -> as before 1 | | |
            priority             -> changed 1 | 1 QUEUED | 1 RUN_REPRIORITIZED, |
            tags                 -> changed 1 | 1 QUEUED | 1 RUN_RETAGGED, |
            free slots           -> freed [] | | |
        "#]],
    );
}

#[test]
fn what_comes_of_each_command_for_a_starting_run() {
    check(
        At::Starting,
        &expect![[r#"
            begin                -> done | 1 STARTED | 1 RUN_START, |
            begin, other nonce   -> done | 1 STARTED | 1 RUN_START, |
            begin, wrong token   -> dismissed: the token is not that of this attempt | | |
            begin, next attempt  -> dismissed: another worker has taken its place | | |
            poll                 -> granted [] | | |
            poll, wrong token    -> dismissed: the token is not that of this attempt | | |
            report success       -> dismissed: another worker has taken its place | | |
            report failure       -> dismissed: another worker has taken its place | | |
            report canceled      -> dismissed: another worker has taken its place | | |
            missed               -> done | | |
            launched             -> done | | |
            launch failed        -> done | 1 FAILURE | 1 RUN_FAILURE, | wake 1
            launch unreachable   -> done | 1 FAILURE | 1 RUN_FAILURE, | wake 1
            launch unknown       -> done | 1 STARTING | 1 ENGINE_EVENT, | look 1/1
            seen alive           -> done | | |
            seen remains         -> done | 1 STARTING | 1 RUN_SUSPECT, | end 1/1
            seen gone            -> done | 1 STARTING | 1 RUN_ENQUEUED, 1 RUN_DEQUEUED, 1 RUN_STARTING, |
            seen unknown         -> done | | |
            cancel               -> CANCELING | 1 CANCELING | 1 RUN_CANCELING, | end 1/1 look 1/1 wake 1
            cancel by force      -> CANCELED | 1 CANCELED | 1 RUN_CANCELED, | wake 1 end 1/1
            delete               -> refused: STARTING | | |
            hold                 -> refused 1 (it is STARTING: only a run that is QUEUED can be held or released) | | |
            release              -> refused 1 (it is STARTING: only a run that is QUEUED can be held or released) | | |
            priority             -> changed 1 | 1 STARTING | 1 RUN_REPRIORITIZED, |
            tags                 -> changed 1 | 1 STARTING | 1 RUN_RETAGGED, |
            free slots           -> freed [] | | |
        "#]],
    );
}

#[test]
fn what_comes_of_each_command_for_a_started_run() {
    check(
        At::Started,
        &expect![[r#"
            begin                -> done | | |
            begin, other nonce   -> dismissed: another worker has taken its place | | |
            begin, wrong token   -> dismissed: the token is not that of this attempt | | |
            begin, next attempt  -> dismissed: another worker has taken its place | | |
            poll                 -> granted [] | | |
            poll, wrong token    -> dismissed: the token is not that of this attempt | | |
            report success       -> received 1 | 1 SUCCESS | 1 RUN_SUCCESS, | wake 1
            report failure       -> received 1 | 1 FAILURE | 1 RUN_FAILURE, | wake 1
            report canceled      -> received 1 | 1 FAILURE | 1 RUN_FAILURE, | wake 1
            missed               -> done | | | look 1/1
            launched             -> done | | |
            launch failed        -> done | | |
            launch unreachable   -> done | | |
            launch unknown       -> done | | |
            seen alive           -> done | | |
            seen remains         -> done | 1 STARTED | 1 RUN_SUSPECT, | end 1/1
            seen gone            -> done | 1 FAILURE | 1 RUN_FAILURE, | wake 1
            seen unknown         -> done | | |
            cancel               -> CANCELING | 1 CANCELING | 1 RUN_CANCELING, | wake 1
            cancel by force      -> CANCELED | 1 CANCELED | 1 RUN_CANCELED, | wake 1 end 1/1
            delete               -> refused: STARTED | | |
            hold                 -> refused 1 (it is STARTED: only a run that is QUEUED can be held or released) | | |
            release              -> refused 1 (it is STARTED: only a run that is QUEUED can be held or released) | | |
            priority             -> changed 1 | 1 STARTED | 1 RUN_REPRIORITIZED, |
            tags                 -> changed 1 | 1 STARTED | 1 RUN_RETAGGED, |
            free slots           -> freed [] | | |
        "#]],
    );
}

#[test]
fn what_comes_of_each_command_for_a_run_that_is_canceled_before_it_begins() {
    check(
        At::CanceledBeforeBegin,
        &expect![[r#"
            begin                -> dismissed: the run was canceled before it began | | |
            begin, other nonce   -> dismissed: the run was canceled before it began | | |
            begin, wrong token   -> dismissed: the run was canceled before it began | | |
            begin, next attempt  -> dismissed: another worker has taken its place | | |
            poll                 -> dismissed: the run was canceled before it began | | |
            poll, wrong token    -> dismissed: the run was canceled before it began | | |
            report success       -> dismissed: the run was canceled before it began | | |
            report failure       -> dismissed: the run was canceled before it began | | |
            report canceled      -> dismissed: the run was canceled before it began | | |
            missed               -> done | | |
            launched             -> done | | |
            launch failed        -> done | 1 CANCELED | 1 RUN_CANCELED, | wake 1
            launch unreachable   -> done | 1 CANCELED | 1 RUN_CANCELED, | wake 1
            launch unknown       -> done | 1 CANCELING | 1 ENGINE_EVENT, | look 1/1
            seen alive           -> done | | | end 1/1
            seen remains         -> done | 1 CANCELING | 1 RUN_SUSPECT, | end 1/1
            seen gone            -> done | 1 CANCELED | 1 RUN_CANCELED, | wake 1
            seen unknown         -> done | | |
            cancel               -> CANCELING | | |
            cancel by force      -> CANCELED | 1 CANCELED | 1 RUN_CANCELED, | wake 1 end 1/1
            delete               -> refused: CANCELING | | |
            hold                 -> refused 1 (it is CANCELING: only a run that is QUEUED can be held or released) | | |
            release              -> refused 1 (it is CANCELING: only a run that is QUEUED can be held or released) | | |
            priority             -> changed 1 | 1 CANCELING | 1 RUN_REPRIORITIZED, |
            tags                 -> changed 1 | 1 CANCELING | 1 RUN_RETAGGED, |
            free slots           -> freed [] | | |
        "#]],
    );
}

#[test]
fn what_comes_of_each_command_for_a_run_that_is_canceled_after_it_began() {
    check(
        At::CanceledAfterBegin,
        &expect![[r#"
            begin                -> done | | |
            begin, other nonce   -> dismissed: another worker has taken its place | | |
            begin, wrong token   -> dismissed: the token is not that of this attempt | | |
            begin, next attempt  -> dismissed: another worker has taken its place | | |
            poll                 -> granted [] cancel ASKED | | |
            poll, wrong token    -> dismissed: the token is not that of this attempt | | |
            report success       -> received 1 | 1 SUCCESS | 1 RUN_SUCCESS, | wake 1
            report failure       -> received 1 | 1 CANCELED | 1 RUN_CANCELED, | wake 1
            report canceled      -> received 1 | 1 CANCELED | 1 RUN_CANCELED, | wake 1
            missed               -> done | | | look 1/1
            launched             -> done | | |
            launch failed        -> done | | |
            launch unreachable   -> done | | |
            launch unknown       -> done | | |
            seen alive           -> done | | |
            seen remains         -> done | 1 CANCELING | 1 RUN_SUSPECT, | end 1/1
            seen gone            -> done | 1 CANCELED | 1 RUN_CANCELED, | wake 1
            seen unknown         -> done | | |
            cancel               -> CANCELING | | |
            cancel by force      -> CANCELED | 1 CANCELED | 1 RUN_CANCELED, | wake 1 end 1/1
            delete               -> refused: CANCELING | | |
            hold                 -> refused 1 (it is CANCELING: only a run that is QUEUED can be held or released) | | |
            release              -> refused 1 (it is CANCELING: only a run that is QUEUED can be held or released) | | |
            priority             -> changed 1 | 1 CANCELING | 1 RUN_REPRIORITIZED, |
            tags                 -> changed 1 | 1 CANCELING | 1 RUN_RETAGGED, |
            free slots           -> freed [] | | |
        "#]],
    );
}

#[test]
fn what_comes_of_each_command_for_a_run_in_its_second_attempt() {
    check(
        At::SecondAttempt,
        &expect![[r#"
            begin                -> dismissed: another worker has taken its place | | |
            begin, other nonce   -> dismissed: another worker has taken its place | | |
            begin, wrong token   -> dismissed: another worker has taken its place | | |
            begin, next attempt  -> done | 1 STARTED | 1 RUN_START, |
            poll                 -> dismissed: another worker has taken its place | | |
            poll, wrong token    -> dismissed: another worker has taken its place | | |
            report success       -> dismissed: another worker has taken its place | | |
            report failure       -> dismissed: another worker has taken its place | | |
            report canceled      -> dismissed: another worker has taken its place | | |
            missed               -> done | | |
            launched             -> done | | |
            launch failed        -> done | | |
            launch unreachable   -> done | | |
            launch unknown       -> done | | |
            seen alive           -> done | | |
            seen remains         -> done | | |
            seen gone            -> done | | |
            seen unknown         -> done | | |
            cancel               -> CANCELING | 1 CANCELING | 1 RUN_CANCELING, | end 1/2 look 1/2 wake 1
            cancel by force      -> CANCELED | 1 CANCELED | 1 RUN_CANCELED, | wake 1 end 1/2
            delete               -> refused: STARTING | | |
            hold                 -> refused 1 (it is STARTING: only a run that is QUEUED can be held or released) | | |
            release              -> refused 1 (it is STARTING: only a run that is QUEUED can be held or released) | | |
            priority             -> changed 1 | 1 STARTING | 1 RUN_REPRIORITIZED, |
            tags                 -> changed 1 | 1 STARTING | 1 RUN_RETAGGED, |
            free slots           -> freed [] | | |
        "#]],
    );
}

#[test]
fn what_comes_of_each_command_for_a_run_that_has_ended() {
    check(
        At::Ended,
        &expect![[r#"
            begin                -> dismissed: the run has ended | | |
            begin, other nonce   -> dismissed: the run has ended | | |
            begin, wrong token   -> dismissed: the run has ended | | |
            begin, next attempt  -> dismissed: the run has ended | | |
            poll                 -> dismissed: the run has ended | | |
            poll, wrong token    -> dismissed: the run has ended | | |
            report success       -> dismissed: the run has ended | | |
            report failure       -> dismissed: the run has ended | | |
            report canceled      -> dismissed: the run has ended | | |
            missed               -> done | | |
            launched             -> done | | |
            launch failed        -> done | | |
            launch unreachable   -> done | | |
            launch unknown       -> done | | |
            seen alive           -> done | | |
            seen remains         -> done | | |
            seen gone            -> done | | |
            seen unknown         -> done | | |
            cancel               -> refused: unknown run | | |
            cancel by force      -> refused: unknown run | | |
            delete               -> refused: unknown run | | |
            hold                 -> refused 1 (it has ended) | | |
            release              -> refused 1 (it has ended) | | |
            priority             -> refused 1 (it has ended) | | |
            tags                 -> refused 1 (it has ended) | | |
            free slots           -> refused: unknown run | | |
        "#]],
    );
}
