//! Who may ask what: every request passes here before any route sees it, and is refused unless
//! something below lets it through.
//!
//! - The name by which the server was addressed must be one of a loopback address, so that no name
//!   of somebody else's, bound anew to this machine, reaches it.
//! - GET and HEAD read, and nothing behind them writes. On a loopback address they are open.
//! - The three addresses of the workers are open here: the attempt's token in the body is checked
//!   by the coordinator.
//! - Everything else needs the API's token, comes from no foreign web page, and has a body of JSON
//!   or none. That holds for addresses that do not exist, too: nothing here looks at the path, but
//!   for the three that are compared as a whole.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::timeout;
use tracing::{debug, error};
use wire::api::ErrorCode;

use crate::error::ApiError;
use crate::token::ApiToken;

/// The addresses of the workers, as they are in the request, byte for byte.
pub(crate) const WORKER_PATHS: [&str; 3] =
    ["/worker/v1/begin", "/worker/v1/report", "/worker/v1/poll"];

/// How long an answer may take: longer than the longest poll, and far longer than anything else. A
/// stream of changes is answered at once and goes on after that.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Headers of every answer. No browser is to guess types, to show answers inside of pages, to load
/// anything for them, or to keep them.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request through to its route or refuses it; answers for a route that panics.
pub(crate) async fn guard(State(token): State<ApiToken>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = match check(&request, &token) {
        Ok(()) => answer(request, next).await.unwrap_or_else(IntoResponse::into_response),
        Err(refused) => refused.into_response(),
    };
    let (status, micros) = (response.status().as_u16(), began.elapsed().as_micros());
    debug!(%method, path, status, micros, "answered {method} {path}: {status}");
    with_headers(response)
}

/// Adds the headers that every answer has.
pub(crate) fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn answer(request: Request, next: Next) -> Result<Response, ApiError> {
    let path = request.uri().path().to_owned();
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    match timeout(ANSWER_TIMEOUT, answering).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(_)) => {
            error!(path, "a route panicked; its panic message stands above");
            Err(ApiError::internal())
        }
        Err(_) => Err(ApiError::unavailable("the daemon did not answer in time")
            .hint("whether it was done is not known; look before you ask again")),
    }
}

fn check(request: &Request, token: &ApiToken) -> Result<(), ApiError> {
    let headers = request.headers();
    let host = host(request)?;
    match *request.method() {
        Method::GET | Method::HEAD => Ok(()),
        Method::POST if WORKER_PATHS.contains(&request.uri().path()) => {
            check_origin(headers, host)?;
            check_content_type(headers)
        }
        _ => {
            check_origin(headers, host)?;
            check_token(headers, token)?;
            check_content_type(headers)
        }
    }
}

/// Returns the name by which the server was addressed, if it is one of a loopback address.
fn host(request: &Request) -> Result<&str, ApiError> {
    let named = single(request.headers(), &header::HOST);
    let addressed = request.uri().authority().map(axum::http::uri::Authority::as_str);
    match named {
        Single::One(host) if is_loopback(host) && addressed.is_none_or(is_loopback) => Ok(host),
        Single::None | Single::One(_) | Single::Unclear => Err(ApiError::new(
            ErrorCode::ForbiddenHost,
            "the request must be addressed to a loopback name, and its Host header must say so",
        )
        .hint("use 127.0.0.1, localhost or [::1] in the address")),
    }
}

/// Returns whether a host, with or without a port, is a name of this machine for itself.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() && is_digits(port) => name,
        Some(_) | None => host,
    };
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Refuses what a web page of another origin sends: browsers say so in these headers, other
/// programs send none of them.
fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), ApiError> {
    let is_own_page = match single(headers, &header::ORIGIN) {
        Single::None => true,
        Single::One(origin) => origin
            .strip_prefix("http://")
            .is_some_and(|origin_host| origin_host.eq_ignore_ascii_case(host)),
        Single::Unclear => false,
    };
    let is_own_site = match single(headers, &SEC_FETCH_SITE) {
        Single::None => true,
        Single::One(site) => matches!(site, "same-origin" | "none"),
        Single::Unclear => false,
    };
    if is_own_page && is_own_site {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::ForbiddenOrigin,
        "a web page of another origin may not change anything here",
    ))
}

fn check_token(headers: &HeaderMap, token: &ApiToken) -> Result<(), ApiError> {
    let refused = |message: &str| {
        ApiError::new(ErrorCode::Unauthorized, message).hint(
            "send `Authorization: Bearer TOKEN` with the text of the file `token` in the home of \
             the daemon",
        )
    };
    match single(headers, &header::AUTHORIZATION) {
        Single::None => Err(refused("this request needs the token")),
        Single::Unclear => Err(refused("the Authorization header cannot be read")),
        Single::One(value) => match value.split_once(' ') {
            Some((scheme, shown))
                if scheme.eq_ignore_ascii_case("bearer") && token.matches(shown.trim()) =>
            {
                Ok(())
            }
            Some(_) | None => Err(refused("the token is not the right one")),
        },
    }
}

/// A web page can send other types of content to another origin without being asked; JSON it
/// cannot.
fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let is_json = match single(headers, &header::CONTENT_TYPE) {
        Single::One(value) => value
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")),
        Single::None => !has_body,
        Single::Unclear => false,
    };
    if is_json {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::UnsupportedMediaType,
        "a body must be JSON, and the Content-Type header must say so",
    )
    .hint("send `Content-Type: application/json`"))
}

/// A header that may be there once.
enum Single<'h> {
    None,
    One(&'h str),
    /// It is there more than once, or is not text.
    Unclear,
}

fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Single<'h> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Single::None,
        (Some(value), None) => value.to_str().map_or(Single::Unclear, Single::One),
        (Some(_), Some(_)) => Single::Unclear,
    }
}
