//! Dynamic partitions: sets of keys that grow and shrink while the program runs, each set under a name
//! that Dagster's definitions refer to.
//!
//! What a key means, and which definitions refer to a name, is not known here.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Says why a text cannot be the name of a set of partitions, or a key in one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PartitionError {
    /// It is empty.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// It is longer than it may be.
    #[error("{what} has {length} bytes; at most {most} are allowed")]
    TooLong {
        /// What was wanted.
        what: &'static str,
        /// How many bytes it has.
        length: usize,
        /// How many it may have.
        most: usize,
    },
    /// It has a character that nobody can see, such as the end of a line.
    #[error("{what} {text:?} has a control character in it")]
    ControlCharacter {
        /// What was wanted.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// It has three dots in a row, which Dagster keeps for ranges of partitions.
    #[error("{what} {text:?} has `...` in it, by which Dagster writes a range of partitions")]
    Range {
        /// What was wanted.
        what: &'static str,
        /// The text.
        text: String,
    },
}

/// Declares a text of a bounded length, any characters but control characters.
macro_rules! text {
    ($(#[$doc:meta])* $type:ident, $what:literal, $most:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// How many bytes it may have.
            pub const MAX_LENGTH: usize = $most;

            #[doc = concat!("Takes a text as ", $what, ".")]
            ///
            /// # Errors
            /// [`PartitionError`] says what is wrong with it.
            pub fn new(text: impl AsRef<str>) -> Result<Self, PartitionError> {
                let text = text.as_ref();
                check($what, text, Self::MAX_LENGTH)?;
                Ok(Self(text.into()))
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text!(
    /// The name of a set of dynamic partitions: `DynamicPartitionsDefinition(name=...)`.
    PartitionsName,
    "the name of dynamic partitions",
    255
);
text!(
    /// One key of a set of dynamic partitions. It fits into the tag of a run many times.
    PartitionKey,
    "a partition key",
    1024
);

fn check(what: &'static str, text: &str, most: usize) -> Result<(), PartitionError> {
    if text.is_empty() {
        return Err(PartitionError::Empty(what));
    }
    if text.len() > most {
        return Err(PartitionError::TooLong { what, length: text.len(), most });
    }
    if text.contains(char::is_control) {
        return Err(PartitionError::ControlCharacter { what, text: text.to_owned() });
    }
    if text.contains("...") {
        return Err(PartitionError::Range { what, text: text.to_owned() });
    }
    Ok(())
}

/// One dynamic partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DynamicPartition {
    /// The set that it belongs to.
    pub name: PartitionsName,
    /// Its key there.
    pub key: PartitionKey,
}

/// Whether a partition is there from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is; if it was there already, it keeps its place.
    Added,
    /// It is not.
    Removed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_any_visible_text_of_bounded_length() {
        for good in ["acme", "a b/c, d?é", &"x".repeat(1024)] {
            assert_eq!(PartitionKey::new(good).unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("", "is empty"),
            (&"x".repeat(1025)[..], "has 1025 bytes; at most 1024"),
            ("a\nb", "control character"),
            ("a...b", "range of partitions"),
        ] {
            let error = PartitionKey::new(bad).unwrap_err().to_string();
            assert!(error.starts_with("a partition key") && error.contains(why), "{error}");
        }
        assert!(PartitionsName::new("x".repeat(256)).is_err());
    }
}
