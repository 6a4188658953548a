//! Pools: how full they are, who holds and who waits, and their limits.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use coordinator::PoolState;
use model::{IdError, PoolLimit, PoolName};
use wire::api::{ErrorCode, Page, Pool, PoolClaim, PoolDetail, Pools, SetPoolLimit};

use crate::app::App;
use crate::body::UserJson;
use crate::error::ApiError;
use crate::query::{Query, page_size, place};
use crate::segment::Segment;

/// A pool as a place in the list.
struct Name(PoolName);

impl FromStr for Name {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        PoolName::new(text).map(Self)
    }
}

/// `GET /api/v1/pools`.
pub(crate) async fn list(State(app): State<App>, query: Query) -> Result<Json<Pools>, ApiError> {
    let page = query.read(Page::from_pairs)?;
    let after = place("after", page.after.as_deref())?.map(|Name(pool)| pool);
    let limit = page_size(page.limit) as usize;
    let pools = app.handle.pools(after, limit).await?;
    let last = pools.last().filter(|_| pools.len() == limit).map(|last| last.pool.to_string());
    Ok(Json(Pools { pools: pools.iter().map(shown).collect(), next: last }))
}

/// `GET /api/v1/pools/{pool}`. A pool that nobody uses and that has no limit is one all the same.
pub(crate) async fn show(
    State(app): State<App>,
    name: Segment,
    query: Query,
) -> Result<Json<PoolDetail>, ApiError> {
    query.none()?;
    let name = name.pool()?;
    let detail = app.handle.pool(name.clone()).await?;
    Ok(Json(PoolDetail {
        pool: shown(&detail.state),
        claims: detail.claims.iter().filter_map(|claim| PoolClaim::of(claim, &name)).collect(),
        runs: detail.runs.iter().map(ToString::to_string).collect(),
    }))
}

/// `PUT /api/v1/pools/{pool}/limit`.
pub(crate) async fn set_limit(
    State(app): State<App>,
    name: Segment,
    UserJson(SetPoolLimit { limit }): UserJson<SetPoolLimit>,
) -> Result<Json<Pool>, ApiError> {
    let pool = name.pool()?;
    let limit = PoolLimit::new(limit)
        .map_err(|error| ApiError::new(ErrorCode::InvalidLimit, error.to_string()))?;
    change(&app, pool, Some(limit)).await
}

/// `DELETE /api/v1/pools/{pool}/limit`. A pool that has none of its own stays so.
pub(crate) async fn delete_limit(
    State(app): State<App>,
    name: Segment,
) -> Result<Json<Pool>, ApiError> {
    change(&app, name.pool()?, None).await
}

async fn change(
    app: &App,
    pool: PoolName,
    limit: Option<PoolLimit>,
) -> Result<Json<Pool>, ApiError> {
    app.handle.set_pool_limit(pool.clone(), limit).await?;
    Ok(Json(shown(&app.handle.pool(pool).await?.state)))
}

fn shown(state: &PoolState) -> Pool {
    Pool::new(&state.pool, state.limit, state.capacity, state.usage)
}
