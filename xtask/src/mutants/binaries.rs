//! Which test binaries hold the test that should find a mistake: no other has to be built for it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The test binaries that some arguments of nextest mean.
#[derive(Debug, Default)]
pub(crate) struct Binaries(Vec<Binary>);

#[derive(Debug)]
struct Binary {
    package: String,
    /// The arguments by which cargo builds this one.
    target: Vec<String>,
    tests: Vec<String>,
}

/// What `cargo nextest list --message-format json` prints.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct List {
    rust_suites: BTreeMap<String, Suite>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Suite {
    package_name: String,
    binary_name: String,
    kind: String,
    /// Of each test only its name matters.
    testcases: BTreeMap<String, serde_json::Value>,
}

impl Binaries {
    /// Reads what nextest lists. Binaries of kinds that no mistake needs are left out.
    pub(crate) fn read(json: &[u8]) -> Result<Self> {
        let list: List =
            serde_json::from_slice(json).context("failed to read what nextest lists")?;
        let binary = |suite: Suite| {
            let target = match suite.kind.as_str() {
                "lib" => vec!["--lib".to_owned()],
                kind @ ("test" | "bin") => vec![format!("--{kind}"), suite.binary_name],
                _ => return None,
            };
            let tests = suite.testcases.into_keys().collect();
            Some(Binary { package: suite.package_name, target, tests })
        };
        Ok(Self(list.rust_suites.into_values().filter_map(binary).collect()))
    }

    /// Returns the arguments of nextest that build only the binaries with a test whose name contains
    /// `part`; nothing if there is no such test.
    pub(crate) fn holding(&self, part: &str) -> Option<Vec<String>> {
        let mut arguments: Vec<String> = Vec::new();
        let holds = |binary: &&Binary| binary.tests.iter().any(|test| test.contains(part));
        for binary in self.0.iter().filter(holds) {
            arguments.extend(["-p".to_owned(), binary.package.clone()]);
            arguments.extend(binary.target.iter().cloned());
        }
        (!arguments.is_empty()).then_some(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_binaries_that_hold_a_test_are_built_for_it() {
        let json = br#"{"rust-build-meta": {}, "test-count": 3, "rust-suites": {
            "p::a": {"package-name": "p", "binary-name": "a", "kind": "test",
                     "testcases": {"queue::order_is_kept": {"ignored": false}}},
            "p": {"package-name": "p", "binary-name": "p", "kind": "lib",
                  "testcases": {"tests::order_is_kept": {"ignored": false}, "tests::other": {"ignored": false}}},
            "p::bin/x": {"package-name": "p", "binary-name": "x", "kind": "bin", "testcases": {}}}}"#;
        let binaries = Binaries::read(json).unwrap();
        let holding = |part: &str| binaries.holding(part).map(|arguments| arguments.join(" "));
        assert_eq!(holding("other").as_deref(), Some("-p p --lib"));
        assert_eq!(holding("order_is_kept").as_deref(), Some("-p p --lib -p p --test a"));
        assert_eq!(holding("no_such_test"), None);
    }
}
