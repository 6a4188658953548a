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
    &["run", "events"],
    &["run", "watch"],
    &["run", "set-priority"],
    &["run", "set-tags"],
    &["run", "hold"],
    &["run", "release"],
    &["run", "cancel"],
    &["run", "delete"],
    &["queue"],
    &["top"],
    &["pool"],
    &["pool", "list"],
    &["pool", "show"],
    &["instance"],
    &["instance", "show"],
    &["instance", "concurrency"],
    &["instance", "concurrency", "get"],
    &["instance", "concurrency", "set"],
    &["instance", "concurrency", "delete"],
    &["instance", "concurrency", "free"],
    &["asset"],
    &["asset", "list"],
    &["asset", "show"],
    &["asset", "materialize"],
    &["partition"],
    &["partition", "list"],
    &["partition", "add"],
    &["partition", "remove"],
    &["code-location"],
    &["code-location", "list"],
    &["code-location", "show"],
    &["code-location", "reload"],
    &["api"],
    &["api", "spec"],
    &["config"],
    &["config", "check"],
    &["config", "show"],
    &["config", "reload"],
    &["config", "schema"],
    &["config", "docs"],
    &["scenario"],
    &["scenario", "run"],
    &["doctor"],
    &["completions"],
    &["man"],
    &["help"],
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

fn ok(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pointsman")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_command_has_a_snapshot_of_its_help() {
    let visible = |page: &str| -> Vec<String> {
        let lines = page.lines().skip_while(|line| *line != "Commands:").skip(1);
        let named = lines.take_while(|line| line.starts_with("  "));
        named.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
    };
    for command in COMMANDS {
        for name in visible(&help(command)) {
            let inner = [*command, &[name.as_str()]].concat();
            let is_generated = name == "help" && !command.is_empty();
            assert!(is_generated || COMMANDS.contains(&inner.as_slice()), "{inner:?}");
        }
    }
}

#[test]
fn every_topic_that_is_listed_fits_a_screen() {
    let listed = ok(&["help", "help"]);
    let topics = listed.lines().skip_while(|line| *line != "Topics:").skip(1);
    let topics: Vec<&str> = topics
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert!(topics.contains(&"limits"), "{topics:?}");
    assert!(ok(&["help"]).contains("Which limit do I need?"));
    for topic in topics {
        let page = ok(&["help", topic]);
        let width = page.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(page.lines().count() <= 50 && width <= 110, "{topic}: {width} wide");
    }
}

/// Every command that a topic or a help page shows must be one that is understood.
#[test]
fn the_commands_that_topics_show_exist() {
    let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    for topic in ["limits", "priority", "waiting", "exit-codes"] {
        for line in ok(&["help", topic]).lines() {
            let Some((_, rest)) = line.split_once("pointsman ") else { continue };
            let words: Vec<&str> = rest.split_whitespace().take_while(is_word).collect();
            let is_known = |count: &usize| COMMANDS.contains(&words.get(..*count).unwrap());
            assert!((1..=words.len()).rev().any(|count| is_known(&count)), "{topic}: {line}");
        }
    }
}

#[test]
fn help_is_found_by_words_and_a_wrong_word_is_told_with_those_that_are_known() {
    assert_eq!(ok(&["help", "run", "list"]), help(&["run", "list"]));
    let output =
        Command::new(env!("CARGO_BIN_EXE_pointsman")).args(["help", "run", "lst"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("error: there is no command or topic `lst`\nhint: known: list, show"));
}

#[test]
fn a_shell_is_taught_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ok(&["completions", shell]);
        assert!(script.contains("set-priority") && script.contains("in-progress"), "{shell}");
    }
    let script = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(script.path(), ok(&["completions", "bash"])).unwrap();
    let ask = format!(
        ". {}; COMP_WORDS=(pointsman run li); COMP_CWORD=2; \
         _pointsman pointsman li run; echo \"${{COMPREPLY[*]}}\"",
        script.path().display()
    );
    let output = Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "list");
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("man1");
    ok(&["man", "--dir", dir.to_str().unwrap()]);
    for command in COMMANDS {
        let name = [&["pointsman"], *command].concat().join("-");
        let page = std::fs::read_to_string(dir.join(format!("{name}.1"))).unwrap();
        assert!(page.contains("Example"), "{name}");
    }
    assert!(ok(&["man"]).contains(".SH SUBCOMMANDS"));
}

/// Returns the parts of a page that are configuration, each as a file of its own.
fn configurations(page: &str) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found: Vec<String> = Vec::new();
    let mut depth = None;
    for line in page.lines() {
        if line.trim() == "concurrency:" {
            depth = Some(indent(line));
            found.push(String::new());
        } else if depth.is_some_and(|depth| indent(line) <= depth) {
            depth = None;
        }
        if let (Some(depth), Some(file)) = (depth, found.last_mut()) {
            *file += &format!("{}\n", &line[depth..]);
        }
    }
    found
}

#[test]
fn the_configuration_that_a_topic_shows_can_be_used() {
    let found = configurations(&ok(&["help", "limits"]));
    assert_eq!(found.len(), 2, "{found:?}");
    for text in found {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &text).unwrap();
        ok(&["config", "check", file.path().to_str().unwrap()]);
    }
}
