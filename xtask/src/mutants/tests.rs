use expect_test::{Expect, expect};

use super::outcome::{Outcome, TestEnd, closing_line};
use super::patch::{self, Patch};
use super::scratch::Scratch;
use super::{outdated, select};
use crate::workspace::Workspace;

const DIFF: &str = "--- a/LICENSE\n+++ b/LICENSE\n@@ -1 +1 @@\n-no such line\n+another\n";

fn patch(header: &str) -> anyhow::Result<Patch> {
    patch::parse("order-reversed", format!("{header}{DIFF}"))
}

fn a_patch() -> Patch {
    patch("# Mistake: wrong order\n# Found by: order_is_kept\n").unwrap()
}

fn end(code: i32, report: &str) -> TestEnd {
    TestEnd { code: Some(code), report: report.into() }
}

#[test]
fn a_header_names_the_mistake_and_the_test() {
    let patch = a_patch();
    assert_eq!(patch.name, "order-reversed");
    assert_eq!(patch.found_by, "order_is_kept");
    assert_eq!(patch.tests, ["-p", "pointsman-admission", "--test", "*"]);
}

#[test]
fn a_header_may_name_other_tests() {
    let header = "# Mistake: m\n# Found by: t\n# Tests: -p pointsman-model --lib\n\n";
    assert_eq!(patch(header).unwrap().tests, ["-p", "pointsman-model", "--lib"]);
}

#[test]
fn a_header_that_lacks_a_line_or_has_a_strange_one_is_refused() {
    let check = |header: &str, expected: Expect| {
        expected.assert_eq(&patch(header).unwrap_err().to_string());
    };
    check("# Found by: t\n", expect!["the line `# Mistake: what is wrong` is missing"]);
    check("# Mistake: m\n", expect!["the line `# Found by: a test` is missing"]);
    check("# Misstake: m\n", expect![[r#"a header has no line "Misstake""#]]);
    check("words\n", expect![[r#"a header has no line "words""#]]);
}

#[test]
fn a_mistake_is_found_by_the_test_that_its_header_names() {
    let report =
        "   Starting 1 test\n        FAIL [   0.1s] (1/1) pointsman-admission order_is_kept";
    let outcome = Outcome::of_expected(&end(100, report)).unwrap();
    assert_eq!(outcome.line(&a_patch()), "found order-reversed by order_is_kept");
}

#[test]
fn a_test_that_dies_or_never_ends_has_found_the_mistake() {
    for status in ["SIGABRT", "TIMEOUT", "ABORT"] {
        let report = format!("     {status} [  60.0s] pointsman-admission::worlds same_decisions");
        let outcome = Outcome::of_all(&end(100, &report));
        assert_eq!(outcome, Outcome::FoundByOther("same_decisions".into()));
    }
}

#[test]
fn an_end_that_is_no_failed_test_finds_nothing() {
    assert_eq!(Outcome::of_expected(&end(0, "")), None);
    assert_eq!(Outcome::of_expected(&end(4, "")), Some(Outcome::NoSuchTest));
    assert_eq!(Outcome::of_expected(&end(101, "")), Some(Outcome::DoesNotBuild));
    assert_eq!(Outcome::of_expected(&end(104, "")), Some(Outcome::Unclear));
    assert_eq!(Outcome::of_all(&end(0, "")), Outcome::Missed);
    assert_eq!(Outcome::of_all(&end(101, "")), Outcome::DoesNotBuild);
    assert_eq!(Outcome::of_all(&end(104, "")), Outcome::Unclear);
}

#[test]
fn the_closing_line_counts_all_that_was_not_found_as_missed() {
    let outcomes = [
        Outcome::Found("a".into()),
        Outcome::FoundByOther("b".into()),
        Outcome::Missed,
        Outcome::DoesNotBuild,
        Outcome::NoSuchTest,
    ];
    assert_eq!(closing_line(&outcomes), "2 found, 3 missed");
    assert!(!outcomes[3].is_found());
}

#[test]
fn a_mistake_on_demand_is_planted_by_name_alone() {
    let slow = || patch("# Mistake: wrong\n# Planted: on demand\n# Found by: a_test\n").unwrap();
    let selected = select(vec![a_patch(), slow()], &[]).unwrap();
    assert_eq!(selected, [a_patch()]);
    assert_eq!(select(vec![slow()], &[slow().name]).unwrap(), [slow()]);
}

#[test]
fn only_patches_that_exist_can_be_asked_for() {
    let names = |only: &[&str]| {
        let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
        select(vec![a_patch()], &only).map(|patches| patches.len()).map_err(|e| e.to_string())
    };
    assert_eq!(names(&[]), Ok(1));
    assert_eq!(names(&["order-reversed"]), Ok(1));
    assert_eq!(names(&["no-such"]), Err("there is no mutants/no-such.patch".into()));
}

#[test]
fn a_patch_that_no_longer_applies_is_refused() {
    let scratch = Scratch::new(&Workspace::find().unwrap(), "refusal").unwrap();
    let says = scratch.check(&a_patch()).unwrap().unwrap_err();
    assert!(says.contains("patch does not apply"), "{says}");
    assert_eq!(outdated(&scratch, &[a_patch()]).unwrap(), 1);
}

#[test]
fn a_patch_changes_the_copy_and_restoring_changes_it_back() {
    let workspace = Workspace::find().unwrap();
    let scratch = Scratch::new(&workspace, "restoring").unwrap();
    let text = std::fs::read_to_string(workspace.root().join("rustfmt.toml")).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let second = rest.lines().next().unwrap();
    let diff = format!("@@ -1,2 +1,2 @@\n-{first}\n+# other\n {second}\n");
    let header = "# Mistake: m\n# Found by: t\n--- a/rustfmt.toml\n+++ b/rustfmt.toml\n";
    let patch = patch::parse("formatting", format!("{header}{diff}")).unwrap();
    scratch.apply(&patch).unwrap();
    assert!(scratch.check(&patch).unwrap().is_err(), "it is applied already");
    scratch.restore().unwrap();
    assert_eq!(scratch.check(&patch).unwrap(), Ok(()));
}

#[test]
fn every_planted_mistake_applies() {
    let workspace = Workspace::find().unwrap();
    let scratch = Scratch::new(&workspace, "applying").unwrap();
    assert_eq!(outdated(&scratch, &patch::read_all(&workspace).unwrap()).unwrap(), 0);
}
