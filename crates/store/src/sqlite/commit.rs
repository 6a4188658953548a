//! The commit of a batch: the parts in the order of the batch's fields, one statement each.

use model::{Batch, Change, Epoch, Timestamp};
use sqlx::SqliteConnection;

use super::writer::{before, end};
use super::{Store, sql};
use crate::error::CommitError;
use crate::read::Position;
use crate::rows::{BatchRows, Rows};

impl Store {
    /// Takes the lead: from now on every commit under an older epoch is refused.
    pub async fn take_leadership(
        &self,
        holder: &str,
        url: &str,
        now: Timestamp,
    ) -> Result<Epoch, CommitError> {
        let mut writer = self.writer.lock().await;
        let taken = async {
            let mut transaction = writer.begin().await?;
            let taken = take_epoch(&mut transaction, holder, url, now).await;
            end(transaction, taken).await
        }
        .await;
        writer.after(taken).await
    }

    /// Writes a batch, all or nothing. When this returns, what was written survives a kill and a
    /// loss of power. Whoever drops the future before does not know whether the batch is written
    /// until [`Store::take_leadership`] has returned once more.
    ///
    /// # Errors
    /// [`CommitError`]; whatever it is but [`CommitError::Unknown`], nothing was written.
    pub async fn commit(&self, epoch: Epoch, batch: &Batch) -> Result<(), CommitError> {
        let rows = BatchRows::new(batch).map_err(|error| CommitError::Broken(error.to_string()))?;
        check_sequence(batch)?;
        let mut writer = self.writer.lock().await;
        let committed = async {
            let (mut transaction, position) = writer.begin_under(epoch).await?;
            let written = write(&mut transaction, position, &rows).await;
            end(transaction, written).await
        }
        .await;
        writer.after(committed).await
    }
}

async fn take_epoch(
    connection: &mut SqliteConnection,
    holder: &str,
    url: &str,
    now: Timestamp,
) -> Result<Epoch, CommitError> {
    let epoch: i64 = sqlx::query_scalar(sql!(take_epoch))
        .bind(holder)
        .bind(url)
        .bind(now.as_micros())
        .fetch_one(connection)
        .await
        .map_err(before)?;
    u64::try_from(epoch).map(Epoch).map_err(|_| CommitError::Broken("the epoch is negative".into()))
}

/// Checks that the change numbers of a batch follow each other.
fn check_sequence(batch: &Batch) -> Result<(), CommitError> {
    match batch.events.windows(2).find(|pair| pair[1].change != pair[0].change.next()) {
        None => Ok(()),
        Some(pair) => Err(gap(pair[0].change, pair[1].change)),
    }
}

fn gap(last: Change, next: Change) -> CommitError {
    let (last, next) = (last.get(), next.get());
    CommitError::Broken(format!("change {next} does not follow change {last}"))
}

async fn write(
    connection: &mut SqliteConnection,
    position: Position,
    rows: &BatchRows,
) -> Result<(), CommitError> {
    if let Some(first) = rows.first_change
        && first != position.change.next()
    {
        return Err(gap(position.change, first));
    }
    let c = connection;
    put(c, sql!(insert_plans), &rows.plans).await?;
    put_all(c, "new run", sql!(insert_runs), &rows.runs).await?;
    put(c, sql!(insert_tags), &rows.runs).await?;
    put(c, sql!(insert_idempotency), &rows.idempotency).await?;
    put_all(c, "changed run", sql!(change_runs), &rows.changes).await?;
    retag_runs(c, rows).await?;
    put_all(c, "step", sql!(upsert_steps), &rows.steps).await?;
    put_all(c, "claim", sql!(upsert_claims), &rows.claims).await?;
    put(c, sql!(free_claims), &rows.freed).await?;
    put(c, sql!(upsert_pool_limits), &rows.pool_limits).await?;
    put(c, sql!(delete_pool_limits), &rows.pool_limits_gone).await?;
    put(c, sql!(upsert_pauses), &rows.pauses).await?;
    put(c, sql!(delete_pauses), &rows.pauses_gone).await?;
    put(c, sql!(insert_partitions), &rows.partitions).await?;
    put(c, sql!(delete_partitions), &rows.partitions_gone).await?;
    delete_runs(c, &rows.deleted).await?;
    put_all(c, "event", sql!(insert_events), &rows.events).await?;
    write_asset_events(c, &rows.asset_events).await?;
    advance_counters(c, rows).await
}

/// Replaces the tags of runs, which all exist, and with them their priority.
async fn retag_runs(c: &mut SqliteConnection, rows: &BatchRows) -> Result<(), CommitError> {
    put(c, sql!(delete_tags), &rows.retagged).await?;
    put_all(c, "retagged run", sql!(retag_runs), &rows.retags).await?;
    put(c, sql!(insert_tags_of_runs), &rows.retagged).await?;
    Ok(())
}

/// Writes what was told of assets. What is the latest no more goes, if its run has gone before.
async fn write_asset_events(c: &mut SqliteConnection, rows: &Rows) -> Result<(), CommitError> {
    put(c, sql!(drop_superseded_asset_events), rows).await?;
    put(c, sql!(supersede_asset_events), rows).await?;
    put_all(c, "asset event", sql!(insert_asset_events), rows).await
}

/// Deletes the records of runs, which all exist, with all that belongs to them, but what was told last of
/// an asset, and the plans that no other run has. A run that is submitted later brings its plan again.
pub(super) async fn delete_runs(c: &mut SqliteConnection, ids: &Rows) -> Result<(), CommitError> {
    put(c, sql!(delete_events_of_runs), ids).await?;
    put(c, sql!(delete_asset_events_of_runs), ids).await?;
    put(c, sql!(delete_claims_of_runs), ids).await?;
    put(c, sql!(delete_steps_of_runs), ids).await?;
    put(c, sql!(delete_tags), ids).await?;
    put(c, sql!(delete_plans_of_runs), ids).await?;
    put_all(c, "deleted run", sql!(delete_runs), ids).await
}

/// Runs a statement for its rows, if there are any, and returns how many it has written.
async fn put(
    connection: &mut SqliteConnection,
    statement: &'static str,
    rows: &Rows,
) -> Result<u64, CommitError> {
    if rows.count == 0 {
        return Ok(0);
    }
    let done = sqlx::query(statement).bind(&rows.json).execute(connection).await;
    done.map(|done| done.rows_affected()).map_err(before)
}

/// Runs a statement that writes every one of its rows; one that belongs to no stored run breaks it.
async fn put_all(
    connection: &mut SqliteConnection,
    what: &str,
    statement: &'static str,
    rows: &Rows,
) -> Result<(), CommitError> {
    let written = put(connection, statement, rows).await?;
    if written == rows.count as u64 {
        return Ok(());
    }
    let missing = (rows.count as u64).saturating_sub(written);
    Err(CommitError::Broken(format!("{missing} rows of kind `{what}` are of no stored run")))
}

async fn advance_counters(
    connection: &mut SqliteConnection,
    rows: &BatchRows,
) -> Result<(), CommitError> {
    sqlx::query(sql!(advance_counters))
        .bind(number("change", rows.last_change.get())?)
        .bind(number("sequence", rows.last_seq)?)
        .bind(number("claim", rows.last_claim)?)
        .execute(connection)
        .await
        .map_err(before)?;
    Ok(())
}

fn number(what: &str, number: u64) -> Result<i64, CommitError> {
    i64::try_from(number)
        .map_err(|_| CommitError::Broken(format!("the {what} number {number} is too large")))
}
