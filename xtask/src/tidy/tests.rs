//! Each check finds a planted violation, and lets the rest of the made-up tree be.

use expect_test::{Expect, expect};

use super::arrows::{Arrow, End, Kind};
use super::purity::BANS;
use super::tree::{Tree, Violation};
use super::{architecture, arrows, properties, purity, sizes, snapshots, words};
use crate::workspace::Workspace;

fn tree(files: &[(&str, &str)]) -> Tree {
    let files = files.iter().map(|(path, text)| ((*path).into(), (*text).into()));
    Tree { files: files.collect() }
}

/// Compares where the violations are and what they say is wrong.
fn says(violations: &[Violation], expected: &Expect) {
    let lines = violations
        .iter()
        .map(|Violation { file, line, what, .. }| format!("{file}:{line}: {what}\n"));
    expected.assert_eq(&lines.collect::<Vec<_>>().concat());
}

fn bans() -> String {
    let lines: Vec<String> = BANS.iter().map(|ban| format!("{{ path = \"{ban}\" }}")).collect();
    lines.join("\n")
}

const MANIFEST: &str = "[package]\n\n[lints]\nworkspace = true\n";

#[test]
fn a_violation_says_where_it_is_what_is_wrong_and_how_to_mend_it() {
    let violation = Violation::new("crates/model/build.rs", 1, "a pure room has it", "Delete it");
    let says = "crates/model/build.rs:1: a pure room has it. Delete it.";
    assert_eq!(violation.to_string(), says);
}

#[test]
fn the_workspace_is_tidy() {
    let workspace = Workspace::find().unwrap();
    let tree = Tree::read(&workspace).unwrap();
    says(&super::check(&tree, &arrows::read(&workspace).unwrap()), &expect![""]);
}

fn arrow(from: &str, to: End, kind: Kind) -> Arrow {
    Arrow { from: from.into(), to, kind, key: "thing".into() }
}

fn says_of_arrow(arrow: Arrow, expected: &Expect) {
    let manifest = format!("{}/Cargo.toml", arrow.from);
    let tree = tree(&[(&manifest, "[dependencies]\nother = \"1\"\nthing.workspace = true\n")]);
    says(&arrows::check(&tree, &[arrow]), expected);
}

fn member(folder: &str) -> End {
    End::Member(folder.into())
}

fn outside(name: &str) -> End {
    End::Outside(name.into())
}

#[test]
fn an_arrow_that_the_table_allows_is_allowed() {
    says_of_arrow(arrow("crates/admission", member("crates/model"), Kind::Normal), &expect![""]);
    says_of_arrow(arrow("crates/model", outside("thiserror"), Kind::Normal), &expect![""]);
    says_of_arrow(arrow("crates/model", outside("proptest"), Kind::Dev), &expect![""]);
    says_of_arrow(arrow("crates/store", outside("rusqlite"), Kind::Normal), &expect![""]);
    says_of_arrow(arrow("crates/admission", member("testing/naive"), Kind::Dev), &expect![""]);
    says_of_arrow(arrow("testing/naive", member("crates/admission"), Kind::Normal), &expect![""]);
}

#[test]
fn an_arrow_that_points_up_is_found() {
    says_of_arrow(
        arrow("crates/model", member("crates/admission"), Kind::Normal),
        &expect![[r#"
        crates/model/Cargo.toml:3: the room model may not use admission
    "#]],
    );
}

#[test]
fn a_room_uses_another_in_its_tests_only_where_the_table_allows_it() {
    says_of_arrow(
        arrow("crates/config", member("crates/admission"), Kind::Dev),
        &expect![[r#"
        crates/config/Cargo.toml:3: the room config may not use admission
    "#]],
    );
}

#[test]
fn a_room_that_ships_a_test_crate_is_found() {
    says_of_arrow(
        arrow("crates/replay", member("testing/naive"), Kind::Normal),
        &expect![[r#"
        crates/replay/Cargo.toml:3: the room replay may not use testing/naive
    "#]],
    );
}

#[test]
fn a_crate_that_uses_the_tools_is_found() {
    says_of_arrow(
        arrow("testing/naive", member("xtask"), Kind::Normal),
        &expect![[r#"
        testing/naive/Cargo.toml:3: testing/naive uses xtask
    "#]],
    );
    says_of_arrow(
        arrow("crates/model", member("xtask"), Kind::Dev),
        &expect![[r#"
        crates/model/Cargo.toml:3: the room model may not use xtask
    "#]],
    );
}

#[test]
fn a_crate_of_others_in_a_pure_room_is_found() {
    says_of_arrow(
        arrow("crates/model", outside("rand"), Kind::Normal),
        &expect![[r#"
        crates/model/Cargo.toml:3: the pure room model may not use the crate rand
    "#]],
    );
    says_of_arrow(
        arrow("crates/model", outside("thiserror"), Kind::Build),
        &expect![[r#"
        crates/model/Cargo.toml:3: the pure room model may not build with thiserror
    "#]],
    );
}

#[test]
fn the_page_lists_exactly_the_rooms_that_exist() {
    let page =
        "# Title\n| room | job |\n|---|---|\n| `crates/model` | m |\n| `crates/gone` | g |\n";
    let tree = tree(&[
        ("ARCHITECTURE.md", page),
        ("crates/model/Cargo.toml", ""),
        ("crates/admission/Cargo.toml", ""),
        ("crates/admission/fuzz/Cargo.toml", ""),
        ("crates/scheduler/Cargo.toml", ""),
    ]);
    says(
        &architecture::check(&tree),
        &expect![[r#"
        ARCHITECTURE.md:1: the room crates/admission is not in the table of rooms
        ARCHITECTURE.md:1: the room crates/scheduler is not in the table of rooms
        ARCHITECTURE.md:5: the room crates/gone does not exist
        crates/scheduler/Cargo.toml:1: the table of allowed arrows does not know the room scheduler
    "#]],
    );
}

#[test]
fn a_property_without_its_test_is_found() {
    let page = "| property | test |\n|---|---|\n| order | `order_is_kept` |\n| a \\| b | both |\n\
                | fair | `order_is_kept` and `is_fair` |\n\nSee `gone`.\n";
    let tree = tree(&[
        ("crates/admission/README.md", page),
        ("crates/admission/tests/order.rs", "fn order_is_kept() {}\n"),
    ]);
    says(
        &properties::check(&tree),
        &expect![[r#"
            crates/admission/README.md:4: the property names no test
            crates/admission/README.md:5: there is no test is_fair
        "#]],
    );
}

#[test]
fn a_pure_room_with_bans_and_lints_is_pure() {
    let tree = tree(&[
        ("crates/model/Cargo.toml", MANIFEST),
        ("crates/model/clippy.toml", &bans()),
        ("crates/model/src/lib.rs", "// never async\nlet asynchronous = 1;\n"),
        ("crates/server/Cargo.toml", MANIFEST),
        ("crates/server/src/lib.rs", "async fn serve() {}\n"),
        ("fuzz/Cargo.toml", "[package]\n\n[workspace]\n"),
    ]);
    says(&purity::check(&tree), &expect![""]);
}

#[test]
fn what_makes_a_room_impure_is_found() {
    let bans = bans();
    let fewer = bans.replace("std::thread::sleep", "std::thread::yield_now");
    let tree = tree(&[
        (
            "crates/admission/Cargo.toml",
            "[package]\nbuild = \"gen.rs\"\n\n[lints]\nworkspace = true\n",
        ),
        ("crates/admission/clippy.toml", &fewer),
        ("crates/admission/src/lib.rs", "fn f() {}\npub async fn g() {}\n"),
        ("crates/config/Cargo.toml", "[package]\n"),
        ("crates/model/Cargo.toml", MANIFEST),
        ("crates/model/build.rs", ""),
        ("crates/model/clippy.toml", &bans),
    ]);
    says(
        &purity::check(&tree),
        &expect![[r#"
        crates/model/build.rs:1: a pure room has a build script
        crates/admission/Cargo.toml:2: a pure room names a build script
        crates/admission/clippy.toml:1: the ban of std::thread::sleep is missing
        crates/admission/clippy.toml:13: the bans differ from those of crates/model/clippy.toml
        crates/admission/src/lib.rs:2: a pure room is async here
        crates/config/clippy.toml:1: a pure room has no bans of its own
        crates/config/Cargo.toml:1: the lints of the workspace are not in force
    "#]],
    );
}

#[test]
fn words_that_have_no_place_are_found() {
    let tree = tree(&[
        ("src/a.rs", "// TODO later\ntodo!()\nlet a = unimplemented!();\n// FIXME, XXX\n"),
        ("docs/page.md", "Cost: TBA.\nSee /root/notes.\nOr (/work/main).\n"),
        ("docs/fine.md", "TODOs of a METBA; docs/work/a.md; $HOME/work/; target/tmp/x\n"),
    ]);
    says(
        &words::check(&tree),
        &expect![[r#"
        docs/page.md:1: TBA marks work that is not done
        docs/page.md:2: /root/ is a folder of one machine
        docs/page.md:3: /work/ is a folder of one machine
        src/a.rs:1: TODO marks work that is not done
        src/a.rs:2: todo! marks work that is not done
        src/a.rs:3: unimplemented! marks work that is not done
        src/a.rs:4: FIXME marks work that is not done
    "#]],
    );
}

#[test]
fn names_that_would_take_in_anything_are_found() {
    let tree = tree(&[
        ("crates/model/src/utils.rs", ""),
        ("crates/model/tests/common/mod.rs", ""),
        ("crates/model/src/utility.rs", ""),
    ]);
    says(
        &words::check(&tree),
        &expect![[r#"
        crates/model/src/utils.rs:1: the name utils would take in anything
        crates/model/tests/common/mod.rs:1: the name common would take in anything
    "#]],
    );
}

#[test]
fn a_host_that_is_not_on_the_list_is_found() {
    let tree = tree(&[
        ("README.md", "See https://github.com/a/b, http://localhost:3000/runs and {url}://.\n"),
        ("docs/page.md", "\nFetched from https://mirror.example.net/index/.\n"),
    ]);
    says(
        &words::check(&tree),
        &expect![[r#"
        docs/page.md:2: the host mirror.example.net is none that files may name
    "#]],
    );
}

#[test]
fn a_snapshot_that_no_test_makes_is_found() {
    let source = "---\nsource: crates/cli/src/tests.rs\n---\n";
    let tree = tree(&[
        ("crates/cli/src/tests.rs", "fn help_is_short() {}\n"),
        ("crates/cli/src/snapshots/cli__tests__help_is_short.snap", source),
        ("crates/cli/src/snapshots/cli__tests__help_is_short-2.snap", source),
        ("crates/cli/src/snapshots/cli__tests__help_is_long.snap", source),
        ("crates/cli/src/snapshots/cli__other__help.snap", "---\nsource: gone.rs\n---\n"),
    ]);
    says(
        &snapshots::check(&tree),
        &expect![[r#"
        crates/cli/src/snapshots/cli__other__help.snap:1: no test refers to this snapshot
        crates/cli/src/snapshots/cli__tests__help_is_long.snap:1: no test refers to this snapshot
    "#]],
    );
}

#[test]
fn long_files_and_functions_are_noted() {
    let body = "    let a = 1;\n".repeat(59);
    let long =
        format!("impl A {{\n    pub(crate) fn long(\n        a: u8,\n    ) {{\n{body}    }}\n}}\n");
    let short = format!(
        "trait T {{\n    fn bodiless(&self);\n    fn one(&self) {{}}\n{body}{body}    }}\n"
    );
    let tree = tree(&[
        ("src/functions.rs", &long),
        ("src/short.rs", &short),
        ("src/file.rs", &"\n".repeat(601)),
    ]);
    expect![[r#"
        src/file.rs:1: 601 lines. Which two ideas does it hold?
        src/functions.rs:2: long has 63 lines. Which two ideas does it hold?"#]]
    .assert_eq(&sizes::notes(&tree).join("\n"));
}
