//! How many runs a second go all the way, beside bare commits on the same disk.

use std::path::Path;
use std::time::Instant;

use model::{Capacity, RunStatus, Settings};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use store::RunsFilter;

use crate::launcher::Work;
use crate::measure::{heading, line, per_second};
use crate::world::{CLIENTS, World, folder, submission};

const RUNS: usize = 20_000;

const BARE_COMMITS: usize = 2_000;

pub(crate) async fn measure() {
    heading("submit -> launched -> finished, durable, workers without processes");
    let bare = bare_commits(folder().path()).await;
    line("bare commits of one row", &format!("{bare:.0} a second"));
    for in_progress in [100, 1_000] {
        let runs = runs_a_second(folder().path(), in_progress).await;
        let ratio = runs / bare;
        let what = format!("{runs:.0} runs a second, {ratio:.2} for each bare commit");
        line(&format!("{in_progress} in progress"), &what);
    }
}

/// Submits runs as a busy API does and waits until all have ended.
async fn runs_a_second(folder: &Path, in_progress: u32) -> f64 {
    let max_concurrent_runs = Capacity::AtMost(in_progress);
    let settings = Settings { max_concurrent_runs, ..Settings::default() };
    let world = World::start(folder, settings, Work::Nothing).await;
    let begun = Instant::now();
    world.submit(CLIENTS, RUNS, |_| submission("nothing")).await;
    world.launcher.wait_for(|counts| counts.ended == RUNS).await;
    let rate = per_second(RUNS, begun);
    let statuses = RunStatus::ALL.into_iter().filter(|status| *status != RunStatus::Success);
    let others = RunsFilter { statuses: statuses.collect(), ..RunsFilter::default() };
    assert_eq!(world.handle.store().runs(&others, None, 1).await.unwrap(), []);
    world.stop().await;
    rate
}

/// Commits one small row at a time, as durably as the store does.
async fn bare_commits(folder: &Path) -> f64 {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("bare.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection: SqliteConnection = options.connect().await.unwrap();
    let create = sqlx::query("CREATE TABLE numbers (number INTEGER NOT NULL)");
    create.execute(&mut connection).await.unwrap();
    let begun = Instant::now();
    for _ in 0..BARE_COMMITS {
        let insert = sqlx::query("INSERT INTO numbers VALUES (1)");
        insert.execute(&mut connection).await.unwrap();
    }
    let rate = per_second(BARE_COMMITS, begun);
    connection.close().await.unwrap();
    rate
}
