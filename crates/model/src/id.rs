//! Names and numbers that identify things. Each has a type of its own, so that a run is never
//! looked up by a step key.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;
use uuid::Uuid;

/// Says why a text is not a valid id or name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    /// The text is not a UUID.
    #[error(
        "`{0}` is not a run id: a run id is a UUID such as `1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10`"
    )]
    NotARunId(String),
    /// The name is empty or has white space in it.
    #[error(
        "{what} `{text}` is not a name: it must have at least one character and no white space"
    )]
    BlankName {
        /// Which kind of name was wanted.
        what: &'static str,
        /// The text as it was given.
        text: String,
    },
}

/// Identifies a run; a UUID, version 4 when Pointsman makes it (Dagster's form).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(u128);

impl RunId {
    /// Takes the id from its 128 bits.
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// Returns the id's 128 bits.
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

impl FromStr for RunId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::parse_str(text)
            .map(|uuid| Self(uuid.as_u128()))
            .map_err(|_| IdError::NotARunId(text.to_owned()))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_u128(self.0).fmt(f)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({self})")
    }
}

/// The place of a run in the order of submission, given once by the loop and kept for life: a
/// requeued run keeps it, a run retry is a new run with a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u64);

impl Seq {
    /// Takes the sequence number as it is.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the plain number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One try of a run, numbered from 1: one `QUEUED -> STARTING` transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(NonZeroU32);

impl Attempt {
    /// The first try.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Takes the plain number; there is no attempt 0.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns the number of the attempt that follows this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the plain number, 1 or more.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Declares a name: a shared text that is not blank and has no white space in it.
macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            #[doc = concat!("Takes a text as a ", $what, ".")]
            ///
            /// # Errors
            /// [`IdError::BlankName`] if it is empty or has white space in it.
            pub fn new(text: impl AsRef<str>) -> Result<Self, IdError> {
                let text = text.as_ref();
                if text.is_empty() || text.contains(char::is_whitespace) {
                    return Err(IdError::BlankName { what: $what, text: text.to_owned() });
                }
                Ok(Self(text.into()))
            }

            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($type), &*self.0)
            }
        }
    };
}

name!(
    /// Names a pool. Any characters but white space (Dagster's `^\S+$`): `/` and Unicode are fine.
    PoolName, "pool name"
);
name!(
    /// Names a step inside its run, such as `load` or `inner.left` or `mult[k0]`.
    StepKey, "step key"
);
name!(
    /// Names a job inside its code location.
    JobName, "job name"
);
name!(
    /// Names a code location: where a job's definition comes from.
    CodeLocation, "code location"
);
name!(
    /// Names a deployment; `prod` unless given at submission.
    DeploymentName, "deployment name"
);

impl PoolName {
    /// Returns the name before which no other can stand.
    pub fn least() -> Self {
        Self("\0".into())
    }
}

impl DeploymentName {
    /// Returns the name of the deployment that a run belongs to if it names none.
    pub fn prod() -> Self {
        Self("prod".into())
    }
}

impl CodeLocation {
    /// Makes a name that is like a text: `_` stands for white space, and for an empty text.
    pub fn like(text: &str) -> Self {
        let name = text.replace(char::is_whitespace, "_");
        Self(if name.is_empty() { "_".into() } else { name.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_has_a_code_location_like_it() {
        for (text, name) in [("reports", "reports"), ("my jobs", "my_jobs"), ("", "_")] {
            assert_eq!(CodeLocation::like(text), CodeLocation::new(name).unwrap());
        }
    }

    #[test]
    fn a_run_id_reads_back_as_it_was_written() {
        let text = "1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10";
        assert_eq!(text.parse::<RunId>().map(|id| id.to_string()), Ok(text.to_owned()));
        assert!("nonsense".parse::<RunId>().is_err());
    }

    #[test]
    fn a_name_with_white_space_is_refused() {
        for text in ["", " ", "a b", "a\t", "\u{2003}"] {
            assert!(PoolName::new(text).is_err(), "{text:?}");
        }
        for text in ["db", "team/db", "pool-é", "a.b[c]"] {
            assert!(PoolName::new(text).is_ok(), "{text:?}");
        }
    }
}
