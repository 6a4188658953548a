//! What a command answers; `main` alone prints it and exits.

/// What a command prints, and the code with which it exits.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: u8,
}

/// What was asked was done, and something is wrong with what was found.
pub(crate) const WRONG: u8 = 1;

/// What was asked cannot be done: a file cannot be read or is malformed, or the answer cannot be
/// written.
pub(crate) const UNREADABLE: u8 = 2;

/// Nothing was asked, because no server answers.
pub(crate) const NO_SERVER: u8 = 3;
