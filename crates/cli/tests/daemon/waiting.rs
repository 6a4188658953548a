//! Runs that wait for a limit: who holds it, who goes first, what is told.

use std::collections::BTreeMap;

use crate::harness::{Deployment, held};

const ONE_PER_TEAM: &str = "
concurrency:
  runs:
    tag_concurrency_limits: [{key: team, limit: 1}]
";

fn jobs() -> String {
    format!(
        "jobs:\n  long:\n    tags: {{team: docs}}\n    ops: {{a: {{shell: '{}'}}}}\n  \
         short:\n    tags: {{team: docs}}\n    ops: {{a: {{command: ['true']}}}}\n  \
         free: {{ops: {{a: {{command: ['true']}}}}}}\n",
        held("long", "go")
    )
}

#[test]
fn a_tag_limit_blocks_the_second_run_and_says_who_holds_it() {
    let deployment = Deployment::start(&jobs(), ONE_PER_TEAM);
    let first = deployment.launch("long", &[]);
    deployment.wait_for(&first, "STARTED");
    let second = deployment.launch("short", &[]);
    // Without the tag it is held up by nobody.
    deployment.ok(&["job", "launch", "free", "--wait"]);
    assert_eq!(deployment.status(&second), "QUEUED");

    let holder = &first[..8];
    let queue = deployment.ok(&["queue"]);
    assert!(queue.contains(&second[..8]) && queue.contains(holder), "{queue}");
    assert!(queue.contains("team"), "{queue}");
    let why = deployment.ok(&["run", "why", &second[..8]]);
    assert!(why.contains("QUEUED") && why.contains("team") && why.contains(holder), "{why}");
    let why = deployment.json(&["run", "why", &second]);
    let reason = &why["explanation"]["reasons"][0];
    assert_eq!(reason["limit"]["kind"], "tag");
    assert_eq!(reason["limit"]["key"], "team");
    assert_eq!(reason["capacity"], 1);
    assert_eq!(reason["holders"][0]["run"], first.as_str());
    assert!(!reason["remedy"].is_null(), "{why}");

    deployment.let_go("go");
    deployment.wait_for(&second, "SUCCESS");
    assert_eq!(deployment.status(&first), "SUCCESS");
    let queue = deployment.json(&["queue"]);
    assert_eq!(queue["total"], 0);
}

#[test]
fn the_queue_is_ordered_by_priority_and_then_by_submission() {
    let deployment = Deployment::start(&jobs(), ONE_PER_TEAM);
    let holder = deployment.launch("long", &[]);
    deployment.wait_for(&holder, "STARTED");
    let mut names = BTreeMap::new();
    for (name, more) in [
        ("low", ["--priority", "-1"]),
        ("first", ["--priority", "0"]),
        ("second", ["--tag", "dagster/priority=0"]),
        ("high", ["--priority", "3"]),
    ] {
        names.insert(deployment.launch("short", &more), name);
    }
    let order = ["high", "first", "second", "low"];
    let queue = deployment.json(&["queue"]);
    let entries = queue["entries"].as_array().unwrap();
    let shown: Vec<&str> =
        entries.iter().map(|entry| names[entry["run"].as_str().unwrap()]).collect();
    assert_eq!(shown, order);

    deployment.let_go("go");
    for run in names.keys() {
        deployment.wait_for(run, "SUCCESS");
    }
    let runs = deployment.json(&["run", "list"]);
    let mut started: Vec<(String, &str)> = runs["runs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|run| {
            let name = names.get(run["id"].as_str()?)?;
            Some((run["starting_at"].as_str()?.to_owned(), *name))
        })
        .collect();
    started.sort();
    let started: Vec<&str> = started.into_iter().map(|(_, name)| name).collect();
    assert_eq!(started, order);
}

#[test]
fn a_step_that_waits_for_a_limit_inside_its_run_says_which_and_who_has_the_place() {
    let jobs = format!(
        "jobs:\n  limited:\n    \
           executor: {{tag_concurrency_limits: [{{key: database, value: big, limit: 1}}]}}\n    \
           ops:\n      \
             first: {{shell: '{}', tags: {{database: big}}}}\n      \
             second: {{command: ['true'], tags: {{database: big}}}}\n      \
             other: {{command: ['true'], tags: {{database: small}}}}\n",
        held("first", "go")
    );
    let deployment = Deployment::start(&jobs, "");
    let run = deployment.launch("limited", &[]);
    deployment.wait_for_step(&run, "other", "SUCCEEDED");
    let sentence = "waits for the run's own limit database=big (1 of 1 taken by step first)";
    let why = deployment.ok(&["run", "why", &run]);
    assert!(why.contains("second\n") && why.contains(sentence), "{why}");
    let show = deployment.ok(&["run", "show", &run]);
    assert!(show.contains(sentence), "{show}");
    assert_eq!(deployment.step(&run, "second")["held_back"][0], sentence);
    deployment.let_go("go");
    deployment.wait_for(&run, "SUCCESS");
}
