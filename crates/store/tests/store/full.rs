//! A disk that takes no more: the commit is refused and surely not written, reads go on, and when
//! there is room again the next commit is written.

use std::process::Command;

use model::{Batch, StepStatus};
use pointsman_store::{CommitError, Store};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::world::{World, now, step_row};

/// Tells the child where its database lies.
const DATABASE: &str = "POINTSMAN_TEST_FULL_DATABASE";

/// Starts the child with files that may not grow beyond 4 MiB (in blocks of 512 bytes) until it
/// lifts the limit itself, and with the signal that tells of it ignored.
const LIMITED: &str = r#"trap '' XFSZ; ulimit -S -f 8192; exec "$0" "$@""#;

#[test]
fn a_full_disk_refuses_commits_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new("sh")
        .args(["-c", LIMITED])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DATABASE, folder.path().join("pointsman.db"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
    assert!(told.contains("refused and went on"), "{told}");
}

#[tokio::test]
#[ignore = "the child of the test of a full disk"]
async fn child() {
    let Some(path) = std::env::var_os(DATABASE) else {
        return;
    };
    let store = Store::open(path.as_ref()).await.unwrap();
    let epoch = store.take_leadership("child", "", now(0)).await.unwrap();
    // A reader that stays keeps the log from being emptied when the writer begins anew.
    store.load().await.unwrap();
    let mut world = World::default();
    let refused = loop {
        let batch = batch(&mut world);
        match store.commit(epoch, &batch).await {
            Ok(()) => {}
            Err(CommitError::Full(_)) => break batch,
            Err(other) => panic!("{other:?}"),
        }
    };
    let before = store.load().await.unwrap();
    assert!(before.runs.len() > 1);
    let is_full = store.commit(epoch, &refused).await;
    assert!(matches!(is_full, Err(CommitError::Full(_))), "{is_full:?}");
    assert_eq!(store.load().await.unwrap(), before);
    assert_eq!(store.check().await.unwrap(), []);

    let unlimited = Rlimit { current: None, ..getrlimit(Resource::Fsize) };
    setrlimit(Resource::Fsize, unlimited).unwrap();
    store.commit(epoch, &refused).await.unwrap();
    let after = store.load().await.unwrap();
    assert_eq!(after.runs.len(), before.runs.len() + refused.new_runs.len());
    assert_eq!(store.check().await.unwrap(), []);
    println!("refused and went on");
}

fn batch(world: &mut World) -> Batch {
    let mut batch = Batch::default();
    for _ in 0..50 {
        let run = world.submit(&mut batch, "a", &[("team", "x")]);
        batch.steps.push(step_row(&run, "load", 0, StepStatus::Running));
    }
    batch
}
