//! The tags of a run: text keys with text values.

use std::collections::BTreeMap;
use std::fmt;

use crate::priority::{Priority, PriorityError};

/// The tag that carries a run's priority in the queue (Dagster's name).
pub const PRIORITY_TAG: &str = "dagster/priority";

/// The tags of a run, one value a key, ordered by key.
///
/// Kept as one text and its cuts, because a million queued runs carry some each.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Tags {
    /// Key, value, key, value, ... without anything between them.
    text: Box<str>,
    /// Where each of them ends.
    ends: Box<[usize]>,
}

impl Tags {
    /// How much all tags of a run may come to, in bytes: they are kept in memory while it is queued.
    pub const MAX_SIZE: usize = 64 * 1024;

    /// Returns how much all keys and values come to, in bytes.
    pub fn size(&self) -> usize {
        self.text.len()
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// Returns every key with its value, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.chunks_exact(2).map(move |ends| {
            let (key, value) = (&self.text[start..ends[0]], &self.text[ends[0]..ends[1]]);
            start = ends[1];
            (key, value)
        })
    }

    /// Returns these tags with one key set to a value.
    pub fn with(&self, key: &str, value: &str) -> Self {
        self.iter().chain([(key, value)]).collect()
    }

    /// Returns these tags with the run's priority set.
    pub fn with_priority(&self, priority: Priority) -> Self {
        self.with(PRIORITY_TAG, &priority.to_string())
    }

    /// Reads the run's priority from [`PRIORITY_TAG`]; without the tag it is 0.
    ///
    /// # Errors
    /// Says why the tag's value is no priority; the run then counts as 0.
    pub fn priority(&self) -> Result<Priority, PriorityError> {
        self.get(PRIORITY_TAG).map_or(Ok(Priority::DEFAULT), Priority::parse)
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Tags {
    /// Collects tags; of two values for one key the later wins.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(tags: I) -> Self {
        let all: Vec<(K, V)> = tags.into_iter().collect();
        let by_key: BTreeMap<&str, &str> =
            all.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
        let (mut text, mut ends) = (String::new(), Vec::with_capacity(2 * by_key.len()));
        for part in by_key.into_iter().flat_map(|(key, value)| [key, value]) {
            text.push_str(part);
            ends.push(text.len());
        }
        Self { text: text.into(), ends: ends.into() }
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_values_for_one_key_the_later_wins() {
        let tags: Tags = [("b", "1"), ("a", "2"), ("b", "3")].into_iter().collect();
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("a", "2"), ("b", "3")]);
        assert_eq!(tags.with("a", "9").get("a"), Some("9"));
    }

    #[test]
    fn a_run_without_the_tag_has_priority_zero() {
        assert_eq!(Tags::default().priority(), Ok(Priority::DEFAULT));
        let tags = Tags::default().with(PRIORITY_TAG, "-7");
        assert_eq!(tags.priority(), Ok(Priority::new(-7)));
    }
}
