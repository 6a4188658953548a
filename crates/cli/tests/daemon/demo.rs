//! The demo: it ends by itself and leaves nothing behind.

use std::fs;

use crate::harness::{Deployment, processes_of, text};

#[test]
fn the_demo_starts_the_runs_in_the_order_of_the_rules_and_leaves_nothing() {
    let deployment = Deployment::new("", "");
    let temp = deployment.path("temp");
    fs::create_dir(&temp).unwrap();
    let output = deployment.command(&["demo"]).env("TMPDIR", &temp).output().unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("  launch order: A, C, B\n"), "{stdout}");
    assert!(stdout.contains("  launch order: first, high(3), normal(0), low(-1)\n"), "{stdout}");
    assert!(stdout.contains("B          waits"), "{stdout}");
    assert!(stdout.contains("pointsman init"), "{stdout}");
    assert_eq!(stderr, "");
    assert_eq!(processes_of(deployment.home()), [0; 0], "processes are left");
    assert_eq!(fs::read_dir(&temp).unwrap().count(), 0, "the folder is left");
}
