//! Where the workspace is and which files it has.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{Metadata, MetadataCommand};

/// The workspace as cargo and git see it.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) metadata: Metadata,
}

impl Workspace {
    /// Asks cargo for the members and what they declare; nothing is resolved or fetched.
    pub(crate) fn find() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let metadata = MetadataCommand::new()
            .manifest_path(manifest)
            .no_deps()
            .exec()
            .context("failed to read the manifests")?;
        Ok(Self { metadata })
    }

    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// Returns the files that are tracked or about to be, by path from the root.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(self.root())
            .output()
            .context("failed to start git")?;
        ensure!(output.status.success(), "failed to list the files: is this a git work tree?");
        let listing = String::from_utf8(output.stdout).context("failed to read a file name")?;
        let mut files: Vec<PathBuf> = listing.split_terminator('\0').map(PathBuf::from).collect();
        // A tracked file that was deleted is still listed.
        files.retain(|file| self.root().join(file).is_file());
        files.sort();
        files.dedup();
        Ok(files)
    }
}
