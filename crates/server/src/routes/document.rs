//! The document of the API.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;

use crate::error::ApiError;
use crate::openapi;
use crate::openapi::operation::JSON;
use crate::query::Query;

/// The document as text: it is the same as long as the program runs.
static TEXT: LazyLock<String> = LazyLock::new(|| openapi::document().to_string());

/// `GET /api/v1/openapi.json`.
pub(crate) async fn document(query: Query) -> Result<impl IntoResponse, ApiError> {
    query.none()?;
    Ok(([(header::CONTENT_TYPE, JSON)], TEXT.as_str()))
}
