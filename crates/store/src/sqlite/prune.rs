//! Retention: takes away what is older than it need be, in bounded pieces, fenced like a commit.

use model::{Epoch, RunId, Timestamp};
use sqlx::SqliteConnection;

use super::commit::delete_runs;
use super::reads::select_finished_before;
use super::writer::{before, end};
use super::{Store, sql};
use crate::error::{CommitError, ReadError};
use crate::read::Prune;
use crate::rows::Rows;

impl Store {
    /// Takes away at most `limit` things that are older than an instant and returns how many it
    /// took; less than `limit` means that none is left. The last numbers given stay known.
    pub async fn prune(
        &self,
        epoch: Epoch,
        what: Prune,
        older_than: Timestamp,
        limit: u32,
    ) -> Result<u64, CommitError> {
        let mut writer = self.writer.lock().await;
        let pruned = async {
            let (mut transaction, _) = writer.begin_under(epoch).await?;
            let pruned = match what {
                Prune::Runs => prune_runs(&mut transaction, older_than, limit).await,
                Prune::Events => {
                    prune_rows(&mut transaction, sql!(prune_events), older_than, limit).await
                }
                Prune::AssetEvents => {
                    prune_rows(&mut transaction, sql!(prune_asset_events), older_than, limit).await
                }
                Prune::IdempotencyKeys => {
                    prune_rows(&mut transaction, sql!(prune_idempotency), older_than, limit).await
                }
            };
            end(transaction, pruned).await
        }
        .await;
        writer.after(pruned).await
    }
}

async fn prune_runs(
    connection: &mut SqliteConnection,
    older_than: Timestamp,
    limit: u32,
) -> Result<u64, CommitError> {
    let ids: Vec<RunId> = select_finished_before(&mut *connection, older_than, limit)
        .await
        .map_err(|error| match error {
            ReadError::Database(cause) => before(cause.0),
            ReadError::Unreadable { .. } => CommitError::Broken(error.to_string()),
        })?;
    let rows = Rows::of_ids(&ids).map_err(|error| CommitError::Broken(error.to_string()))?;
    delete_runs(connection, &rows).await?;
    Ok(rows.count as u64)
}

async fn prune_rows(
    connection: &mut SqliteConnection,
    statement: &'static str,
    older_than: Timestamp,
    limit: u32,
) -> Result<u64, CommitError> {
    let done =
        sqlx::query(statement).bind(older_than.as_micros()).bind(limit).execute(connection).await;
    done.map(|done| done.rows_affected()).map_err(before)
}
