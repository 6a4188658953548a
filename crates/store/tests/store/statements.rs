//! The files of statements: each can be prepared, and each is used.

use std::fs;
use std::path::Path;

use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row, SqlSafeStr};

#[tokio::test]
async fn every_statement_can_be_prepared_and_is_used() {
    let sqlite = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlite");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pointsman.db");
    pointsman_store::Store::open(&path).await.unwrap().close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = options.connect().await.unwrap();
    let sources: String = fs::read_dir(&sqlite)
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    let mut count = 0;
    for entry in fs::read_dir(sqlite.join("queries")).unwrap() {
        let path = entry.unwrap().path();
        let statement = fs::read_to_string(&path).unwrap();
        let prepared = connection.prepare(AssertSqlSafe(statement).into_sql_str()).await;
        assert!(prepared.is_ok(), "{}: {:?}", path.display(), prepared.err());
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(sources.contains(&format!("sql!({name})")), "nothing uses {name}");
        count += 1;
    }
    assert!(count > 40, "{count} statements were found");
}

#[tokio::test]
async fn a_page_and_the_load_walk_an_index_and_sort_nothing() {
    let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlite/queries");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pointsman.db");
    pointsman_store::Store::open(&path).await.unwrap().close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = options.connect().await.unwrap();
    for name in [
        "delete_plans_of_runs",
        "load_runs",
        "runs_newest_first",
        "runs_of_status",
        "runs_of_job",
        "runs_with_tag",
        "queue_at_priority",
        "queue_below_priority",
        "run_ids_with_prefix",
        "events",
        "events_after",
        "finished_before",
        "prune_events",
        "prune_asset_events",
        "asset_events_of_all",
        "asset_events_of_asset",
        "asset_events_of_partition",
        "asset_events_of_run",
        "latest_checks",
        "materialized_partitions",
        "prune_idempotency",
        "partition_names",
        "partitions",
        "partitions_among",
    ] {
        let statement = fs::read_to_string(queries.join(format!("{name}.sql"))).unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let plan = sqlx::query(explain).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert!(!plan.is_empty());
        assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{name}: {plan:?}");
    }
}

#[tokio::test]
async fn no_statement_but_those_of_the_check_walks_what_grows_with_the_history() {
    let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlite/queries");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pointsman.db");
    pointsman_store::Store::open(&path).await.unwrap().close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = options.connect().await.unwrap();
    for entry in fs::read_dir(queries).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name.starts_with("check_") {
            continue;
        }
        let statement = fs::read_to_string(&path).unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let plan = sqlx::query(explain).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        for table in [
            "runs",
            "events",
            "asset_events",
            "older",
            "newest",
            "superseded",
            "steps",
            "run_tags",
            "plans",
            "idempotency",
            "dynamic_partitions",
            "partitions",
        ] {
            let walks = format!("SCAN {table}");
            assert!(!plan.iter().any(|line| line.starts_with(&walks)), "{name}: {plan:?}");
        }
    }
}
