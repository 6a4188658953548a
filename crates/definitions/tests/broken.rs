//! Broken files of jobs and what is said about them.
//!
//! `tests/broken/*.txt` hold the files, each with its messages below it; the messages are part of
//! the product, so read them when they change. `UPDATE_EXPECT=1` writes them anew.

use std::path::Path;

use config::Problem;
use expect_test::{ExpectFile, expect_file};
use pointsman_definitions::{Definitions, FilePath};

/// Begins a case: its name follows.
const CASE: &str = "==== ";
/// Stands between a file and its messages.
const TOLD: &str = "\n----\n";

fn read(bytes: &[u8]) -> Result<Definitions, config::Problems> {
    let file = FilePath { shown: "jobs.yaml", absolute: Path::new("/srv/jobs.yaml") };
    Definitions::read(file, bytes)
}

/// Returns the problems; the warnings if there are none.
fn told(bytes: &[u8]) -> String {
    let warnings = |warnings: &[Problem]| {
        warnings
            .iter()
            .map(|warning| format!("warning: {warning}"))
            .collect::<Vec<_>>()
            .join("\n\n")
    };
    match read(bytes) {
        Ok(definitions) => warnings(&definitions.warnings),
        Err(problems) => problems.to_string(),
    }
}

/// Checks every case of a file of cases; returns how many there are.
#[expect(clippy::needless_pass_by_value, reason = "reads better at the call")]
fn check_cases(cases: &str, expected: ExpectFile) -> usize {
    let mut actual = String::new();
    let mut count = 0;
    for case in cases.split(CASE).skip(1) {
        let (name, rest) = case.split_once('\n').unwrap_or((case, ""));
        let (yaml, _) = rest.split_once(TOLD).unwrap_or((rest, ""));
        actual += &format!("{CASE}{name}\n{yaml}{TOLD}{}\n\n", told(yaml.as_bytes()));
        count += 1;
    }
    expected.assert_eq(&actual);
    count
}

#[test]
fn every_broken_file_is_explained() {
    let file = include_str!("broken/file.txt");
    let ops = include_str!("broken/ops.txt");
    let executors = include_str!("broken/executors.txt");
    let count = check_cases(file, expect_file!["broken/file.txt"])
        + check_cases(ops, expect_file!["broken/ops.txt"])
        + check_cases(executors, expect_file!["broken/executors.txt"]);
    assert!(count >= 50, "{count} cases");
    for cases in [file, ops, executors] {
        assert!(!cases.contains("----\n\n"), "nothing is said about a case");
        let problems = cases.matches("jobs.yaml:").count();
        assert_eq!(cases.matches("= hint: ").count(), problems);
    }
}

/// Checks the first line of what is said about bytes that do not fit into a file of cases.
fn check(bytes: &[u8], first_line: &str) {
    let told = told(bytes);
    assert_eq!(told.lines().next(), Some(first_line), "{told}");
}

#[test]
fn a_file_is_utf_8_and_has_at_most_one_mebibyte() {
    check(b"jobs:\n  # caf\xe9\n", "jobs.yaml:2:8: the byte 0xe9 is not UTF-8");
    check(
        " ".repeat(1024 * 1024 + 1).as_bytes(),
        "jobs.yaml: the file has more than the 1048576 bytes that are read",
    );
}

fn job_of(count: usize, op: impl Fn(usize) -> String) -> String {
    let ops: Vec<String> =
        (0..count).map(|index| format!("    o{index}: {}\n", op(index))).collect();
    format!("jobs:\n  big:\n    ops:\n{}", ops.concat().replace("    o", "      o"))
}

#[test]
fn a_job_has_so_many_ops_and_no_more() {
    let fine = job_of(5_000, |_| "{shell: x}".to_owned());
    assert_eq!(told(fine.as_bytes()), "");
    let too_many = job_of(5_001, |_| "{shell: x}".to_owned());
    check(too_many.as_bytes(), "jobs.yaml:5004:7: the job `big` has more than 5000 ops");
}

#[test]
fn an_executor_has_so_many_limits_by_tag_and_no_more() {
    let file = |count: usize| {
        let limits =
            (0..count).map(|index| format!("    - {{key: k, value: v{index}, limit: 1}}\n"));
        let limits = limits.collect::<String>();
        format!(
            "executor:\n  tag_concurrency_limits:\n{limits}jobs: {{a: {{ops: {{b: {{shell: x}}}}}}}}\n"
        )
    };
    assert_eq!(told(file(500).as_bytes()), "");
    let first = "jobs.yaml:503:7: an executor has more than 500 limits by tag";
    check(file(501).as_bytes(), first);
}

#[test]
fn a_file_has_so_many_jobs_and_no_more() {
    let jobs = |count: usize| {
        let jobs: Vec<String> =
            (0..count).map(|index| format!("  j{index}: {{ops: {{a: {{shell: x}}}}}}\n")).collect();
        format!("jobs:\n{}", jobs.concat())
    };
    assert_eq!(told(jobs(5_000).as_bytes()), "");
    check(jobs(5_001).as_bytes(), "jobs.yaml:5002:3: the file has more than 5000 jobs");
}

#[test]
fn a_long_cycle_is_found_and_told_in_short() {
    let around = job_of(5_000, |index| format!("{{shell: x, after: o{}}}", (index + 1) % 5_000));
    check(
        around.as_bytes(),
        "jobs.yaml:4:29: ops wait for each other: `o0` after `o1` after `o2` after `o3` after `o4` \
         after `o5` after `o6` after `o7` after `o8` after `o9` after 4990 more after `o0`",
    );
    let line = job_of(5_000, |index| match index {
        0 => "{shell: x}".to_owned(),
        _ => format!("{{shell: x, after: o{}}}", index - 1),
    });
    assert_eq!(told(line.as_bytes()), "");
}

#[test]
fn many_unknown_names_are_told_at_once() {
    let lost = job_of(5_000, |index| format!("{{shell: x, after: x{index}}}"));
    let told = told(lost.as_bytes());
    assert_eq!(told.matches("jobs.yaml:").count(), 100);
    assert!(told.ends_with("... and 4900 more"), "{told}");
}

#[test]
fn a_file_whose_name_is_no_name_must_name_its_location() {
    let read = |text: &str| {
        let file = FilePath { shown: "my jobs.yaml", absolute: Path::new("/srv/my jobs.yaml") };
        Definitions::read(file, text.as_bytes())
    };
    let jobs = "jobs: {a: {ops: {b: {shell: x}}}}\n";
    let told = read(jobs).unwrap_err().to_string();
    assert!(told.starts_with("my jobs.yaml:1:1: the file's name, `my jobs`, cannot be"), "{told}");
    let named = read(&format!("location: mine\n{jobs}")).unwrap();
    assert_eq!(named.location.as_str(), "mine");
}
