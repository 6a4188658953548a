//! The sentences in which the walk says what went wrong.

use std::time::Duration;

/// How long an error may be, in bytes; the rest of it stands in the output of the step. A request
/// carries up to a thousand of them.
pub const MAX_ERROR: usize = 2048;

/// How many failed steps are named; a run may have thousands.
const NAMED_STEPS: usize = 3;

/// Cuts a text that is longer than [`MAX_ERROR`] and says so.
pub(super) fn bounded(mut text: String) -> String {
    if text.len() > MAX_ERROR {
        let cut = (0..=MAX_ERROR - 4).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push_str(" ...");
    }
    text
}

/// Says that a try ran too long.
pub(super) fn timed_out(timeout: Option<Duration>) -> String {
    let seconds = timeout.unwrap_or_default().as_secs_f64();
    format!("timed out after {seconds} s")
}

/// Says which steps failed: one with its error, of several the first few names.
pub(super) fn failed_steps(failed: &[(&str, &str)]) -> String {
    if let [(key, error)] = failed {
        return bounded(format!("step `{key}` failed: {error}"));
    }
    let named: Vec<String> =
        failed.iter().take(NAMED_STEPS).map(|(key, _)| format!("`{key}`")).collect();
    let text = match (failed.len() - named.len(), named.split_last()) {
        (0, Some((last, others))) => format!("steps {} and {last} failed", others.join(", ")),
        (more, _) => format!("steps {} and {more} more failed", named.join(", ")),
    };
    bounded(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_failed_step_is_named_with_its_error_and_of_many_the_first_three() {
        let failed = [("a", "exit code 1"), ("b", "x"), ("c", "x"), ("d", "x"), ("e", "x")];
        assert_eq!(failed_steps(&failed[..1]), "step `a` failed: exit code 1");
        assert_eq!(failed_steps(&failed[..2]), "steps `a` and `b` failed");
        assert_eq!(failed_steps(&failed[..3]), "steps `a`, `b` and `c` failed");
        assert_eq!(failed_steps(&failed), "steps `a`, `b`, `c` and 2 more failed");
    }

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let cut = bounded("é".repeat(MAX_ERROR));
        assert!(cut.len() <= MAX_ERROR && cut.len() > MAX_ERROR - 8, "{}", cut.len());
        assert!(cut.ends_with("é ..."));
        assert_eq!(bounded("short".to_owned()), "short");
    }

    #[test]
    fn a_timeout_is_said_in_seconds() {
        assert_eq!(timed_out(Some(Duration::from_millis(1500))), "timed out after 1.5 s");
        assert_eq!(timed_out(Some(Duration::from_mins(1))), "timed out after 60 s");
    }
}
