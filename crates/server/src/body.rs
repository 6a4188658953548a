//! Reads the body of a request: so many bytes, in so much time, and not one more.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use wire::api::{ErrorCode, MAX_REQUEST_BYTES};
use wire::worker::{Begin, Poll, Reports};

use crate::error::ApiError;
use crate::strict;

/// How large a body with reports may be, in bytes: a full request of them, each with an error of some
/// length.
const MAX_REPORTS_BODY: usize = 4 << 20;

/// How large a worker's question may be, in bytes: it has a few short entries.
const MAX_QUESTION_BODY: usize = 4 << 10;

/// What one body may take of the memory before it needs a place among the large ones, in bytes.
const LARGE: usize = 64 << 10;

/// How many large bodies are read at one time; others wait, within their time. The secret of a worker
/// stands in its body, so that anybody on this machine can have a body read: this, and not the number
/// of connections, bounds what that costs (32 MiB).
static LARGE_BODIES: Semaphore = Semaphore::const_new(8);

/// How much of a body that is too large is taken and thrown away before the answer, in bytes.
const MAX_DISCARDED: u64 = 16 << 20;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that a user wrote, read strictly.
#[derive(Debug)]
pub(crate) struct UserJson<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for UserJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (bytes, _place) = collect(request.into_body(), MAX_REQUEST_BYTES).await?;
        strict::read(&bytes).map(Self)
    }
}

/// A body that a worker wrote: keys that are not known come from a newer one and are passed over.
#[derive(Debug)]
pub(crate) struct WorkerJson<T>(pub(crate) T);

/// What a worker may send, and how large it may be in bytes.
pub(crate) trait WorkerBody: DeserializeOwned {
    const MAX_BYTES: usize;
}

impl WorkerBody for Begin {
    const MAX_BYTES: usize = MAX_QUESTION_BODY;
}

impl WorkerBody for Poll {
    const MAX_BYTES: usize = MAX_QUESTION_BODY;
}

impl WorkerBody for Reports {
    const MAX_BYTES: usize = MAX_REPORTS_BODY;
}

impl<T: WorkerBody, S: Send + Sync> FromRequest<S> for WorkerJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (bytes, _place) = collect(request.into_body(), T::MAX_BYTES).await?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| ApiError::new(ErrorCode::InvalidJson, shape_of(&error)))
    }
}

/// Says what is wrong with a worker's body without quoting any of it.
fn shape_of(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => "not valid JSON",
        serde_json::error::Category::Eof => "cut off",
        serde_json::error::Category::Data => "not of the right shape",
    };
    format!("the body is {kind}, at line {} column {}", error.line(), error.column())
}

/// Reads a body up to its bound. One that is not far too large is taken to its end and thrown away,
/// because a client that still sends when the connection closes would not see the answer. A large one
/// keeps its place among those as long as it is there.
async fn collect(body: Body, bound: usize) -> Result<Collected, ApiError> {
    if body.size_hint().lower() > MAX_DISCARDED {
        return Err(ApiError::too_large(bound));
    }
    timeout(BODY_TIMEOUT, take(body, bound)).await.unwrap_or_else(|_| {
        Err(ApiError::new(
            ErrorCode::Timeout,
            format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs()),
        ))
    })
}

type Collected = (Vec<u8>, Option<SemaphorePermit<'static>>);

async fn take(mut body: Body, bound: usize) -> Result<Collected, ApiError> {
    let (mut kept, mut seen, mut place) = (Vec::new(), 0, None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::bad_request("the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len() as u64;
        if seen <= bound as u64 {
            if seen > LARGE as u64 && place.is_none() {
                // Nobody closes the semaphore.
                place = LARGE_BODIES.acquire().await.ok();
            }
            kept.extend_from_slice(&data);
        } else {
            (kept, place) = (Vec::new(), None);
        }
        if seen > MAX_DISCARDED {
            break;
        }
    }
    if seen > bound as u64 { Err(ApiError::too_large(bound)) } else { Ok((kept, place)) }
}
