//! The typed HTTP client of the API.
//!
//! It finds the server, shows the token with what changes something, bounds every answer and every
//! wait, and gives back either what was asked for or one of three kinds of error. It decides nothing
//! about runs, and never asks twice by itself: only a stream of changes is resumed.

mod calls;
mod changes;
mod discover;
mod error;
mod lists;

pub use calls::Submitted;
pub use changes::{Changes, News};
pub use discover::{DiscoverError, SERVER_FILE, ServerFile, TOKEN_FILE};
pub use error::ClientError;

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::ErrorAnswer;

/// How many bytes an answer may have: the largest page of runs with large tags fits; what is larger
/// does not come from a server of ours.
pub const MAX_ANSWER_BYTES: usize = 32 << 20;

/// How long a connection may take to be made: the server is near.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the server may be silent within an answer. The slowest request waits for one commit,
/// and for the daemon to rebuild its image after a failed one.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Speaks to one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    /// The header that shows the token.
    authorization: Option<HeaderValue>,
}

impl Client {
    /// Makes a client for the server at `url`, which shows `token` with every request that is not
    /// a mere read: the server asks for it only there.
    ///
    /// # Errors
    /// Says why the address or the token cannot be used.
    pub fn new(url: &str, token: Option<&str>) -> Result<Self, DiscoverError> {
        let bad = |problem: String| DiscoverError::BadUrl { url: url.to_owned(), problem };
        let base = Url::parse(url).map_err(|error| bad(error.to_string()))?;
        if base.scheme() != "http" || base.host().is_none() {
            return Err(bad("it must begin with http:// and name a host".to_owned()));
        }
        let authorization = token.map(authorization).transpose()?;
        // Runs on this machine must not leak to a proxy, nor the token to wherever a redirect says.
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(concat!("pointsman/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| bad(error.to_string()))?;
        Ok(Self { http, base, authorization })
    }

    /// Returns the address of the server.
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Returns an address below the server's, each segment of its path percent-encoded.
    fn address(&self, path: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        // An address with a host has a path, so there is always one to append to.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn get<A: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<A, ClientError> {
        let request = self.http.get(self.address(path, query));
        self.read(self.send(request).await?).await
    }

    async fn write<B: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &B,
        headers: &[(&str, &str)],
    ) -> Result<(A, u16), ClientError> {
        let mut request = self.change(method, path).json(body);
        for (name, text) in headers {
            let bad =
                || ClientError::BadHeader { name: (*name).to_owned(), value: (*text).to_owned() };
            let value = HeaderValue::try_from(*text).map_err(|_| bad())?;
            let lower = HeaderName::try_from(*name).map_err(|_| bad())?;
            request = request.header(lower, value);
        }
        let response = self.send(request).await?;
        let status = response.status().as_u16();
        Ok((self.read(response).await?, status))
    }

    async fn remove(&self, path: &[&str]) -> Result<Response, ClientError> {
        self.send(self.change(Method::DELETE, path)).await
    }

    /// Begins a request that shows the token.
    fn change(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let request = self.http.request(method, self.address(path, &[]));
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        }
    }

    /// Sends a request; an answer that is an error becomes one.
    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|error| self.transport(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.bytes(response).await?;
        match serde_json::from_slice::<ErrorAnswer>(&body) {
            Ok(answer) => Err(ClientError::Api { status: status.as_u16(), error: answer.error }),
            Err(_) => {
                Err(self.garbage(format!("HTTP status {status} without an error of the API")))
            }
        }
    }

    async fn read<A: DeserializeOwned>(&self, response: Response) -> Result<A, ClientError> {
        let body = self.bytes(response).await?;
        serde_json::from_slice(&body)
            .map_err(|error| self.garbage(format!("an answer that is not the API's: {error}")))
    }

    /// Reads an answer to its end, or until it is larger than any answer of ours.
    async fn bytes(&self, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport(&error))? {
            if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
                let problem = format!("an answer of more than {MAX_ANSWER_BYTES} bytes");
                return Err(self.garbage(problem));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn transport(&self, error: &reqwest::Error) -> ClientError {
        ClientError::from_transport(self.url(), error)
    }

    fn garbage(&self, problem: String) -> ClientError {
        ClientError::Garbage { url: self.url().to_owned(), problem }
    }
}

fn authorization(token: &str) -> Result<HeaderValue, DiscoverError> {
    let mut value =
        HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| DiscoverError::BadToken)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_shown_with_changes_and_with_nothing_else() {
        let client = Client::new("http://127.0.0.1:1", Some("secret")).unwrap();
        let shown = |request: RequestBuilder| {
            request.build().unwrap().headers().get(AUTHORIZATION).cloned()
        };
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            assert_eq!(shown(client.change(method, &["x"])).unwrap(), "Bearer secret");
        }
        assert_eq!(shown(client.http.get(client.address(&["x"], &[]))), None);
        let without = Client::new("http://127.0.0.1:1", None).unwrap();
        assert_eq!(shown(without.change(Method::POST, &["x"])), None);
        assert!(matches!(Client::new("http://h", Some("a\nb")), Err(DiscoverError::BadToken)));
    }
}
