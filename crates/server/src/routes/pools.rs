//! Pools: how full they are, who holds and who waits, and their limits.

use axum::Json;
use axum::extract::State;
use coordinator::PoolState;
use model::{PoolLimit, PoolName};
use wire::api::{ErrorCode, Pool, PoolClaim, PoolDetail, Pools, SetPoolLimit};

use crate::app::App;
use crate::body::UserJson;
use crate::error::ApiError;
use crate::query::Query;
use crate::segment::Segment;

/// `GET /api/v1/pools`.
pub(crate) async fn list(State(app): State<App>, query: Query) -> Result<Json<Pools>, ApiError> {
    query.none()?;
    let pools = app.handle.pools().await?;
    Ok(Json(Pools { pools: pools.iter().map(shown).collect() }))
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
