//! What a check found, and how all findings are told.

use serde::Serialize;
use serde_json::json;

use super::Remote;
use crate::answer::WRONG;
use crate::failure::Failure;
use crate::remote::{say, tell_json};
use crate::show::{Colour, Style, plain};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Ok,
    /// It works now, and may not for long, or not as it was meant.
    Warning,
    /// Something does not work.
    Problem,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }

    const fn colour(self) -> Colour {
        match self {
            Self::Ok => Colour::Green,
            Self::Warning => Colour::Yellow,
            Self::Problem => Colour::Red,
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    pub(super) message: String,
    /// How to mend it.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, message: message.into(), remedy: None }
    }

    pub(super) fn warning(
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (message, remedy) = (message.into(), Some(remedy.into()));
        Self { check, verdict: Verdict::Warning, message, remedy }
    }

    pub(super) fn problem(
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (message, remedy) = (message.into(), Some(remedy.into()));
        Self { check, verdict: Verdict::Problem, message, remedy }
    }
}

/// Prints all findings; returns the code to exit with.
pub(super) fn report(remote: &Remote, findings: &[Finding]) -> Result<u8, Failure> {
    let worst = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
    if remote.is_json() {
        tell_json(&json!({ "verdict": worst, "checks": findings }))?;
    } else {
        say(&text(remote.style(), findings))?;
    }
    Ok(if worst == Verdict::Problem { WRONG } else { 0 })
}

fn text(style: Style, findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Finding { check, verdict, message, remedy } in findings {
        let word = format!("{:<7}", verdict.word());
        let word = style.paint(verdict.colour(), &word);
        text += &format!("{word}  {check:<width$}  {}\n", plain(message));
        if let Some(remedy) = remedy {
            text += &format!("{:7}  {:width$}  -> {}\n", "", "", plain(remedy));
        }
    }
    text + &summary(findings)
}

fn summary(findings: &[Finding]) -> String {
    let count = |verdict: Verdict| findings.iter().filter(|found| found.verdict == verdict).count();
    let told = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    };
    match (count(Verdict::Problem), count(Verdict::Warning)) {
        (0, 0) => "Nothing is wrong.\n".to_owned(),
        (problems, warnings) => {
            format!("{}, {}.\n", told(problems, "problem"), told(warnings, "warning"))
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn every_finding_is_a_line_and_its_remedy_another() {
        let style = Style { width: None, is_coloured: false };
        let findings = [
            Finding::ok("home", "/srv, yours alone"),
            Finding::problem("server", "no server runs", "start one"),
        ];
        expect![[r#"
            ok       home    /srv, yours alone
            problem  server  no server runs
                             -> start one
            1 problem, 0 warnings.
        "#]]
        .assert_eq(&text(style, &findings));
    }
}
