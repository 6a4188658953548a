//! `pointsman config` as it is called: answers, exit codes, where the file is found.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use expect_test::expect;

const GOOD: &str = "concurrency: {runs: {max_concurrent_runs: 15}}\nstorage: {}\n";
const BAD: &str = "run_queue: {max_concurrent_runs: '3'}\n";

/// Makes an empty directory for one test.
fn home(test: &str) -> PathBuf {
    let home = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    drop(fs::remove_dir_all(&home));
    fs::create_dir_all(&home).unwrap();
    home
}

/// Calls `pointsman config` in a directory, with no home set.
fn pointsman(directory: &PathBuf, args: &[&str], homes: &[(&str, &str)]) -> Output {
    command(directory, args, homes).output().unwrap()
}

fn command(directory: &PathBuf, args: &[&str], homes: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    command
        .arg("config")
        .args(args)
        .current_dir(directory)
        .env_remove("POINTSMAN_HOME")
        .env_remove("DAGSTER_HOME")
        .env("HOME", directory.join("user"))
        .envs(homes.iter().copied());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_check_says_ok_or_what_is_wrong() {
    let home = home("check");
    fs::write(home.join("good.yaml"), GOOD).unwrap();
    fs::write(home.join("bad.yaml"), BAD).unwrap();
    let good = pointsman(&home, &["check", "good.yaml"], &[]);
    assert_eq!(good.status.code(), Some(0));
    expect![[r#"
        warning: good.yaml:2:1: not used: storage
         2 | storage: {}
           | ^^^^^^^
           = hint: these blocks set up parts of Dagster that Pointsman does not have

        good.yaml: ok
    "#]]
    .assert_eq(&text(&good.stdout));
    let bad = pointsman(&home, &["check", "bad.yaml"], &[]);
    assert_eq!(bad.status.code(), Some(1));
    expect![[r#"
        bad.yaml:1:34: `run_queue.max_concurrent_runs` must be a whole number; found text
         1 | run_queue: {max_concurrent_runs: '3'}
           |                                  ^^^
           = hint: remove the quotes: 3

        bad.yaml: 1 problem
    "#]]
    .assert_eq(&text(&bad.stdout));
}

#[test]
fn a_check_answers_in_json() {
    let home = home("check_json");
    fs::write(home.join("bad.yaml"), BAD).unwrap();
    let bad = pointsman(&home, &["check", "bad.yaml", "--json"], &[]);
    assert_eq!(bad.status.code(), Some(1));
    expect![[r#"
        {
          "file": "bad.yaml",
          "ok": false,
          "omitted_problems": 0,
          "problems": [
            {
              "code": "wrong_type",
              "column": 34,
              "hint": "remove the quotes: 3",
              "line": 1,
              "message": "`run_queue.max_concurrent_runs` must be a whole number; found text",
              "text": "run_queue: {max_concurrent_runs: '3'}",
              "width": 3
            }
          ],
          "warnings": []
        }
    "#]]
    .assert_eq(&text(&bad.stdout));
    let page = text(&pointsman(&home, &["docs"], &[]).stdout);
    let shape = text(&bad.stdout).replace("bad.yaml", "dagster.yaml");
    assert!(page.contains(&format!("```json\n{shape}```")), "the reference shows this answer");
}

#[test]
fn what_cannot_be_read_exits_with_2() {
    let home = home("unreadable");
    for args in [&["check", "missing.yaml"][..], &["check", "."], &["check"], &["chek"]] {
        let output = pointsman(&home, args, &[]);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&output.stdout), "", "{args:?}");
        assert_ne!(text(&output.stderr), "", "{args:?}");
    }
}

#[test]
fn warnings_are_told_beside_problems() {
    let home = home("warnings");
    fs::write(home.join("bad.yaml"), format!("{BAD}storage: {{}}\n")).unwrap();
    let checked = text(&pointsman(&home, &["check", "bad.yaml"], &[]).stdout);
    expect![[r#"
        warning: bad.yaml:2:1: not used: storage
         2 | storage: {}
           | ^^^^^^^
           = hint: these blocks set up parts of Dagster that Pointsman does not have

        bad.yaml:1:34: `run_queue.max_concurrent_runs` must be a whole number; found text
         1 | run_queue: {max_concurrent_runs: '3'}
           |                                  ^^^
           = hint: remove the quotes: 3

        bad.yaml: 1 problem
    "#]]
    .assert_eq(&checked);
    let shown = text(&pointsman(&home, &["show", "bad.yaml"], &[]).stderr);
    assert!(checked.starts_with(&shown) && !shown.is_empty(), "{shown}");
    let json = pointsman(&home, &["check", "bad.yaml", "--json"], &[]);
    let answer: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(answer["warnings"][0]["message"], "not used: storage");
    assert_eq!(answer["problems"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_file_can_come_from_standard_input() {
    let home = home("stdin");
    fs::write(home.join("bad.yaml"), BAD).unwrap();
    for args in [&["check", "-"][..], &["check", "--config", "-"]] {
        let output = command(&home, args, &[])
            .stdin(fs::File::open(home.join("bad.yaml")).unwrap())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let told = text(&output.stdout);
        assert!(told.starts_with("<stdin>:1:34: "), "{told}");
        assert!(told.ends_with("\n<stdin>: 1 problem\n"), "{told}");
    }
    let directory =
        command(&home, &["show", "-"], &[]).stdin(fs::File::open(&home).unwrap()).output().unwrap();
    assert_eq!(directory.status.code(), Some(2));
    assert!(text(&directory.stderr).starts_with("error: cannot read <stdin>: "));
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_exits_with_2() {
    let home = home("full");
    fs::write(home.join("good.yaml"), GOOD).unwrap();
    for args in [&["check", "good.yaml"][..], &["show", "good.yaml"], &["schema"]] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output =
            command(&home, args, &[]).env("RUST_BACKTRACE", "1").stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let told = text(&output.stderr);
        let last = told.lines().last().unwrap_or("");
        assert!(last.starts_with("error: cannot write the answer: "), "{told}");
    }
}

#[test]
fn json_is_answered_whatever_the_exit_code() {
    let home = home("json_always");
    fs::write(home.join("bad.yaml"), BAD).unwrap();
    for command in ["check", "show"] {
        let missing = pointsman(&home, &[command, "missing.yaml", "--json"], &[]);
        assert_eq!(missing.status.code(), Some(2));
        let answer: serde_json::Value = serde_json::from_slice(&missing.stdout).unwrap();
        assert_eq!(answer["ok"], false);
        let error = answer["error"].as_str().unwrap();
        assert!(error.starts_with("cannot read missing.yaml: "), "{error}");
        assert_eq!(text(&missing.stderr), format!("error: {error}\n"));

        let bad = pointsman(&home, &[command, "bad.yaml", "--json"], &[]);
        assert_eq!(bad.status.code(), Some(1));
        let answer: serde_json::Value = serde_json::from_slice(&bad.stdout).unwrap();
        assert_eq!(answer["ok"], false);
        assert_eq!(answer["problems"][0]["line"], 1);
    }
    let nothing = pointsman(&home, &["check", "--json"], &[("DAGSTER_HOME", "missing")]);
    assert_eq!(nothing.status.code(), Some(2));
    expect![[r#"
        {
          "error": "DAGSTER_HOME is set to missing, which is no directory",
          "ok": false
        }
    "#]]
    .assert_eq(&text(&nothing.stdout));
}

/// Returns the line of `config show` about the number of runs.
fn shown(output: &Output) -> String {
    let shown = text(&output.stdout);
    let line = shown.lines().find(|line| line.starts_with("concurrency.runs.max_concurrent_runs "));
    let words: Vec<&str> = line.unwrap_or("").split_whitespace().skip(1).collect();
    words.join(" ")
}

#[test]
fn the_file_is_found_by_flag_then_by_our_home_then_by_dagsters() {
    let home = home("found");
    fs::create_dir_all(home.join("ours")).unwrap();
    fs::create_dir_all(home.join("theirs")).unwrap();
    fs::write(home.join("ours/pointsman.yaml"), GOOD).unwrap();
    let theirs = "run_queue: {max_concurrent_runs: {env: MAX_RUNS}}\n";
    fs::write(home.join("theirs/dagster.yaml"), theirs).unwrap();
    let (ours, theirs) = (("POINTSMAN_HOME", "ours"), ("DAGSTER_HOME", "theirs"));
    let max = ("MAX_RUNS", "4");

    let nowhere = pointsman(&home, &["show"], &[]);
    assert_eq!(shown(&nowhere), "10 default");
    let by_theirs = pointsman(&home, &["show"], &[theirs, max]);
    assert_eq!(
        shown(&by_theirs),
        "4 environment variable MAX_RUNS, named in theirs/dagster.yaml:1:34 \
         (run_queue.max_concurrent_runs)"
    );
    let by_ours = pointsman(&home, &["show"], &[ours, theirs]);
    assert_eq!(shown(&by_ours), "15 ours/pointsman.yaml:1:43");
    let flag = ["show", "--config", "theirs/dagster.yaml"];
    let by_flag = pointsman(&home, &flag, &[ours, max]);
    assert!(shown(&by_flag).starts_with("4 environment"));
    let unset = pointsman(&home, &flag, &[ours]);
    assert_eq!(unset.status.code(), Some(1));
    assert!(text(&unset.stderr).contains("`MAX_RUNS` is not set"));

    let by_name = pointsman(&home, &["show", "theirs/dagster.yaml"], &[ours, max]);
    assert_eq!(by_name.stdout, by_flag.stdout);
    let checked = pointsman(&home, &["check", "theirs/dagster.yaml"], &[ours, max]);
    assert_eq!(text(&checked.stdout), "theirs/dagster.yaml: ok\n");
    let by_flag = pointsman(&home, &["check", "--config", "theirs/dagster.yaml"], &[ours, max]);
    assert_eq!(by_flag.stdout, checked.stdout);
    let by_both = ["check", "theirs/dagster.yaml", "--config", "theirs/dagster.yaml"];
    assert_eq!(pointsman(&home, &by_both, &[max]).status.code(), Some(2));

    fs::write(home.join("ours/dagster.yaml"), GOOD).unwrap();
    let both = pointsman(&home, &["show"], &[ours]);
    assert_eq!(both.status.code(), Some(2));
    assert_eq!(
        text(&both.stderr),
        "error: there are both ours/pointsman.yaml and ours/dagster.yaml: remove one, or name the \
         one that is meant\n"
    );
}

/// Returns what `config show` says of a home that it cannot use; it must not show defaults.
#[test]
fn without_a_variable_the_file_is_found_where_a_daemon_has_its_home() {
    let home = home("usual");
    let usual = home.join("user/.pointsman");
    fs::create_dir_all(&usual).unwrap();
    fs::create_dir_all(home.join("theirs")).unwrap();
    fs::create_dir_all(home.join("ours")).unwrap();
    fs::write(home.join("theirs/dagster.yaml"), GOOD.replace("15", "16")).unwrap();
    let theirs = ("DAGSTER_HOME", "theirs");
    let limit = |homes: &[(&str, &str)]| -> u64 {
        let shown = pointsman(&home, &["show", "--json"], homes);
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        shown["settings"][0]["value"].as_u64().unwrap()
    };
    // A home without a file says nothing.
    assert_eq!(limit(&[theirs]), 16);
    fs::write(usual.join("pointsman.yaml"), GOOD).unwrap();
    assert_eq!(limit(&[theirs]), 15);
    assert_eq!(limit(&[]), 15);
    assert_eq!(limit(&[("POINTSMAN_HOME", "ours")]), 10, "another home is named");
}

fn refused(directory: &PathBuf, homes: &[(&str, &str)]) -> String {
    let output = pointsman(directory, &["show"], homes);
    assert_eq!(output.status.code(), Some(2), "{homes:?}");
    assert_eq!(text(&output.stdout), "", "{homes:?}");
    text(&output.stderr)
}

#[test]
fn a_home_that_is_no_directory_is_an_error() {
    let home = home("no_directory");
    fs::write(home.join("file"), GOOD).unwrap();
    for variable in ["POINTSMAN_HOME", "DAGSTER_HOME"] {
        for path in ["missing", "file"] {
            assert_eq!(
                refused(&home, &[(variable, path)]),
                format!("error: {variable} is set to {path}, which is no directory\n")
            );
        }
    }
    let empty = pointsman(&home, &["show"], &[("POINTSMAN_HOME", ""), ("DAGSTER_HOME", ".")]);
    assert_eq!(shown(&empty), "10 default");
}

#[cfg(unix)]
#[test]
fn a_link_to_no_file_is_an_error() {
    let home = home("dangling");
    std::os::unix::fs::symlink("gone.yaml", home.join("dagster.yaml")).unwrap();
    for variable in ["POINTSMAN_HOME", "DAGSTER_HOME"] {
        assert_eq!(
            refused(&home, &[(variable, ".")]),
            "error: ./dagster.yaml is a link to a file that does not exist\n"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_home_that_cannot_be_looked_at_is_an_error() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let home = home("hidden");
    symlink("pointsman.yaml", home.join("pointsman.yaml")).unwrap();
    let looping = refused(&home, &[("POINTSMAN_HOME", ".")]);
    assert!(looping.starts_with("error: cannot look at ./pointsman.yaml: "), "{looping}");
    let long = "x".repeat(5000);
    let unusable = refused(&home, &[("DAGSTER_HOME", &long)]);
    assert!(unusable.starts_with("error: cannot look at xxx"), "{unusable}");

    let closed = home.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::write(closed.join("dagster.yaml"), GOOD).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let is_bound_by_permissions = fs::read_dir(&closed).is_err();
    let told = is_bound_by_permissions.then(|| refused(&home, &[("DAGSTER_HOME", "closed")]));
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    if let Some(told) = told {
        assert!(told.starts_with("error: cannot look at closed/dagster.yaml: "), "{told}");
    }
}

#[test]
fn settings_are_shown_in_json_with_their_origin() {
    let home = home("show_json");
    fs::write(home.join("good.yaml"), GOOD).unwrap();
    let output = pointsman(&home, &["show", "--config", "good.yaml", "--json"], &[]);
    assert_eq!(output.status.code(), Some(0));
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["file"], "good.yaml");
    let first = &shown["settings"][0];
    assert_eq!(first["key"], "concurrency.runs.max_concurrent_runs");
    assert_eq!(first["value"], 15);
    assert_eq!(first["origin"]["kind"], "file");
    assert_eq!(first["origin"]["line"], 1);
    assert_eq!(first["origin"]["column"], 43);
    assert_eq!(shown["settings"][1]["origin"]["kind"], "default");
}

#[test]
fn every_command_has_an_example() {
    let home = home("help");
    for command in ["check", "show", "schema", "docs"] {
        let help = pointsman(&home, &[command, "--help"], &[]);
        assert!(text(&help.stdout).contains("Example:"), "{command}");
    }
    let schema = pointsman(&home, &["schema"], &[]);
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert!(schema["properties"]["run_queue"].is_object());
    let docs = text(&pointsman(&home, &["docs"], &[]).stdout);
    assert!(docs.starts_with("# Configuration\n"));
}
