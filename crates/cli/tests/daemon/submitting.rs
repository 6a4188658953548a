//! Submissions that are made twice.

use crate::harness::Deployment;

const JOBS: &str = "jobs: {hello: {ops: {a: {command: ['true']}}}}\n";

#[test]
fn one_key_is_one_run_and_another_request_under_it_is_refused() {
    let mut deployment = Deployment::start(JOBS, "");
    let launch = |deployment: &Deployment| {
        deployment.launch("hello", &["--idempotency-key", "k", "--tag", "a=b"])
    };
    let first = launch(&deployment);
    assert_eq!(launch(&deployment), first);
    deployment.wait_for(&first, "SUCCESS");
    // Neither its end nor another daemon makes a difference.
    deployment.kill();
    deployment.serve();
    assert_eq!(launch(&deployment), first);
    let told = deployment.fails(1, &["job", "launch", "hello", "--idempotency-key", "k"]);
    assert!(told.contains("key"), "{told}");
    assert_eq!(deployment.count(), 1);

    let body = br#"{"job": "hello", "tags": {"a": "b"}}"#;
    let (status, _) = deployment.http("POST", "/api/v1/runs", &["Idempotency-Key: other"], body);
    assert_eq!(status, 201);
    let (status, _) = deployment.http("POST", "/api/v1/runs", &["Idempotency-Key: other"], body);
    assert_eq!(status, 200);
    assert_eq!(deployment.count(), 2);
}

#[test]
fn a_run_has_the_id_that_was_asked_for_once() {
    let deployment = Deployment::start(JOBS, "");
    let id = "0a1b2c3d-0000-4000-8000-000000000001";
    assert_eq!(deployment.launch("hello", &["--run-id", id]), id);
    let told = deployment.fails(1, &["job", "launch", "hello", "--run-id", id]);
    assert!(told.contains(id), "{told}");
    deployment.fails(1, &["job", "launch", "hello", "--run-id", "not-a-uuid"]);
    assert_eq!(deployment.count(), 1);

    // A beginning that two runs share is refused, and both are named.
    let other = "0a1b2c3d-0000-4000-8000-000000000002";
    deployment.launch("hello", &["--run-id", other]);
    let told = deployment.fails(1, &["run", "show", "0a1b2c3d"]);
    assert!(told.contains(id) && told.contains(other), "{told}");
    let told = deployment.fails(1, &["run", "show", "ffffffff"]);
    assert!(told.contains("ffffffff") && told.contains("run list"), "{told}");
}
