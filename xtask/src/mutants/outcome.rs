//! What became of a planted mistake, judged by how nextest ended and what it reported.

use crate::mutants::patch::Patch;

/// How a run of nextest ended.
#[derive(Debug)]
pub(crate) struct TestEnd {
    pub(crate) code: Option<i32>,
    pub(crate) report: String,
}

/// What became of a planted mistake.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// This test failed.
    Found(String),
    /// Another test failed than the one that its header names.
    FoundByOther(String),
    /// Every test passed.
    Missed,
    DoesNotBuild,
    /// No test has the name that its header gives.
    NoSuchTest,
    /// Nextest ended in a way that says nothing about the tests.
    Unclear,
}

/// How nextest says by its exit code that a test failed, that the build did, and that no test ran.
const TEST_FAILED: i32 = 100;
const BUILD_FAILED: i32 = 101;
const NO_TESTS: i32 = 4;

impl TestEnd {
    pub(crate) fn is_pass(&self) -> bool {
        self.code == Some(0)
    }

    /// Returns the first test that the report says failed, was ended for its time or died.
    pub(crate) fn failed_test(&self) -> Option<&str> {
        self.report.lines().find_map(|line| {
            let (status, rest) = line.trim_start().split_once(" [")?;
            let is_failure =
                ["ABORT", "FAIL", "TIMEOUT"].contains(&status) || status.starts_with("SIG");
            is_failure.then(|| rest.rsplit(' ').next())?
        })
    }

    fn failed_test_or_unnamed(&self) -> String {
        self.failed_test().unwrap_or("a test that nextest did not name").to_owned()
    }
}

impl Outcome {
    /// Judges the run of the one test that should find the mistake; none if that test passed.
    pub(crate) fn of_expected(end: &TestEnd) -> Option<Self> {
        match end.code {
            Some(0) => None,
            Some(TEST_FAILED) => Some(Self::Found(end.failed_test_or_unnamed())),
            Some(BUILD_FAILED) => Some(Self::DoesNotBuild),
            Some(NO_TESTS) => Some(Self::NoSuchTest),
            Some(_) | None => Some(Self::Unclear),
        }
    }

    /// Judges the run of all tests after the expected one has passed.
    pub(crate) fn of_all(end: &TestEnd) -> Self {
        match end.code {
            Some(0) => Self::Missed,
            Some(TEST_FAILED) => Self::FoundByOther(end.failed_test_or_unnamed()),
            Some(BUILD_FAILED) => Self::DoesNotBuild,
            Some(_) | None => Self::Unclear,
        }
    }

    pub(crate) fn is_found(&self) -> bool {
        match self {
            Self::Found(_) | Self::FoundByOther(_) => true,
            Self::Missed | Self::DoesNotBuild | Self::NoSuchTest | Self::Unclear => false,
        }
    }

    /// Returns what is printed about a mistake.
    pub(crate) fn line(&self, patch: &Patch) -> String {
        let Patch { name, found_by, .. } = patch;
        match self {
            Self::Found(test) => format!("found {name} by {test}"),
            Self::FoundByOther(test) => format!("found {name} by {test}, not by {found_by}"),
            Self::Missed => format!("MISSED {name}"),
            Self::DoesNotBuild => format!("{name} does not build"),
            Self::NoSuchTest => format!("{name} names no test: {found_by}"),
            Self::Unclear => format!("{name} ended unclear: nextest could not run the tests"),
        }
    }
}

/// Returns the last line of a run. Whatever was not found counts as missed.
pub(crate) fn closing_line(outcomes: &[Outcome]) -> String {
    let found = outcomes.iter().filter(|outcome| outcome.is_found()).count();
    format!("{found} found, {} missed", outcomes.len() - found)
}
