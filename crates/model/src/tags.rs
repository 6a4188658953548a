//! The tags of a run: text keys with text values.

use std::fmt;

use crate::priority::{Priority, PriorityError};

/// The tag that carries a run's priority in the queue (Dagster's name).
pub const PRIORITY_TAG: &str = "dagster/priority";

/// The tags of a run, one value a key, ordered by key.
///
/// Kept as one sorted block, because a million queued runs carry one each.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tags(Box<[(Box<str>, Box<str>)]>);

impl Tags {
    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(k, _)| (**k).cmp(key)).ok()?;
        Some(&self.0[at].1)
    }

    /// Returns every key with its value, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
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

impl<K: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(K, V)> for Tags {
    /// Collects tags; of two values for one key the later wins.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(tags: I) -> Self {
        let mut all: Vec<(Box<str>, Box<str>)> =
            tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        all.reverse();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.dedup_by(|later, first| later.0 == first.0);
        Self(all.into_boxed_slice())
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
