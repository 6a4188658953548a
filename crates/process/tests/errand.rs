//! Errands over real processes: what they answer, and how they end.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare what it needs has failed")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use pointsman_process::errand::{Answered, Errand, run};
use pointsman_process::spawn::StepEnd;

/// A shell that answers with `say`.
const SAY: &str = r#"while [ "$1" != --answer-fd ]; do shift; done; fd=$2
say() { printf '%s\n' "$1" > "/dev/fd/$fd"; }
"#;

fn errand(folder: &Path, script: &str, deadline: Duration) -> Errand {
    let script = format!("{SAY}{script}");
    Errand {
        binary: env!("CARGO_BIN_EXE_guard-under-test").into(),
        folder: folder.join("errand"),
        command: ["/bin/sh", "-c", &script, "sh"].map(OsString::from).to_vec(),
        cwd: folder.to_owned(),
        environment: BTreeMap::from([("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())]),
        input: b"a question\n".to_vec(),
        deadline,
        max_answer: 100,
        wanted: None,
    }
}

fn sent(script: &str) -> Answered {
    let folder = tempfile::tempdir().unwrap();
    let answered = run(&errand(folder.path(), script, Duration::from_mins(5))).unwrap();
    assert!(!folder.path().join("errand").exists(), "the folder of the errand is left");
    answered
}

#[test]
fn what_a_command_prints_is_told_apart_from_what_it_answers() {
    let answered = sent("read line; echo printed; echo oops >&2; say \"to $line\"; exit 3");
    assert_eq!(
        answered,
        Answered {
            end: Some(StepEnd::Exited(3)),
            answer: b"to a question\n".to_vec(),
            is_cut: false,
            out: "printed\n".to_owned(),
            err: "oops\n".to_owned(),
        }
    );
}

#[test]
fn an_answer_without_end_is_cut() {
    let answered = sent("say \"$(head -c 100000 /dev/zero | tr '\\0' x)\"");
    assert!(answered.is_cut);
    assert!(answered.answer.len() < 200, "{} bytes were kept", answered.answer.len());
}

#[test]
fn a_command_that_is_late_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; sleep 1000 & echo $! > sleeper; say half; while :; do wait; done";
    let answered = run(&errand(folder.path(), script, Duration::from_secs(1))).unwrap();
    assert_eq!(answered.end, None);
    // On a machine that is very busy it was ended before it could start anything.
    if let Ok(sleeper) = fs::read_to_string(folder.path().join("sleeper")) {
        assert!(!Path::new(&format!("/proc/{}", sleeper.trim())).exists(), "it sleeps on");
    }
}

#[test]
fn a_command_that_does_not_exist_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut errand = errand(folder.path(), "", Duration::from_mins(5));
    errand.command = vec!["/no/such/python".into()];
    let answered = run(&errand).unwrap();
    let Some(StepEnd::NotStarted(why)) = answered.end else { panic!("{answered:?}") };
    assert!(why.contains("/no/such/python"), "{why}");
}
