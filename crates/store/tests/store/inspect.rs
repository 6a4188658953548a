//! A database is inspected without being changed, also while a daemon serves it.

use std::fs;
use std::path::{Path, PathBuf};

use model::Batch;
use pointsman_store::{InspectError, Inspection, OpenError, Store, Violation};
use sqlx::ConnectOptions;

use crate::world::{World, now};

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pointsman.db");
    (folder, path)
}

/// Makes a database with a run in it, and leaves it open.
async fn filled(path: &Path) -> Store {
    let store = Store::open(path).await.unwrap();
    let epoch = store.take_leadership("a", "b", now(0)).await.unwrap();
    let mut batch = Batch::default();
    World::default().submit(&mut batch, "a", &[]);
    store.commit(epoch, &batch).await.unwrap();
    store
}

async fn inspect(path: &Path) -> Inspection {
    Store::inspect(path).await.unwrap().unwrap()
}

async fn execute(path: &Path, statement: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = options.connect().await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_served_is_inspected_and_one_that_is_not_there_is_not_made() {
    let (_folder, path) = place();
    assert_eq!(Store::inspect(&path).await.unwrap(), None);
    assert!(!path.exists());
    let store = filled(&path).await;
    let served = inspect(&path).await;
    assert_eq!((served.violations.as_slice(), served.is_older), (&[][..], false));
    assert!(served.newest_event.is_some());
    store.close().await;
    assert_eq!(inspect(&path).await, served);
}

#[tokio::test]
async fn what_must_not_be_in_it_is_told() {
    let (_folder, path) = place();
    filled(&path).await.close().await;
    execute(&path, "DELETE FROM plans").await;
    let found = inspect(&path).await.violations;
    assert!(matches!(found.as_slice(), [Violation::MissingPlan { .. }]), "{found:?}");
}

#[tokio::test]
async fn damage_is_told_and_nothing_is_written() {
    let (_folder, path) = place();
    filled(&path).await.close().await;
    let mut bytes = fs::read(&path).unwrap();
    for from in [bytes.len() - 4096, 100] {
        bytes[from..from + 3996].fill(0xa5);
        fs::write(&path, &bytes).unwrap();
        let told = match Store::inspect(&path).await {
            Ok(found) => format!("{:?}", found.unwrap().violations),
            Err(error) => format!("{error:?}"),
        };
        assert!(told.contains("Damaged"), "{told}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_schema_of_another_version_is_left_as_it_is() {
    let (_folder, path) = place();
    filled(&path).await.close().await;
    execute(&path, "UPDATE _sqlx_migrations SET version = version + 9000000000000").await;
    let error = Store::inspect(&path).await.unwrap_err();
    assert!(matches!(error, InspectError::Open(OpenError::NewerSchema { .. })), "{error}");
    execute(&path, "UPDATE _sqlx_migrations SET version = version - 10000000000000").await;
    let found = inspect(&path).await;
    assert!(found.is_older && found.violations.is_empty());
}
