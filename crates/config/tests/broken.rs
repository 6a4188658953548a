//! Broken files and what is said about them.
//!
//! `tests/broken/*.txt` hold the files, each with its messages below it; the messages are part of
//! the product, so read them when they change. `UPDATE_EXPECT=1` writes them anew.

use expect_test::{ExpectFile, expect_file};
use pointsman_config::InstanceConfig;

/// Begins a case: its name follows.
const CASE: &str = "==== ";
/// Stands between a file and its messages.
const TOLD: &str = "\n----\n";

/// Reads a file in whose environment `TEN` is 10, `WORD` is `ten` and `THOUSANDS` is 5000.
fn told(bytes: &[u8]) -> String {
    let env = |name: &str| match name {
        "TEN" => Some("10".to_owned()),
        "WORD" => Some("ten".to_owned()),
        "THOUSANDS" => Some("5000".to_owned()),
        _ => None,
    };
    match InstanceConfig::read("dagster.yaml", bytes, &env) {
        Ok(_) => "nothing is wrong".to_owned(),
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
    let text = include_str!("broken/text.txt");
    let values = include_str!("broken/values.txt");
    let together = include_str!("broken/together.txt");
    let hooks = include_str!("broken/hooks.txt");
    let count = check_cases(text, expect_file!["broken/text.txt"])
        + check_cases(values, expect_file!["broken/values.txt"])
        + check_cases(together, expect_file!["broken/together.txt"])
        + check_cases(hooks, expect_file!["broken/hooks.txt"]);
    assert!(count >= 100, "{count} cases");
    for cases in [text, values, together, hooks] {
        assert!(!cases.contains("nothing is wrong"));
        let problems = cases.matches("dagster.yaml:").count();
        assert_eq!(cases.matches("= hint: ").count(), problems);
    }
}

/// Checks the first line of what is said about bytes that do not fit into a file of cases.
fn check(bytes: &[u8], first_line: &str) {
    let told = told(bytes);
    assert_eq!(told.lines().next(), Some(first_line), "{told}");
}

#[test]
fn a_file_is_utf_8_without_control_characters() {
    check(b"run_queue:\n  # caf\xe9\n", "dagster.yaml:2:8: the byte 0xe9 is not UTF-8");
    let utf_16 = told(b"\xff\xfer\0u\0n\0");
    assert!(utf_16.contains("the file is UTF-16: save it as UTF-8"));
    check(
        b"run_queue: {\0}",
        "dagster.yaml:1:13: the control character U+0000 cannot stand in YAML",
    );
    check(
        b"run_queue: \x1b[31mred",
        "dagster.yaml:1:12: the control character U+001B cannot stand in YAML",
    );
}

#[test]
fn a_line_is_shown_without_what_commands_a_terminal() {
    let told = told(b"run_queue: 'a\xc2\x9b31m\xe2\x80\xae'");
    assert!(!told.contains(['\u{9b}', '\u{202e}']), "{told}");
}

#[test]
fn a_file_has_at_most_one_mebibyte() {
    let large = " ".repeat(1024 * 1024);
    check(large.as_bytes(), "nothing is wrong");
    let too_large = large + " ";
    check(
        too_large.as_bytes(),
        "dagster.yaml: the file has more than the 1048576 bytes that are read",
    );
}

#[test]
fn aliases_cannot_make_a_small_file_large() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let item = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", [item.as_str(); 10].join(", "));
    }
    check(
        bomb.as_bytes(),
        "dagster.yaml:4:40: the aliases of this file stand for more than 10000 values",
    );
    let (text, aliases) = ("x".repeat(500_000), "*a, ".repeat(100));
    let long_text = format!("a: &a {text}\nb: [{aliases}]\n");
    check(
        long_text.as_bytes(),
        "dagster.yaml:2:5: the aliases of this file stand for more than 10000 values",
    );
}

#[test]
fn values_are_nested_so_deep_and_no_deeper() {
    let too_deep = "values are nested more than 64 deep";
    let fine = format!("storage: {}{}", "[".repeat(63), "]".repeat(63));
    check(fine.as_bytes(), "nothing is wrong");
    for opening in ["[", "- ", "{a: ", "? ", "[{a: "] {
        let told = told(opening.repeat(100_000).as_bytes());
        assert!(told.contains(too_deep), "{opening}: {told}");
    }
}

#[test]
fn a_file_holds_so_many_values_and_no_more() {
    let many = format!("storage: [{}]", "1,".repeat(250_000));
    check(many.as_bytes(), "dagster.yaml:1:400005: the file holds more than 200000 values");
}

#[test]
fn a_list_has_so_many_items_and_no_more() {
    let limits = |count: usize| {
        let limits: Vec<String> =
            (0..count).map(|index| format!("{{key: k{index}, limit: 1}}")).collect();
        format!("run_queue: {{tag_concurrency_limits: [{}]}}", limits.join(","))
    };
    check(limits(5_000).as_bytes(), "nothing is wrong");
    let told = told(limits(5_001).as_bytes());
    assert!(told.contains("`run_queue.tag_concurrency_limits` has more than 5000 items"));
}

#[test]
fn no_more_problems_are_told_than_a_person_reads() {
    let mut many = "run_queue:\n".to_owned();
    for index in 0..150 {
        many += &format!("  key{index}: 1\n");
    }
    let text = told(many.as_bytes());
    assert_eq!(text.matches("dagster.yaml:").count(), 100);
    assert!(text.ends_with("... and 50 more"), "{text}");
}
