//! Reads of what was told of assets. Each statement walks one index; what a page holds is bounded in
//! bytes too, because of what code may tell.

use model::{AssetEvent, AssetEventKind, Change};

use super::decode::{self, Columns};
use super::reads::{collect_bounded, column, key};
use super::{Store, sql};
use crate::error::ReadError;
use crate::read::{AssetEventsFilter, AssetEventsPage, LastMade, Order};
use crate::rows::Rows;

/// How many checks of one asset are told: more than anybody has written for one.
const MAX_CHECKS: u32 = 1000;

/// A statement in both orders.
macro_rules! ordered {
    ($order:expr, $($statement:tt)+) => {
        match $order {
            Order::Newest => concat!($($statement)+, "DESC LIMIT $8"),
            Order::Oldest => concat!($($statement)+, "ASC LIMIT $8"),
        }
    };
}

impl Store {
    /// Returns events of assets that a filter lets through: at most `limit`, and less if their data
    /// are large.
    pub async fn asset_events(
        &self,
        filter: &AssetEventsFilter,
        order: Order,
        limit: u32,
    ) -> Result<AssetEventsPage, ReadError> {
        let kinds = match (&filter.asset, filter.run, filter.kind) {
            // The index of assets has them by kind.
            (Some(_), None, None) => AssetEventKind::ALL.iter().copied().map(Some).collect(),
            (_, _, kind) => vec![kind],
        };
        let mut pages = Vec::new();
        for kind in kinds {
            let filter = AssetEventsFilter { kind, ..filter.clone() };
            pages.push(self.asset_events_of(&filter, order, limit).await?);
        }
        Ok(merged(pages, order, limit as usize))
    }

    async fn asset_events_of(
        &self,
        filter: &AssetEventsFilter,
        order: Order,
        limit: u32,
    ) -> Result<AssetEventsPage, ReadError> {
        let statement = match filter {
            AssetEventsFilter { run: Some(_), .. } => ordered!(order, sql!(asset_events_of_run)),
            AssetEventsFilter { asset: Some(_), partition: Some(_), .. } => {
                ordered!(order, sql!(asset_events_of_partition))
            }
            AssetEventsFilter { asset: Some(_), .. } => {
                ordered!(order, sql!(asset_events_of_asset))
            }
            AssetEventsFilter { .. } => ordered!(order, sql!(asset_events_of_all)),
        };
        let query = sqlx::query(statement)
            .bind(filter.asset.clone())
            .bind(filter.kind.map(AssetEventKind::as_str))
            .bind(filter.partition.clone())
            .bind(filter.check.clone())
            .bind(filter.run.map(key))
            .bind(filter.after.map_or(-1, |after| column(after.get())))
            .bind(filter.before.map_or(i64::MAX, |before| column(before.get())))
            .bind(limit);
        let mut reading = self.readers.acquire().await?;
        let size = |event: &AssetEvent| event.data.len();
        let (events, is_cut) =
            collect_bounded(&mut reading, query, decode::asset_event, size).await?;
        let is_cut = is_cut || events.len() >= limit as usize;
        Ok(AssetEventsPage { events, is_cut })
    }

    /// Returns the newest event of a kind of each of these assets that has one, in their order.
    pub async fn latest_asset_events(
        &self,
        assets: &[String],
        kind: AssetEventKind,
    ) -> Result<Vec<AssetEvent>, ReadError> {
        let assets = Rows::new(assets).map_err(|error| ReadError::unreadable("key", error))?;
        let query = sqlx::query(sql!(latest_asset_events)).bind(assets.json).bind(kind.as_str());
        self.all(query, decode::asset_event).await
    }

    /// Returns when each of these assets was last made, of those that were.
    pub async fn latest_materializations(
        &self,
        assets: &[&str],
    ) -> Result<Vec<LastMade>, ReadError> {
        let assets = Rows::new(assets).map_err(|error| ReadError::unreadable("key", error))?;
        self.all(sqlx::query(sql!(latest_materializations)).bind(assets.json), |row| {
            let columns = &mut Columns::of(row);
            let (asset, run) = (columns.text()?.to_owned(), columns.run_id()?);
            Ok(LastMade { asset, run, at: columns.instant()? })
        })
        .await
    }

    /// Returns the latest result of each check of an asset, by name.
    pub async fn latest_checks(&self, asset: &str) -> Result<Vec<AssetEvent>, ReadError> {
        let query = sqlx::query(sql!(latest_checks)).bind(asset.to_owned()).bind(MAX_CHECKS);
        let mut reading = self.readers.acquire().await?;
        let size = |event: &AssetEvent| event.data.len();
        let (mut checks, _) =
            collect_bounded(&mut reading, query, decode::asset_event, size).await?;
        // Of a check that has results of several partitions the newest counts.
        checks.sort_by(|a, b| (&a.check, b.change).cmp(&(&b.check, a.change)));
        checks.dedup_by(|later, first| later.check == first.check);
        Ok(checks)
    }

    /// Returns partitions of an asset that were made, in their order: at most `limit` of those behind
    /// `after`.
    pub async fn materialized_partitions(
        &self,
        asset: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, ReadError> {
        let query = sqlx::query(sql!(materialized_partitions))
            .bind(asset.to_owned())
            .bind(after.unwrap_or_default().to_owned())
            .bind(limit);
        self.all(query, |row| Ok(Columns::of(row).text()?.to_owned())).await
    }
}

/// Puts lists into one, of at most `limit`. Behind the end of a list that is cut, nothing of the others
/// is told, so that nothing is left out between.
fn merged(pages: Vec<AssetEventsPage>, order: Order, limit: usize) -> AssetEventsPage {
    let ends = pages.iter().filter(|page| page.is_cut).filter_map(|page| page.events.last());
    let ends = ends.map(|event| event.change);
    let is_within: Box<dyn Fn(Change) -> bool> = match order {
        Order::Newest => {
            let end = ends.max().unwrap_or(Change::NONE);
            Box::new(move |change| change >= end)
        }
        Order::Oldest => {
            let end = ends.min().unwrap_or(Change::new(u64::MAX));
            Box::new(move |change| change <= end)
        }
    };
    let mut is_cut = pages.iter().any(|page| page.is_cut);
    let mut events: Vec<AssetEvent> = pages.into_iter().flat_map(|page| page.events).collect();
    events.retain(|event| is_within(event.change));
    events.sort_by_key(|event| event.change);
    if order == Order::Newest {
        events.reverse();
    }
    is_cut |= events.len() > limit;
    events.truncate(limit);
    AssetEventsPage { events, is_cut }
}
