//! The priority of a run or a step, and how a text becomes one.

use std::fmt;

use thiserror::Error;

/// How urgent a run or step is: larger goes first, 0 unless given, negative is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Priority(i32);

/// Says why a text counts as priority 0.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PriorityError {
    /// The text is no integer in Python's `int()` syntax.
    #[error("priority {0:?} is not an integer")]
    NotAnInteger(String),
    /// The integer does not fit into 32 bits.
    #[error("priority {0:?} is out of range: it must be between -2147483648 and 2147483647")]
    OutOfRange(String),
}

impl Priority {
    /// The priority of a run that asks for none.
    pub const DEFAULT: Self = Self(0);

    /// Takes the number as it is.
    pub const fn new(number: i32) -> Self {
        Self(number)
    }

    /// Returns the plain number.
    pub const fn get(self) -> i32 {
        self.0
    }

    /// Reads a priority as Python's `int()` reads it, which is what Dagster does with the tag
    /// `dagster/priority`: blanks around it, a sign and single underscores between digits are
    /// accepted. Only ASCII digits count here; Python also takes those of other scripts.
    ///
    /// # Errors
    /// Says what is wrong. A value that comes from code then counts as 0 and is reported; API, CLI
    /// and UI refuse it.
    pub fn parse(text: &str) -> Result<Self, PriorityError> {
        let not_an_integer = || PriorityError::NotAnInteger(text.to_owned());
        let trimmed = text.trim_matches(is_python_blank);
        let (negative, digits) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        let well_formed = digits
            .split('_')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        if !well_formed {
            return Err(not_an_integer());
        }
        let magnitude = digits.bytes().filter(u8::is_ascii_digit).try_fold(0_i64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
        });
        magnitude
            .map(|value| if negative { -value } else { value })
            .and_then(|value| i32::try_from(value).ok())
            .map(Self)
            .ok_or_else(|| PriorityError::OutOfRange(text.to_owned()))
    }
}

/// White space as Python's `str.strip()` sees it: Unicode's, and the four ASCII separators.
fn is_python_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_read_as_python_reads_an_int() {
        for (text, number) in [
            ("3", 3),
            (" 5 ", 5),
            ("+2", 2),
            ("1_0", 10),
            ("-1", -1),
            ("007", 7),
            ("\u{1c}4\u{a0}", 4),
            ("2147483647", i32::MAX),
            ("-2147483648", i32::MIN),
        ] {
            assert_eq!(Priority::parse(text), Ok(Priority::new(number)), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_integer_is_told_apart_from_what_is_too_large() {
        for text in ["", " ", "1.5", "foobar", "1__0", "_1", "1_", "+ 1", "--1", "0x10", "-"] {
            let error = PriorityError::NotAnInteger(text.to_owned());
            assert_eq!(Priority::parse(text), Err(error), "{text:?}");
        }
        for text in ["2147483648", "-2147483649", "99999999999", &"9".repeat(400)] {
            let error = PriorityError::OutOfRange(text.to_owned());
            assert_eq!(Priority::parse(text), Err(error), "{text:?}");
        }
    }
}
