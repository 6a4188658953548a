//! Takes apart what stands behind the `?` of an address. What the parameters mean is said in
//! `wire::api`; here every one is decoded, and none but tags and assets may stand there
//! twice.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::api::{DEFAULT_PAGE, ErrorCode, QueryError};

use crate::error::ApiError;

/// How many parameters a request may have.
const MAX_PARAMETERS: usize = 100;

/// The parameters that may be repeated; a request that takes one of these alone refuses two itself.
const REPEATED: [&str; 2] = ["tag", "asset"];

const PLACE_HINT: &str = "give what the page before gave as `next`, or leave it out";

/// The parameters of a request, in their order.
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
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(text.as_bytes()).into_owned().take(MAX_PARAMETERS + 1).collect();
        if pairs.len() > MAX_PARAMETERS {
            let message = format!("a request has at most {MAX_PARAMETERS} query parameters");
            return Err(ApiError::bad_request(message));
        }
        let mut seen = BTreeSet::new();
        for (key, _) in &pairs {
            if !REPEATED.contains(&key.as_str()) && !seen.insert(key) {
                let message = format!("query parameter `{key}`: it is given twice");
                return Err(ApiError::bad_request(message));
            }
        }
        Ok(Self(pairs))
    }

    /// Reads all parameters as what a request takes.
    pub(crate) fn read<T>(
        self,
        reader: impl FnOnce(Vec<(String, String)>) -> Result<T, QueryError>,
    ) -> Result<T, ApiError> {
        reader(self.0).map_err(|error| {
            let code = match error {
                QueryError::UnknownKey { .. } => ErrorCode::UnknownKey,
                QueryError::BadValue { .. } => ErrorCode::BadRequest,
            };
            ApiError::new(code, error.to_string())
        })
    }

    /// Reads the parameters of a request that takes one and no other.
    pub(crate) fn only(mut self, known: &'static str) -> Result<Option<String>, ApiError> {
        match self.0.pop() {
            None => Ok(None),
            Some((key, value)) if key == known && self.0.is_empty() => Ok(Some(value)),
            Some((key, _)) => {
                let unknown = self.0.first().map_or(key.clone(), |(first, _)| first.clone());
                let key = if unknown == known { key } else { unknown };
                Self(Vec::new()).read(|_| Err(QueryError::UnknownKey { key, known }))
            }
        }
    }

    /// Refuses all parameters.
    pub(crate) fn none(self) -> Result<(), ApiError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((key, _)) => {
                Self(Vec::new()).read(|_| Err(QueryError::UnknownKey { key, known: "none" }))
            }
        }
    }
}

/// Writes a place in a list that is more than one number: what [`place_of`] reads.
pub(crate) fn end_of(place: &impl Serialize) -> Option<String> {
    serde_json::to_string(place).ok()
}

/// Reads a place in a list that [`end_of`] has written.
pub(crate) fn place_of<T: DeserializeOwned>(
    key: &str,
    text: Option<&str>,
) -> Result<Option<T>, ApiError> {
    let read = |text: &str| {
        serde_json::from_str(text).map_err(|_| {
            ApiError::bad_request(format!("query parameter `{key}`: it is no place in this list"))
                .hint(PLACE_HINT)
        })
    };
    text.map(read).transpose()
}

/// Reads a parameter that is a place in a list.
pub(crate) fn place<T: FromStr<Err: Display>>(
    key: &str,
    text: Option<&str>,
) -> Result<Option<T>, ApiError> {
    let read = |text: &str| {
        text.parse().map_err(|error| {
            ApiError::bad_request(format!("query parameter `{key}`: `{text}`: {error}"))
                .hint(PLACE_HINT)
        })
    };
    text.map(read).transpose()
}

/// Returns how many entries a page is to have.
pub(crate) fn page_size(asked: Option<u32>) -> u32 {
    asked.unwrap_or(DEFAULT_PAGE)
}

#[cfg(test)]
mod tests {
    use wire::api::RunFilter;

    use super::*;

    #[test]
    fn parameters_are_decoded_and_tags_may_be_repeated() {
        let query = Query::parse("tag=a%3Db&limit=7&tag=c=&job=x+y").unwrap();
        let filter = query.read(RunFilter::from_pairs).unwrap();
        assert_eq!(filter.limit, Some(7));
        assert_eq!(filter.job.as_deref(), Some("x y"));
        let pairs = [("a", "b"), ("c", "")];
        assert_eq!(filter.tags, pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_is_not_known_given_twice_or_too_much_is_refused() {
        let code = |text: &str| {
            Query::parse(text)
                .and_then(|query| query.read(RunFilter::from_pairs))
                .map_or_else(|error| error.code, |_| panic!("{text}"))
        };
        assert_eq!(code("limit=1&limit=1"), ErrorCode::BadRequest);
        assert_eq!(code("limit=501"), ErrorCode::BadRequest);
        assert_eq!(code("limits=1"), ErrorCode::UnknownKey);
        assert_eq!(code(&"tag=a=b&".repeat(101)), ErrorCode::BadRequest);
    }

    #[test]
    fn a_request_with_one_parameter_knows_no_other() {
        let only = |text: &str| Query::parse(text).and_then(|query| query.only("after"));
        assert_eq!(only(""), Ok(None));
        assert_eq!(only("after=1"), Ok(Some("1".to_owned())));
        for text in ["before=1", "after=1&x=2", "x=1&after=2"] {
            let error = only(text).unwrap_err();
            assert_eq!(error.code, ErrorCode::UnknownKey);
            assert!(!error.message.contains("parameter `after`"), "{}", error.message);
        }
        assert!(Query::parse("x=1").and_then(Query::none).is_err());
        assert!(place::<u64>("after", Some("x")).is_err());
    }
}
