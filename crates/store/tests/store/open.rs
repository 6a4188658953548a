//! What is refused as a database, each with its own error, and left as it was.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use model::Batch;
use pointsman_store::{LOCK_FILE, LockError, OpenError, Store};
use sqlx::ConnectOptions;
use tempfile::TempDir;

use crate::world::{World, now};

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pointsman.db");
    (folder, path)
}

/// Opens what must be refused, and sees that it is left as it was.
async fn refused(path: &Path) -> OpenError {
    let before = fs::read(path).ok();
    let Err(error) = Store::open(path).await else {
        panic!("{} should be refused", path.display());
    };
    assert_eq!(fs::read(path).ok(), before);
    error
}

/// Makes a database with a run in it.
async fn filled(path: &Path) {
    let store = Store::open(path).await.unwrap();
    let epoch = store.take_leadership("a", "b", now(0)).await.unwrap();
    let mut batch = Batch::default();
    World::default().submit(&mut batch, "a", &[]);
    store.commit(epoch, &batch).await.unwrap();
    store.close().await;
}

async fn plain_sqlite(path: &Path) -> sqlx::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    options.connect().await.unwrap()
}

#[tokio::test]
async fn a_new_database_is_for_its_user_alone_and_is_there_again() {
    let (folder, path) = place();
    filled(&path).await;
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.load().await.unwrap().runs.len(), 1);
    for name in fs::read_dir(folder.path()).unwrap() {
        let mode = name.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

#[tokio::test]
async fn what_an_interrupted_making_left_behind_is_made_anew() {
    let (folder, path) = place();
    fs::write(folder.path().join("pointsman.db.new"), "half").unwrap();
    fs::write(folder.path().join("pointsman.db.new-journal"), "half").unwrap();
    filled(&path).await;
    assert!(!folder.path().join("pointsman.db.new").exists());
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_named() {
    let (folder, _) = place();
    let error = refused(&folder.path().join("absent/pointsman.db")).await;
    assert!(
        matches!(&error, OpenError::MissingFolder(path) if path.ends_with("absent")),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let (_folder, path) = place();
    for text in ["", "hello", &"hello ".repeat(1000), "SQLite format 3\0"] {
        fs::write(&path, text).unwrap();
        let error = refused(&path).await;
        assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = refused(&path).await;
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
}

#[tokio::test]
async fn the_database_of_another_program_is_refused() {
    let (_folder, path) = place();
    let mut other = plain_sqlite(&path).await;
    sqlx::query("CREATE TABLE bookmarks (url TEXT)").execute(&mut other).await.unwrap();
    drop(other);
    let error = refused(&path).await;
    assert!(matches!(error, OpenError::NotOurs(_)), "{error}");
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let (_folder, path) = place();
    filled(&path).await;
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..4096].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let error = refused(&path).await;
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_damaged_page_is_found_by_the_check() {
    let (_folder, path) = place();
    filled(&path).await;
    let mut bytes = fs::read(&path).unwrap();
    let last_page = bytes.len() - 4096;
    bytes[last_page..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let store = Store::open(&path).await.unwrap();
    assert!(!store.check().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_refused_by_its_number() {
    let (_folder, path) = place();
    filled(&path).await;
    let mut connection = plain_sqlite(&path).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (29991231000000, 'later', TRUE, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let error = refused(&path).await;
    assert!(matches!(error, OpenError::NewerSchema { found: 29_991_231_000_000, .. }), "{error:?}");
}

#[tokio::test]
async fn a_read_only_file_is_refused() {
    let (_folder, path) = place();
    filled(&path).await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let error = refused(&path).await;
    assert!(matches!(error, OpenError::ReadOnly(_)), "{error:?}");
}

#[tokio::test]
async fn a_lock_that_is_about_to_be_free_is_waited_for() {
    let (_folder, path) = place();
    let first = Store::lock_for_daemon(&path).await.unwrap();
    // The second tries before the first gives back, because it is polled first.
    let (second, ()) = tokio::join!(Store::lock_for_daemon(&path), async { drop(first) });
    second.unwrap();
}

#[tokio::test]
async fn a_second_daemon_is_refused_and_told_who_is_the_first() {
    let (folder, path) = place();
    let first = Store::lock_for_daemon(&path).await.unwrap();
    match Store::lock_for_daemon(&path).await {
        Err(LockError::Held { folder: held, pid }) => {
            assert_eq!(held, folder.path());
            assert_eq!(pid, Some(std::process::id()));
        }
        other => panic!("the second should be refused, but: {other:?}"),
    }
    // Who only reads needs no lock.
    filled(&path).await;
    drop(first);
    Store::lock_for_daemon(&path).await.unwrap();
    assert!(folder.path().join(LOCK_FILE).exists());
}
