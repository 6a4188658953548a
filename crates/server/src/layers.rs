//! Puts the guard before the routes, and answers for addresses and methods that are not there.

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use wire::api::ErrorCode;

use crate::error::ApiError;
use crate::guard::guard;
use crate::token::ApiToken;

/// Returns the routes with everything that stands before them.
pub(crate) fn assemble(routes: Router, token: ApiToken) -> Router {
    routes
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
        .layer(from_fn_with_state(token, guard))
}

async fn nothing_here(uri: Uri) -> ApiError {
    ApiError::new(ErrorCode::NotFound, format!("there is nothing at {}", uri.path()))
        .hint("`GET /api/v1/openapi.json` describes all that there is")
}

async fn other_method(method: Method, uri: Uri) -> ApiError {
    let message = format!("{} does not take {method}", uri.path());
    ApiError::new(ErrorCode::MethodNotAllowed, message)
}
