//! The oracle sees each thing that must not be, on ledgers made by hand, and nothing where all is
//! well.

use std::collections::BTreeMap;

use model::RunStatus;

use super::{Account, Submitted, judge};
use crate::ledger;
use crate::workload::Workload;

/// An account of runs `JOB-NUMBER` with tags, each of which succeeded unless the test says
/// otherwise, and of a ledger.
fn account(runs: &[(&str, &str)], ledger: &str) -> Account {
    let mut account = Account::default();
    let ledger: Vec<&str> = ledger.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    account.ledger = ledger::read(&ledger.join("\n")).unwrap();
    for (run, tags) in runs {
        let name = run.split('-').next().unwrap();
        let job = Workload::contended().job(name).unwrap().name;
        let pair = |tag: &str| tag.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
        let tags: BTreeMap<_, _> = tags.split_whitespace().filter_map(pair).collect();
        account.submitted.insert((*run).to_owned(), Submitted { job, tags, is_canceled: false });
        account.found.insert((*run).to_owned(), RunStatus::Success);
    }
    account
}

fn check(account: &Account, expected: &[&str]) {
    let (violations, _) = judge(&Workload::contended(), account);
    let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert_eq!(told, expected);
}

const SINGLE: &str = "start single-1 only 1 1 11\n end single-1 only 1 1 11 0\n";

const CHAIN: &str = "
    start chain-1 first 1 1 21\n end chain-1 first 1 1 21 0
    start chain-1 second 1 1 22\n end chain-1 second 1 1 22 0
    start chain-1 third 1 1 23\n end chain-1 third 1 1 23 0\n";

#[test]
fn nothing_is_wrong_where_all_is_well() {
    let wide = "
        start wide-1 a 2 1 31\n start wide-1 b 2 1 32\n start wide-1 c 2 1 33
        end wide-1 c 2 1 33 0\n end wide-1 a 2 1 31 0\n start wide-1 d 2 1 34
        end wide-1 b 2 1 32 0\n end wide-1 d 2 1 34 0
        start wide-1 join 2 1 35\n end wide-1 join 2 1 35 1
        start wide-1 join 2 2 36\n end wide-1 join 2 2 36 0\n";
    let ledger = format!("{SINGLE}{CHAIN}{wide}");
    let account = account(&[("single-1", ""), ("chain-1", "team=a"), ("wide-1", "")], &ledger);
    check(&account, &[]);
    let (_, peaks) = judge(&Workload::contended(), &account);
    assert_eq!(peaks.pools, BTreeMap::from([("db", 2), ("disk", 1), ("gpu", 3)]));
    assert_eq!(peaks.runs, 1);
}

#[test]
fn a_run_that_is_lost_doubled_unfinished_or_failed_is_seen() {
    let all = account(&[("single-1", "")], SINGLE);
    let mut lost = all.clone();
    lost.found.clear();
    check(&lost, &["run single-1 was acknowledged and is lost"]);
    let mut doubled = all.clone();
    doubled.found.insert("single-2".to_owned(), RunStatus::Success);
    check(&doubled, &["nobody submitted run single-2"]);
    let mut unfinished = all.clone();
    unfinished.found.insert("single-1".to_owned(), RunStatus::Canceling);
    check(&unfinished, &["run single-1 never ended: Canceling"]);
    let mut failed = all;
    failed.found.insert("single-1".to_owned(), RunStatus::Failure);
    check(&failed, &["run single-1 is Failure, though nothing of it was killed"]);
    failed.disturbed.insert("single-1".to_owned());
    check(&failed, &[]);
}

#[test]
fn a_disturbed_run_may_fail_and_may_not_stay() {
    let mut account = account(&[("single-1", "")], "");
    account.disturbed.insert("single-1".to_owned());
    account.found.insert("single-1".to_owned(), RunStatus::Started);
    check(&account, &["run single-1 never ended: Started"]);
    account.found.insert("single-1".to_owned(), RunStatus::Success);
    check(&account, &["run single-1 is SUCCESS, its step only succeeded 0 times"]);
}

#[test]
fn a_step_of_a_run_that_nobody_submitted_is_seen() {
    check(&account(&[], SINGLE), &["nobody submitted run single-1"]);
    let strange = "start single-1 other 1 1 12\n end single-1 other 1 1 12 0\n";
    let account = account(&[("single-1", "")], &format!("{SINGLE}{strange}"));
    let who = "run single-1, attempt 1, step other, try 1, process 12";
    check(&account, &[&format!("its job has no such step: {who}")]);
}

#[test]
fn a_run_that_was_canceled_in_the_queue_and_is_not_or_starts_is_seen() {
    let mut account = account(&[("single-1", "")], "");
    account.submitted.get_mut("single-1").unwrap().is_canceled = true;
    check(&account, &["run single-1 is Success, though it was canceled in the queue"]);
    account.found.insert("single-1".to_owned(), RunStatus::Canceled);
    check(&account, &[]);
    account.ledger = ledger::read(&SINGLE.replace("\n ", "\n")).unwrap();
    let who = "run single-1, attempt 1, step only, try 1, process 11";
    check(&account, &[&format!("started though canceled: {who}")]);
}

#[test]
fn a_try_that_starts_twice_is_seen() {
    let twice = "start single-1 only 1 1 12\n end single-1 only 1 1 12 1\n";
    let account = account(&[("single-1", "")], &format!("{twice}{SINGLE}"));
    let who = |pid| format!("run single-1, attempt 1, step only, try 1, process {pid}");
    check(&account, &[&format!("started twice: {}; {}", who(11), who(12))]);
}

#[test]
fn a_second_attempt_that_runs_user_code_is_seen() {
    let again = "start chain-1 first 1 1 20\n gone chain-1 first 1 1 20\n";
    let second = CHAIN.replace(" 1 1 ", " 2 1 ");
    let account = account(&[("chain-1", "")], &format!("{again}{second}"));
    let who =
        |step: &str, pid| format!("run chain-1, attempt 2, step {step}, try 1, process {pid}");
    let before = "run chain-1, attempt 1, step first, try 1, process 20";
    let told = [("first", 21), ("second", 22), ("third", 23)]
        .map(|(step, pid)| format!("two attempts ran: {}; {before}", who(step, pid)));
    check(&account, &told.each_ref().map(String::as_str));
}

#[test]
fn tries_that_overlap_or_follow_a_success_are_seen() {
    let overlap = "start single-1 only 1 1 11\n start single-1 only 1 2 12
                   end single-1 only 1 1 11 1\n end single-1 only 1 2 12 0\n";
    let who =
        |number, pid| format!("run single-1, attempt 1, step only, try {number}, process {pid}");
    check(
        &account(&[("single-1", "")], overlap),
        &[&format!("two tries lived: {}; {}", who(2, 12), who(1, 11))],
    );
    let after = "start single-1 only 1 2 12\n end single-1 only 1 2 12 1\n";
    check(
        &account(&[("single-1", "")], &format!("{SINGLE}{after}")),
        &[&format!("started after its success: {}", who(2, 12))],
    );
}

#[test]
fn a_step_that_starts_before_another_has_succeeded_is_seen() {
    let who = "run chain-1, attempt 1, step second, try 1, process 22";
    let expected = format!("started before first succeeded: {who}");
    for first in ["", "\n end chain-1 first 1 1 21 7"] {
        let early = format!("start chain-1 first 1 1 21{first}\n start chain-1 second 1 1 22");
        let mut account = account(
            &[("chain-1", "")],
            &format!("{early}\n gone chain-1 first 1 1 21\n gone chain-1 second 1 1 22"),
        );
        account.found.insert("chain-1".to_owned(), RunStatus::Failure);
        account.disturbed.insert("chain-1".to_owned());
        check(&account, &[&expected]);
    }
}

#[test]
fn a_pool_that_is_overfull_is_seen_by_what_lives_together() {
    let three = "start single-1 only 1 1 11\n start single-2 only 1 1 12\n";
    let fourth = "start single-3 only 1 1 13\n end single-3 only 1 1 13 0\n";
    let ends = "end single-1 only 1 1 11 0\n end single-2 only 1 1 12 0\n";
    let runs = [("single-1", ""), ("single-2", ""), ("single-3", "")];
    let who = "run single-3, attempt 1, step only, try 1, process 13";
    let over = format!("3 slots of pool db (2) were held at the start of {who}");
    check(&account(&runs, &format!("{three}{fourth}{ends}")), &[&over]);
    check(&account(&runs, &format!("{three}{ends}{fourth}")), &[]);
}

#[test]
fn slots_of_what_was_killed_count_until_it_is_gone() {
    let one = "start single-1 only 1 1 11\n start single-2 only 1 1 12\n";
    let gone = "gone single-1 only 1 1 11\n";
    let next =
        "start single-3 only 1 1 13\n end single-3 only 1 1 13 0\n end single-2 only 1 1 12 0\n";
    let runs = [("single-1", ""), ("single-2", ""), ("single-3", "")];
    let mut killed = account(&runs, &format!("{one}{gone}{next}"));
    killed.found.insert("single-1".to_owned(), RunStatus::Failure);
    killed.disturbed.insert("single-1".to_owned());
    check(&killed, &[]);
    killed.ledger = account(&runs, &format!("{one}{next}{gone}")).ledger;
    let who = "run single-3, attempt 1, step only, try 1, process 13";
    check(&killed, &[&format!("3 slots of pool db (2) were held at the start of {who}")]);
}

#[test]
fn a_gone_that_follows_an_end_takes_nobody_else_away() {
    let ledger = "start single-1 only 1 1 11\n end single-1 only 1 1 11 0
                  start single-2 only 1 1 11\n gone single-1 only 1 1 11
                  start single-3 only 1 1 13\n start single-4 only 1 1 14
                  end single-2 only 1 1 11 0\n end single-3 only 1 1 13 0
                  end single-4 only 1 1 14 0";
    let runs = ["single-1", "single-2", "single-3", "single-4"].map(|run| (run, ""));
    let who = "run single-4, attempt 1, step only, try 1, process 14";
    let over = format!("3 slots of pool db (2) were held at the start of {who}");
    check(&account(&runs, ledger), &[&over]);
}

#[test]
fn runs_beyond_a_limit_are_seen_also_between_their_steps() {
    let between = "start chain-2 first 1 1 31\n end chain-2 first 1 1 31 0\n";
    let rest = CHAIN
        .replace("chain-1", "chain-2")
        .split_once("start chain-2 second")
        .unwrap()
        .1
        .to_owned();
    let ledger = format!("{between}{CHAIN}start chain-2 second{rest}");
    let who = "run chain-1, attempt 1, step first, try 1, process 21";
    let over =
        format!("more runs than tier=slow (1) at the start of {who}: {{\"chain-1\", \"chain-2\"}}");
    check(&account(&[("chain-1", "tier=slow"), ("chain-2", "tier=slow")], &ledger), &[&over]);
    check(&account(&[("chain-1", "tier=slow"), ("chain-2", "tier=fast")], &ledger), &[]);
    check(&account(&[("chain-1", "team=a"), ("chain-2", "team=a")], &ledger), &[]);
}

#[test]
fn each_value_of_a_tag_and_all_runs_together_have_their_limit() {
    let start = |number| format!("start chain-{number} first 1 1 {number}\n");
    let gone = |number| format!("gone chain-{number} first 1 1 {number}\n");
    let check = |count: u32, tags: &str, expected: &[&str]| {
        let lines = (1..=count).map(start).chain((1..=count).map(gone)).collect::<String>();
        let names: Vec<String> = (1..=count).map(|number| format!("chain-{number}")).collect();
        let runs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), tags)).collect();
        let mut account = account(&runs, &lines);
        account.found.values_mut().for_each(|status| *status = RunStatus::Failure);
        account.disturbed = names.iter().cloned().collect();
        check(&account, expected);
    };
    let over = |limit: &str, runs: &str| {
        let last = runs.chars().rfind(char::is_ascii_digit).unwrap();
        let who = format!("run chain-{last}, attempt 1, step first, try 1, process {last}");
        format!("more runs than {limit} at the start of {who}: {runs}")
    };
    check(2, "team=a", &[]);
    check(3, "team=a", &[&over("team=a (2)", r#"{"chain-1", "chain-2", "chain-3"}"#)]);
    check(5, "", &[]);
    let six = r#"{"chain-1", "chain-2", "chain-3", "chain-4", "chain-5", "chain-6"}"#;
    check(6, "", &[&over("max_concurrent_runs (5)", six)]);
}

#[test]
fn a_success_whose_steps_did_not_all_end_well_is_seen() {
    let without = CHAIN.replace("end chain-1 third 1 1 23 0", "end chain-1 third 1 1 23 143");
    check(
        &account(&[("chain-1", "")], &without),
        &["run chain-1 is SUCCESS, its step third succeeded 0 times"],
    );
}

#[test]
fn a_process_that_outlives_all_runs_is_seen() {
    let mut account = account(&[("single-1", "")], "start single-1 only 1 1 11");
    account.found.insert("single-1".to_owned(), RunStatus::Failure);
    account.disturbed.insert("single-1".to_owned());
    let who = "run single-1, attempt 1, step only, try 1, process 11";
    check(&account, &[&format!("lives after all runs have ended: {who}")]);
}

#[test]
fn what_is_no_line_is_refused() {
    for text in ["start r s 1 1", "end r s 1 1 7", "gone r s 1 1 x", "start r s 1 1 7 0", ""] {
        assert!(ledger::read(&format!("{text}\n")).is_err(), "{text}");
    }
}
