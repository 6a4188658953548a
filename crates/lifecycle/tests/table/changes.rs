//! Live changes: of priority, tags and holds, of slots, of the configuration.

use std::collections::BTreeSet;
use std::time::Duration;

use lifecycle::{CannotChange, Changed, Command, Dispatch, Refusal, ReportKind, Rules, RunChange};
use model::{Capacity, Granularity, PoolLimit, PoolSettings, Priority, Settings, Tags};

use crate::stage::{Stage, asked, id, key, submit_with};

/// A stage on which so many runs may be in progress.
fn narrow(most: u32) -> Stage {
    Stage::with(Rules { max_launches: LAUNCHES, ..Rules::default() }, at_most(most))
}

const LAUNCHES: std::num::NonZeroU32 = std::num::NonZeroU32::new(100).unwrap();

fn at_most(most: u32) -> Settings {
    Settings { max_concurrent_runs: Capacity::AtMost(most), ..Settings::default() }
}

fn change(runs: &[u128], change: RunChange) -> Command {
    Command::Change { runs: runs.iter().copied().map(id).collect(), change }
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().copied().collect()
}

/// One slot in each pool.
fn slots(granularity: Granularity) -> Settings {
    let default_limit = Some(PoolLimit::new(1).unwrap());
    let pools = PoolSettings { granularity, default_limit, ..PoolSettings::default() };
    Settings { max_concurrent_runs: Capacity::Unlimited, pools, ..Settings::default() }
}

/// A stage on which step `a` of run 1 has the only slot of pool `db`, and `b` waits for it.
fn with_a_holder(granularity: Granularity) -> Stage {
    let mut stage = Stage::with(Rules::default(), slots(granularity));
    stage.submit(1);
    stage.begin(1, 1);
    let planned = ReportKind::Planned(vec![key("a"), key("b")]);
    stage.report(1, 1, vec![planned, asked("a", "db"), asked("b", "db")]);
    stage
}

#[test]
fn a_held_run_stays_in_the_queue_until_it_is_released_also_after_a_restart() {
    let mut stage = narrow(1);
    for run in 1..=3 {
        stage.submit(run);
    }
    assert_eq!(
        stage.tell(change(&[2, 1], RunChange::Hold)),
        "changed 2, refused 1 (it is STARTING: only a run that is QUEUED can be held or released) \
         | 2 QUEUED | 2 RUN_HELD, |"
    );
    assert_eq!(stage.tell(change(&[2], RunChange::Hold)), "as before 2 | | |");
    stage.restart();
    stage.begin(1, 1);
    let ended = ReportKind::Ended(lifecycle::Outcome::Succeeded);
    assert_eq!(
        stage.report(1, 1, vec![ended]),
        "received 1 | 1 SUCCESS 3 STARTING | 1 RUN_SUCCESS, 3 RUN_DEQUEUED, 3 RUN_STARTING, | \
         wake 1 launch 3/1"
    );
    stage.configure(at_most(2), Rules { max_launches: LAUNCHES, ..Rules::default() });
    assert!(stage.life(2).is_held);
    assert_eq!(
        stage.tell(change(&[2], RunChange::Release)),
        "changed 2, starts 2 | 2 STARTING | 2 RUN_RELEASED, 2 RUN_DEQUEUED, 2 RUN_STARTING, | \
         launch 2/1"
    );
    assert!(!stage.life(2).is_held);
}

#[test]
fn a_priority_that_rises_lets_a_run_go_first_also_after_a_restart() {
    let mut stage = narrow(1);
    for run in 1..=3 {
        stage.submit(run);
    }
    let five = RunChange::Priority(Priority::new(5));
    assert_eq!(
        stage.tell(change(&[3], five.clone())),
        "changed 3 | 3 QUEUED | 3 RUN_REPRIORITIZED, |"
    );
    assert_eq!(stage.messages.last().unwrap(), "from 0 to 5");
    assert_eq!(stage.tell(change(&[3], five)), "as before 3 | | |");
    assert_eq!(stage.rows[&3].0.tags.get("dagster/priority"), Some("5"));
    stage.restart();
    stage.begin(1, 1);
    let ended = stage.report(1, 1, vec![ReportKind::Ended(lifecycle::Outcome::Succeeded)]);
    assert!(ended.contains("3 STARTING"), "{ended}");
}

#[test]
fn tags_are_set_and_removed_and_kept_after_a_restart() {
    let mut stage = narrow(1);
    stage.tell(submit_with(1, &[("team", "a"), ("old", "x")], None));
    let retag = RunChange::Tags {
        set: tags(&[("team", "b"), ("new", "y")]),
        remove: ["old", "absent", "new"].map(str::to_owned).into(),
    };
    assert_eq!(
        stage.tell(change(&[1, 1], retag.clone())),
        "changed 1 | 1 STARTING | 1 RUN_RETAGGED, |"
    );
    assert_eq!(stage.messages.last().unwrap(), "new=y, team=b, absent removed, old removed");
    let now = tags(&[("team", "b"), ("new", "y")]);
    assert_eq!(stage.rows[&1].0.tags, now);
    stage.restart();
    assert_eq!(stage.state.image().run(id(1)).unwrap().tags, now);
    assert_eq!(stage.tell(change(&[1], retag)), "as before 1 | | |");
}

#[test]
fn a_run_gets_no_more_tags_than_a_run_may_have() {
    let mut stage = narrow(1);
    stage.submit(1);
    let set = tags(&[("k", &"x".repeat(Tags::MAX_SIZE))]);
    let told = stage.tell(change(&[1], RunChange::Tags { set, remove: BTreeSet::new() }));
    assert!(told.starts_with("refused 1 (its tags would come to 65537 bytes;"), "{told}");
    assert_eq!(stage.rows[&1].0.tags, Tags::default());
}

#[test]
fn one_change_writes_no_more_tags_than_a_commit_bears() {
    let mut stage = narrow(0);
    let large = "x".repeat(Tags::MAX_SIZE - 100);
    let runs: Vec<u128> = (1..=513).collect();
    for run in &runs {
        stage.tell(submit_with(*run, &[("k", &large)], None));
    }
    let five = RunChange::Priority(Priority::new(5));
    assert_eq!(stage.tell(change(&runs, five.clone())), "refused: too many tags | | |");
    let ids: Vec<_> = runs.iter().copied().map(id).collect();
    assert_eq!(stage.state.preview(&ids, &five), Err(Refusal::TooManyTags));
    // What is so already is not written, and neither is a hold.
    let told = stage.tell(change(&runs[..512], five.clone()));
    assert!(told.starts_with("changed 1 2 3"), "{told}");
    assert_eq!(stage.tell(change(&runs, RunChange::Hold)).matches("RUN_HELD").count(), 513);
    let told = stage.tell(change(&runs, five));
    assert!(told.starts_with("changed 513, as before 1 2 3"), "{told}");
    assert!(told.ends_with("| 513 QUEUED | 513 RUN_REPRIORITIZED, |"), "{told}");
}

#[test]
fn a_run_is_changed_in_the_commit_in_which_it_is_submitted_and_goes_if_it_is_deleted_then() {
    let mut stage = narrow(0);
    let hold = || change(&[1], RunChange::Hold);
    let told = stage.tell_together(vec![crate::stage::submit(1), hold()]);
    assert_eq!(
        told,
        "new 1, changed 1 | 1 QUEUED | 1 RUN_SUBMITTED, 1 RUN_ENQUEUED, 1 RUN_HELD, |"
    );
    assert!(stage.life(1).is_held);
    let retag = RunChange::Tags { set: tags(&[("a", "b")]), remove: BTreeSet::new() };
    let delete = Command::Delete { run: id(1), ended: None };
    let told = stage.tell_together(vec![change(&[1], retag), delete, hold()]);
    assert_eq!(
        told,
        "changed 1, done, refused 1 (it has ended) | | RUN_RETAGGED, 1 RUN_DELETED, | forget 1"
    );
}

#[test]
fn a_preview_says_the_same_and_changes_nothing() {
    let mut stage = narrow(2);
    stage.submit(1);
    for run in 2..=4 {
        stage.tell_together(vec![crate::stage::submit(run), change(&[run], RunChange::Hold)]);
    }
    let runs = [id(4), id(3), id(9)];
    let told = stage.state.preview(&runs, &RunChange::Release).unwrap();
    let expected = Changed {
        changed: vec![id(4), id(3)],
        refused: vec![(id(9), CannotChange::Ended)],
        started: vec![id(3)],
        ..Changed::default()
    };
    assert_eq!(told, expected);
    assert_eq!(stage.wait(0), "done | | |");
    assert!(stage.state.image().is_held(id(3)));
    let told = stage.tell(change(&[4, 3, 9], RunChange::Release));
    assert!(
        told.starts_with("changed 4 3, refused 9 (it has ended), starts 3 | 3 STARTING 4 QUEUED |"),
        "{told}"
    );
}

#[test]
fn what_starts_anyway_does_not_start_because_of_a_change() {
    let mut stage = narrow(2);
    stage.tell_together(vec![crate::stage::submit(1), change(&[1], RunChange::Hold)]);
    let told = stage.tell_together(vec![crate::stage::submit(2), change(&[1], RunChange::Release)]);
    assert!(told.starts_with("new 2, changed 1, starts 1 | "), "{told}");
}

#[test]
fn no_run_is_said_to_start_while_attempts_are_looked_for() {
    let mut stage = narrow(2);
    stage.submit(1);
    stage.tell_together(vec![crate::stage::submit(2), change(&[2], RunChange::Hold)]);
    stage.restart();
    assert_eq!(
        stage.tell(change(&[2], RunChange::Release)),
        "changed 2 | 2 QUEUED | 2 RUN_RELEASED, |"
    );
}

#[test]
fn a_runtime_tag_that_is_changed_bounds_a_run_that_has_begun() {
    let mut stage = Stage::new(Rules { heeds_runtime_tags: true, ..Rules::default() });
    stage.submit(1);
    stage.begin(1, 1);
    stage.wait(10);
    let set = tags(&[("dagster/max_runtime", "15")]);
    stage.tell(change(&[1], RunChange::Tags { set, remove: BTreeSet::new() }));
    assert_eq!(stage.wait(4), "done | | |");
    assert_eq!(stage.wait(1), "done | 1 CANCELING | 1 RUN_CANCELING, | wake 1");
}

#[test]
fn freed_slots_go_to_who_waits_and_the_step_runs_on() {
    let mut stage = with_a_holder(Granularity::Op);
    stage.report(1, 4, vec![ReportKind::Started { step: key("a"), try_number: 1 }]);
    assert_eq!(
        stage.tell(Command::FreeSlots { run: id(1), step: Some(key("b")) }),
        "freed [] | | |"
    );
    assert_eq!(
        stage.tell(Command::FreeSlots { run: id(1), step: None }),
        "freed [a] | 1 STARTED | 1 STEP_GRANTED b, 1 SLOTS_FREED a, | wake 1"
    );
    assert_eq!(stage.messages.last().unwrap(), "db: 1");
    assert_eq!(stage.claims.len(), 1);
    stage.restart();
    assert_eq!(stage.poll(1), "granted [b] | | |");
    assert_eq!(
        stage.report(1, 5, vec![ReportKind::Succeeded(key("a"))]),
        "received 5 | 1 STARTED | 1 STEP_SUCCESS a, |"
    );
}

#[test]
fn a_step_whose_slots_are_freed_before_it_knew_of_them_may_start_all_the_same() {
    let mut stage = with_a_holder(Granularity::Op);
    stage.tell(Command::FreeSlots { run: id(1), step: Some(key("a")) });
    assert_eq!(stage.poll(1), "granted [a b] | | |");
    stage.restart();
    assert_eq!(stage.poll(1), "granted [a b] | | |");
    stage.report(1, 4, vec![ReportKind::Started { step: key("a"), try_number: 1 }]);
    assert_eq!(stage.poll(1), "granted [b] | | |");
    let error = "it failed".to_owned();
    let retry_at = stage.now.at;
    let failed = ReportKind::UpForRetry { step: key("a"), error, details: None, retry_at };
    stage.report(1, 5, vec![failed, asked("a", "db")]);
    assert_eq!(stage.poll(1), "granted [b] | | |");
}

#[test]
fn at_run_granularity_the_slots_are_the_runs_until_it_ends() {
    let mut stage = with_a_holder(Granularity::Run);
    assert_eq!(
        stage.tell(Command::FreeSlots { run: id(1), step: None }),
        "refused: slots of the run | | |"
    );
}

#[test]
fn a_limit_that_is_raised_starts_runs_in_the_same_commit() {
    let mut stage = narrow(1);
    for run in 1..=3 {
        stage.submit(run);
    }
    let rules = Rules { max_launches: LAUNCHES, ..Rules::default() };
    assert_eq!(
        stage.configure(at_most(2), rules),
        "done | 2 STARTING | CONFIGURATION_APPLIED, 2 RUN_DEQUEUED, 2 RUN_STARTING, | launch 2/1"
    );
}

#[test]
fn queued_runs_leave_the_queue_under_the_limits_when_new_ones_are_not_queued_any_more() {
    let mut stage = narrow(1);
    stage.submit(1);
    stage.submit(2);
    let rules = Rules { dispatch: Dispatch::AtOnce, max_launches: LAUNCHES, ..Rules::default() };
    assert_eq!(stage.configure(at_most(1), rules), "done | | CONFIGURATION_APPLIED, |");
    assert!(stage.submit(3).contains("3 STARTING"));
    stage.begin(1, 1);
    stage.begin(3, 1);
    let ended = || vec![ReportKind::Ended(lifecycle::Outcome::Succeeded)];
    assert!(!stage.report(3, 1, ended()).contains("2 STARTING"));
    assert!(stage.report(1, 1, ended()).contains("2 STARTING"));
}

#[test]
fn bounds_that_change_are_those_of_runs_in_progress_too() {
    let mut stage = Stage::new(Rules { max_launches: LAUNCHES, ..Rules::default() });
    stage.submit(1);
    stage.submit(2);
    stage.begin(2, 1);
    stage.wait(10);
    let rules = Rules {
        start_timeout: Some(Duration::from_secs(12)),
        max_runtime: Some(Duration::from_secs(14)),
        max_launches: LAUNCHES,
        ..Rules::default()
    };
    let settings = stage.state.settings().clone();
    stage.configure(settings.clone(), rules);
    assert_eq!(stage.wait(2), "done | 1 FAILURE | 1 RUN_FAILURE, | end 1/1 wake 1");
    assert_eq!(stage.wait(2), "done | 2 CANCELING | 2 RUN_CANCELING, | wake 2");
    let patient = Rules { cancel_timeout: Duration::from_hours(1), ..rules };
    stage.configure(settings, patient);
    assert!(!stage.wait(1000).contains("end 2/1"));
}
