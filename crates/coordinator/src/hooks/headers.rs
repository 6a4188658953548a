//! The headers of a request as hooks see them: bounded, and without those that are secrets.

use std::collections::BTreeMap;

use model::is_withheld_header;
use thiserror::Error;

/// The headers of a request, by name in small letters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(BTreeMap<String, String>);

/// A request has more headers than hooks are told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the headers of the request come to more than {} headers or {} bytes",
    Headers::MAX_COUNT,
    Headers::MAX_BYTES
)]
pub struct HeadersError;

impl Headers {
    /// How many headers there can be: more than browsers and proxies send.
    pub const MAX_COUNT: usize = 100;

    /// How many bytes all names and values can have: they are written to every hook that is asked.
    pub const MAX_BYTES: usize = 32 * 1024;

    /// Takes headers in their order. Several of one name become one, with `, ` between the values, as
    /// HTTP means them; secrets are left out.
    ///
    /// # Errors
    /// [`HeadersError`] if they are too many or too large.
    pub fn new<'h>(
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    ) -> Result<Self, HeadersError> {
        let (mut all, mut bytes) = (BTreeMap::<String, String>::new(), 0);
        for (name, value) in headers.into_iter().filter(|(name, _)| !is_withheld_header(name)) {
            bytes += name.len() + value.len();
            match all.get_mut(&name.to_ascii_lowercase()) {
                Some(earlier) => *earlier += &format!(", {value}"),
                None => drop(all.insert(name.to_ascii_lowercase(), value.to_owned())),
            }
            if all.len() > Self::MAX_COUNT || bytes > Self::MAX_BYTES {
                return Err(HeadersError);
            }
        }
        Ok(Self(all))
    }

    /// Returns the value of a header, whose name may be written in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// Returns every header by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_small_letters_and_secrets_are_left_out() {
        let headers = Headers::new([
            ("X-Team", "docs"),
            ("Authorization", "Bearer secret"),
            ("cookie", "a=b"),
            ("Proxy-Authorization", "Basic secret"),
            ("x-team", "ops"),
        ])
        .unwrap();
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("x-team", "docs, ops")]);
        assert_eq!(headers.get("X-TEAM"), Some("docs, ops"));
        assert_eq!(headers.get("authorization"), None);
    }

    #[test]
    fn headers_are_bounded_in_number_and_in_size() {
        let names: Vec<String> = (0..=Headers::MAX_COUNT).map(|n| format!("x-{n}")).collect();
        let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert!(Headers::new(all[1..].iter().copied()).is_ok());
        assert_eq!(Headers::new(all), Err(HeadersError));
        let large = "x".repeat(Headers::MAX_BYTES);
        assert_eq!(Headers::new([("x", large.as_str())]), Err(HeadersError));
        // What is left out does not count.
        assert!(Headers::new([("cookie", large.as_str())]).is_ok());
    }
}
