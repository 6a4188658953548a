//! Lists the files of the Python package, so that the binary carries them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let missing = |name: &str| io::Error::other(format!("{name} is not set"));
    let here =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(missing("CARGO_MANIFEST_DIR"))?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(missing("OUT_DIR"))?);
    // In a source distribution of the Python package its sources stand at the top.
    let places = ["../../python/src", "../../src"].map(|place| here.join(place));
    let is_it = |place: &&PathBuf| place.join("pointsman/__init__.py").is_file();
    let root = places.iter().find(is_it).ok_or(io::Error::other("python/src is missing"))?;
    let root = root.canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    find(&root, &root, &mut files)?;
    files.sort();
    let mut text = String::from("&[\n");
    for file in files {
        let (name, path) = (file.display().to_string(), root.join(&file).display().to_string());
        let _ = writeln!(text, "    ({name:?}, include_str!({path:?})),");
    }
    fs::write(out.join("python_package.rs"), text + "]\n")
}

/// Finds the files below a folder that Python reads, by their paths from the root.
fn find(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(root, &path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "py") {
            files.extend(path.strip_prefix(root).ok().map(Path::to_owned));
        }
    }
    Ok(())
}
