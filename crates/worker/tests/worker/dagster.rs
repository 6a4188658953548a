//! Steps that answer as Python does: what they tell is told while they run, once, and bounded.

use wire::worker::ReportKind;

use crate::world::{World, step};

/// Tells things on the answer.
const TELL: &str = "answer() { printf '%s\\n' \"$1\" >&3; }; exec 3>/proc/self/fd/$1; ";

fn scripted(script: &str) -> World {
    World::of_dagster(vec![step("a", &[], &format!("{TELL}{script}"))])
}

const MADE: &str = r#"answer '{"kind":"materialization","asset_key":"x"}'; "#;
const DONE: &str = r#"answer '{"kind":"succeeded"}'"#;

#[test]
fn what_a_step_tells_is_told_while_it_runs() {
    let mut world = scripted(&format!("{MADE} until [ -e go ]; do sleep 0.05; done; {DONE}"));
    world.launch();
    world.daemon.wait_for_report("a made x");
    world.touch("go");
    let told = world.finish();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(
        told[1..],
        ["a started 1", "first pass done", "a made x", "a succeeded 1", "ended Succeeded"]
    );
}

#[test]
fn what_is_told_while_the_daemon_is_away_is_delivered_once_and_in_order() {
    let loop_of_100 = format!("n=0; while [ $n -lt 100 ]; do {MADE} n=$((n + 1)); done; ");
    let mut world = scripted(&format!(
        "echo began > began; until [ -e go ]; do sleep 0.05; done; {loop_of_100} {DONE}; echo end > end"
    ));
    world.launch();
    world.wait_for_line("began");
    world.stop_daemon();
    world.touch("go");
    world.wait_for_line("end");
    world.start_daemon();
    let told = world.finish();
    assert_eq!(told.iter().filter(|told| *told == "a made x").count(), 100);
    assert_eq!(told[told.len() - 2..], ["a succeeded 1", "ended Succeeded"]);
}

#[test]
fn of_very_many_events_the_first_are_told_and_it_is_said_how_many_are_left_out() {
    let many = "n=0; while [ $n -lt 10007 ]; do \
                echo '{\"kind\":\"materialization\",\"asset_key\":\"x\"}'; n=$((n + 1)); done >&3; ";
    let told = scripted(&format!("{many} {DONE}")).run();
    assert_eq!(told.iter().filter(|told| *told == "a made x").count(), 10_000);
    assert_eq!(told[told.len() - 3..], ["a left out 7", "a succeeded 1", "ended Succeeded"]);
}

#[test]
fn an_error_is_told_with_its_causes() {
    let error = r#"{"class":"E","message":"no","stack":"s","cause":{"class":"C","message":"why"}}"#;
    let mut world = scripted(&format!(r#"answer '{{"kind":"failed","error":{error}}}'"#));
    let told = world.run();
    assert!(told.contains(&"a failed 1: E: no; caused by C: why".to_owned()), "{told:?}");
    let known = world.daemon.known();
    let details = known.reports.iter().find_map(|report| {
        let ReportKind::Failed { details, .. } = &report.kind else { return None };
        details.clone()
    });
    assert_eq!(details.unwrap().cause.unwrap().message, "why");
}

#[test]
fn code_that_is_not_loaded_in_time_is_ended_with_what_it_started() {
    let mut world = World::of_dagster(vec![step("a", &[], "sleep 600 & sleep 600")]);
    world.load_timeout_ms = Some(300);
    let told = world.run();
    let expected = "a failed 1: its code has not been loaded within 0.3 s";
    assert!(told.contains(&expected.to_owned()), "{told:?}");
    world.wait_for_free_lock("a", 1);
}
