//! The local launcher over real processes.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot prepare or ask what it needs has failed"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::time::Duration;

use model::{Attempt, RunId};
use pointsman_launch::local::LocalLauncher;
use pointsman_launch::{ForgetError, LaunchError, LaunchOrder, Launcher, Sight, Token};
use process::identity::{Identity, Signal};
use process::lock;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// Far more than anything here takes, so that a loaded machine fails nothing.
const DEADLINE: Duration = Duration::from_mins(1);

/// A grace that never passes during a test.
const LONG: Duration = Duration::from_hours(1);

const RUN: RunId = RunId::from_u128(7);
const SECRET: &str = "5ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7";

struct Bench {
    home: TempDir,
    launcher: LocalLauncher,
}

impl Bench {
    fn new(behaviour: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("behaviour"), behaviour).unwrap();
        let launcher = LocalLauncher::new(home.path(), env!("CARGO_BIN_EXE_launched-under-test"));
        Self { home, launcher }
    }

    /// Forgets all that is in memory, as a daemon that starts anew has.
    fn restart(&mut self) {
        let binary = env!("CARGO_BIN_EXE_launched-under-test");
        self.launcher = LocalLauncher::new(self.home.path(), binary);
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join("runs").join(RUN.to_string()).join("1").join(name)
    }

    async fn launch(&self) -> Result<(), LaunchError> {
        let token = Token::new(SECRET);
        self.launcher.launch(LaunchOrder { run: RUN, attempt: Attempt::FIRST, token }).await
    }

    async fn terminate(&self, grace: Duration) {
        self.launcher.terminate(RUN, Attempt::FIRST, grace).await.unwrap();
    }

    async fn sight(&self) -> Sight {
        self.launcher.observe(RUN, Attempt::FIRST).await
    }

    async fn until_seen(&self, wanted: Sight) {
        let wait = async {
            while self.sight().await != wanted {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(DEADLINE, wait).await.expect("it was not seen in time");
    }

    /// Waits until the file has this many lines, and reads it.
    async fn lines(&self, name: &str, count: usize) -> Vec<String> {
        let wait = async {
            loop {
                let text = fs::read_to_string(self.file(name)).unwrap_or_default();
                if text.ends_with('\n') && text.lines().count() >= count {
                    break text.lines().map(str::to_owned).collect();
                }
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(DEADLINE, wait).await.expect("it was not written in time")
    }

    fn worker(&self) -> Identity {
        lock::read_holder(&self.file("worker.lock")).unwrap().unwrap().identity
    }

    /// Waits for the step of the worker and returns its process.
    async fn step(&self) -> Identity {
        let pid = self.lines("step", 1).await[0].parse().unwrap();
        Identity::of(pid).unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_launch_prepares_the_folder_and_starts_a_worker_in_a_session_of_its_own() {
    let bench = Bench::new("wait");
    assert_eq!(bench.sight().await, Sight::Gone);
    bench.launch().await.unwrap();
    bench.lines("done", 1).await;

    let mode = |name: &str| fs::metadata(bench.file(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("token"), mode("worker.log")), (0o700, 0o600, 0o600));
    assert_eq!(fs::read_to_string(bench.file("token")).unwrap(), SECRET);
    let holder = lock::read_holder(&bench.file("worker.lock")).unwrap().unwrap();
    assert_eq!(holder.session, holder.identity.pid);
    let line = fs::read(format!("/proc/{}/cmdline", holder.identity.pid)).unwrap();
    let line = String::from_utf8(line).unwrap();
    let home = bench.home.path().display();
    let expected = format!("pointsman\0worker\0--home\0{home}\0--run\0{RUN}\0--attempt\01\0");
    assert_eq!(line, expected);

    bench.terminate(LONG).await;
    bench.until_seen(Sight::Gone).await;
}

#[tokio::test]
async fn an_attempt_that_is_launched_again_has_one_worker() {
    let mut bench = Bench::new("wait");
    let (one, two) = tokio::join!(bench.launch(), bench.launch());
    for answer in [one, two] {
        assert!(matches!(answer, Ok(()) | Err(LaunchError::Unknown(_))), "{answer:?}");
    }
    bench.lines("done", 1).await;
    bench.launch().await.unwrap();
    bench.restart();
    bench.launch().await.unwrap();
    let worker = bench.worker();
    assert!(worker.is_alive().unwrap());
    assert_eq!(bench.lines("done", 1).await, [format!("started {}", worker.pid)]);

    bench.terminate(LONG).await;
    bench.until_seen(Sight::Gone).await;
    assert_eq!(bench.lines("done", 1).await.len(), 1);
}

#[tokio::test]
async fn a_worker_that_is_started_twice_nevertheless_runs_once() {
    let mut bench = Bench::new("late");
    bench.launch().await.unwrap();
    // The daemon starts anew before the worker has its lock: nothing says that there is one.
    bench.restart();
    bench.launch().await.unwrap();
    fs::write(bench.home.path().join("go"), "").unwrap();
    let lines = bench.lines("done", 2).await;
    assert_eq!(lines.iter().filter(|line| *line == "refused").count(), 1, "{lines:?}");
    assert!(bench.worker().is_alive().unwrap());
    bench.terminate(LONG).await;
    bench.until_seen(Sight::Gone).await;
}

#[tokio::test]
async fn a_worker_that_has_no_lock_yet_is_seen_and_can_be_ended() {
    let bench = Bench::new("late");
    bench.launch().await.unwrap();
    assert_eq!(bench.sight().await, Sight::Alive);
    assert!(!bench.file("worker.lock").exists());
    bench.terminate(LONG).await;
    bench.until_seen(Sight::Gone).await;
    assert!(!bench.file("done").exists());
}

#[tokio::test]
async fn a_worker_is_found_again_and_ended_by_another_launcher() {
    let mut bench = Bench::new("wait");
    bench.launch().await.unwrap();
    bench.lines("done", 1).await;
    bench.restart();
    assert_eq!(bench.sight().await, Sight::Alive);
    bench.terminate(LONG).await;
    bench.until_seen(Sight::Gone).await;
    assert!(!bench.worker().is_alive().unwrap());
}

#[tokio::test]
async fn a_worker_that_refuses_is_asked_once_and_killed_when_the_shortest_grace_is_over() {
    let bench = Bench::new("refuse");
    bench.launch().await.unwrap();
    bench.lines("done", 2).await;
    bench.terminate(LONG).await;
    bench.lines("done", 3).await;
    bench.terminate(LONG).await;
    assert_eq!(bench.sight().await, Sight::Alive);
    bench.terminate(Duration::ZERO).await;
    bench.until_seen(Sight::Gone).await;
    assert_eq!(bench.lines("done", 3).await[1..], ["refuses", "asked"]);
}

#[tokio::test]
async fn a_step_that_outlives_its_worker_remains_until_it_is_killed() {
    let bench = Bench::new("step");
    bench.launch().await.unwrap();
    let step = bench.step().await;
    bench.worker().signal(Signal::Kill).unwrap();
    bench.until_seen(Sight::Remains).await;
    assert!(step.is_alive().unwrap());
    let refused = bench.launcher.forget(RUN).await;
    assert_eq!(refused, Err(ForgetError::NotGone(Attempt::FIRST)));

    // Its guard has asked it, and nobody asks again.
    bench.lines("told", 1).await;
    bench.terminate(LONG).await;
    assert_eq!(bench.sight().await, Sight::Remains);
    bench.terminate(Duration::ZERO).await;
    bench.until_seen(Sight::Gone).await;
    assert!(!step.is_alive().unwrap());
    assert_eq!(bench.lines("told", 1).await, ["asked"]);
}

#[tokio::test]
async fn a_step_whose_worker_and_guard_were_killed_is_found_asked_and_killed() {
    let mut bench = Bench::new("step");
    bench.launch().await.unwrap();
    let step = bench.step().await;
    let lock = bench.file("steps/load.1.lock");
    let guard = lock::read_holder(&lock).unwrap().unwrap().identity;
    // The guard first: it asks the step when it sees that the worker is gone.
    guard.signal(Signal::Kill).unwrap();
    bench.worker().signal(Signal::Kill).unwrap();
    bench.until_seen(Sight::Remains).await;
    assert!(step.is_alive().unwrap());

    bench.restart();
    bench.terminate(LONG).await;
    bench.lines("told", 1).await;
    assert_eq!(bench.sight().await, Sight::Remains);
    bench.terminate(Duration::ZERO).await;
    bench.until_seen(Sight::Gone).await;
    assert!(!step.is_alive().unwrap());
    assert_eq!(bench.lines("told", 1).await, ["asked"]);
}

#[tokio::test]
async fn a_worker_that_has_freed_its_lock_is_alive_until_it_has_ended() {
    let bench = Bench::new("wait");
    fs::create_dir_all(bench.file("")).unwrap();
    // The lock's file names this test.
    drop(lock::Lock::take(&bench.file("worker.lock")).unwrap().unwrap());
    assert_eq!(bench.sight().await, Sight::Alive);
}

/// Takes a lock for this test and lets its file name one that had the stranger's number before.
fn hold_in_the_name_of(lock: &std::path::Path, stranger: Identity) -> lock::Lock {
    let held = lock::Lock::take(lock).unwrap().unwrap();
    let (pid, started) = (stranger.pid, stranger.started - 1);
    fs::write(lock, format!("pid {pid}\nstarted {started}\nsession {pid}\n")).unwrap();
    held
}

#[tokio::test]
async fn a_stranger_that_has_got_the_number_of_a_worker_or_guard_is_never_signalled() {
    let mut stranger =
        std::process::Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
    let identity = Identity::of(stranger.id()).unwrap().unwrap();

    let bench = Bench::new("wait");
    fs::create_dir_all(bench.file("steps")).unwrap();
    let step_lock = hold_in_the_name_of(&bench.file("steps/load.1.lock"), identity);
    assert_eq!(bench.sight().await, Sight::Remains);
    let remains = process::group::remains(step_lock.path()).unwrap();
    let own = Identity::of(std::process::id()).unwrap().unwrap();
    assert!(remains.contains(&own) && !remains.contains(&identity), "{remains:?}");
    drop(step_lock);

    let _worker_lock = hold_in_the_name_of(&bench.file("worker.lock"), identity);
    assert_eq!(bench.sight().await, Sight::Alive);
    bench.terminate(Duration::ZERO).await;
    assert_eq!(bench.sight().await, Sight::Alive);

    assert!(identity.is_alive().unwrap());
    identity.signal(Signal::Terminate).unwrap();
    assert_eq!(stranger.wait().unwrap().signal(), Some(15), "the first signal that it got");
}

#[tokio::test]
async fn what_cannot_be_asked_is_unknown_and_never_gone() {
    let bench = Bench::new("wait");
    fs::create_dir_all(bench.file("")).unwrap();
    fs::write(bench.file("steps"), "not a folder").unwrap();
    let sight = bench.sight().await;
    assert!(matches!(&sight, Sight::Unknown(reason) if reason.contains("steps")), "{sight:?}");
    assert!(bench.launcher.terminate(RUN, Attempt::FIRST, LONG).await.is_err());
}

#[tokio::test]
async fn a_binary_that_is_missing_is_not_started_and_named() {
    let home = tempfile::tempdir().unwrap();
    let launcher = LocalLauncher::new(home.path(), home.path().join("no-such-binary"));
    let token = Token::new(SECRET);
    assert!(!format!("{token:?}").contains("5ec7"));
    let order = LaunchOrder { run: RUN, attempt: Attempt::FIRST, token };
    let Err(LaunchError::NotStarted(reason)) = launcher.launch(order).await else {
        panic!("it was started");
    };
    assert!(reason.contains("no-such-binary: No such file"), "{reason}");
    assert_eq!(launcher.observe(RUN, Attempt::FIRST).await, Sight::Gone);
}

#[tokio::test]
async fn what_is_kept_of_a_run_is_removed_when_it_is_gone() {
    let bench = Bench::new("wait");
    bench.launch().await.unwrap();
    bench.lines("done", 1).await;
    assert_eq!(bench.launcher.forget(RUN).await, Err(ForgetError::NotGone(Attempt::FIRST)));
    bench.terminate(LONG).await;
    bench.until_seen(Sight::Gone).await;
    bench.launcher.forget(RUN).await.unwrap();
    assert!(!bench.file("").exists());
    bench.launcher.forget(RUN).await.unwrap();
}
