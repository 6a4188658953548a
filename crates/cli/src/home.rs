//! Which folder is the home: where a server keeps its state and says where it is.

use std::path::PathBuf;

/// Returns the home: the one that is given, `$POINTSMAN_HOME`, or `.pointsman` in the user's own
/// folder (in the current one, if the user has none).
pub(crate) fn find(given: Option<PathBuf>, variable: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given
        .or_else(|| set("POINTSMAN_HOME"))
        .unwrap_or_else(|| set("HOME").unwrap_or_default().join(".pointsman"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_is_the_first_that_is_named() {
        let both = |name: &str| match name {
            "POINTSMAN_HOME" => Some("a".to_owned()),
            "HOME" => Some("b".to_owned()),
            _ => None,
        };
        let only_home = |name: &str| both(name).filter(|_| name == "HOME");
        let blank = |name: &str| Some(String::new()).filter(|_| name == "POINTSMAN_HOME");
        assert_eq!(find(Some("c".into()), &both), PathBuf::from("c"));
        assert_eq!(find(None, &both), PathBuf::from("a"));
        assert_eq!(find(None, &only_home), PathBuf::from("b/.pointsman"));
        assert_eq!(find(None, &blank), PathBuf::from(".pointsman"));
    }
}
