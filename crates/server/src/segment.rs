//! Reads the parts of an address: a name, or the id of a run or its beginning.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use model::{PoolName, RunId};
use store::StoredRun;
use wire::api::ErrorCode;

use crate::app::App;
use crate::error::ApiError;
use crate::refusal::unknown_run;

/// How few digits the beginning of an id may have.
const MIN_PREFIX: usize = 4;

/// How many of the runs that begin alike are named.
const NAMED: u32 = 5;

/// The one part of an address that is not fixed, decoded.
#[derive(Debug)]
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::bad_request("the address is not UTF-8"))?;
        Ok(Self(text))
    }
}

impl Segment {
    /// Returns the pool that this names.
    pub(crate) fn pool(&self) -> Result<PoolName, ApiError> {
        PoolName::new(&self.0)
            .map_err(|error| ApiError::new(ErrorCode::InvalidPool, error.to_string()))
    }

    /// Returns the id of the run that this names, by its id or a beginning that no other has.
    pub(crate) async fn run_id(&self, app: &App) -> Result<RunId, ApiError> {
        if let Ok(id) = self.0.parse::<RunId>() {
            return Ok(id);
        }
        let digits = self.0.chars().filter(char::is_ascii_hexdigit).count();
        if !self.0.chars().all(|c| c == '-' || c.is_ascii_hexdigit()) || digits < MIN_PREFIX {
            let message = format!(
                "`{}` is neither a run id nor the beginning of one, of at least {MIN_PREFIX} digits",
                self.0
            );
            return Err(ApiError::new(ErrorCode::UnknownRun, message)
                .hint("`GET /api/v1/runs` lists the runs"));
        }
        let found = app.store().run_ids_with_prefix(&self.0, NAMED + 1).await?;
        match found.as_slice() {
            [] => Err(unknown_run(&self.0)),
            [one] => Ok(*one),
            several => Err(ambiguous(&self.0, several)),
        }
    }

    /// Returns the run that this names.
    pub(crate) async fn run(&self, app: &App) -> Result<StoredRun, ApiError> {
        let id = self.run_id(app).await?;
        app.store().run(id).await?.ok_or_else(|| unknown_run(&self.0))
    }
}

fn ambiguous(prefix: &str, found: &[RunId]) -> ApiError {
    let shown = NAMED as usize;
    let mut names: Vec<String> = found.iter().take(shown).map(ToString::to_string).collect();
    if found.len() > shown {
        names.push("more".to_owned());
    }
    let message = format!("several runs begin with `{prefix}`: {}", names.join(", "));
    ApiError::new(ErrorCode::AmbiguousPrefix, message).hint("give more digits")
}
