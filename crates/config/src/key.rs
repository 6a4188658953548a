//! What the key table says of a key: whose it is, what may stand there, whether it does something.

/// One key: where it comes from, what may stand there, and what it does.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The key as it is written.
    pub name: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// What is in force without it, as the reference page says it.
    pub default: &'static str,
    /// What may stand there, as YAML; only a key that must be given has one.
    pub example: &'static str,
    /// What it does, in sentences for the reference page.
    pub doc: &'static str,
    /// Whose key it is.
    pub owner: Owner,
    /// Whether it does something today.
    pub effect: Effect,
    /// Whether it may be left out.
    pub presence: Presence,
}

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Dagster's, with Dagster's meaning.
    Dagster,
    /// Ours: Dagster would refuse it.
    Pointsman,
}

/// Whether a key does something today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The decisions depend on it.
    InForce,
    /// It is read and checked; the part that will use it does not exist yet.
    NotYet,
    /// It is read and checked; there is nothing in Pointsman that needs it.
    NotNeeded,
}

/// Whether a key may be left out, and whether `null` is another way to leave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It may be left out; `null` is refused.
    Optional,
    /// It may be left out or be `null`.
    Nullable,
    /// It must be there.
    Required,
}

/// What may stand at a key.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A whole number.
    Whole(Bounds),
    /// `true` or `false`.
    Flag,
    /// Text.
    Text(Emptiness),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of names.
    Names,
    /// A map from any keys to texts.
    Texts,
    /// Anything: it is handed on as it is.
    Anything,
    /// A map with these keys.
    Block(&'static [Key]),
    /// A list of maps with these keys.
    Blocks(&'static [Key]),
    /// Text, or a map with these keys.
    TextOrBlock(&'static [Key]),
}

/// Whether a text may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emptiness {
    /// The empty text is a value like any other.
    Allowed,
    /// The empty text is a mistake.
    Refused,
}

/// The numbers that a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The smallest.
    pub min: i64,
    /// The largest.
    pub max: i64,
    /// Both in words: "it must be ...".
    pub words: &'static str,
}
