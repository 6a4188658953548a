//! How a priority is read in a request: a whole number of 32 bits, and a sentence if it is none.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads a priority that may be `null`.
pub(crate) fn optional<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<i32>, D::Error> {
    Option::<Number>::deserialize(reader).map(|number| number.map(|Number(number)| number))
}

struct Number(i32);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

fn fits<E: Error, N: Copy + std::fmt::Display + TryInto<i32>>(number: N) -> Result<i32, E> {
    number.try_into().map_err(|_| {
        let (least, most) = (i32::MIN, i32::MAX);
        E::custom(format!("{number} is out of range: a priority lies between {least} and {most}"))
    })
}

impl Visitor<'_> for Reader {
    type Value = i32;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a whole number between {} and {}", i32::MIN, i32::MAX)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i32, E> {
        fits(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i32, E> {
        fits(number)
    }
}
