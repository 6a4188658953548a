//! Commands that a fork server executes, over real processes: for whoever waits for them they end as
//! those that their guard has started itself.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot prepare or ask what it needs has failed"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pointsman_process::group;
use pointsman_process::guard::Orders;
use pointsman_process::identity::{Identity, Signal};
use pointsman_process::lock;
use pointsman_process::spawn::{GuardedCommand, GuardedStep, StepEnd, StepOutcome};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// Far more than anything here takes, so that a loaded machine fails nothing.
const DEADLINE: Duration = Duration::from_mins(1);

/// A grace that never passes during a test.
const LONG: Duration = Duration::from_hours(1);

/// A folder, and a server that is killed with it.
struct Bench {
    folder: TempDir,
    server: Child,
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

impl Bench {
    /// Starts a server that treats orders in this manner.
    fn new(manner: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        // Longer than the address of a socket can be.
        let deep = folder.path().join("x".repeat(120));
        fs::create_dir(&deep).unwrap();
        let mut server = Command::new("python3")
            .arg(here.join("tests/forked/server.py"))
            .arg(here.join("../../python/src"))
            .args(["forks", manner])
            .current_dir(deep)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = server.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { folder, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, script: &str, grace: Duration) -> GuardedStep {
        fs::write(self.path("request"), "a question\n").unwrap();
        // Says by whom it is executed, and where it answers.
        let script = format!("echo $$ > pid; say() {{ echo $1 > /dev/fd/$2; }}; {script}");
        let command = ["/bin/sh", "-c", &script, "sh"];
        let env = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("NAMED", "a value")];
        let command = GuardedCommand {
            binary: env!("CARGO_BIN_EXE_guard-under-test").into(),
            orders: Orders {
                lock: self.path("lock"),
                out: self.path("out"),
                err: self.path("err"),
                input: Some(self.path("request")),
                answer: Some(self.path("answer")),
                fork: Some(self.path(&"x".repeat(120)).join("forks")),
                max_output: 1000,
                max_answer: 1000,
                grace,
                cwd: self.folder.path().to_owned(),
                command: command.iter().map(OsString::from).collect(),
            },
            environment: BTreeMap::from(env.map(|(name, value)| (name.into(), value.into()))),
        };
        GuardedStep::start(&command).unwrap()
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8(fs::read(self.path(name)).unwrap()).unwrap()
    }

    fn is_locked(&self) -> bool {
        lock::is_held(&self.path("lock")).unwrap()
    }

    /// Waits until the step has written a number into a file, and finds the process.
    async fn process_in(&self, name: &str) -> Identity {
        until(|| fs::read_to_string(self.path(name)).is_ok_and(|text| text.ends_with('\n'))).await;
        Identity::of(self.read(name).trim().parse().unwrap()).unwrap().unwrap()
    }
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(DEADLINE, wait).await.expect("it did not come about in time");
}

async fn end_of(step: &mut GuardedStep) -> StepEnd {
    let outcome: StepOutcome =
        timeout(DEADLINE, step.wait()).await.expect("the step did not end in time").unwrap();
    outcome.end
}

/// The parent of a process.
fn parent_of(process: Identity) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn is_gone(process: Identity) -> bool {
    !process.is_alive().unwrap()
}

#[tokio::test]
async fn a_forked_command_has_all_that_one_of_the_guards_own_has() {
    let bench = Bench::new("keep");
    let script = "read line; pwd; echo $NAMED; env | wc -l; echo oops >&2; say \"to $line\" $2
        readlink /proc/$$/fd/* | grep -c -e socket: ; exit 7";
    let mut step = bench.start(script, LONG);
    let started = step.started().await.unwrap().unwrap();
    assert_eq!(end_of(&mut step).await, StepEnd::Exited(7));
    assert_eq!(
        bench.read("pid"),
        format!(
            "{started}
"
        )
    );
    let folder = bench.folder.path().canonicalize().unwrap();
    assert_eq!(bench.read("out"), format!("{}\na value\n3\n0\n", folder.display()));
    assert_eq!(bench.read("err"), "oops\n");
    assert_eq!(bench.read("answer"), "to a question\n");
    assert!(!bench.is_locked());
}

#[tokio::test]
async fn it_is_the_child_of_a_keeper_in_a_session_of_its_own_and_holds_the_lock() {
    let bench = Bench::new("keep");
    let mut step = bench.start("exec sleep 1000", LONG);
    let command = bench.process_in("pid").await;
    let keeper = Identity::of(parent_of(command)).unwrap().unwrap();
    assert_eq!(parent_of(keeper), bench.server.id());
    assert_ne!(keeper.pid, step.group());
    let remains = group::remains(&bench.path("lock")).unwrap();
    assert!(remains.contains(&command) && remains.contains(&keeper), "{remains:?}");
    command.signal(Signal::Kill).unwrap();
    assert_eq!(end_of(&mut step).await, StepEnd::Signaled(9));
    assert!(!bench.is_locked());
    until(|| is_gone(keeper)).await;
}

#[tokio::test]
async fn where_there_is_no_fork_the_guard_starts_the_command_once_itself() {
    for manner in ["refuse", "leave", "gone"] {
        let mut bench = Bench::new(if manner == "gone" { "keep" } else { manner });
        if manner == "gone" {
            bench.server.kill().unwrap();
            bench.server.wait().unwrap();
        }
        let script = "echo ran >> ran; grep PPid /proc/$$/status; say done $2; exit 3";
        let mut step = bench.start(script, LONG);
        assert_eq!(end_of(&mut step).await, StepEnd::Exited(3), "{manner}");
        assert_eq!(bench.read("out"), format!("PPid:\t{}\n", step.group()), "{manner}");
        assert_eq!((bench.read("ran"), bench.read("answer")), ("ran\n".into(), "done\n".into()));
    }
}

#[tokio::test]
async fn a_step_that_is_ended_while_a_server_is_asked_starts_nothing() {
    let bench = Bench::new("stay");
    let mut step = bench.start("echo ran > ran", LONG);
    until(|| bench.is_locked()).await;
    step.terminate().unwrap();
    let StepEnd::NotStarted(why) = end_of(&mut step).await else { unreachable!() };
    assert!(why.contains("ended before its command was started"), "{why}");
    assert!(!bench.path("ran").exists());
}

#[tokio::test]
async fn sigterm_reaches_the_group_and_what_refuses_to_end_is_killed_after_the_grace() {
    let bench = Bench::new("keep");
    let script = "trap '' TERM; sleep 1000 & trap 'echo cleaned; kill -9 $!; exit 3' TERM
        echo $$ > armed; wait";
    let mut step = bench.start(script, LONG);
    bench.process_in("armed").await;
    step.terminate().unwrap();
    assert_eq!(end_of(&mut step).await, StepEnd::Exited(3));
    assert_eq!(bench.read("out"), "cleaned\n");

    let bench = Bench::new("keep");
    let script = "trap '' TERM; sleep 1000 & echo $! > child; wait";
    let mut step = bench.start(script, Duration::from_millis(50));
    let child = bench.process_in("child").await;
    step.terminate().unwrap();
    assert_eq!(end_of(&mut step).await, StepEnd::Signaled(9));
    assert!(is_gone(child) && !bench.is_locked());
}

#[tokio::test]
async fn what_it_leaves_behind_is_ended_with_it_wherever_it_has_gone() {
    let bench = Bench::new("keep");
    let script = "sleep 1000 & echo $! > same
        setsid sh -c 'trap \"\" TERM; for fd in 3 4 5 6 7 8 9; do eval \"exec $fd>&-\"; done
            echo $$ > other; while :; do sleep 0.01; done' &
        while ! [ -s other ]; do sleep 0.01; done; exit 0";
    let mut step = bench.start(script, Duration::from_millis(20));
    let (same, other) = (bench.process_in("same"), bench.process_in("other"));
    let (same, other) = (same.await, other.await);
    assert_eq!(end_of(&mut step).await, StepEnd::Exited(0));
    assert!(is_gone(same) && is_gone(other) && !bench.is_locked());
}

#[tokio::test]
async fn the_death_of_the_worker_ends_the_whole_tree() {
    let bench = Bench::new("keep");
    let step = bench.start("sleep 1000 & echo $! > child; wait", LONG);
    let child = bench.process_in("child").await;
    drop(step);
    until(|| !bench.is_locked()).await;
    assert!(is_gone(child));
}

#[tokio::test]
async fn a_guard_or_a_keeper_that_is_killed_takes_the_tree_with_it() {
    for is_guard in [true, false] {
        let bench = Bench::new("keep");
        // What has closed the lock's descriptor is in the group of the keeper.
        let script = "trap '' TERM; for fd in 3 4 5 6 7 8 9; do eval \"exec $fd>&-\"; done
            sleep 1000 & echo $! > child; wait";
        let mut step = bench.start(script, LONG);
        let child = bench.process_in("child").await;
        let command = bench.process_in("pid").await;
        let keeper = Identity::of(parent_of(command)).unwrap().unwrap();
        let killed = if is_guard { Identity::of(step.group()).unwrap().unwrap() } else { keeper };
        killed.signal(Signal::Kill).unwrap();
        assert_eq!(end_of(&mut step).await, StepEnd::GuardLost);
        until(|| [keeper, command, child].into_iter().all(is_gone) && !bench.is_locked()).await;
    }
}

#[tokio::test]
async fn a_server_that_is_killed_takes_no_command_with_it() {
    let mut bench = Bench::new("keep");
    let mut step = bench.start("while ! [ -e go ]; do sleep 0.01; done; exit 4", LONG);
    bench.process_in("pid").await;
    bench.server.kill().unwrap();
    bench.server.wait().unwrap();
    fs::write(bench.path("go"), "").unwrap();
    assert_eq!(end_of(&mut step).await, StepEnd::Exited(4));
    assert!(!bench.is_locked());
}

#[tokio::test]
async fn a_command_that_signals_or_stops_its_group_does_as_one_of_the_guards_own() {
    let bench = Bench::new("keep");
    let mut step = bench.start("trap 'exit 5' TERM; kill 0; sleep 1000", LONG);
    assert_eq!(end_of(&mut step).await, StepEnd::Exited(5));
    let bench = Bench::new("keep");
    let mut step = bench.start("kill -KILL 0; sleep 1000", LONG);
    assert_eq!(end_of(&mut step).await, StepEnd::GuardLost);
    let bench = Bench::new("keep");
    let mut step = bench.start("kill -STOP 0; sleep 1000", LONG);
    let command = bench.process_in("pid").await;
    let stat = format!("/proc/{}/stat", command.pid);
    until(|| fs::read_to_string(&stat).unwrap().contains(") T ")).await;
    step.terminate().unwrap();
    step.kill().unwrap();
    assert_eq!(end_of(&mut step).await, StepEnd::GuardLost);
    until(|| !bench.is_locked()).await;
    assert!(is_gone(command));
}

#[tokio::test]
async fn a_command_that_starts_processes_without_end_is_ended() {
    let bench = Bench::new("keep");
    let script = "trap '' TERM; f() { f & }; f; exit 0";
    let mut step = bench.start(script, Duration::ZERO);
    end_of(&mut step).await;
    until(|| !bench.is_locked()).await;
}
