//! What the reference and the examples show loads without a problem, and what the reference says
//! about a mistake is what is said.
#![expect(clippy::unwrap_used, reason = "a helper that fails has failed the test")]

use std::fs;
use std::path::{Path, PathBuf};

use config::yaml::{Value, parse};
use pointsman_definitions::{Definitions, FilePath};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Reads a text; returns how many jobs it has, or all that is said about it.
fn read(shown: &str, text: &str) -> Result<usize, String> {
    let file = FilePath { shown, absolute: Path::new("/srv/reports.yaml") };
    match Definitions::read(file, text.as_bytes()) {
        Ok(definitions) if definitions.warnings.is_empty() => Ok(definitions.jobs.len()),
        Ok(definitions) => Err(definitions.warnings[0].to_string()),
        Err(problems) => Err(problems.to_string()),
    }
}

/// Returns the blocks of a page in a language.
fn blocks<'t>(page: &'t str, language: &str) -> Vec<&'t str> {
    let start = format!("```{language}\n");
    page.split(start.as_str()).skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect()
}

fn page() -> String {
    fs::read_to_string(project().join("docs/yaml-jobs.md")).unwrap()
}

#[test]
fn every_file_of_the_reference_loads() {
    let page = page();
    let blocks = blocks(&page, "yaml");
    assert!(blocks.len() >= 5, "{} blocks", blocks.len());
    for block in blocks {
        let told = read("reports.yaml", block);
        assert!(told.as_ref().is_ok_and(|jobs| *jobs > 0), "{told:?}\n{block}");
    }
}

#[test]
fn what_the_reference_says_about_a_mistake_is_what_is_said() {
    let page = page();
    let (mistakes, messages) = (blocks(&page, "yaml with mistakes"), blocks(&page, "text"));
    assert!(!mistakes.is_empty());
    for (mistake, message) in mistakes.iter().zip(messages) {
        assert_eq!(read("reports.yaml", mistake).unwrap_err() + "\n", message);
    }
}

#[test]
fn every_example_of_jobs_loads() {
    let mut loaded = 0;
    for entry in fs::read_dir(project().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let shown = path.display().to_string();
        // The others are lists of scenarios.
        let is_of_jobs = path.extension().is_some_and(|ending| ending == "yaml")
            && matches!(parse(&shown, text.as_bytes()).unwrap().root.value, Value::Map(_));
        if is_of_jobs {
            assert!(read(&shown, &text).is_ok_and(|jobs| jobs > 0), "{shown}");
            loaded += 1;
        }
    }
    assert!(loaded >= 1);
}
