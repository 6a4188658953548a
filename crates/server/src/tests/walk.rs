//! Walks over the whole table of routes.

use std::collections::BTreeSet;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use wire::api::CancelRun;

use super::raw::ask;
use super::world::World;
use crate::guard::WORKER_PATHS;
use crate::routes::table;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

/// Returns the addresses of the table with something in the place of their parts.
fn paths() -> Vec<String> {
    paths_of("00000000-0000-4000-8000-000000000000")
}

/// The same with this run.
fn paths_of(run: &str) -> Vec<String> {
    let fill = |path: &str| {
        path.replace("{run}", run)
            .replace("{job}", "hello")
            .replace("{pool}", "db%2Fmain")
            .replace("{name}", "of%20regions")
            .replace("/materialized-partitions", "/materialized-partitions?asset=orders")
    };
    table().iter().map(|row| fill(row.path)).collect()
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
    let (finished, canceled) = (world.submit().await, world.submit().await);
    world.client().cancel(&canceled, CancelRun::default()).await.unwrap();
    world.finish(&finished).await;
    world.client().set_pool_limit("db/main", 2).await.unwrap();
    // Nothing is left that goes on by itself.
    let (change, content) = (world.handle.store().last_change().await.unwrap(), dump(&world).await);
    assert!(content.contains(&finished.replace('-', "").to_uppercase()), "{content}");
    for run in [&finished, &canceled] {
        for path in paths_of(run) {
            for method in ["GET", "HEAD"] {
                if path == "/api/v1/changes" && method == "GET" {
                    continue;
                }
                let line = format!("{method} {path}");
                let answer = ask(world.address, &line, &world.host(), b"").await;
                let is_write = answer.status == 405;
                // Jobs as commands make no assets.
                let is_no_asset = answer.status == 404 && path.contains("{asset}");
                let is_fine = is_write || is_no_asset || answer.status == 200;
                assert!(is_fine, "{line}: {}", answer.body);
            }
        }
    }
    let mut stream = world.client().changes(Some(0)).await.unwrap();
    stream.next().await.unwrap();
    assert_eq!(world.handle.store().last_change().await.unwrap(), change);
    assert_eq!(dump(&world).await, content);
    world.stop().await;
}

/// Returns everything that the database of a world holds, table by table.
async fn dump(world: &World) -> String {
    let file = world.home.path().join("pointsman.db");
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut database = options.connect().await.unwrap();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut database).await.unwrap();
    let mut text = String::new();
    for table in tables {
        let columns = "SELECT group_concat('quote(\"' || name || '\")', ' || '','' || ') \
                       FROM pragma_table_info($1)";
        let columns: String =
            sqlx::query_scalar(columns).bind(&table).fetch_one(&mut database).await.unwrap();
        let rows = format!("SELECT {columns} FROM \"{table}\" ORDER BY 1");
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut database).await.unwrap();
        text += &format!("{table}:\n{}\n", rows.join("\n"));
    }
    text
}

#[tokio::test]
async fn the_reference_lists_every_route_and_no_other() {
    let world = World::start().await;
    let mut known = BTreeSet::new();
    for (path, filled) in table().iter().map(|row| row.path).zip(paths()) {
        for method in METHODS {
            if path == "/api/v1/changes" && method == "GET" {
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
