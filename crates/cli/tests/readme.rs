//! What the README shows is what happens.
#![expect(clippy::unwrap_used, reason = "a README without its blocks has failed the test")]

use std::path::PathBuf;
use std::process::Command;

fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the first block of the README in this language.
fn block(readme: &str, language: &str) -> String {
    let (_, rest) = readme.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_first_example_of_the_readme_answers_what_the_readme_says() {
    let readme = std::fs::read_to_string(project().join("README.md")).unwrap();
    let example = "examples/three-runs.yaml";
    assert_eq!(block(&readme, "yaml"), std::fs::read_to_string(project().join(example)).unwrap());
    assert!(readme.contains(&format!("cargo run --release -- scenario run --explain {example}")));
    let output = Command::new(env!("CARGO_BIN_EXE_pointsman"))
        .args(["scenario", "run", "--explain", example])
        .current_dir(project())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), block(&readme, "text"));
}
