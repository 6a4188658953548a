//! How a run is ended from outside, and what is left then: nothing.

use process::identity::Signal;

use crate::world::{World, exit_code, pooled, retried, signal, step, wait_until};

/// Ends when it is told to, and says that it was.
const POLITE: &str = "trap 'echo asked >> polite.end; exit 0' TERM; echo $$ > polite.pid; \
                      while :; do sleep 0.02; done";

/// Does not end when it is told to.
const STUBBORN: &str = "trap '' TERM; echo $$ > stubborn.pid; while :; do sleep 0.02; done";

#[test]
fn a_cancel_ends_what_runs_by_asking_first_and_withdraws_what_waits() {
    let mut world = World::new(vec![
        step("polite", &[], POLITE),
        step("stubborn", &[], STUBBORN),
        pooled(step("waiting", &[], "touch waiting.ran")),
        step("behind", &["polite"], "touch behind.ran"),
        retried(step("retried", &[], "false"), 1, 3_600_000),
    ]);
    world.grace_ms = 300;
    world.launch();
    world.wait_for_line("polite.pid");
    world.wait_for_line("stubborn.pid");
    world.daemon.wait_for_report("retried retries 1: exit code 1");
    world.daemon.cancel();
    let told = world.finish();
    for step in ["polite", "stubborn", "waiting", "behind", "retried"] {
        assert_eq!(told.iter().filter(|told| **told == format!("{step} canceled")).count(), 1);
    }
    assert_eq!(told.last().map(String::as_str), Some("ended Canceled"));
    assert_eq!(world.wait_for_line("polite.end"), "asked");
    assert!(!world.file("waiting.ran").exists() && !world.file("behind.ran").exists());
    for step in ["polite", "stubborn"] {
        assert!(!process::lock::is_held(&world.folder.step_lock(step, 1)).unwrap());
    }
}

#[test]
fn a_worker_that_gets_sigterm_ends_its_steps_and_reports() {
    let mut world = World::new(vec![step("polite", &[], POLITE)]);
    world.launch();
    world.wait_for_line("polite.pid");
    world.signal_worker(Signal::Terminate);
    let told = world.finish();
    assert_eq!(told[3..], ["polite canceled", "ended Canceled"]);
}

#[test]
fn a_worker_that_is_killed_takes_its_steps_with_it() {
    let mut world = World::new(vec![step("stubborn", &[], STUBBORN)]);
    world.grace_ms = 100;
    world.launch();
    world.wait_for_line("stubborn.pid");
    world.signal_worker(Signal::Kill);
    world.wait_for_free_lock("stubborn", 1);
    assert!(!world.daemon.known().has_ended());
}

#[test]
fn a_killed_guard_takes_its_step_with_it_and_the_try_has_failed() {
    let script = "[ $POINTSMAN_TRY = 2 ] && exit 0; trap '' TERM; echo $PPID > guard; \
                  while :; do sleep 0.02; done";
    let mut world = World::new(vec![retried(step("a", &[], script), 1, 0)]);
    world.launch();
    signal(world.wait_for_line("guard").parse().unwrap(), Signal::Kill);
    let told = world.finish();
    assert_eq!(
        told[3..],
        ["a retries 1: its guard was killed", "a started 2", "a succeeded 2", "ended Succeeded"]
    );
    assert!(!process::lock::is_held(&world.folder.step_lock("a", 1)).unwrap());
}

#[test]
fn a_worker_that_may_not_begin_runs_nothing() {
    let mut world = World::new(vec![step("a", &[], "touch ran")]);
    world.daemon.dismiss("canceled");
    assert!(world.run().is_empty());
    assert!(!world.file("ran").exists());
    assert!(world.log().contains("may not begin, nothing was run: no more"), "{}", world.log());
}

#[test]
fn a_worker_that_is_dismissed_ends_its_steps_and_tells_nothing_more() {
    let mut world = World::new(vec![step("polite", &[], POLITE)]);
    world.launch();
    world.wait_for_line("polite.pid");
    world.daemon.wait_for_report("first pass done");
    world.daemon.dismiss("superseded");
    let told = world.finish();
    assert_eq!(told, ["planned polite", "polite started 1", "first pass done"]);
    assert_eq!(world.wait_for_line("polite.end"), "asked");
}

#[test]
fn a_second_process_of_an_attempt_leaves_it_to_the_first() {
    let mut world = World::new(vec![step("polite", &[], POLITE)]);
    world.launch();
    world.wait_for_line("polite.pid");
    assert_eq!(exit_code(&mut world.another_worker()), Some(0));
    assert_eq!(world.daemon.known().begins.len(), 1);
    world.daemon.cancel();
    assert_eq!(world.finish().last().map(String::as_str), Some("ended Canceled"));
}

#[test]
fn a_worker_without_its_secret_asks_nothing() {
    let world = World::new(vec![step("a", &[], "touch ran")]);
    std::fs::write(world.folder.token(), "not a token").unwrap();
    assert_eq!(exit_code(&mut world.another_worker()), Some(1));
    assert!(world.daemon.known().begins.is_empty());
}

#[test]
fn a_plan_that_cannot_be_walked_fails_the_run_and_not_a_step() {
    let told = World::new(vec![step("a", &["b"], "true"), step("b", &["a"], "true")]).run();
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("ended Failed { by_step: false"), "{}", told[0]);
}

#[test]
fn a_worker_told_to_end_before_it_began_runs_nothing() {
    let mut world = World::new(vec![step("a", &[], "touch ran")]);
    world.stop_daemon();
    world.launch();
    let log = "the daemon is away";
    wait_until("a worker that looks for its daemon", || world.log().contains(log));
    world.signal_worker(Signal::Terminate);
    assert!(world.finish().is_empty());
    assert!(!world.file("ran").exists());
}
