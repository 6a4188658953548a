//! Children that are spoken to in lines: real ones, that answer, flood, hang and leave others behind.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use pointsman_process::dialogue::{Dialogue, HearError, Program};
use pointsman_process::environment::DEFAULT_PATH;
use pointsman_process::group::members;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// How long anything may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

fn program(command: &[&str], folder: &Path) -> Program {
    Program {
        command: command.iter().map(Into::into).collect(),
        folder: folder.to_owned(),
        environment: BTreeMap::from([("PATH".into(), DEFAULT_PATH.into())]),
    }
}

fn shell(text: &str) -> Dialogue {
    Dialogue::start(&program(&["sh", "-c", text], Path::new("/"))).unwrap().0
}

async fn heard(dialogue: &mut Dialogue) -> String {
    let line = timeout(PATIENCE, dialogue.hear(100)).await.unwrap().unwrap();
    String::from_utf8(line).unwrap()
}

#[tokio::test]
async fn lines_go_there_and_back() {
    let mut dialogue = shell("while read -r line; do echo \"<$line>\"; done; echo bye; exit 3");
    for line in ["one", "", "two 'and' \\ \"more\""] {
        dialogue.say(line).await.unwrap();
        assert_eq!(heard(&mut dialogue).await, format!("<{line}>"));
    }
    assert!(!dialogue.has_ended());
    let status = dialogue.end(PATIENCE).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[tokio::test]
async fn the_child_gets_the_environment_and_the_folder_that_it_is_given_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let asked = program(&["sh", "-c", "pwd; env | sort | tr '\\n' ' '; echo"], &path);
    let (mut dialogue, _stderr) = Dialogue::start(&asked).unwrap();
    assert_eq!(heard(&mut dialogue).await, path.display().to_string());
    let variables = heard(&mut dialogue).await;
    assert!(variables.contains(&format!("PATH={DEFAULT_PATH}")), "{variables}");
    assert!(!variables.contains("CARGO"), "{variables}");
}

#[tokio::test]
async fn a_line_that_is_too_long_is_not_taken() {
    let mut dialogue = shell("yes | tr -d '\\n'");
    let heard = timeout(PATIENCE, dialogue.hear(1000)).await.unwrap();
    assert!(matches!(heard, Err(HearError::TooLong(1000))), "{heard:?}");
    assert_eq!(dialogue.end(Duration::ZERO).await.unwrap(), None);
}

#[tokio::test]
async fn a_child_that_has_ended_is_told_from_one_that_was_killed() {
    let mut dialogue = shell("exit 7");
    let heard = timeout(PATIENCE, dialogue.hear(10)).await.unwrap();
    assert!(matches!(heard, Err(HearError::Ended)), "{heard:?}");
    assert_eq!(dialogue.end(PATIENCE).await.unwrap().unwrap().code(), Some(7));

    let hanging = shell("trap '' TERM; exec sleep 1000");
    assert_eq!(timeout(PATIENCE, hanging.end(Duration::ZERO)).await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn nothing_that_a_child_has_started_in_its_group_outlives_it() {
    let mut ended = shell("sleep 1000 & echo ready; exec cat");
    assert_eq!(heard(&mut ended).await, "ready");
    let group = ended.group().unwrap();
    assert_eq!(members(group).unwrap().len(), 2);
    ended.end(PATIENCE).await.unwrap();
    wait_until_empty(group).await;

    let mut dropped = shell("sleep 1000 & echo ready; exec sleep 1000");
    assert_eq!(heard(&mut dropped).await, "ready");
    let group = dropped.group().unwrap();
    drop(dropped);
    wait_until_empty(group).await;
}

/// Waits until the processes of a group have ended, which they do when they were killed.
async fn wait_until_empty(group: u32) {
    let look = async {
        while !members(group).unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, look).await.unwrap();
}

#[tokio::test]
async fn what_is_written_to_standard_error_is_handed_on() {
    let asked = program(&["sh", "-c", "echo trouble >&2"], Path::new("/"));
    let (_dialogue, mut stderr) = Dialogue::start(&asked).unwrap();
    let mut text = String::new();
    timeout(PATIENCE, stderr.read_to_string(&mut text)).await.unwrap().unwrap();
    assert_eq!(text, "trouble\n");
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("hook");
    std::fs::write(&script, "#!/bin/sh\n").unwrap();
    let why = |command: &[&str], folder: &Path| {
        Dialogue::start(&program(command, folder)).unwrap_err().to_string()
    };
    let unknown = why(&["no-such-program"], folder.path());
    assert!(unknown.contains("no folder of PATH has a program of this name"), "{unknown}");
    let plain = why(&["./hook"], folder.path());
    assert!(plain.contains("chmod +x"), "{plain}");
    let elsewhere = why(&["true"], &folder.path().join("gone"));
    assert!(elsewhere.contains("missing or not a folder"), "{elsewhere}");
    assert_eq!(why(&[], folder.path()), "failed to start it: its command is empty");
}
