//! `pointsman scenario run` as a user meets it: the real binary, real files.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its files has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use expect_test::{Expect, expect};

fn scenario_run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    command.args(["scenario", "run"]).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Writes a scenario file into a folder of its own, so that its name can stand in an expectation.
struct File {
    folder: PathBuf,
}

impl File {
    fn new(test: &str, content: impl AsRef<[u8]>) -> Self {
        let folder = std::env::temp_dir().join(format!("pointsman-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("some.yaml"), content).unwrap();
        Self { folder }
    }

    fn run(&self, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        let args = ["scenario", "run", "some.yaml"];
        command.args(args).args(more).current_dir(&self.folder).output().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn every_scenario_of_the_project_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|path| Path::new(path).extension().is_some_and(|kind| kind == "yaml"))
        .collect();
    files.sort();
    let output = scenario_run(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}{}", text(&output.stderr));
    let played = out.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(out.lines().last(), Some(&*format!("{played} passed, 0 failed")));
    assert!(files.len() >= 2 && played >= 80, "{played} scenarios in {files:?}");
}

const WALK_THROUGH: &str = "
- id: walk
  kind: queue
  concurrency: {runs: {tag_concurrency_limits: [{key: team, limit: 1}]}}
  steps:
    - add: [{id: A, tags: {team: docs}}, {id: B, tags: {team: docs}}, {id: C}]
    - tick: {launches: [A, C]}
    - set_status: {A: SUCCESS}
    - tick: {launches: [B], at: 5}
";

#[test]
fn the_reasons_of_those_that_wait_are_told_on_request() {
    let output = File::new("explain", WALK_THROUGH).run(&["--explain"]);
    expect![[r#"
        ok walk
          at 0s launched A, C
            B waits
              tag team: 1 of 1 in progress, held by A. Way out: raise the limit of tag team to 2.
          at 5s launched B
        1 passed, 0 failed
    "#]]
    .assert_eq(&text(&output.stdout));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_outcome_is_one_json_document_on_request() {
    let output = File::new("json", WALK_THROUGH).run(&["--json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["passed"], &document["failed"]), (&1.into(), &0.into()));
    let tick = &document["scenarios"][0]["ticks"][0];
    assert_eq!(tick["launched"], serde_json::json!(["A", "C"]));
    assert_eq!(tick["waiting"][0]["run"], "B");
    assert_eq!(tick["waiting"][0]["reasons"][0]["limit"], "tag team");
}

#[test]
fn a_scenario_that_fails_says_what_was_expected_and_exits_1() {
    let wrong = WALK_THROUGH.replace("[A, C]", "[A, B, C]");
    let output = File::new("fails", wrong).run(&[]);
    expect![[r#"
        FAIL walk: expected launches ["A", "B", "C"], got ["A", "C"]
        0 passed, 1 failed
    "#]]
    .assert_eq(&text(&output.stdout));
    assert_eq!(output.status.code(), Some(1));
}

/// Whatever is malformed: nothing is played, the exit code is 2, the error says what and where.
fn check_malformed(test: &str, content: impl AsRef<[u8]>, expected: &Expect) {
    let output = File::new(test, content).run(&[]);
    expected.assert_eq(&text(&output.stderr));
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""));
}

#[test]
fn an_unknown_key_is_malformed() {
    check_malformed(
        "key",
        "- {id: x, kind: queue, stepz: [], steps: []}\n",
        &expect![[r#"
            some.yaml:1:24: a scenario of kind queue has no key `stepz`
             1 | - {id: x, kind: queue, stepz: [], steps: []}
               |                        ^^^^^
               = hint: did you mean `steps`?
        "#]],
    );
}

#[test]
fn an_unknown_step_is_malformed() {
    check_malformed(
        "step",
        "- {id: x, kind: pool, steps: [{clam: [p, r, s, 0, claimed]}, {tick: {launches: []}}]}\n",
        &expect![[r#"
            some.yaml:1:32: a step has no key `clam`
             1 | - {id: x, kind: pool, steps: [{clam: [p, r, s, 0, claimed]}, {tick: {launches: []}}]}
               |                                ^^^^
               = hint: did you mean `claim`?

            some.yaml:1:63: a step has no key `tick`
             1 | - {id: x, kind: pool, steps: [{clam: [p, r, s, 0, claimed]}, {tick: {launches: []}}]}
               |                                                               ^^^^
               = hint: known keys: set, at, blocked_step, claim, delete, free, free_run, info, keys, set_error
        "#]],
    );
}

#[test]
fn an_unknown_kind_is_malformed() {
    check_malformed(
        "kind",
        "- {id: x, kind: race, steps: []}\n",
        &expect![[r#"
        some.yaml:1:17: there is no kind of scenario `race`
         1 | - {id: x, kind: race, steps: []}
           |                 ^^^^
           = hint: known kinds: queue, pool, config
    "#]],
    );
}

#[test]
fn an_unknown_or_repeated_run_is_malformed() {
    check_malformed(
        "run",
        "\
- id: x
  kind: queue
  steps:
    - add: [{id: a}, {id: a}]
    - tick: {launches: [b]}
    - status: {c: QUEUED, a: RUNNING}
    - set_status: {a: DONE}
",
        &expect![[r#"
            some.yaml:4:27: there is a run `a` already
             4 |     - add: [{id: a}, {id: a}]
               |                           ^

            some.yaml:5:25: no run `b` was added before
             5 |     - tick: {launches: [b]}
               |                         ^

            some.yaml:6:16: no run `c` was added before
             6 |     - status: {c: QUEUED, a: RUNNING}
               |                ^

            some.yaml:6:30: there is no status `RUNNING`
             6 |     - status: {c: QUEUED, a: RUNNING}
               |                              ^^^^^^^
               = hint: known statuses: NOT_STARTED, QUEUED, STARTING, STARTED, CANCELING, SUCCESS, FAILURE, CANCELED, MANAGED, SUSPENDED

            some.yaml:7:23: there is no status `DONE`
             7 |     - set_status: {a: DONE}
               |                       ^^^^
               = hint: known statuses: NOT_STARTED, QUEUED, STARTING, STARTED, CANCELING, SUCCESS, FAILURE, CANCELED, MANAGED, SUSPENDED
        "#]],
    );
}

#[test]
fn a_repeated_scenario_is_malformed() {
    check_malformed(
        "twice",
        "- {id: x, kind: queue, steps: []}\n- {id: x, kind: queue, steps: []}\n",
        &expect![[r#"
            some.yaml:2:8: there is a scenario `x` already
             2 | - {id: x, kind: queue, steps: []}
               |        ^
        "#]],
    );
}

#[test]
fn a_configuration_that_is_wrong_is_malformed() {
    check_malformed(
        "config",
        "- {id: x, kind: queue, config: {max_concurrent_runs: -2}, steps: []}\n",
        &expect![[r#"
            some.yaml:1:54: `run_queue.max_concurrent_runs` cannot be -2
             1 | - {id: x, kind: queue, config: {max_concurrent_runs: -2}, steps: []}
               |                                                      ^^
               = hint: it must be -1 for no limit, or between 0 (nothing starts) and 2147483647
        "#]],
    );
}

#[test]
fn what_is_missing_or_of_another_form_is_malformed() {
    check_malformed(
        "form",
        "\
- {kind: queue, steps: []}
- {id: a}
- {id: b, kind: queue}
- {id: c, kind: queue, steps: [{tick: {}}, {add: {id: a}}, {add: [{}], tick: {launches: []}}]}
- {id: d, kind: pool, steps: [{claim: [p, r, s, 0]}, {set: [p, many]}, {info: [p, {slots: -1}]}]}
- {id: e, kind: config, expect: maybe}
- {id: f, kind: queue, steps: [{add: [{id: r, roots: [{p: 0}], launch_error: boom}]}]}
- text
",
        &expect![[r#"
            some.yaml:1:3: a scenario has no `id`
             1 | - {kind: queue, steps: []}
               |   ^^^^^^^^^^^^^^^^^^^^^^^^

            some.yaml:2:3: a scenario has no `kind`
             2 | - {id: a}
               |   ^^^^^^^

            some.yaml:3:3: a scenario has no `steps`
             3 | - {id: b, kind: queue}
               |   ^^^^^^^^^^^^^^^^^^^^

            some.yaml:4:39: `tick` has no `launches`
             4 | - {id: c, kind: queue, steps: [{tick: {}}, {add: {id: a}}, {add: [{}], tick: {launches: []}}]}
               |                                       ^^

            some.yaml:4:50: `add` must be a list; found a map
             4 | - {id: c, kind: queue, steps: [{tick: {}}, {add: {id: a}}, {add: [{}], tick: {launches: []}}]}
               |                                                  ^^^^^^^
               = hint: begin each item with `- `

            some.yaml:4:60: a step must be a map with one key, its name
             4 | - {id: c, kind: queue, steps: [{tick: {}}, {add: {id: a}}, {add: [{}], tick: {launches: []}}]}
               |                                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            some.yaml:5:39: this must be [pool or {pool: slots, ...}, run, step, priority, claimed or blocked]
             5 | - {id: d, kind: pool, steps: [{claim: [p, r, s, 0]}, {set: [p, many]}, {info: [p, {slots: -1}]}]}
               |                                       ^^^^^^^^^^^^

            some.yaml:5:64: a limit must be a whole number; found text
             5 | - {id: d, kind: pool, steps: [{claim: [p, r, s, 0]}, {set: [p, many]}, {info: [p, {slots: -1}]}]}
               |                                                                ^^^^
               = hint: write it in digits

            some.yaml:5:91: slots cannot be negative
             5 | - {id: d, kind: pool, steps: [{claim: [p, r, s, 0]}, {set: [p, many]}, {info: [p, {slots: -1}]}]}
               |                                                                                           ^^

            some.yaml:6:3: a scenario of kind config has no `yaml`
             6 | - {id: e, kind: config, expect: maybe}
               |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            some.yaml:7:55: a step cannot want 0 slots of pool p
             7 | - {id: f, kind: queue, steps: [{add: [{id: r, roots: [{p: 0}], launch_error: boom}]}]}
               |                                                       ^^^^^^

            some.yaml:8:3: a scenario must be a map; found text
             8 | - text
               |   ^^^^
               = hint: write its keys with their values, as in `key: value`
        "#]],
    );
}

#[test]
fn what_is_not_yaml_is_malformed() {
    check_malformed(
        "yaml",
        "- {id: x, kind: queue\n",
        &expect![[r#"
            some.yaml:1:3: the `{` that opens here is never closed
             1 | - {id: x, kind: queue
               |   ^
               = hint: close it where it ends
        "#]],
    );
    check_malformed(
        "bytes",
        b"- \xff\xfe\n",
        &expect![[r#"
        some.yaml:1:3: the byte 0xff is not UTF-8
         1 | - �
           |   ^
           = hint: save the file as UTF-8
    "#]],
    );
    check_malformed(
        "map",
        "id: x\n",
        &expect![[r#"
        some.yaml:1:1: a scenario file must be a list; found a map
         1 | id: x
           | ^^^^^
           = hint: begin each item with `- `
    "#]],
    );
}

#[test]
fn one_malformed_file_keeps_the_others_from_being_played() {
    let good = File::new("good", WALK_THROUGH);
    let bad = File::new("bad", "- {id: walk, kind: queue, steps: []}\n");
    let more = bad.folder.join("some.yaml").display().to_string();
    let output = good.run(&[&more]);
    assert!(text(&output.stderr).contains("there is a scenario `walk` already"));
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""));
}

#[test]
fn a_file_that_does_not_exist_is_named() {
    let output = scenario_run(&["no-such-file.yaml"]);
    assert!(text(&output.stderr).contains("cannot read no-such-file.yaml"));
    assert_eq!(output.status.code(), Some(2));
}
