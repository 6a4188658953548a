//! The first act of a worker, in a real process.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot prepare or ask what it needs has failed"
)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pointsman_process::lock;

fn worker(lock: &Path, said: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_guard-under-test"))
        .arg("detach")
        .args([lock, said])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn word(said: &Path) -> String {
    let is_there = async {
        loop {
            match std::fs::read_to_string(said) {
                Ok(word) if !word.is_empty() => break word,
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), is_there).await.unwrap()
}

#[tokio::test]
async fn a_worker_leads_its_session_and_is_the_only_one_with_its_lock() {
    let folder = tempfile::tempdir().unwrap();
    let [lock, first_said, second_said] =
        ["worker.lock", "first", "second"].map(|name| folder.path().join(name));

    let mut first = worker(&lock, &first_said);
    assert_eq!(word(&first_said).await, "held");
    let holder = lock::read_holder(&lock).unwrap().unwrap();
    assert_eq!((holder.identity.pid, holder.session), (first.id(), first.id()));

    let mut second = worker(&lock, &second_said);
    assert_eq!(word(&second_said).await, "refused");
    drop(second.stdin.take());
    second.wait().unwrap();
    assert!(lock::is_held(&lock).unwrap());

    first.kill().unwrap();
    first.wait().unwrap();
    assert!(!lock::is_held(&lock).unwrap());
}
