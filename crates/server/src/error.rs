//! The one form in which anything is refused: a stable code, which says the status, a sentence and
//! a hint. It does not know what went wrong inside; `refusal` translates that.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use wire::api::{ErrorAnswer, ErrorCode, ErrorDetail};

/// Why a request is refused. Everything that is not a success is answered in this form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// Stable: programs look at it.
    pub(crate) code: ErrorCode,
    /// What happened and where, for a person.
    pub(crate) message: String,
    /// How to mend it, if that is known.
    hint: Option<String>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// Says how to mend it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A value of the request is none that makes sense.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadRequest, message)
    }

    /// It cannot be done now, but perhaps in a moment.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message).hint("try again in a moment")
    }

    /// Something failed here that the caller can do nothing about. Whoever makes this logs the
    /// cause, which is not told.
    pub(crate) fn internal() -> Self {
        Self::new(ErrorCode::Internal, "something failed inside the server")
            .hint("the daemon's log says more")
    }

    /// A body is larger than its bound.
    pub(crate) fn too_large(bound: usize) -> Self {
        Self::new(ErrorCode::TooLarge, format!("the body is larger than {bound} bytes"))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { code, message, hint } = self;
        let status =
            StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let answer = ErrorAnswer { error: ErrorDetail { code, message, hint } };
        let mut response = (status, Json(answer)).into_response();
        if code == ErrorCode::Unauthorized {
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
