//! The base environment of a step: the few variables that every program expects, and none of the
//! daemon's others.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// The variables that a step gets if they are set where its worker runs.
pub const BASE: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// Where programs are looked for if no PATH is set.
pub const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Takes the base variables out of all that are given; those that are not set are left out, but
/// PATH, which is then [`DEFAULT_PATH`].
pub fn base(given: &BTreeMap<OsString, OsString>) -> BTreeMap<OsString, OsString> {
    let mut environment: BTreeMap<OsString, OsString> = BASE
        .iter()
        .filter_map(|name| given.get_key_value(OsStr::new(name)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    environment.entry("PATH".into()).or_insert_with(|| DEFAULT_PATH.into());
    environment
}

/// What the names of our own variables begin with.
const OURS: &str = "POINTSMAN_";

/// Takes all variables that are given, but those that are ours.
pub fn all_but_ours(given: &BTreeMap<OsString, OsString>) -> BTreeMap<OsString, OsString> {
    let is_ours = |name: &OsStr| name.as_encoded_bytes().starts_with(OURS.as_bytes());
    given
        .iter()
        .filter(|(name, _)| !is_ours(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The variables that Python code gets, beside those that are named, where not all are handed on.
pub const FOR_PYTHON: [&str; 5] = ["PATH", "HOME", "LANG", "TZ", "VIRTUAL_ENV"];

/// Takes the variables that Python code gets: all that are given, or those [`FOR_PYTHON`] and those
/// that are named, as far as they are set; never those that are ours.
pub fn for_python(
    given: &BTreeMap<OsString, OsString>,
    inherited: Option<&[String]>,
) -> BTreeMap<OsString, OsString> {
    let mut environment = all_but_ours(given);
    if let Some(names) = inherited {
        environment.retain(|name, _| {
            let is_named = |names: &[String]| names.iter().any(|named| name == named.as_str());
            FOR_PYTHON.iter().any(|always| name == always) || is_named(names)
        });
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<OsString, OsString> {
        entries.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn only_the_base_variables_are_taken() {
        let given = map(&[("PATH", "/x"), ("HOME", "/h"), ("POINTSMAN_TOKEN", "s"), ("TZ", "")]);
        assert_eq!(base(&given), map(&[("PATH", "/x"), ("HOME", "/h"), ("TZ", "")]));
    }

    #[test]
    fn code_gets_everything_but_what_is_ours() {
        let given = map(&[("PATH", "/x"), ("POINTSMAN_TOKEN", "s"), ("DB_URL", "u")]);
        assert_eq!(all_but_ours(&given), map(&[("PATH", "/x"), ("DB_URL", "u")]));
    }

    #[test]
    fn python_gets_what_is_named_and_what_it_needs_itself() {
        let given = map(&[("PATH", "/x"), ("POINTSMAN_TOKEN", "s"), ("DB_URL", "u"), ("KEY", "k")]);
        let names = ["DB_URL", "POINTSMAN_TOKEN", "UNSET"].map(str::to_owned);
        assert_eq!(for_python(&given, Some(&names)), map(&[("PATH", "/x"), ("DB_URL", "u")]));
        assert_eq!(for_python(&given, Some(&[])), map(&[("PATH", "/x")]));
        assert_eq!(for_python(&given, None), all_but_ours(&given));
    }

    #[test]
    fn without_a_path_the_usual_one_is_set() {
        assert_eq!(base(&map(&[])), map(&[("PATH", DEFAULT_PATH)]));
    }
}
