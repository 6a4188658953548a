//! How commands fail: no server, a wrong token, an answer that is none.

use expect_test::expect;
use serde_json::{Value, json};

use crate::scripted::{Done, Server, TOKEN, pointsman};

#[test]
fn without_a_server_the_exit_code_is_3_and_the_command_that_starts_one_is_named() {
    let home = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 10] = [
        &["job", "list"],
        &["job", "launch", "nightly"],
        &["run", "list"],
        &["run", "why", "1b4e28ba"],
        &["run", "cancel", "1b4e28ba", "9f3c77aa"],
        &["queue"],
        &["pool", "list"],
        &["instance", "concurrency", "get", "--all"],
        &["instance", "concurrency", "set", "db", "2"],
        &["code-location", "reload"],
    ];
    for args in commands {
        let done: Done = pointsman(home.path(), args).output().unwrap().into();
        let told = done.stderr.replace(&home.path().display().to_string(), "HOME");
        expect![[r#"
            error: no server runs for HOME
            hint: start one with `pointsman dev` or `pointsman serve`, or name one with --url, --home, POINTSMAN_URL or POINTSMAN_HOME
        "#]]
        .assert_eq(&told);
        assert_eq!((done.code, done.stdout.as_str()), (Some(3), ""), "{args:?}");
    }
}

#[test]
fn a_server_that_is_gone_is_no_server() {
    let server = Server::start();
    let url = server.url.clone();
    drop(server);
    let home = tempfile::tempdir().unwrap();
    let done: Done =
        pointsman(home.path(), &["queue", "--json", "--url", &url]).output().unwrap().into();
    assert_eq!(done.code, Some(3), "{}", done.stderr);
    let told: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(told["error"]["code"], "no_server");
    assert!(done.stderr.contains("pointsman serve"), "{}", done.stderr);
}

#[test]
fn the_token_of_the_home_is_shown_and_one_that_is_wrong_is_told() {
    let server = Server::start();
    let reload = "POST /api/v1/code-locations/reload";
    server.on_error(reload, 401, "unauthorized", "the token is wrong", None);
    let done = server.run(&["code-location", "reload"]);
    expect![[r#"
        error: the token is wrong
        hint: set POINTSMAN_TOKEN to the content of the file `token` in the server's home, or name that home with --home
    "#]]
    .assert_eq(&done.stderr);
    assert_eq!(done.code, Some(1));
    assert_eq!(server.header("authorization"), [format!("Bearer {TOKEN}")]);
}

#[test]
fn the_token_of_the_environment_wins_and_the_address_too() {
    let (server, other) = (Server::start(), Server::start());
    let reload = "POST /api/v1/code-locations/reload";
    server.on(reload, 200, &json!({ "code_locations": [] }));
    let mut command = pointsman(other.home.path(), &["code-location", "reload"]);
    let output = command.env("POINTSMAN_URL", &server.url).env("POINTSMAN_TOKEN", "mine").output();
    let done: Done = output.unwrap().into();
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    assert_eq!(server.header("authorization"), ["Bearer mine"]);
    assert!(other.asked().is_empty());
}

#[test]
fn an_address_that_is_none_is_told() {
    let home = tempfile::tempdir().unwrap();
    for url in ["nonsense", "https://localhost", "http://", "file:///etc"] {
        let args = ["queue", "--url", url];
        let done: Done = pointsman(home.path(), &args).output().unwrap().into();
        assert_eq!(done.code, Some(2), "{url}: {}", done.stderr);
        assert!(done.stderr.contains("is no address of a server"), "{}", done.stderr);
    }
}

#[test]
fn a_server_file_that_is_damaged_is_told() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("server.json"), "{\"url\": ").unwrap();
    let done: Done = pointsman(home.path(), &["queue"]).output().unwrap().into();
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("server.json"), "{}", done.stderr);
}

#[test]
fn an_answer_that_is_not_the_apis_is_told() {
    let server = Server::start();
    let told = |done: Done| {
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""));
        done.stderr.replace(&server.url, "URL")
    };
    server.on_bytes("GET /api/v1/jobs?limit=500", "text/html", b"<h1>It works!</h1>".to_vec());
    expect![[r#"
        error: URL sent an answer that is not the API's: expected value at line 1 column 1
        hint: check --url and POINTSMAN_URL: something else, or another version, answers there
    "#]]
    .assert_eq(&told(server.run(&["job", "list"])));
    expect![[r#"
        error: URL sent HTTP status 404 Not Found without an error of the API
        hint: check --url and POINTSMAN_URL: something else, or another version, answers there
    "#]]
    .assert_eq(&told(server.run(&["pool", "list"])));
}

#[test]
fn an_answer_without_end_is_not_read_to_its_end() {
    let server = Server::start();
    server.on_bytes("GET /api/v1/jobs?limit=500", "application/json", vec![b' '; 100 << 20]);
    let done = server.run(&["job", "list"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("an answer of more than 33554432 bytes"), "{}", done.stderr);
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_command_quietly() {
    let server = Server::start();
    let job = |n: usize| {
        json!({ "name": format!("job_{n}_{}", "x".repeat(200)), "location": "etl", "description": null,
                "tags": {}, "step_count": 1, "pools": [] })
    };
    let jobs: Vec<Value> = (0..2000).map(job).collect();
    server.on("GET /api/v1/jobs?limit=500", 200, &json!({ "jobs": jobs }));
    let mut command = pointsman(server.home.path(), &["job", "list"]);
    let piped = || std::process::Stdio::piped();
    let mut child = command.stdout(piped()).stderr(piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn arguments_that_cannot_be_are_refused_before_anything_is_asked() {
    let server = Server::start();
    let wrong: [&[&str]; 9] = [
        &["instance", "concurrency", "set", "db", "-1"],
        &["instance", "concurrency", "set", "db", "1001"],
        &["instance", "concurrency", "set", "db", "many"],
        &["instance", "concurrency", "get"],
        &["job", "launch"],
        &["job", "launch", "a", "-j", "b"],
        &["job", "launch", "a", "--tag", "docs"],
        &["run", "list", "--status", "RUNNING"],
        &["run", "list", "--limit", "0"],
    ];
    for args in wrong {
        let done = server.run(args);
        assert_eq!(done.code, Some(2), "{args:?}: {}", done.stderr);
    }
    assert!(server.asked().is_empty());
}
