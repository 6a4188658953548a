//! Texts with `*` in them, which stands for any text, also none.

/// A text that others are compared with; `*` in it stands for any text, also none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Takes a text as a pattern; every text is one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns whether a text is as the pattern says. Costs at most the product of the two lengths.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut left) = text.strip_prefix(first) else { return false };
        let mut parts: Vec<&str> = rest.split('*').collect();
        let last = parts.pop().unwrap_or_default();
        // Each part is taken where it comes first: what is behind it is then as long as can be.
        for part in parts {
            match left.find(part) {
                Some(at) => left = &left[at + part.len()..],
                None => return false,
            }
        }
        left.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_also_none() {
        for (pattern, matching, other) in [
            ("docs", vec!["docs"], vec!["", "doc", "docss", "Docs"]),
            ("", vec![""], vec!["a"]),
            ("*", vec!["", "a", "a b", "*"], vec![]),
            ("nightly_*", vec!["nightly_", "nightly_a"], vec!["nightly", "a_nightly_a"]),
            ("*_nightly", vec!["_nightly", "a_nightly"], vec!["a_nightly_", "nightly"]),
            ("a*b*c", vec!["abc", "axbxc", "abbcc", "ac_b_c"], vec!["ab", "acb", "bc", "abcx"]),
            ("a*a", vec!["aa", "aba"], vec!["a", "ab"]),
            ("*a*", vec!["a", "xax"], vec!["", "b"]),
            ("**", vec!["", "x"], vec![]),
            ("é*ü", vec!["éü", "éöü"], vec!["é", "eu"]),
        ] {
            let compared = Pattern::new(pattern);
            for text in matching {
                assert!(compared.matches(text), "{pattern} {text}");
            }
            for text in other {
                assert!(!compared.matches(text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn many_stars_cost_little() {
        let pattern = Pattern::new("a*".repeat(1000) + "b");
        assert!(!pattern.matches(&"a".repeat(64 * 1024)));
    }
}
