//! The Python package that loads and executes code written for Dagster, as the binary carries it: the
//! two always speak the same version of their protocol, and nobody has to install it.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The files of the package by their paths, as they were when the binary was built.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/python_package.rs"));

/// Writes the package below a folder and returns the folder from which Python imports it. It is named
/// by what is in it and never changed: runs that were submitted with it go on finding it.
pub(super) fn write(below: &Path) -> io::Result<PathBuf> {
    let folder = below.join(format!("{}-{}", env!("CARGO_PKG_VERSION"), digest()));
    if folder.is_dir() {
        return Ok(folder);
    }
    // Under a name of its own first: a daemon that dies meanwhile leaves no half of it.
    let half = folder.with_extension("half");
    if half.exists() {
        fs::remove_dir_all(&half)?;
    }
    for (name, text) in FILES {
        let file = half.join(name);
        fs::create_dir_all(file.parent().unwrap_or(&half))?;
        fs::write(file, text)?;
    }
    fs::rename(&half, &folder)?;
    Ok(folder)
}

/// The beginning of the SHA-256 of all names and texts.
fn digest() -> String {
    let mut hash = Sha256::new();
    for part in FILES.iter().flat_map(|(name, text)| [name, text]) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = String::new();
    for byte in hash.finalize().iter().take(6) {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_written_once_and_whole() {
        let home = tempfile::tempdir().unwrap();
        let below = home.path().join("python");
        let folder = write(&below).unwrap();
        let module = folder.join("pointsman/dagster/__main__.py");
        assert!(module.is_file(), "{} is missing", module.display());
        fs::remove_file(&module).unwrap();
        assert_eq!(write(&below).unwrap(), folder);
        assert!(!module.exists(), "the package was written again");
    }

    #[test]
    fn half_a_package_is_no_package() {
        let home = tempfile::tempdir().unwrap();
        let folder = write(home.path()).unwrap();
        fs::remove_file(folder.join("pointsman/__init__.py")).unwrap();
        fs::rename(&folder, folder.with_extension("half")).unwrap();
        assert!(write(home.path()).unwrap().join("pointsman/__init__.py").is_file());
    }
}
