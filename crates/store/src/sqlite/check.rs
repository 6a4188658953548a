//! The self-check: what the rules promise of the stored rows, asked of the rows themselves.

use sqlx::sqlite::SqliteConnection;

use super::decode::Columns;
use super::reads::collect;
use super::writer::is_damaged;
use super::{Store, sql};
use crate::error::ReadError;
use crate::read::Violation;

/// How many violations of one kind are told; more say nothing new.
const MAX_TOLD: u32 = 20;

impl Store {
    /// Reads the whole file and returns what must not be in it, in a defined order; at most 20 of
    /// each kind. It takes time in proportion to the file and sees the state of one commit.
    pub async fn check(&self) -> Result<Vec<Violation>, ReadError> {
        let mut reading = self.readers.begin().await?;
        let found = match check_all(&mut reading).await {
            // A file that is damaged badly enough cannot even be asked.
            Err(ReadError::Database(cause)) if is_damaged(&cause.0) => {
                vec![Violation::Damaged(cause.to_string())]
            }
            other => other?,
        };
        reading.rollback().await?;
        Ok(found)
    }
}

pub(super) async fn check_all(c: &mut SqliteConnection) -> Result<Vec<Violation>, ReadError> {
    let mut found = check_file(c).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    found.extend(check_idle_claims(c).await?);
    found.extend(check_event_gaps(c).await?);
    found.extend(check_statuses(c).await?);
    found.extend(check_orphans(c).await?);
    found.extend(check_plans(c).await?);
    found.extend(check_numbers(c).await?);
    Ok(found)
}

async fn check_file(c: &mut SqliteConnection) -> Result<Vec<Violation>, ReadError> {
    let told =
        collect(c, sqlx::query(sql!(check_file)), |row| Ok(Columns::of(row).text()?.to_owned()));
    let told = told.await?.into_iter().filter(|line| line != "ok");
    Ok(told.map(Violation::Damaged).collect())
}

async fn check_idle_claims(c: &mut SqliteConnection) -> Result<Vec<Violation>, ReadError> {
    let query = sqlx::query(sql!(check_idle_claims)).bind(MAX_TOLD);
    collect(c, query, |row| {
        let columns = &mut Columns::of(row);
        Ok(Violation::IdleClaim { run: columns.run_id()?, step: columns.text()?.to_owned() })
    })
    .await
}

async fn check_event_gaps(c: &mut SqliteConnection) -> Result<Vec<Violation>, ReadError> {
    let query = sqlx::query(sql!(check_event_gaps)).bind(MAX_TOLD);
    collect(c, query, |row| Ok(Violation::EventGap { run: Columns::of(row).run_id()? })).await
}

async fn check_statuses(c: &mut SqliteConnection) -> Result<Vec<Violation>, ReadError> {
    let query = sqlx::query(sql!(check_statuses)).bind(MAX_TOLD);
    collect(c, query, |row| {
        let columns = &mut Columns::of(row);
        Ok(Violation::OtherStatus {
            run: columns.run_id()?,
            status: columns.text()?.to_owned(),
            event: columns.text()?.to_owned(),
        })
    })
    .await
}

async fn check_orphans(c: &mut SqliteConnection) -> Result<Vec<Violation>, ReadError> {
    let counts = collect(c, sqlx::query(sql!(check_orphans)), |row| {
        let columns = &mut Columns::of(row);
        let table = columns.text()?.to_owned();
        Ok(Violation::Orphans { table, count: columns.number("number of rows")? })
    });
    let is_some = |found: &Violation| !matches!(found, Violation::Orphans { count: 0, .. });
    Ok(counts.await?.into_iter().filter(is_some).collect())
}

async fn check_plans(c: &mut SqliteConnection) -> Result<Vec<Violation>, ReadError> {
    let query = sqlx::query(sql!(check_plans)).bind(MAX_TOLD);
    collect(c, query, |row| Ok(Violation::MissingPlan { run: Columns::of(row).run_id()? })).await
}

async fn check_numbers(c: &mut SqliteConnection) -> Result<Vec<Violation>, ReadError> {
    collect(c, sqlx::query(sql!(check_numbers)), |row| {
        Ok(Violation::NumberAhead { what: Columns::of(row).text()?.to_owned() })
    })
    .await
}
