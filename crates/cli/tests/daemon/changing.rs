//! Runs and rules are changed from the command line while they wait, and the server heeds it.

use std::fs;

use crate::harness::{Deployment, held};

const ONE_PER_TEAM: &str = "
concurrency:
  runs:
    tag_concurrency_limits: [{key: team, limit: 1}]
";

fn jobs() -> String {
    format!(
        "jobs:\n  long:\n    tags: {{team: docs}}\n    ops: {{a: {{shell: '{}', pool: db}}}}\n  \
         short:\n    tags: {{team: docs}}\n    ops: {{a: {{command: ['true']}}}}\n",
        held("long", "go")
    )
}

/// A run that holds the only place of its team, and one that waits for it.
fn one_waits() -> (Deployment, String, String) {
    let deployment = Deployment::start(&jobs(), ONE_PER_TEAM);
    let first = deployment.launch("long", &[]);
    deployment.wait_for_file("long.began");
    let second = deployment.launch("short", &[]);
    (deployment, first, second)
}

#[test]
fn tags_are_previewed_and_set_and_the_run_that_is_freed_starts() {
    let (deployment, first, second) = one_waits();
    let query = ["--queued", "--job", "short", "--since", "1h"];
    let set = [&["run", "set-tags", "team=other", "--remove", "team2"], &query[..]].concat();
    let preview = deployment.ok(&[&set[..], &["--preview"]].concat());
    let (short, holder) = (&second[..8], &first[..8]);
    assert!(preview.contains(&format!("Would change 1 run ({short})")), "{preview}");
    assert_eq!(deployment.status(&second), "QUEUED");
    // The limit counts all values together: only without the tag it is free.
    assert!(preview.contains("No run would start"), "{preview}");
    let remove = ["run", "set-tags", short, "--remove", "team"];
    let preview = deployment.ok(&[&remove[..], &["--preview"]].concat());
    assert!(preview.contains(&format!("Would start at once: 1 run ({short})")), "{preview}");
    let told = deployment.ok(&remove);
    assert!(told.contains(&format!("Started at once: 1 run ({short})")), "{told}");
    deployment.wait_for(&second, "SUCCESS");
    let why = deployment.ok(&["run", "set-tags", holder, "note=x"]);
    assert!(why.contains("Changed 1 run"), "{why}");
    assert_eq!(deployment.json(&["run", "show", holder])["tags"]["note"], "x");
    deployment.let_go("go");
    deployment.wait_for(&first, "SUCCESS");
}

#[test]
fn a_run_that_is_held_waits_until_it_is_released() {
    let (deployment, first, second) = one_waits();
    let told = deployment.json(&["run", "hold", "--tag", "team=docs", "--yes"]);
    assert_eq!(told["changed"], serde_json::json!([second]));
    deployment.let_go("go");
    deployment.wait_for(&first, "SUCCESS");
    let queue = deployment.ok(&["queue"]);
    assert!(queue.contains(&second[..8]) && queue.contains("held"), "{queue}");
    let release = format!("$ pointsman run release {}", &second[..8]);
    let why = deployment.ok(&["run", "why", &second]);
    assert!(why.contains(&release), "{why}");
    let told = deployment.ok(&["run", "release", &second[..8]]);
    assert!(told.contains("Started at once: 1 run"), "{told}");
    deployment.wait_for(&second, "SUCCESS");
    let output = deployment.cli(&["run", "hold", &second]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("Not changed: "));
}

#[test]
fn a_priority_changes_the_order_of_the_queue() {
    let (deployment, first, second) = one_waits();
    let third = deployment.launch("short", &[]);
    deployment.ok(&["run", "set-priority", &third[..8], "5"]);
    let queue = deployment.json(&["queue"]);
    let order: Vec<&str> =
        queue["entries"].as_array().unwrap().iter().filter_map(|e| e["run"].as_str()).collect();
    assert_eq!(order, [&third, &second]);
    deployment.let_go("go");
    for run in [first, second, third] {
        deployment.wait_for(&run, "SUCCESS");
    }
}

#[test]
fn slots_are_freed_while_their_step_goes_on() {
    let (deployment, first, _) = one_waits();
    deployment.ok(&["instance", "concurrency", "set", "db", "1"]);
    let told = deployment.ok(&["instance", "concurrency", "free", &first[..8], "--step", "a"]);
    assert_eq!(told, "Freed a (db: 1)\n");
    let got = deployment.ok(&["instance", "concurrency", "get", "db"]);
    assert_eq!(got, "\"db\": 0 / 1 slots occupied\n");
    let again = deployment.ok(&["instance", "concurrency", "free", &first[..8]]);
    assert_eq!(again, "Nothing was held.\n");
    deployment.let_go("go");
    deployment.wait_for(&first, "SUCCESS");
}

#[test]
fn a_configuration_is_reloaded_and_a_bad_one_changes_nothing() {
    let (deployment, first, second) = one_waits();
    fs::write(deployment.path("pointsman.yaml"), "concurrency: [").unwrap();
    deployment.fails(1, &["config", "reload"]);
    let told = deployment.ok(&["instance", "show"]);
    assert!(told.contains("is not in force") && told.contains("team"), "{told}");
    assert_eq!(deployment.status(&second), "QUEUED");
    fs::write(deployment.path("pointsman.yaml"), ONE_PER_TEAM.replace("limit: 1", "limit: 2"))
        .unwrap();
    assert!(deployment.ok(&["config", "reload"]).contains("in force since"));
    deployment.wait_for(&second, "SUCCESS");
    deployment.let_go("go");
    deployment.wait_for(&first, "SUCCESS");
}
