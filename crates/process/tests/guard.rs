//! The guard over real processes: what it keeps, what it ends, and when its lock is free.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot prepare or ask what it needs has failed"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
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

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, command: &[&str], grace: Duration, max_output: u64) -> GuardedCommand {
        let env = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("NAMED", "a value")];
        GuardedCommand {
            binary: env!("CARGO_BIN_EXE_guard-under-test").into(),
            orders: Orders {
                lock: self.path("lock"),
                out: self.path("out"),
                err: self.path("err"),
                input: None,
                answer: None,
                fork: None,
                max_output,
                max_answer: max_output,
                grace,
                cwd: self.folder.path().to_owned(),
                command: command.iter().map(OsString::from).collect(),
            },
            environment: BTreeMap::from(env.map(|(name, value)| (name.into(), value.into()))),
        }
    }

    fn start(&self, command: &[&str], grace: Duration) -> GuardedStep {
        GuardedStep::start(&self.command(command, grace, 1 << 20)).unwrap()
    }

    fn shell(&self, script: &str, grace: Duration) -> GuardedStep {
        self.start(&["/bin/sh", "-c", script], grace)
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8(fs::read(self.path(name)).unwrap()).unwrap()
    }

    fn is_locked(&self) -> bool {
        lock::is_held(&self.path("lock")).unwrap()
    }

    /// Waits until the step has written a line into a file of the folder, and reads the number.
    async fn number_in(&self, name: &str) -> u32 {
        until(|| fs::read_to_string(self.path(name)).is_ok_and(|text| text.ends_with('\n'))).await;
        self.read(name).trim().parse().unwrap()
    }

    /// As `number_in`, for a process that lives.
    async fn process_in(&self, name: &str) -> Identity {
        let pid = self.number_in(name).await;
        Identity::of(pid).unwrap().unwrap()
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

async fn end_of(step: &mut GuardedStep) -> StepOutcome {
    timeout(DEADLINE, step.wait()).await.expect("the step did not end in time").unwrap()
}

fn exited(code: i32) -> StepOutcome {
    StepOutcome { end: StepEnd::Exited(code), is_output_cut: false }
}

fn signaled(signal: i32) -> StepOutcome {
    StepOutcome { end: StepEnd::Signaled(signal), is_output_cut: false }
}

#[tokio::test]
async fn output_code_folder_and_environment_are_the_commands_own() {
    let bench = Bench::new();
    let mut step = bench.shell("pwd; echo $NAMED; env | wc -l; echo oops >&2; exit 7", LONG);
    assert_eq!(end_of(&mut step).await, exited(7));
    assert_eq!(end_of(&mut step).await, exited(7), "asked again");
    let folder = bench.folder.path().canonicalize().unwrap();
    // PATH, NAMED and what the shell adds itself.
    assert_eq!(bench.read("out"), format!("{}\na value\n3\n", folder.display()));
    assert_eq!(bench.read("err"), "oops\n");
    assert!(!bench.is_locked());
    assert_eq!(fs::metadata(bench.path("out")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn arguments_reach_the_command_byte_for_byte() {
    let bench = Bench::new();
    let hostile = [";$()\n -rf", "--", "--lock", "", "`id`", "*", "é\u{1b}", " a  b "];
    let command = [&["/usr/bin/printf", "<%s>"][..], &hostile].concat();
    let mut step = bench.start(&command, LONG);
    assert_eq!(end_of(&mut step).await, exited(0));
    assert_eq!(bench.read("out"), hostile.map(|text| format!("<{text}>")).concat());
}

#[tokio::test]
async fn one_line_of_fifty_megabytes_is_cut_and_costs_no_memory() {
    let bench = Bench::new();
    let script = "head -c 50000000 /dev/zero | tr '\\0' x; grep VmHWM /proc/$PPID/status >&2";
    let command = bench.command(&["/bin/sh", "-c", script], LONG, 1000);
    let mut step = GuardedStep::start(&command).unwrap();
    let outcome = end_of(&mut step).await;
    assert_eq!(outcome, StepOutcome { is_output_cut: true, ..exited(0) });
    let expected = format!("{}\n[output was cut after 1000 bytes]\n", "x".repeat(1000));
    assert_eq!(bench.read("out"), expected);
    let peak = bench.read("err").split_whitespace().nth(1).unwrap().parse::<u64>().unwrap();
    assert!(peak < 30_000, "the guard took {peak} KiB");
}

#[tokio::test]
async fn a_command_that_cannot_be_started_says_why_and_what_to_do() {
    let bench = Bench::new();
    fs::write(bench.path("plain"), "").unwrap();
    fs::write(bench.path("orphan"), "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(bench.path("orphan"), fs::Permissions::from_mode(0o755)).unwrap();
    let cases = [
        ("no-such-program", "no folder of PATH has a program of this name; PATH is /usr/local/bin"),
        ("./missing", "no such file"),
        ("./plain", "the file is not executable; make it so with `chmod +x`"),
        ("./orphan", "the interpreter that its first line names does not exist"),
    ];
    for (program, reason) in cases {
        let mut step = bench.start(&[program], LONG);
        assert_eq!(step.started().await.unwrap(), None);
        let StepEnd::NotStarted(message) = end_of(&mut step).await.end else {
            panic!("{program} was started");
        };
        let expected = format!("failed to start `{program}`: {reason}");
        assert!(message.starts_with(&expected), "{message}");
        assert!(!bench.is_locked());
    }
    let mut command = bench.command(&["true"], LONG, 0);
    command.orders.cwd = bench.path("nowhere");
    let StepEnd::NotStarted(message) = end_of(&mut GuardedStep::start(&command).unwrap()).await.end
    else {
        panic!("it ran nowhere");
    };
    assert!(message.contains("nowhere is missing or not a folder"), "{message}");
}

#[tokio::test]
async fn a_second_guard_of_the_same_try_starts_nothing() {
    let bench = Bench::new();
    let mut first = bench.shell("echo $$ > pid; exec sleep 1000", LONG);
    bench.number_in("pid").await;
    let mut second = bench.shell("echo twice > twice", LONG);
    let StepEnd::NotStarted(message) = end_of(&mut second).await.end else {
        panic!("it was started twice");
    };
    assert!(message.contains("another guard holds the lock"), "{message}");
    assert!(!bench.path("twice").exists());
    first.terminate().unwrap();
    assert_eq!(end_of(&mut first).await, signaled(15));
}

#[tokio::test]
async fn a_step_that_is_told_to_end_may_clean_up() {
    let bench = Bench::new();
    // It starts nothing after its trap is set, so that nobody else comes by the trap.
    let script = "trap '' TERM; sleep 1000 & trap 'echo cleaned; kill -9 $!; exit 3' TERM
        echo $$ > pid; wait";
    let mut step = bench.shell(script, LONG);
    bench.number_in("pid").await;
    step.terminate().unwrap();
    step.terminate().unwrap();
    assert_eq!(end_of(&mut step).await, exited(3));
    assert_eq!(bench.read("out"), "cleaned\n");
}

#[tokio::test]
async fn a_step_that_refuses_to_end_is_killed_after_the_grace() {
    let bench = Bench::new();
    let script = "trap '' TERM; sleep 1000 & echo $! > child; wait";
    let mut step = bench.shell(script, Duration::from_millis(50));
    let child = bench.process_in("child").await;
    step.terminate().unwrap();
    assert_eq!(end_of(&mut step).await, signaled(9));
    assert!(!child.is_alive().unwrap());
    assert!(!bench.is_locked());
}

#[tokio::test]
async fn the_death_of_the_worker_ends_the_whole_tree() {
    let bench = Bench::new();
    let step =
        bench.shell("sleep 1000 & echo $! > child; sh -c 'echo $$ > deep; sleep 1000'", LONG);
    let (child, deep) = (bench.process_in("child").await, bench.process_in("deep").await);
    // The kernel closes the pipe in the same way when the worker dies.
    drop(step);
    until(|| !bench.is_locked()).await;
    assert!(!child.is_alive().unwrap() && !deep.is_alive().unwrap());
}

#[tokio::test]
async fn what_a_step_leaves_behind_is_ended_with_it() {
    let bench = Bench::new();
    let script = "sleep 1000 & echo $! > same; setsid sh -c 'echo $$ > other; exec sleep 1000' &
        while ! [ -s other ]; do sleep 0.01; done; exit 0";
    let mut step = bench.shell(script, LONG);
    // The one is told with its group; the other has left it, and is told as a descendant.
    assert_eq!(end_of(&mut step).await, exited(0));
    for name in ["same", "other"] {
        let pid = bench.number_in(name).await;
        assert_eq!(Identity::of(pid).unwrap(), None, "{name}");
    }
    assert!(!bench.is_locked());
}

#[tokio::test]
async fn a_daemon_that_leaves_the_session_is_killed_while_the_guard_lives() {
    let bench = Bench::new();
    let script = "setsid sh -c 'trap \"\" TERM; echo $$ > daemon; while :; do sleep 0.01; done' &
        while ! [ -s daemon ]; do sleep 0.01; done; exit 0";
    let mut step = bench.shell(script, Duration::from_millis(20));
    assert_eq!(end_of(&mut step).await, exited(0));
    let daemon = bench.number_in("daemon").await;
    assert_eq!(Identity::of(daemon).unwrap(), None);
}

#[tokio::test]
async fn the_lock_outlives_a_guard_that_is_killed_and_the_worker_clears_up() {
    let bench = Bench::new();
    let script = "trap '' TERM; sleep 1000 & echo $! > child; wait";
    let mut step = bench.shell(script, LONG);
    let child = bench.process_in("child").await;
    let guard = lock::read_holder(&bench.path("lock")).unwrap().unwrap().identity;
    assert_eq!(guard.pid, step.group());
    guard.signal(Signal::Kill).unwrap();
    until(|| !guard.is_alive().unwrap()).await;
    assert!(bench.is_locked(), "the step lives and its lock is free");
    assert!(child.is_alive().unwrap());

    let expected = StepOutcome { end: StepEnd::GuardLost, is_output_cut: true };
    assert_eq!(end_of(&mut step).await, expected);
    assert!(!child.is_alive().unwrap());
    until(|| !bench.is_locked()).await;
}

#[tokio::test]
async fn a_guard_that_was_stopped_can_be_killed_with_its_step() {
    let bench = Bench::new();
    let mut step = bench.shell("kill -STOP 0; sleep 1000", LONG);
    let stat = format!("/proc/{}/stat", step.group());
    until(|| fs::read_to_string(&stat).unwrap().contains(") T ")).await;
    step.terminate().unwrap();
    step.kill().unwrap();
    assert_eq!(end_of(&mut step).await.end, StepEnd::GuardLost);
    until(|| !bench.is_locked()).await;
    step.kill().unwrap();
}

#[tokio::test]
async fn a_step_that_signals_its_group_does_not_end_its_guard() {
    let bench = Bench::new();
    let mut step = bench.shell("trap 'exit 5' TERM; kill 0; sleep 1000", LONG);
    assert_eq!(end_of(&mut step).await, exited(5));
}

#[tokio::test]
async fn the_remains_of_a_group_are_found_through_its_lock_and_killed() {
    let bench = Bench::new();
    // One has closed the lock's descriptor and is in the group; one is elsewhere and has it.
    let script = "trap '' TERM
        for fd in 3 4 5 6 7 8 9; do eval \"exec $fd>&-\"; done
        sleep 1000 & echo $! > closed; wait";
    let outer = format!(
        "trap '' TERM; setsid sleep 1000 & echo $! > elsewhere; exec /bin/sh -c '{}'",
        script.replace('\'', "'\\''")
    );
    let step = bench.shell(&outer, LONG);
    let (closed, elsewhere) =
        (bench.process_in("closed").await, bench.process_in("elsewhere").await);
    let guard = lock::read_holder(&bench.path("lock")).unwrap().unwrap().identity;
    guard.signal(Signal::Kill).unwrap();
    until(|| !guard.is_alive().unwrap()).await;

    let remains = group::remains(&bench.path("lock")).unwrap();
    assert!(remains.contains(&closed) && remains.contains(&elsewhere), "{remains:?}");
    until(|| group::signal_remains(&bench.path("lock"), Signal::Kill).unwrap() == 0).await;
    assert!(!closed.is_alive().unwrap() && !elsewhere.is_alive().unwrap());
    assert!(!bench.is_locked());
    drop(step);
}

#[tokio::test]
async fn a_step_that_starts_processes_without_end_is_ended() {
    let bench = Bench::new();
    let script = "trap '' TERM; echo $$ > pid; f() { f & }; f; exit 0";
    let mut step = bench.shell(script, Duration::ZERO);
    end_of(&mut step).await;
    until(|| !bench.is_locked()).await;
    let left = group::members(step.group()).unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn what_has_left_the_session_of_a_killed_guard_is_found_by_its_lock() {
    let bench = Bench::new();
    let script = "setsid sh -c 'echo $$ > daemon; exec sleep 1000' & exec sleep 1000";
    let mut step = bench.shell(script, LONG);
    let daemon = bench.process_in("daemon").await;
    let guard = lock::read_holder(&bench.path("lock")).unwrap().unwrap().identity;
    guard.signal(Signal::Kill).unwrap();
    assert_eq!(end_of(&mut step).await.end, StepEnd::GuardLost);
    assert!(!daemon.is_alive().unwrap());
    assert!(!bench.is_locked());
}

#[test]
fn a_guard_whose_worker_is_gone_already_starts_nothing() {
    let bench = Bench::new();
    let command = bench.command(&["/usr/bin/touch", "touched"], LONG, 0);
    let (stdin, worker) = std::io::pipe().unwrap();
    drop(worker);
    let output = std::process::Command::new(command.binary)
        .arg("step-guard")
        .args(command.orders.to_args())
        .stdin(stdin)
        .process_group(0)
        .output()
        .unwrap();
    let message = String::from_utf8(output.stdout).unwrap();
    assert!(message.contains("ended before its command was started"), "{message}");
    assert!(!bench.path("touched").exists());
}

#[test]
fn wrong_arguments_are_told_on_standard_error() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_guard-under-test"))
        .args(["step-guard", "--lock", "x", "--", "true"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message, "step-guard: the argument --grace-seconds is missing\n");
    assert!(!Path::new("x").exists());
}
