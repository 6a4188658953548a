//! What the routes answer.

use launch::Sight;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::api::{LocationState, Page, RunFilter, RunState};

use super::raw::PATIENCE;
use super::world::{NONCE, World};

#[tokio::test]
async fn a_run_goes_from_its_submission_to_its_end() {
    let world = World::start().await;
    let run = world.submit().await;
    let worker = world.worker(&run).await;
    let begin = json!({"nonce": NONCE, "protocol": 1});
    let answer = world.work("begin", &worker, &begin).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["plan"]["steps"][0]["key"], "greet");
    assert_eq!(answer.json()["config"], json!({"day": 1}));

    let folder =
        worker::folder::Folder::of(world.home.path(), run.parse().unwrap(), model::Attempt::FIRST);
    std::fs::create_dir_all(folder.steps()).unwrap();
    std::fs::write(folder.out("load.all", 1), "loadé").unwrap();
    let reports = json!({"first": 1, "reports": [
        {"at": 1, "kind": "planned", "steps": ["greet", "load.all"]},
        {"at": 2, "kind": "first_pass_done"},
        {"at": 3, "kind": "started", "step": "greet", "try": 1},
        {"at": 4, "kind": "succeeded", "step": "greet", "try": 1},
        {"at": 5, "kind": "asked", "step": "load.all", "pools": {"db/main": 1}, "priority": 0},
    ]});
    let answer = world.work("report", &worker, &reports).await;
    assert_eq!((answer.status, answer.json()["last"].as_u64()), (200, Some(5)), "{}", answer.body);
    let directions = world.work("poll", &worker, &json!({"seen": 0})).await.json();
    assert_eq!(directions["granted"], json!(["load.all"]), "{directions}");
    let pool = world.get("/api/v1/pools/db%2Fmain").await.json();
    assert_eq!(pool["claims"][0]["step"], "load.all", "{pool}");
    assert_eq!(pool["usage"]["granted"], 1);
    let started = json!({"first": 6, "reports": [
        {"at": 6, "kind": "started", "step": "load.all", "try": 1}
    ]});
    assert_eq!(world.work("report", &worker, &started).await.status, 200);

    let logs = format!("/api/v1/runs/{run}/logs");
    let files = world.get(&logs).await.json();
    assert_eq!(
        files,
        json!({"files": [
            {"step": "load.all", "try": 1, "stream": "stdout", "bytes": 6}
        ]})
    );
    let part = world.get(&format!("{logs}?step=load.all&limit=5")).await.json();
    assert_eq!(part, json!({"text": "load", "next_offset": 4, "is_complete": false}));
    let part = world.get(&format!("{logs}?step=load.all&offset=4")).await.json();
    assert_eq!(part, json!({"text": "é", "next_offset": 6, "is_complete": false}));

    let ended = json!({"first": 7, "reports": [
        {"at": 7, "kind": "succeeded", "step": "load.all", "try": 1},
        {"at": 8, "kind": "ended", "outcome": {"outcome": "succeeded"}},
    ]});
    assert_eq!(world.work("report", &worker, &ended).await.status, 200);
    let detail = world.client().run(&run[..8]).await.unwrap();
    assert_eq!(detail.run.status, model::RunStatus::Success);
    assert_eq!(detail.steps.len(), 2);
    let part = world.get(&format!("{logs}?step=load.all&offset=6")).await.json();
    assert_eq!(part, json!({"text": "", "next_offset": 6, "is_complete": true}));
    let answer = world.work("poll", &worker, &json!({"seen": 0})).await;
    assert_eq!((answer.status, answer.json()["code"].is_string()), (410, true));
    std::fs::remove_dir_all(folder.path()).unwrap();
    for logs in [logs.clone(), format!("{logs}?step=load.all")] {
        let answer = world.get(&logs).await;
        assert_eq!((answer.status, answer.code().as_str()), (410, "output_removed"));
        assert!(answer.body.contains("kept for 30 days"), "{}", answer.body);
    }
    let events = world.client().events(&run, &Page::default()).await.unwrap().events;
    let numbers: Vec<_> = events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (1..=events.len() as u64).map(Some).collect::<Vec<_>>());
    world.stop().await;
}

#[tokio::test]
async fn a_run_that_waits_says_why() {
    let world = World::start().await;
    let (first, second) = (world.submit().await, world.submit().await);
    world.worker(&first).await;
    let queue = world.client().queue(&Page::default()).await.unwrap();
    assert_eq!((queue.total, queue.entries.len(), queue.next), (1, 1, None));
    let entry = &queue.entries[0];
    assert_eq!((entry.position, entry.run.as_str(), entry.job.as_str()), (1, &*second, "hello"));
    assert!(entry.sentences[0].contains(&first[..8]), "{:?}", entry.sentences);
    let why = world.client().why(&second).await.unwrap();
    assert_eq!(why.sentences, entry.sentences);
    let detail = world.client().run(&second).await.unwrap();
    assert_eq!(detail.sentences, entry.sentences);
    assert_eq!(detail.config, json!({"day": 1}));
    world.stop().await;
}

#[tokio::test]
async fn a_submission_under_a_key_is_made_once() {
    let world = World::start().await;
    let submit = async |key: &str, body: Value| {
        let header = format!("Idempotency-Key: {key}\r\n");
        world.ask_raw("POST /api/v1/runs", &header, body.to_string().as_bytes()).await
    };
    let body = json!({"job": "hello", "tags": {"a": "b"}});
    let first = submit("k1", body.clone()).await;
    let again = submit("k1", body).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_eq!(first.json()["tags"]["a"], "b");
    let other = submit("k1", json!({"job": "hello"})).await;
    assert_eq!((other.status, other.code().as_str()), (409, "key_reused"));
    assert_eq!(submit("k2\r\nIdempotency-Key: k3", json!({"job": "hello"})).await.status, 400);
    assert_eq!(submit("", json!({"job": "hello"})).await.status, 400);
    assert_eq!(world.client().runs(&RunFilter::default()).await.unwrap().runs.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_submitted_is_refused_and_leaves_nothing() {
    let world = World::start().await;
    let huge = "x".repeat(100_000);
    for (body, status, code, told) in [
        (json!({"job": "helo"}), 404, "unknown_job", "hello"),
        (json!({"job": "hello", "location": "none"}), 404, "unknown_job", "none"),
        (json!({"job": "a b"}), 400, "bad_request", "a b"),
        (json!({"job": ""}), 400, "bad_request", "job"),
        (json!({}), 400, "bad_request", "job"),
        (json!([]), 400, "bad_request", "expected"),
        (json!({"job": 1}), 400, "bad_request", "`job`"),
        (json!({"job": "hello", "jobs": 1}), 400, "unknown_key", "jobs"),
        (json!({"job": "hello", "tags": {"a": 1}}), 400, "bad_request", "tags.a"),
        (json!({"job": "hello", "tags": {"": "x"}}), 400, "bad_request", "tag"),
        (json!({"job": "hello", "tags": {"a": huge}}), 400, "bad_request", "tags"),
        (json!({"job": "hello", "config": 1}), 400, "bad_request", "config"),
        (json!({"job": "hello", "priority": 1e99}), 400, "invalid_priority", "2147483647"),
        (json!({"job": "hello", "priority": 2_147_483_648_u32}), 400, "invalid_priority", "range"),
        (json!({"job": "hello", "priority": i64::MIN}), 400, "invalid_priority", "range"),
        (json!({"job": "hello", "priority": u64::MAX}), 400, "invalid_priority", "range"),
        (json!({"job": "hello", "priority": 1.5}), 400, "invalid_priority", "whole number"),
        (json!({"job": "hello", "priority": "1"}), 400, "invalid_priority", "whole number"),
        (json!({"job": "hello", "tags": {"priority": 1}}), 400, "bad_request", "tags.priority"),
        (json!({"job": "hello", "run_id": "../x"}), 400, "bad_request", "UUID"),
        (json!({"job": "hello", "deployment": {"name": ""}}), 400, "bad_request", "deployment"),
        (
            json!({"job": "hello", "deployment": {"name": "x", "kind": "y"}}),
            400,
            "bad_request",
            "kind",
        ),
    ] {
        let answer = world.ask("POST /api/v1/runs", &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{body}");
        assert!(answer.body.contains(told), "{body}: {}", answer.body);
    }
    assert!(world.client().runs(&RunFilter::default()).await.unwrap().runs.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_run_is_named_by_a_beginning_of_its_id_that_no_other_has() {
    let world = World::start().await;
    for id in ["abcd0000-0000-4000-8000-000000000001", "abcd0000-0000-4000-8000-000000000002"] {
        let body = json!({"job": "hello", "run_id": id});
        assert_eq!(world.ask("POST /api/v1/runs", &body).await.json()["id"], id);
        let again = world.ask("POST /api/v1/runs", &body).await;
        assert_eq!((again.status, again.code().as_str()), (409, "run_exists"));
    }
    let answer = world.get("/api/v1/runs/abcd").await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "ambiguous_prefix"));
    assert!(answer.body.contains("8000-000000000002"), "{}", answer.body);
    let one = world.get("/api/v1/runs/ABCD0000-0000-4000-8000-000000000002").await.json();
    assert_eq!(one["sequence"], 2);
    for id in ["abc", "abce", "xyzw", "..%2F..%2Ftoken", "%00", "a%20b", "----"] {
        for rest in ["", "/why", "/events", "/logs", "/logs?step=x"] {
            let answer = world.get(&format!("/api/v1/runs/{id}{rest}")).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "unknown_run"), "{id}{rest}");
        }
    }
    assert_eq!(world.get("/api/v1/runs/%ff").await.status, 400);
    world.stop().await;
}

#[tokio::test]
async fn runs_are_listed_page_by_page_and_by_filter() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.submit().await);
    }
    ids.reverse();
    let mut filter = RunFilter { limit: Some(2), ..RunFilter::default() };
    let mut listed = Vec::new();
    loop {
        let page = world.client().runs(&filter).await.unwrap();
        listed.extend(page.runs.into_iter().map(|run| run.id));
        match page.next {
            Some(next) => filter.before = Some(next),
            None => break,
        }
    }
    assert_eq!(listed, ids);
    let count = async |query: &str| {
        let runs = world.get(&format!("/api/v1/runs?{query}")).await.json();
        runs["runs"].as_array().unwrap_or_else(|| panic!("{runs}")).len()
    };
    assert_eq!(count("status=QUEUED&job=hello&location=etl&tag=team=docs").await, 4);
    assert_eq!(count("tag=team=other").await, 0);
    assert_eq!(count("since=2999-01-01T00:00:00Z").await, 0);
    for query in ["status=queued", "limit=0", "limit=501", "before=x", "nope=1", "job=", "tag=x"] {
        assert_eq!(world.get(&format!("/api/v1/runs?{query}")).await.status, 400, "{query}");
    }
    let mut page = Page { after: None, limit: Some(3) };
    let first = world.client().queue(&page).await.unwrap();
    page.after = first.next;
    let second = world.client().queue(&page).await.unwrap();
    let entries = first.entries.iter().chain(&second.entries);
    let places: Vec<_> = entries.map(|entry| (entry.position, entry.run.clone())).collect();
    let expected: Vec<_> = (1..).zip(ids.into_iter().rev().skip(1)).collect();
    assert_eq!(places, expected);
    world.stop().await;
}

#[tokio::test]
async fn a_run_is_canceled_once_and_deleted_when_it_has_ended() {
    let world = World::start().await;
    let (first, second) = (world.submit().await, world.submit().await);
    world.worker(&first).await;
    let cancel = |run: &str| format!("POST /api/v1/runs/{run}/cancel");
    let answer = world.ask(&cancel(&second), &json!({})).await;
    let state: RunState = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(state.status, model::RunStatus::Canceled);
    let again = world.ask(&cancel(&second), &json!({"force": true})).await;
    assert_eq!((again.status, again.code().as_str()), (409, "run_ended"));
    let delete = world.ask(&format!("DELETE /api/v1/runs/{first}"), &Value::Null).await;
    assert_eq!((delete.status, delete.code().as_str()), (409, "run_in_progress"));
    let delete = world.ask(&format!("DELETE /api/v1/runs/{second}"), &Value::Null).await;
    assert_eq!((delete.status, delete.body.as_str()), (204, ""));
    assert_eq!(world.get(&format!("/api/v1/runs/{second}")).await.code(), "unknown_run");
    let gone = world.ask(&cancel("00000000-0000-4000-8000-000000000000"), &json!({})).await;
    assert_eq!((gone.status, gone.code().as_str()), (404, "unknown_run"));
    let forced = world.ask(&cancel(&first), &json!({"force": true})).await;
    assert_eq!(forced.json()["status"], "CANCELED");
    world.stop().await;
}

#[tokio::test]
async fn a_pool_gets_a_limit_and_loses_it() {
    let world = World::start().await;
    let line = "PUT /api/v1/pools/db%2Fmain%20/limit".replace("%20", "");
    let set = world.ask(&line, &json!({"limit": 3})).await;
    assert_eq!((set.status, set.json()["limit"].as_u64()), (200, Some(3)));
    let pools = world.client().pools().await.unwrap().pools;
    assert_eq!((pools.len(), pools[0].pool.as_str(), pools[0].capacity), (1, "db/main", Some(3)));
    for limit in [json!(-1), json!(1001), json!(i64::MAX)] {
        let answer = world.ask(&line, &json!({"limit": limit})).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_limit"), "{limit}");
    }
    for limit in [json!(1.5), json!("1"), json!(null), json!(u64::MAX)] {
        assert_eq!(world.ask(&line, &json!({"limit": limit})).await.status, 400, "{limit}");
    }
    for pool in ["%20", "a%20b", "%09"] {
        let line = format!("PUT /api/v1/pools/{pool}/limit");
        let answer = world.ask(&line, &json!({"limit": 1})).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_pool"), "{pool}");
    }
    let pool = world.client().delete_pool_limit("db/main").await.unwrap();
    assert_eq!((pool.limit, pool.capacity), (None, None));
    assert!(world.client().pools().await.unwrap().pools.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn dynamic_partitions_are_added_and_removed_and_keep_their_order() {
    let world = World::start().await;
    let line = "POST /api/v1/dynamic-partitions/of%20regions";
    let added = world.ask(line, &json!({"add": ["north", "a/b", "east"]})).await;
    assert_eq!(added.json()["added"], json!(["north", "a/b", "east"]));
    let change = world.handle.store().last_change().await.unwrap();
    let again = world.ask(line, &json!({"add": ["east"], "remove": ["west"]})).await.json();
    assert_eq!((&again["added"], &again["removed"]), (&json!([]), &json!([])));
    assert_eq!(world.handle.store().last_change().await.unwrap(), change, "nothing is written");
    let moved = world.ask(line, &json!({"add": ["south"], "remove": ["north"]})).await.json();
    assert_eq!((&moved["added"], &moved["removed"]), (&json!(["south"]), &json!(["north"])));
    let keys = world.client().partitions("of regions").await.unwrap().partitions;
    assert_eq!(keys, ["a/b", "east", "south"]);
    let sets = world.client().partition_sets().await.unwrap().dynamic_partitions;
    assert_eq!((sets.len(), sets[0].name.as_str(), sets[0].count), (1, "of regions", 3));
    let page = world.get("/api/v1/dynamic-partitions/of%20regions?limit=2").await.json();
    let next =
        format!("/api/v1/dynamic-partitions/of%20regions?after={}", page["next"].as_str().unwrap());
    assert_eq!(world.get(&next).await.json()["partitions"], json!(["south"]));
    for (key, found) in [("a%2Fb", json!(["a/b"])), ("north", json!([]))] {
        let path = format!("/api/v1/dynamic-partitions/of%20regions?key={key}");
        assert_eq!(world.get(&path).await.json()["partitions"], found, "{key}");
    }
    let too_many: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    for body in [json!({"add": too_many}), json!({"add": ["a", "a"]}), json!({"remove": [""]})] {
        let answer = world.ask(line, &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_partition"));
    }
    world.stop().await;
}

#[tokio::test]
async fn jobs_and_their_files_are_listed_and_read_again() {
    let world = World::start().await;
    let jobs = world.client().jobs().await.unwrap().jobs;
    assert_eq!((jobs.len(), jobs[0].name.as_str(), jobs[0].step_count), (1, "hello", 2));
    let job = world.client().job("hello", Some("etl")).await.unwrap();
    assert_eq!(job.steps[1].after, ["greet"]);
    let answer = world.get("/api/v1/jobs/helo").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "unknown_job"));
    let file = world.home.path().join("etl.yaml");
    std::fs::write(&file, "jobs: {hello: {}}").unwrap();
    let failed = world.client().reload(None).await.unwrap().code_locations;
    assert!(!failed[0].is_loaded && failed[0].problems.is_some(), "{failed:?}");
    assert_eq!((failed[0].state, failed[0].loading_since), (LocationState::Failed, None));
    assert_eq!(failed[0].jobs, ["hello"]);
    assert_eq!(failed, world.client().code_locations().await.unwrap().code_locations);
    let instance = world.client().instance().await.unwrap();
    assert_eq!((instance.queued, instance.rules.max_concurrent_runs), (0, Some(1)));
    world.stop().await;
}

#[tokio::test]
async fn the_address_is_told_while_the_server_runs() {
    let world = World::start().await;
    world.client().health().await.unwrap();
    let file = world.home.path().join("server.json");
    let told: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(told["url"], format!("http://{}", world.address));
    let home = world.stop().await;
    assert!(!home.path().join("server.json").exists());
    assert!(home.path().join("token").exists());
}

/// Returns whether nobody knows if the worker of a run lives.
async fn is_suspect(world: &World, run: &str) -> bool {
    world.client().run(run).await.unwrap().run.is_suspect
}

#[tokio::test]
async fn a_poll_is_answered_when_the_server_stops() {
    let world = World::start().await;
    let run = world.submit().await;
    let worker = world.worker(&run).await;
    let begin = json!({"nonce": NONCE, "protocol": 1});
    assert_eq!(world.work("begin", &worker, &begin).await.status, 200);
    let seen = world.work("poll", &worker, &json!({"seen": 0})).await.json()["version"].clone();
    let (head, body) = world.as_worker(&worker, &json!({"seen": seen}));
    let request = format!("POST /worker/v1/poll HTTP/1.1\r\n{head}\r\n{body}");
    // A worker whose poll breaks off, and of which only steps are seen, is suspect until it polls.
    world.see(Some(Sight::Remains));
    let suspected = async {
        while !is_suspect(&world, &run).await {
            let mut broken = TcpStream::connect(world.address).await.unwrap();
            broken.write_all(request.as_bytes()).await.unwrap();
        }
    };
    timeout(PATIENCE, suspected).await.unwrap();
    world.see(Some(Sight::Alive));
    let mut poll = TcpStream::connect(world.address).await.unwrap();
    poll.write_all(request.as_bytes()).await.unwrap();
    let heard_of = async { while is_suspect(&world, &run).await {} };
    timeout(PATIENCE, heard_of).await.unwrap();
    // So the poll has been looked at; there is no news for it, and it waits.
    world.stop().await;
    let mut answer = String::new();
    timeout(PATIENCE, poll.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("the server is stopping"), "{answer}");
}

#[tokio::test]
async fn lists_are_read_page_by_page_to_their_end() {
    let world = World::start().await;
    let jobs = |names: [&str; 3]| {
        let job = |name| format!("  {name}:\n    ops:\n      a: {{command: [echo, a]}}\n");
        format!("jobs:\n{}", names.map(job).concat())
    };
    std::fs::write(world.home.path().join("etl.yaml"), jobs(["c", "a", "b"])).unwrap();
    world.client().reload(None).await.unwrap();
    for pool in ["p2", "p/1", "p3"] {
        world.client().set_pool_limit(pool, 1).await.unwrap();
    }
    let run = world.ask("POST /api/v1/runs", &json!({"job": "a"})).await.json()["id"].clone();
    let run = run.as_str().unwrap();
    let worker = world.worker(run).await;
    let begin = json!({"nonce": NONCE, "protocol": 1});
    assert_eq!(world.work("begin", &worker, &begin).await.status, 200);
    let steps = json!({"first": 1, "reports": [
        {"at": 1, "kind": "planned", "steps": ["z", "y\"[1]", "x"]}
    ]});
    assert_eq!(world.work("report", &worker, &steps).await.status, 200);
    let file = world.home.path().canonicalize().unwrap().join("etl.yaml").display().to_string();
    for (path, field, key, expected) in [
        ("jobs", "jobs", "name", vec!["a", "b", "c"]),
        ("pools", "pools", "pool", vec!["p/1", "p2", "p3"]),
        ("code-locations", "code_locations", "path", vec![file.as_str()]),
        (&format!("runs/{run}/steps"), "steps", "key", vec!["z", "y\"[1]", "x"]),
    ] {
        for limit in 1..=4 {
            let (mut found, mut after) = (Vec::new(), String::new());
            loop {
                let path = format!("/api/v1/{path}?limit={limit}{after}");
                let page = world.get(&path).await.json();
                let entries = page[field].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
                assert!(entries.len() <= limit, "{page}");
                found.extend(entries.iter().map(|entry| entry[key].as_str().unwrap().to_owned()));
                let Some(next) = page["next"].as_str() else { break };
                let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
                after = format!("&after={next}");
            }
            assert_eq!(found, expected, "{path} by {limit}");
        }
        for query in ["limit=0", "limit=501", "after=%20", "before=x"] {
            let answer = world.get(&format!("/api/v1/{path}?{query}")).await;
            assert_eq!(answer.status, 400, "{path}?{query}: {}", answer.body);
        }
    }
    let shown = world.client().run(run).await.unwrap();
    assert_eq!((shown.steps.len(), shown.next_steps.clone()), (3, None));
    assert_eq!(world.client().all_steps(shown.clone()).await.unwrap(), shown);
    world.stop().await;
}
