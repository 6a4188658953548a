//! Submission hooks: what a request says and a configuration makes of it, what programs say, and what
//! becomes of a submission when one of them does not work.

use std::path::Path;

use serde_json::json;

use crate::harness::{Deployment, held, wait_until};

fn jobs() -> String {
    format!("jobs:\n  long: {{ops: {{a: {{shell: '{}'}}}}}}\n", held("long", "go"))
}

/// A file of the examples.
fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/coordinators");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn tag(deployment: &Deployment, run: &str, key: &str) -> serde_json::Value {
    deployment.json(&["run", "show", run])["tags"][key].clone()
}

#[test]
fn a_header_becomes_a_tag_and_the_limit_on_that_tag_holds() {
    let config = "
concurrency: {runs: {tag_concurrency_limits: [{key: team, value: docs, limit: 1}]}}
submission_hooks: [{tag: {key: team, from: header, header: X-Team}}]
";
    let deployment = Deployment::start(&jobs(), config);
    let first = deployment.launch("long", &["-H", "X-Team=docs"]);
    let second = deployment.launch("long", &["--header", "x-team=docs"]);
    let other = deployment.launch("long", &["-H", "X-Team=ops"]);
    let none = deployment.launch("long", &[]);
    for run in [&first, &other, &none] {
        deployment.wait_for(run, "STARTED");
    }
    assert_eq!(deployment.status(&second), "QUEUED");
    let why = deployment.ok(&["run", "why", &second]);
    assert!(why.contains("team") && why.contains("docs"), "{why}");
    assert_eq!(tag(&deployment, &none, "team"), json!(null));
    deployment.let_go("go");
    deployment.wait_for(&second, "SUCCESS");
}

#[test]
fn the_example_of_a_team_s_priority_does_what_it_says() {
    let deployment = Deployment::start(&jobs(), &example("team-priority.yaml"));
    let launch = |more: &[&str]| deployment.launch("long", more);
    let urgent = launch(&["-H", "X-Team=on-call", "-H", "X-Pointsman-User=ann"]);
    assert_eq!(tag(&deployment, &urgent, "team"), "on-call");
    assert_eq!(tag(&deployment, &urgent, "user"), "ann");
    let shown = deployment.json(&["run", "show", &urgent]);
    assert_eq!(shown["priority"], 10, "{shown}");
    let given = launch(&["-H", "X-Team=on-call", "--priority", "3", "--tag", "team=docs"]);
    let shown = deployment.json(&["run", "show", &given]);
    assert_eq!((&shown["priority"], &shown["tags"]["team"]), (&json!(3), &json!("on-call")));
    let other = launch(&[]);
    assert_eq!(deployment.json(&["run", "show", &other])["priority"], -1);
    deployment.let_go("go");
}

#[test]
fn a_refused_run_is_none_and_its_submitter_is_told_the_reason() {
    let config = "
submission_hooks:
  - when: {job: 'lo*', without_tags: [team]}
    reject: every long run names its team
";
    let deployment = Deployment::start(&jobs(), config);
    let told = deployment.fails(1, &["job", "launch", "long"]);
    let reason = "the submission hook `submission_hooks[0]: reject` refuses this run: every long \
                  run names its team";
    assert!(told.contains(reason), "{told}");
    let (status, answer) = deployment.http("POST", "/api/v1/runs", &[], br#"{"job": "long"}"#);
    assert_eq!((status, &answer["error"]["code"]), (422, &json!("rejected")));
    assert_eq!(deployment.count(), 0);
    deployment.launch("long", &["--tag", "team=docs"]);
    deployment.let_go("go");
}

#[test]
fn what_a_request_says_of_itself_is_bounded() {
    let deployment = Deployment::start(&jobs(), "");
    let ask = |header: &str| {
        let (status, answer) =
            deployment.http("POST", "/api/v1/runs", &[header], br#"{"job": "long"}"#);
        (status, answer["error"]["code"].clone())
    };
    let (large, long) = ("x".repeat(40 * 1024), "x".repeat(257));
    assert_eq!(ask(&format!("X-Large: {large}")), (413, json!("too_large")));
    assert_eq!(ask(&format!("X-Pointsman-User: {long}")), (400, json!("bad_request")));
    assert_eq!(deployment.count(), 0);
    for header in ["Authorization=x", "Host=x", "X Team=x", "X-Team"] {
        let told = deployment.fails(2, &["job", "launch", "long", "-H", header]);
        assert!(told.contains("header"), "{told}");
    }
}

#[test]
fn a_run_that_is_known_by_its_key_is_not_offered_again() {
    let config = "
submission_hooks:
  - {when: {headers: {X-Closed: '*'}}, reject: closed}
  - {tag: {key: team, from: header, header: X-Team}}
";
    let deployment = Deployment::start(&jobs(), config);
    let keyed = ["--idempotency-key", "k1"];
    let first = deployment.launch("long", &[&keyed[..], &["-H", "X-Team=docs"]].concat());
    let again = [&keyed[..], &["-H", "X-Team=ops", "-H", "X-Closed=yes"]].concat();
    assert_eq!(deployment.launch("long", &again), first);
    assert_eq!(tag(&deployment, &first, "team"), "docs");
    // Another submission under the key stays another one, whatever the hooks would make of it.
    let other = [&["job", "launch", "long", "--tag", "team=docs"], &keyed[..]].concat();
    let told = deployment.fails(1, &other);
    assert!(told.contains("the idempotency key was used for another submission"), "{told}");
    assert_eq!(deployment.count(), 1);
    deployment.let_go("go");
}

#[test]
fn the_example_of_a_program_sets_tags_refuses_and_ends_with_the_daemon() {
    let mut deployment = Deployment::new(&jobs(), &example("ask-a-program.yaml"));
    std::fs::write(deployment.path("budget.py"), example("budget.py")).unwrap();
    deployment.serve();
    let large = ["--tag", "size=large", "--tag", "team=docs"];
    let budgets: Vec<_> =
        (0..3).map(|_| tag(&deployment, &deployment.launch("long", &large), "budget")).collect();
    assert_eq!(budgets, ["within", "within", "beyond"]);
    let told = deployment.fails(1, &["job", "launch", "long", "--tag", "size=large"]);
    assert!(told.contains("refuses this run: a large run needs the tag team"), "{told}");
    assert_eq!(programs_in(deployment.home()), 1);
    deployment.let_go("go");
    assert!(deployment.stop().success());
    assert_eq!(programs_in(deployment.home()), 0);
}

#[test]
fn a_program_goes_on_when_something_else_of_the_configuration_changes() {
    let hooks = example("ask-a-program.yaml");
    let mut deployment = Deployment::new(&jobs(), &hooks);
    std::fs::write(deployment.path("budget.py"), example("budget.py")).unwrap();
    deployment.serve();
    let large = ["--tag", "size=large", "--tag", "team=docs"];
    let launch = || tag(&deployment, &deployment.launch("long", &large), "budget");
    assert_eq!((launch(), launch()), (json!("within"), json!("within")));
    let configure = |text: &str| {
        std::fs::write(deployment.path("pointsman.yaml"), text).unwrap();
        assert!(deployment.ok(&["config", "reload"]).contains("in force since"));
    };
    let other = format!("{hooks}\nhistory: {{events_days: 9}}\n");
    configure(&other);
    // It has counted on.
    assert_eq!(launch(), "beyond");
    configure(&other.replace("timeout_seconds: 15", "timeout_seconds: 14"));
    assert_eq!(launch(), "within");
    deployment.let_go("go");
}

/// Counts the programs of the example that run in a folder.
fn programs_in(folder: &Path) -> usize {
    let folder = folder.canonicalize().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let is_one = |process: &std::fs::DirEntry| {
        let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let place = std::fs::read_link(process.path().join("cwd"));
        String::from_utf8_lossy(&command).contains("budget.py")
            && place.is_ok_and(|place| place == folder)
    };
    processes.filter(is_one).count()
}

#[test]
fn a_program_that_fails_fails_that_submission_alone_and_works_again_once_it_is_mended() {
    let script = "submission_hooks: [{command: [sh, ./hook.sh], when: {tags: {asked: '*'}}}]\n";
    let mut deployment = Deployment::new(&jobs(), script);
    deployment.serve();
    let asked = ["job", "launch", "long", "--tag", "asked=1"];
    let broken = "echo I have no idea >&2; exit 4\n";
    std::fs::write(deployment.path("hook.sh"), broken).unwrap();
    let told = deployment.fails(1, &asked);
    let name = "the submission hook `submission_hooks[0]: sh ./hook.sh` failed: ";
    assert!(told.contains(name) && told.contains("exit status: 4"), "{told}");
    assert!(told.contains("hint: `submission_hooks` of the server's configuration"), "{told}");
    let body = br#"{"job": "long", "tags": {"asked": "1"}}"#;
    let (status, answer) = deployment.http("POST", "/api/v1/runs", &[], body);
    assert_eq!((status, &answer["error"]["code"]), (502, &json!("hook_failed")));
    wait_until("the log has what it said", || {
        deployment.read("daemon.log").contains("I have no idea")
    });
    // Others are not asked about, and go through.
    deployment.launch("long", &[]);
    let mended = r#"read -r q; while true; do
id=${q#*\"id\":}; echo "{\"id\": ${id%%,*}, \"tags\": {\"seen\": \"yes\"}}"; read -r q || exit 0; done
"#;
    std::fs::write(deployment.path("hook.sh"), mended).unwrap();
    let run = deployment.launch("long", &["--tag", "asked=1"]);
    assert_eq!(tag(&deployment, &run, "seen"), "yes");
    assert_eq!(deployment.count(), 2);
    deployment.let_go("go");
}

#[test]
fn a_program_ends_when_the_daemon_is_killed() {
    let config = "submission_hooks: [{command: [python3, budget.py], timeout_seconds: 15}]\n";
    let mut deployment = Deployment::new(&jobs(), config);
    std::fs::write(deployment.path("budget.py"), example("budget.py")).unwrap();
    deployment.serve();
    deployment.let_go("go");
    let run = deployment.launch("long", &[]);
    deployment.wait_for(&run, "SUCCESS");
    assert_eq!(programs_in(deployment.home()), 1);
    deployment.kill();
    wait_until("the program ends", || programs_in(deployment.home()) == 0);
}
