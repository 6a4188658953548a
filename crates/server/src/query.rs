//! Reads what stands behind the `?` of an address: every parameter is known, and stands there once
//! unless it may be repeated.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::error::ApiError;

/// How many entries a page has if nothing is said.
pub(crate) const DEFAULT_PAGE: usize = 50;

/// How many entries a page may have: an answer stays small enough to be made at once.
pub(crate) const MAX_PAGE: usize = 500;

/// How many parameters a request may have.
const MAX_PARAMETERS: usize = 100;

/// The parameters of a request that were not taken yet.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl Query {
    fn parse(text: &str) -> Result<Self, ApiError> {
        let all: Vec<_> =
            form_urlencoded::parse(text.as_bytes()).into_owned().take(MAX_PARAMETERS + 1).collect();
        if all.len() > MAX_PARAMETERS {
            let message = format!("a request has at most {MAX_PARAMETERS} parameters");
            return Err(ApiError::bad_request(message));
        }
        Ok(Self(all))
    }

    /// Takes every value of a parameter that may be repeated.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        self.0.extract_if(.., |(key, _)| key == name).map(|(_, value)| value).collect()
    }

    /// Takes the value of a parameter.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let mut values = self.all(name);
        let first = values.pop();
        if values.is_empty() {
            return Ok(first);
        }
        Err(ApiError::bad_request(format!("the parameter `{name}` is given twice")))
    }

    /// Takes the value of a parameter as something that is read from text.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, ApiError> {
        let parse = |text: String| {
            text.parse().map_err(|error| {
                ApiError::bad_request(format!("the parameter `{name}` is `{text}`: {error}"))
            })
        };
        self.text(name)?.map(parse).transpose()
    }

    /// Takes the size of a page.
    pub(crate) fn limit(&mut self) -> Result<usize, ApiError> {
        match self.parsed::<usize>("limit")? {
            None => Ok(DEFAULT_PAGE),
            Some(limit @ 1..=MAX_PAGE) => Ok(limit),
            Some(limit) => Err(ApiError::bad_request(format!(
                "the parameter `limit` is `{limit}`: it is 1 to {MAX_PAGE}"
            ))),
        }
    }

    /// Refuses parameters that nobody took.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        match self.0.first() {
            None => Ok(()),
            Some((key, _)) => Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "unknown_key",
                format!("there is no parameter `{key}` here"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_by_name_and_decoded() {
        let mut query = Query::parse("tag=a%3Db&limit=7&tag=c&job=x+y").unwrap();
        assert_eq!(query.all("tag"), ["a=b", "c"]);
        assert_eq!(query.limit().unwrap(), 7);
        assert_eq!(query.text("job").unwrap().as_deref(), Some("x y"));
        assert_eq!(query.parsed::<u64>("after").unwrap(), None);
        query.finish().unwrap();
    }

    #[test]
    fn what_is_not_known_or_given_twice_is_refused() {
        let mut query = Query::parse("limit=1&limit=2&x=1").unwrap();
        assert!(query.limit().unwrap_err().message.contains("twice"));
        let error = query.finish().unwrap_err();
        assert_eq!((error.code, error.message.contains("`x`")), ("unknown_key", true));
        assert_eq!(Query::parse(&"a&".repeat(101)).unwrap_err().code, "bad_request");
    }

    #[test]
    fn a_page_has_bounds() {
        assert_eq!(Query::parse("").unwrap().limit().unwrap(), DEFAULT_PAGE);
        assert_eq!(Query::parse("limit=500").unwrap().limit().unwrap(), MAX_PAGE);
        for bad in ["0", "501", "-1", "x", "", "99999999999999999999"] {
            let error = Query::parse(&format!("limit={bad}")).unwrap().limit().unwrap_err();
            assert_eq!(error.code, "bad_request");
        }
    }
}
