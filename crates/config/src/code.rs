//! The kinds of problems and warnings, for machines: a code stays when its wording changes.

/// What kind of problem or warning it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// A value that cannot stand where it stands, and none of the below.
    WrongValue,
    /// The text is not YAML, or YAML that means nothing here.
    YamlSyntax,
    /// The file is not UTF-8.
    NotUtf8,
    /// The file, a list, the nesting or what aliases stand for is larger than is read.
    TooLarge,
    /// A key that is not known where it stands.
    UnknownKey,
    /// A key that must be given is not.
    MissingKey,
    /// A key is given twice in one map.
    DuplicateKey,
    /// A value is of another kind than its key wants.
    WrongType,
    /// A key has no value, or an empty one.
    NoValue,
    /// A number is smaller or larger than its key takes.
    OutOfRange,
    /// A word, or a class, that is not among those that are known.
    UnknownChoice,
    /// Keys cannot stand together.
    Conflict,
    /// Two limits are on the same runs.
    DuplicateLimit,
    /// An environment variable is not set.
    EnvUnset,
    /// An older name of a key (a warning).
    Deprecated,
    /// Blocks that Pointsman does not use (a warning).
    NotUsed,
    /// Blocks or keys that have no effect (a warning).
    NoEffect,
    /// A class that is known by its name and comes from an unknown module (a warning).
    TakenByName,
}

impl Code {
    /// Every code, in the order of the reference page.
    pub const ALL: [Self; 18] = [
        Self::WrongValue,
        Self::YamlSyntax,
        Self::NotUtf8,
        Self::TooLarge,
        Self::UnknownKey,
        Self::MissingKey,
        Self::DuplicateKey,
        Self::WrongType,
        Self::NoValue,
        Self::OutOfRange,
        Self::UnknownChoice,
        Self::Conflict,
        Self::DuplicateLimit,
        Self::EnvUnset,
        Self::Deprecated,
        Self::NotUsed,
        Self::NoEffect,
        Self::TakenByName,
    ];

    /// Returns the code as it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::WrongValue => "wrong_value",
            Self::YamlSyntax => "yaml_syntax",
            Self::NotUtf8 => "not_utf8",
            Self::TooLarge => "too_large",
            Self::UnknownKey => "unknown_key",
            Self::MissingKey => "missing_key",
            Self::DuplicateKey => "duplicate_key",
            Self::WrongType => "wrong_type",
            Self::NoValue => "no_value",
            Self::OutOfRange => "out_of_range",
            Self::UnknownChoice => "unknown_choice",
            Self::Conflict => "conflict",
            Self::DuplicateLimit => "duplicate_limit",
            Self::EnvUnset => "env_unset",
            Self::Deprecated => "deprecated",
            Self::NotUsed => "not_used",
            Self::NoEffect => "no_effect",
            Self::TakenByName => "taken_by_name",
        }
    }
}
