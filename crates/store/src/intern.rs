//! Names that many rows share, each kept once: a million queued runs are runs of a few jobs.

use std::collections::BTreeMap;

/// How many distinct texts are remembered; then the memory starts anew. Jobs and pools are counted
/// in thousands, and a text that is read again costs little.
const MAX_REMEMBERED: usize = 10_000;

/// Remembers what was made of a text.
#[derive(Debug)]
pub(crate) struct Interner<T>(BTreeMap<Box<str>, T>);

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Clone> Interner<T> {
    /// Returns what was made of the text before, or makes it.
    pub(crate) fn get<E>(
        &mut self,
        text: &str,
        make: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(known) = self.0.get(text) {
            return Ok(known.clone());
        }
        let made = make(text)?;
        if self.0.len() >= MAX_REMEMBERED {
            self.0.clear();
        }
        self.0.insert(text.into(), made.clone());
        Ok(made)
    }
}
