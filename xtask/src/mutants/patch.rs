//! The patch files: a unified diff below a header that says what is wrong.

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// The tests that look for a mistake whose header names none.
const DEFAULT_TESTS: &str = "-p pointsman-admission --test *";

/// One planted mistake.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Patch {
    pub(crate) name: String,
    /// The test that should find it, or a part of its name.
    pub(crate) found_by: String,
    /// The tests that may find it, as arguments of `cargo nextest run`.
    pub(crate) tests: Vec<String>,
    /// Whether it is planted only by name, because what finds it takes long to build.
    pub(crate) is_on_demand: bool,
    /// The whole file, as `git apply` takes it.
    pub(crate) text: String,
}

/// Reads every patch of `mutants/`, by name.
pub(crate) fn read_all(workspace: &Workspace) -> Result<Vec<Patch>> {
    let mut patches = Vec::new();
    for file in workspace.files()? {
        if file.parent().is_some_and(|folder| folder == "mutants")
            && file.extension().is_some_and(|end| end == "patch")
        {
            let name = file.file_stem().context("a patch has no name")?.display().to_string();
            let patch = std::fs::read_to_string(workspace.root().join(&file))
                .map_err(anyhow::Error::from)
                .and_then(|text| parse(&name, text))
                .with_context(|| format!("failed to read {}", file.display()))?;
            patches.push(patch);
        }
    }
    Ok(patches)
}

/// Reads the header: the lines before the first `--- ` or `diff `, each `# Key: value`.
pub(crate) fn parse(name: &str, text: String) -> Result<Patch> {
    let (mut mistake, mut found_by, mut tests, mut is_on_demand) =
        (None, None, DEFAULT_TESTS, false);
    let is_header = |line: &&str| !line.starts_with("--- ") && !line.starts_with("diff ");
    for line in text.lines().take_while(is_header) {
        match line.strip_prefix("# ").and_then(|line| line.split_once(": ")) {
            Some(("Mistake", value)) => mistake = Some(value),
            Some(("Found by", value)) => found_by = Some(value),
            Some(("Tests", value)) => tests = value,
            Some(("Planted", "on demand")) => is_on_demand = true,
            Some((key, _)) => bail!("a header has no line {key:?}"),
            None if line.is_empty() => {}
            None => bail!("a header has no line {line:?}"),
        }
    }
    mistake.context("the line `# Mistake: what is wrong` is missing")?;
    let found_by = found_by.context("the line `# Found by: a test` is missing")?;
    Ok(Patch {
        name: name.to_owned(),
        found_by: found_by.to_owned(),
        tests: tests.split_whitespace().map(str::to_owned).collect(),
        is_on_demand,
        text,
    })
}
