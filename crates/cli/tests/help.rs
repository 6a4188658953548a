//! The help of every command, as a user reads it.
#![expect(clippy::unwrap_used, reason = "a command without help has failed the test")]

use std::process::Command;

const COMMANDS: &[&[&str]] = &[
    &[],
    &["demo"],
    &["dev"],
    &["serve"],
    &["init"],
    &["job"],
    &["job", "list"],
    &["job", "show"],
    &["job", "launch"],
    &["run"],
    &["run", "list"],
    &["run", "show"],
    &["run", "logs"],
    &["run", "why"],
    &["run", "watch"],
    &["run", "cancel"],
    &["run", "delete"],
    &["queue"],
    &["pool"],
    &["pool", "list"],
    &["pool", "show"],
    &["instance"],
    &["instance", "concurrency"],
    &["instance", "concurrency", "get"],
    &["instance", "concurrency", "set"],
    &["instance", "concurrency", "delete"],
    &["asset"],
    &["asset", "list"],
    &["asset", "show"],
    &["asset", "materialize"],
    &["code-location"],
    &["code-location", "list"],
    &["code-location", "show"],
    &["code-location", "reload"],
    &["config"],
    &["config", "check"],
    &["config", "show"],
    &["config", "schema"],
    &["config", "docs"],
    &["scenario"],
    &["scenario", "run"],
];

fn help(command: &[&str]) -> String {
    let mut pointsman = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    let output = pointsman.args(command).arg("--help").output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_help_of_every_command_reads_well() {
    let page =
        |command: &&[&str]| format!("$ pointsman {} --help\n{}", command.join(" "), help(command));
    let pages: Vec<String> = COMMANDS.iter().map(page).collect();
    insta::assert_snapshot!(pages.join("\n"));
}

#[test]
fn every_command_has_an_example() {
    for command in COMMANDS {
        assert!(help(command).contains("Example"), "{command:?}");
    }
}
