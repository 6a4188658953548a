//! Walks over the whole table of routes.

use std::collections::BTreeSet;

use super::raw::ask;
use super::world::World;
use crate::guard::WORKER_PATHS;
use crate::routes::table;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

/// Returns the addresses of the table with something in the place of their parts.
fn paths() -> Vec<String> {
    let fill = |path: &str| {
        path.replace("{run}", "00000000-0000-4000-8000-000000000000")
            .replace("{job}", "hello")
            .replace("{pool}", "db%2Fmain")
    };
    table().iter().map(|(path, _)| fill(path)).collect()
}

#[tokio::test]
async fn nothing_writes_without_token_host_origin_and_type() {
    let world = World::start().await;
    let (host, token) = (world.host(), format!("Authorization: Bearer {}\r\n", world.token));
    let json = "Content-Type: application/json\r\n";
    let length = "Content-Length: 2\r\n";
    let foreign = "Origin: http://evil.example\r\n";
    for path in paths() {
        let is_worker = WORKER_PATHS.contains(&path.as_str());
        for method in METHODS.into_iter().filter(|method| *method != "GET") {
            let line = format!("{method} {path}");
            let is_open = is_worker && method == "POST";
            for (head, status) in [
                (format!("{host}{json}{length}"), if is_open { 400 } else { 401 }),
                (format!("Host: evil.example\r\n{token}{json}{length}"), 421),
                (format!("{host}{token}{json}{length}{foreign}"), 403),
                (format!("{host}{token}{length}Content-Type: text/plain\r\n"), 415),
            ] {
                let answer = ask(world.address, &line, &head, b"{}").await;
                assert_eq!(answer.status, status, "{line} {head} {}", answer.body);
                answer.code();
            }
        }
    }
    assert_eq!(world.handle.store().last_change().await.unwrap().get(), 0);
    world.stop().await;
}

#[tokio::test]
async fn reading_writes_nothing() {
    let world = World::start().await;
    world.submit().await;
    let before = world.handle.store().last_change().await.unwrap();
    for path in paths() {
        for method in ["GET", "HEAD"] {
            if path == "/api/v1/changes" && method == "GET" {
                continue;
            }
            let answer = ask(world.address, &format!("{method} {path}"), &world.host(), b"").await;
            assert!(answer.status < 500, "{path}: {}", answer.body);
        }
    }
    // The one run may have gone on by itself, to its launch and no further.
    let after = world.handle.store().last_change().await.unwrap();
    assert!(after.get() <= before.get().max(4), "{before:?} {after:?}");
    world.stop().await;
}

#[tokio::test]
async fn the_reference_lists_every_route_and_no_other() {
    let world = World::start().await;
    let mut known = BTreeSet::new();
    for ((path, _), filled) in table().iter().zip(paths()) {
        for method in METHODS {
            if path == &"/api/v1/changes" && method == "GET" {
                known.insert(format!("{method} {path}"));
                continue;
            }
            let answer = world.ask_raw(&format!("{method} {filled}"), "", b"").await;
            if answer.status != 405 {
                known.insert(format!("{method} {path}"));
            }
        }
    }
    world.stop().await;
    let text = include_str!("../../../../docs/http-api.md");
    let told = text.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    let told: BTreeSet<String> = told.map(str::to_owned).collect();
    assert_eq!(told, known);
    for code in wire::api::ErrorCode::ALL {
        let row = format!("| `{code}` | {} |", code.status());
        assert!(text.contains(&row), "{row}");
    }
}
