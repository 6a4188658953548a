//! Submissions, known ids and keys, deletions, and the coordinator without a queue.

use lifecycle::{CancelMode, Command, Dispatch, Launched, Outcome, ReportKind, Rules, Sight};
use model::{
    Capacity, FailureReason, PartitionKey, PartitionsName, PoolLimit, PoolName, Presence, Settings,
};

use crate::stage::{Counting, Stage, id, submit, submit_with};

fn without_a_queue() -> Stage {
    let rules = Rules { dispatch: Dispatch::AtOnce, max_location_retries: 3, ..Rules::default() };
    let settings = Settings { max_concurrent_runs: Capacity::AtMost(0), ..Settings::default() };
    Stage::with(rules, settings)
}

fn full() -> Stage {
    let settings = Settings { max_concurrent_runs: Capacity::AtMost(0), ..Settings::default() };
    Stage::with(Rules::default(), settings)
}

#[test]
fn an_equal_request_under_one_key_is_one_run_and_another_request_is_refused() {
    let mut stage = full();
    let told = stage.tell_together(vec![
        submit_with(1, &[], Some(("k", 1))),
        submit_with(2, &[], Some(("k", 1))),
        submit_with(3, &[], Some(("k", 2))),
        submit_with(4, &[], Some(("other", 1))),
    ]);
    assert_eq!(
        told,
        "new 1, known 1, refused: key reused, new 4 | 1 QUEUED 4 QUEUED | 1 RUN_SUBMITTED, \
         1 RUN_ENQUEUED, 4 RUN_SUBMITTED, 4 RUN_ENQUEUED, |"
    );
}

#[test]
fn an_id_is_taken_from_its_submission_to_the_commit_of_its_deletion() {
    let mut stage = full();
    assert_eq!(
        stage.tell_together(vec![submit(1), submit(1)]),
        "new 1, refused: run exists | 1 QUEUED | 1 RUN_SUBMITTED, 1 RUN_ENQUEUED, |"
    );
    assert_eq!(stage.submit(1), "refused: run exists | | |");
    let delete = Command::Delete { run: id(1), ended: None };
    assert_eq!(
        stage.tell_together(vec![delete, submit(1)]),
        "done, refused: run exists | | 1 RUN_DELETED, | forget 1"
    );
    assert_eq!(stage.submit(1), "new 1 | 1 QUEUED | 1 RUN_SUBMITTED, 1 RUN_ENQUEUED, |");
}

#[test]
fn a_record_is_deleted_once_its_run_has_ended_and_only_once() {
    let mut stage = Stage::new(Rules::default());
    stage.submit(1);
    stage.begin(1, 1);
    let worker = stage.worker(1, 1);
    let ended = Command::Report {
        worker,
        first: 1,
        reports: crate::stage::reports(vec![ReportKind::Ended(Outcome::Succeeded)]),
    };
    let delete = |ended| Command::Delete { run: id(1), ended };
    let told = stage.tell_together(vec![ended, delete(None)]);
    assert!(told.starts_with("received 1, refused: CANCELING | 1 SUCCESS |"), "{told}");
    let events = Some(stage.life(1).event_count);
    assert_eq!(
        stage.tell_together(vec![delete(events), delete(events)]),
        "done, refused: unknown run | | 1 RUN_DELETED, | forget 1"
    );
}

#[test]
fn a_run_that_is_submitted_and_canceled_in_one_commit_is_written_once() {
    let mut stage = full();
    let cancel = Command::Cancel { run: id(1), mode: CancelMode::Wish };
    assert_eq!(
        stage.tell_together(vec![submit(1), cancel]),
        "new 1, CANCELED | 1 CANCELED | 1 RUN_SUBMITTED, 1 RUN_ENQUEUED, 1 RUN_CANCELED, | wake 1"
    );
}

#[test]
fn a_priority_that_cannot_be_read_is_told_and_counts_as_0() {
    let mut stage = full();
    let told = stage.tell(submit_with(1, &[("dagster/priority", "high")], None));
    assert_eq!(told, "new 1 | 1 QUEUED | 1 RUN_SUBMITTED, 1 ENGINE_EVENT, 1 RUN_ENQUEUED, |");
    assert!(stage.messages[1].ends_with("it counts as 0"), "{:?}", stage.messages);
}

#[test]
fn each_run_tells_the_usage_with_which_it_left_the_queue() {
    let settings = Settings { max_concurrent_runs: Capacity::AtMost(2), ..Settings::default() };
    let mut stage = Stage::with(Rules::default(), settings);
    stage.tell_together((1..=3).map(submit).collect());
    let usage = |of: &str| stage.messages.iter().filter(|told| told.contains(of)).count();
    assert_eq!(
        (usage("max_concurrent_runs: 1 of 2"), usage("max_concurrent_runs: 2 of 2")),
        (1, 1)
    );
}

#[test]
fn a_pool_limit_is_set_and_deleted() {
    let mut stage = full();
    let pool = PoolName::new("db").unwrap();
    let limit = Some(PoolLimit::new(3).unwrap());
    let set = Command::SetPoolLimit { pool: pool.clone(), limit };
    assert_eq!(stage.tell(set), "done | | POOL_LIMIT_SET, |");
    let deleted = Command::SetPoolLimit { pool, limit: None };
    assert_eq!(stage.tell(deleted), "done | | POOL_LIMIT_DELETED, |");
}

#[test]
fn partitions_are_written_with_the_last_word_on_each() {
    let mut stage = full();
    let change = |add: &[&str], remove: &[&str]| {
        let keys = |keys: &[&str]| keys.iter().map(|key| PartitionKey::new(key).unwrap()).collect();
        let name = PartitionsName::new("customers").unwrap();
        Command::ChangePartitions { name, add: keys(add), remove: keys(remove) }
    };
    assert_eq!(
        stage.tell(change(&["b", "a"], &["c"])),
        "done | | PARTITIONS_REMOVED, PARTITIONS_ADDED, |"
    );
    assert!(stage.messages.iter().any(|told| told == "customers: b and 1 more"));
    let mut ids = Counting::default();
    for command in [change(&["x", "y"], &[]), change(&["z"], &["x"]), change(&["x"], &["y"])] {
        stage.state.step(command, stage.now, &mut ids).unwrap();
    }
    let batch = stage.state.settle(stage.now, &mut ids).batch;
    let last: Vec<_> =
        batch.partitions.iter().map(|(one, presence)| (one.key.as_str(), *presence)).collect();
    let (added, removed) = (Presence::Added, Presence::Removed);
    assert_eq!(last, [("z", added), ("y", removed), ("x", added)]);
}

#[test]
fn without_a_queue_a_run_is_launched_whatever_the_limits_say() {
    let mut stage = without_a_queue();
    assert_eq!(
        stage.submit(1),
        "new 1 | 1 STARTING | 1 RUN_SUBMITTED, 1 RUN_STARTING, | launch 1/1"
    );
    assert_eq!(stage.begin(1, 1), "done | 1 STARTED | 1 RUN_START, |");
}

#[test]
fn without_a_queue_a_launch_that_goes_wrong_is_not_tried_again() {
    for outcome in [Launched::Failed("why".into()), Launched::Unreachable("why".into())] {
        let mut stage = without_a_queue();
        stage.submit(1);
        assert_eq!(stage.launched(1, 1, outcome), "done | 1 FAILURE | 1 RUN_FAILURE, | wake 1");
    }
    let mut stage = without_a_queue();
    stage.submit(1);
    stage.launched(1, 1, Launched::Started);
    assert_eq!(stage.observed(1, 1, Sight::Gone), "done | 1 FAILURE | 1 RUN_FAILURE, | wake 1");
    let failure = stage.life(1).failure.clone().unwrap();
    assert_eq!(failure.reason, FailureReason::LaunchError, "{}", failure.message);
}
