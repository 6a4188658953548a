//! Reads JSON that a user wrote: what a lenient reader would pass over in silence is an error here.
//!
//! A key that stands twice in one object is refused, wherever it is; so is a key that the wanted
//! shape does not have. Every error says where. Objects nest at most 127 deep (the parser's bound).

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use wire::api::ErrorCode;

use crate::error::ApiError;

/// Where a priority stands in the bodies that have one.
const PRIORITIES: [&str; 2] = ["priority", "change.priority"];

/// Reads a body as a shape.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let value = parse(bytes)?;
    // A list would be taken for the fields of a shape in their order.
    if value.is_array() {
        return Err(ApiError::bad_request("expected a JSON object, found a list"));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let place = error.path().to_string();
        let what = error.into_inner().to_string();
        let code = if what.starts_with("unknown field") {
            ErrorCode::UnknownKey
        } else if PRIORITIES.contains(&place.as_str()) {
            ErrorCode::InvalidPriority
        } else {
            ErrorCode::BadRequest
        };
        let message = if place == "." { what } else { format!("`{place}`: {what}") };
        ApiError::new(code, message)
    })
}

fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    let invalid = |what: String| ApiError::new(ErrorCode::InvalidJson, what);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        invalid(format!("the body is not UTF-8: byte {} is wrong", error.valid_up_to()))
    })?;
    let mut reader = serde_json::Deserializer::from_str(text);
    Once { path: "" }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| invalid(format!("the body is not valid JSON: {error}")))
}

/// Reads any value, refusing keys that stand twice.
struct Once<'p> {
    /// Where the value stands, for the error.
    path: &'p str,
}

impl<'de> DeserializeSeed<'de> for Once<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        let path = format!("{}[]", self.path);
        while let Some(item) = items.next_element_seed(Once { path: &path })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path =
                if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{path}` is given twice")));
            }
            let value = entries.next_value_seed(Once { path: &path })?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        job: String,
        #[serde(default)]
        tags: BTreeMap<String, String>,
        #[serde(default)]
        config: Value,
    }

    fn refused(text: impl AsRef<[u8]>) -> (&'static str, String) {
        let error = read::<Shape>(text.as_ref()).unwrap_err();
        (error.code.as_str(), error.message)
    }

    #[test]
    fn a_value_is_read_as_it_is() {
        let text =
            r#"{"job": "a", "config": [null, true, -1, 18446744073709551615, 1.5, "é\u0000"]}"#;
        let shape: Shape = read(text.as_bytes()).unwrap();
        let plain: Shape = serde_json::from_str(text).unwrap();
        assert_eq!(shape, plain);
    }

    #[test]
    fn a_key_that_is_given_twice_is_named() {
        for (text, key) in [
            (r#"{"job": "a", "job": "b"}"#, "`job`"),
            (r#"{"job": "a", "tags": {"x": "1", "x": "1"}}"#, "`tags.x`"),
            (r#"{"job": "a", "config": [{"y": {"z": 1, "z": 2}}]}"#, "`config[].y.z`"),
        ] {
            let (code, message) = refused(text);
            assert_eq!(code, "invalid_json");
            assert!(message.contains(key), "{message}");
        }
    }

    #[test]
    fn a_key_that_does_not_exist_is_named() {
        let (code, message) = refused(r#"{"job": "a", "tgas": {}}"#);
        assert_eq!(code, "unknown_key");
        assert!(message.contains("tgas") && message.contains("tags"), "{message}");
    }

    #[test]
    fn a_wrong_type_is_said_with_its_place() {
        let (code, message) = refused(r#"{"job": "a", "tags": {"team": 1}}"#);
        assert_eq!(code, "bad_request");
        assert!(
            message.contains("tags.team") && message.contains("expected a string"),
            "{message}"
        );
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        for text in ["", "{", "nul", "{}x", "{\"job\": \"a\"}\0", "\u{feff}{}", "[1,]"] {
            let (code, message) = refused(text);
            assert_eq!(code, "invalid_json", "{text:?}");
            assert!(message.contains("line 1 column"), "{message}");
        }
        let (code, message) = refused(b"{\"job\": \"\xff\"}");
        assert_eq!(code, "invalid_json");
        assert!(message.contains("byte 9"), "{message}");
    }

    #[test]
    fn what_nests_too_deep_is_refused() {
        for open in ["[", "{\"a\":"] {
            let (code, message) = refused(open.repeat(10_000));
            assert_eq!(code, "invalid_json");
            assert!(message.contains("recursion limit"), "{message}");
        }
    }
}
