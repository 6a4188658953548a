//! A scratch copy of the workspace, in the target folder, with a target folder of its own that is
//! kept from mistake to mistake so that only what a mistake touches is built again.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};

use crate::mutants::binaries::Binaries;
use crate::mutants::outcome::TestEnd;
use crate::mutants::patch::Patch;
use crate::workspace::Workspace;

/// The stack of a test: code that is not optimised needs more than the usual 2 MiB.
const STACK_BYTES: &str = "67108864";

/// One scratch copy.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// The files as they were when the run began, whatever is edited meanwhile.
    files: BTreeMap<PathBuf, Vec<u8>>,
    copy: PathBuf,
    target: PathBuf,
}

impl Scratch {
    pub(crate) fn new(workspace: &Workspace, name: &str) -> Result<Self> {
        let target = workspace.metadata.target_directory.as_std_path();
        let folder = target.join("mutants").join(name);
        let copy = folder.join("copy");
        let mut files = BTreeMap::new();
        for file in workspace.files()? {
            let content = fs::read(workspace.root().join(&file))
                .with_context(|| format!("failed to read {}", file.display()))?;
            files.insert(copy.join(file), content);
        }
        let scratch = Self { files, copy, target: folder.join("target") };
        scratch.restore()?;
        Ok(scratch)
    }

    /// Makes the copy equal to the workspace as it was. Only files that differ are written, so that
    /// cargo sees no change where there is none.
    pub(crate) fn restore(&self) -> Result<()> {
        fs::create_dir_all(&self.copy).context("failed to create a scratch copy")?;
        for (file, content) in &self.files {
            write_if_different(file, content)
                .with_context(|| format!("failed to write {}", file.display()))?;
        }
        remove_others(&self.copy, &self.files).context("failed to clear a scratch copy")
    }

    /// Returns whether a patch applies, else what git says.
    pub(crate) fn check(&self, patch: &Patch) -> Result<Result<(), String>> {
        let output = self.git_apply(&["--check"], patch)?;
        let says = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(if output.status.success() { Ok(()) } else { Err(says) })
    }

    pub(crate) fn apply(&self, patch: &Patch) -> Result<()> {
        let output = self.git_apply(&[], patch)?;
        ensure!(output.status.success(), "failed to apply {}", patch.name);
        Ok(())
    }

    fn git_apply(&self, arguments: &[&str], patch: &Patch) -> Result<Output> {
        // In the work tree of a repository git leaves out, in silence, what is outside of the
        // current folder; the ceiling keeps it from seeing the repository around the copy.
        let ceiling = self.copy.parent().unwrap_or(&self.copy);
        let mut git = Command::new("git")
            // One line of context is enough: what a mistake takes out must match in any case.
            .args(["apply", "-C1"])
            .args(arguments)
            .current_dir(&self.copy)
            .env("GIT_CEILING_DIRECTORIES", ceiling)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("failed to start git")?;
        // Dropped at the end of the statement, so that git sees the end of the patch.
        git.stdin.take().context("failed to reach git")?.write_all(patch.text.as_bytes())?;
        git.wait_with_output().context("failed to wait for git")
    }

    /// Takes what another copy has built, if it has built nothing itself: all that is not of this
    /// workspace needs no second build.
    pub(crate) fn take_built(&self, other: &Self) -> Result<()> {
        if self.target.exists() {
            return Ok(());
        }
        // With its times, by which cargo sees that it is fresh.
        let mut cp = Command::new("cp");
        let status = cp.arg("-a").arg(&other.target).arg(&self.target).status();
        ensure!(status.context("failed to start cp")?.success(), "failed to copy what is built");
        Ok(())
    }

    /// Lists the test binaries with their tests.
    pub(crate) fn list(&self, tests: &[String]) -> Result<Binaries> {
        let mut command = self.nextest("list", tests);
        let output = command.args(["--message-format", "json"]).output();
        let output = output.context("failed to start cargo nextest")?;
        ensure!(output.status.success(), "failed to list the tests of {}", tests.join(" "));
        Binaries::read(&output.stdout)
    }

    /// Runs the tests whose names contain one of these parts; all of them if there is none.
    pub(crate) fn test<'a>(
        &self,
        tests: &[String],
        only: impl IntoIterator<Item = &'a str>,
    ) -> Result<TestEnd> {
        let mut command = self.nextest("run", tests);
        command.args(["--profile", "mutants", "--show-progress", "none", "--color", "never"]);
        command.arg("--").args(only);
        let output = command.output().context("failed to start cargo nextest")?;
        Ok(TestEnd {
            code: output.status.code(),
            report: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn nextest(&self, what: &str, tests: &[String]) -> Command {
        let mut command = Command::new("cargo");
        command
            .args(["nextest", what, "--cargo-profile", "mutants"])
            .args(tests)
            .current_dir(&self.copy)
            .stdin(Stdio::null())
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CARGO_INCREMENTAL", "1")
            // A mistake may leave a variable unused, which is no reason not to build.
            .env("RUSTFLAGS", "--cap-lints=allow")
            .env("RUST_MIN_STACK", STACK_BYTES)
            // The same worlds every time, no search for a smaller one, no file left behind.
            .env("PROPTEST_RNG_SEED", "1")
            .env("PROPTEST_MAX_SHRINK_ITERS", "0")
            .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true");
        command
    }
}

fn write_if_different(file: &Path, content: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|present| present == content) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(file, content)?)
}

fn remove_others(folder: &Path, wanted: &BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, wanted)?;
        } else if !wanted.contains_key(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
