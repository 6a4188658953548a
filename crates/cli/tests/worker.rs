//! The subcommands that the program starts itself with reach their rooms with their arguments whole.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn pointsman(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    command.args(args).current_dir(folder);
    command
}

#[test]
fn a_guard_runs_a_command_whose_arguments_look_like_ours() {
    let folder = tempfile::tempdir().unwrap();
    let cwd = folder.path().display().to_string();
    let args = [
        "step-guard",
        "--lock",
        "lock",
        "--out",
        "out",
        "--err",
        "err",
        "--max-output",
        "1000",
        "--max-answer",
        "1000",
        "--grace-seconds",
        "30",
        "--cwd",
        &cwd,
        "--",
        "/bin/echo",
        "--help",
        "--",
        "--lock",
        "step-guard",
    ];
    // The guard ends its command when its standard input ends, so it is kept open.
    let mut guard = pointsman(folder.path(), &args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let orders = guard.stdin.take();
    let status = guard.wait().unwrap();
    drop(orders);
    assert!(status.success(), "{status}");
    let written = std::fs::read_to_string(folder.path().join("out")).unwrap();
    assert_eq!(written, "--help -- --lock step-guard\n");
}

#[test]
fn a_guard_without_orders_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let output = pointsman(folder.path(), &["step-guard", "--help"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("step-guard: "));
}

#[test]
fn a_worker_whose_attempt_is_not_there_gives_up() {
    let home = tempfile::tempdir().unwrap();
    let work = |attempt: &str| -> Output {
        let run = "1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10";
        let args = ["worker", "--home", ".", "--run", run, "--attempt", attempt];
        pointsman(home.path(), &args).output().unwrap()
    };
    assert_eq!(work("1").status.code(), Some(1));
    assert_eq!(work("0").status.code(), Some(2));
}

#[test]
fn the_help_does_not_speak_of_them() {
    let output = pointsman(Path::new("."), &["--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(!help.contains("step-guard") && !help.contains("worker"), "{help}");
}
