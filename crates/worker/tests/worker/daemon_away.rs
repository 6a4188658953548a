//! A daemon that is away, that loses its answers, that comes back elsewhere: nothing is lost, nothing
//! is told twice.

use process::identity::Signal;

use crate::daemon::distinct;
use crate::world::{World, pooled, retried, step, until, wait_until};

#[test]
fn a_worker_goes_on_while_the_daemon_is_away_and_tells_what_was_missed() {
    let script = format!("echo runs > a.runs; {}", until("go"));
    let mut world = World::new(vec![
        step("a", &[], &script),
        step("b", &["a"], "true"),
        retried(step("c", &["b"], "test $POINTSMAN_TRY = 3"), 2, 1),
        step("d", &["c"], "echo all > done"),
    ]);
    world.launch();
    world.wait_for_line("a.runs");
    world.daemon.wait_for_report("first pass done");
    world.stop_daemon();
    world.touch("go");
    assert_eq!(world.wait_for_line("done"), "all", "the steps went on");
    wait_until("a worker that misses its daemon", || world.log().contains("daemon is away"));
    assert!(!world.daemon.known().has_ended());
    world.start_daemon();
    let told = world.finish();
    assert_eq!(
        told[3..],
        [
            "a succeeded 1",
            "b started 1",
            "b succeeded 1",
            "c started 1",
            "c retries 1: exit code 1",
            "c started 2",
            "c retries 2: exit code 1",
            "c started 3",
            "c succeeded 3",
            "d started 1",
            "d succeeded 1",
            "ended Succeeded",
        ]
    );
    assert!(world.log().contains("the daemon is back"), "{}", world.log());
}

#[test]
fn a_step_that_waits_for_slots_gets_them_from_the_daemon_that_comes_back() {
    let mut world = World::new(vec![pooled(step("a", &[], "echo ran > ran"))]);
    world.launch();
    world.daemon.wait_for_report("a asked");
    world.stop_daemon();
    world.daemon.grant("a");
    world.start_daemon();
    assert_eq!(world.finish().last().map(String::as_str), Some("ended Succeeded"));
    assert_eq!(world.wait_for_line("ran"), "ran");
}

#[test]
fn reports_whose_answer_was_lost_are_told_again_and_known_again() {
    let script = format!("echo runs > a.runs; {}", until("go"));
    let mut world = World::new(vec![step("a", &[], &script), step("b", &["a"], "true")]);
    world.launch();
    world.wait_for_line("a.runs");
    world.daemon.wait_for_report("first pass done");
    world.daemon.known().lost_answers = 3;
    world.touch("go");
    let told = world.finish();
    assert_eq!(told[3..], ["a succeeded 1", "b started 1", "b succeeded 1", "ended Succeeded"]);
    assert!(world.daemon.known().repeated >= 3);
}

#[test]
fn a_worker_whose_begin_was_not_answered_asks_again_as_the_same_process() {
    let mut world = World::new(vec![step("a", &[], "true")]);
    world.daemon.known().lost_answers = 2;
    assert_eq!(world.run().last().map(String::as_str), Some("ended Succeeded"));
    let known = world.daemon.known();
    assert_eq!((known.begins.len(), distinct(&known.begins)), (3, 1));
}

#[test]
fn a_worker_waits_for_a_daemon_that_is_not_there_yet() {
    let mut world = World::new(vec![step("a", &[], "true")]);
    world.stop_daemon();
    world.launch();
    wait_until("a worker that looks for its daemon", || world.log().contains("daemon is away"));
    world.start_daemon();
    assert_eq!(world.finish().last().map(String::as_str), Some("ended Succeeded"));
}

#[test]
fn a_worker_whose_steps_have_ended_stays_for_the_daemon_until_it_is_told_to_end() {
    let script = format!("echo runs > a.runs; {}", until("go"));
    let mut world = World::new(vec![step("a", &[], &script)]);
    world.launch();
    world.wait_for_line("a.runs");
    world.daemon.wait_for_report("first pass done");
    world.stop_daemon();
    world.touch("go");
    wait_until("a worker that misses its daemon", || world.log().contains("daemon is away"));
    let spool = world.folder.spool();
    wait_until("the last report", || std::fs::read_to_string(&spool).unwrap().contains("ended"));
    world.signal_worker(Signal::Terminate);
    assert_eq!(world.exit_code(), Some(1));
    assert!(world.log().contains("was not told how the steps ended"), "{}", world.log());
}

#[test]
fn a_worker_whose_file_takes_nothing_keeps_its_reports_in_memory_and_runs_on() {
    let mut world = World::new(vec![step("a", &[], "touch ran"), step("b", &["a"], "true")]);
    // Takes no byte, as a full disk.
    std::os::unix::fs::symlink("/dev/full", world.folder.spool()).unwrap();
    let told = world.run();
    assert_eq!(
        told[..5],
        ["planned a b", "a started 1", "first pass done", "a succeeded 1", "b started 1"]
    );
    assert_eq!(told[5..], ["b succeeded 1", "ended Succeeded"]);
    assert!(world.file("ran").exists());
}
