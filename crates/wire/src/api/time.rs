//! Instants in JSON: RFC 3339 in UTC, always with microseconds.

use std::fmt;

use model::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// An instant, written as `2026-01-31T12:00:00.000000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Timestamp);

impl Time {
    /// Reads an RFC 3339 instant with any offset.
    ///
    /// # Errors
    /// Says why the text is no instant.
    pub fn parse(text: &str) -> Result<Self, String> {
        let instant: jiff::Timestamp = text.parse().map_err(|error| {
            format!("{text:?} is no RFC 3339 time such as 2026-01-31T12:00:00Z: {error}")
        })?;
        Ok(Self(Timestamp::from_micros(instant.as_microsecond())))
    }
}

impl From<Timestamp> for Time {
    fn from(instant: Timestamp) -> Self {
        Self(instant)
    }
}

impl fmt::Display for Time {
    /// Writes the instant; one outside the years that RFC 3339 has becomes the nearest one inside.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let nearest = if micros < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        let instant = jiff::Timestamp::from_microsecond(micros).unwrap_or(nearest);
        write!(f, "{instant:.6}")
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        let text = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
        text.description(Some("An instant in UTC with microseconds, as RFC 3339 says.")).into()
    }
}

impl ToSchema for Time {}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
