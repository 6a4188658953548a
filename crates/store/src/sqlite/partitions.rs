//! Reads of dynamic partitions, each bounded by its limit or by the keys that are asked for.

use std::collections::BTreeSet;

use model::{PartitionKey, PartitionsName};

use super::decode::{Columns, name};
use super::reads::column;
use super::{Store, sql};
use crate::error::ReadError;
use crate::rows::Rows;

impl Store {
    /// Returns names of dynamic partitions with how many keys each has, by name: at most `limit` of
    /// those behind `after`.
    pub async fn partition_names(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(PartitionsName, u64)>, ReadError> {
        // No name is empty.
        let query = sqlx::query(sql!(partition_names)).bind(after.unwrap_or_default()).bind(limit);
        self.all(query, |row| {
            let columns = &mut Columns::of(row);
            let set = name("name of partitions", PartitionsName::new(columns.text()?))?;
            Ok((set, columns.number("number of partitions")?))
        })
        .await
    }

    /// Returns the keys under a name in the order in which they came, each with its number: at most
    /// `limit` of those behind `after` (0 is before the first).
    pub async fn partitions(
        &self,
        of: &PartitionsName,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, PartitionKey)>, ReadError> {
        let query = sqlx::query(sql!(partitions)).bind(of.as_str()).bind(column(after));
        self.all(query.bind(limit), |row| {
            let columns = &mut Columns::of(row);
            let number = columns.number("number of a partition")?;
            Ok((number, name("partition key", PartitionKey::new(columns.text()?))?))
        })
        .await
    }

    /// Returns which of these keys are there under a name.
    pub async fn partitions_among(
        &self,
        of: &PartitionsName,
        keys: &[PartitionKey],
    ) -> Result<BTreeSet<PartitionKey>, ReadError> {
        let keys = Rows::new(keys.iter().map(PartitionKey::as_str))
            .map_err(|error| ReadError::unreadable("partition key", error))?;
        let query = sqlx::query(sql!(partitions_among)).bind(of.as_str()).bind(keys.json);
        let found = self
            .all(query, |row| name("partition key", PartitionKey::new(Columns::of(row).text()?)));
        Ok(found.await?.into_iter().collect())
    }
}
