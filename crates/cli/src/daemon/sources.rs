//! Which code locations a daemon serves: what the command line names, else what stands in the current
//! folder.

use std::fs;
use std::path::{Path, PathBuf};

use ::config::MAX_FILE_BYTES;
use ::config::Problems;
use clap::Args;
use definitions::{PROJECT, PythonLocation, WORKSPACE, read_project, read_workspace};
use thiserror::Error;
use wire::shim::{Target, TargetKind};

/// The code locations that are named on the command line, as Dagster names them.
#[derive(Debug, Default, Args)]
pub(crate) struct SourceArgs {
    /// Files of jobs (YAML), folders of such files, or Python files; without any, what stands in the
    /// current folder
    #[arg(value_name = "FILE or FOLDER")]
    paths: Vec<PathBuf>,
    /// A file of Python with Dagster definitions; may be repeated
    #[arg(short = 'f', long, value_name = "FILE")]
    python_file: Vec<PathBuf>,
    /// A Python module with Dagster definitions; may be repeated
    #[arg(short, long, value_name = "MODULE")]
    module_name: Vec<String>,
    /// A Python package with Dagster definitions; may be repeated
    #[arg(long, value_name = "PACKAGE")]
    package_name: Vec<String>,
    /// A workspace file that names code locations; may be repeated
    #[arg(short, long, value_name = "FILE")]
    workspace: Vec<PathBuf>,
    /// The one thing in the Python file, module or package that counts
    #[arg(short, long, value_name = "NAME")]
    attribute: Option<String>,
    /// The folder in which Python runs and from which it finds modules [default: the current one]
    #[arg(short = 'd', long, value_name = "FOLDER")]
    working_directory: Option<PathBuf>,
}

/// What is to be loaded.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Files of jobs as commands, and folders of such files.
    pub(crate) paths: Vec<PathBuf>,
    /// Python.
    pub(crate) python: Vec<PythonLocation>,
}

/// Why it cannot be said what is to be loaded.
#[derive(Debug, Error)]
pub(crate) enum SourcesError {
    #[error("cannot find the current folder")]
    CurrentFolder(#[source] std::io::Error),
    #[error("cannot read {}: {source}", .path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is larger than {MAX_FILE_BYTES} bytes", .0.display())]
    TooLarge(PathBuf),
    #[error("{0}")]
    Wrong(Problems),
    #[error(
        "two code locations are called `{0}`; name both in a workspace file and give each its `location_name`"
    )]
    TwoNames(String),
    #[error(
        "--attribute names one thing, and several Python locations are named; use a workspace file"
    )]
    AttributeOfSeveral,
}

/// Finds what is to be loaded.
pub(crate) fn find(args: &SourceArgs) -> Result<Sources, SourcesError> {
    let current = std::env::current_dir().map_err(SourcesError::CurrentFolder)?;
    let mut sources =
        if args.names_nothing() { of_folder(&current)? } else { named(args, &current)? };
    sources.python.dedup();
    let mut names: Vec<&str> = sources.python.iter().map(|python| python.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|two| two[0] == two[1]) {
        Some(two) => Err(SourcesError::TwoNames(two[0].to_owned())),
        None => Ok(sources),
    }
}

impl SourceArgs {
    fn names_nothing(&self) -> bool {
        let python = self.python_file.len() + self.module_name.len() + self.package_name.len();
        self.paths.is_empty() && python == 0 && self.workspace.is_empty()
    }
}

fn named(args: &SourceArgs, current: &Path) -> Result<Sources, SourcesError> {
    let is_python = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "py");
    let (files, paths): (Vec<&PathBuf>, Vec<&PathBuf>) = args.paths.iter().partition(is_python);
    let files = args.python_file.iter().chain(files);
    let files = files.map(|path| TargetKind::File { path: current.join(path) });
    let modules = args.module_name.iter().cloned().map(|module| TargetKind::Module { module });
    let packages = args.package_name.iter().cloned();
    let packages = packages.map(|package| TargetKind::Package { package });
    let named: Vec<TargetKind> = files.chain(modules).chain(packages).collect();
    if args.attribute.is_some() && named.len() > 1 {
        return Err(SourcesError::AttributeOfSeveral);
    }
    let folder = args.working_directory.as_deref().map(|folder| current.join(folder));
    let folder = folder.as_deref().unwrap_or(current);
    let location = |what| {
        let attribute = args.attribute.clone();
        let target = Target { what, attribute, working_directory: folder.to_owned() };
        PythonLocation::new(target, None, None)
    };
    let mut python: Vec<PythonLocation> = named.into_iter().map(location).collect();
    for file in &args.workspace {
        python.extend(workspace(&current.join(file), folder)?);
    }
    Ok(Sources { paths: paths.into_iter().cloned().collect(), python })
}

/// Finds what stands in a folder: its files of jobs, and the Python that its workspace file names, else
/// its project.
fn of_folder(folder: &Path) -> Result<Sources, SourcesError> {
    let (of_workspace, of_project) = (folder.join(WORKSPACE), folder.join(PROJECT));
    let python = if of_workspace.is_file() {
        workspace(&of_workspace, folder)?
    } else if of_project.is_file() {
        let text = String::from_utf8_lossy(&read(&of_project)?).into_owned();
        read_project(&of_project, &text).map_err(SourcesError::Wrong)?
    } else {
        Vec::new()
    };
    Ok(Sources { paths: vec![folder.to_owned()], python })
}

fn workspace(file: &Path, current: &Path) -> Result<Vec<PythonLocation>, SourcesError> {
    read_workspace(file, current, &read(file)?).map_err(SourcesError::Wrong)
}

fn read(path: &Path) -> Result<Vec<u8>, SourcesError> {
    let failed = |source| SourcesError::Read { path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > MAX_FILE_BYTES as u64 {
        return Err(SourcesError::TooLarge(path.to_owned()));
    }
    fs::read(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sources: &Sources) -> Vec<String> {
        sources.python.iter().map(|python| format!("{}={python}", python.name)).collect()
    }

    #[test]
    fn a_folder_is_what_its_workspace_names_else_its_project() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| folder.path().join(name);
        assert_eq!(names(&of_folder(folder.path()).unwrap()), [""; 0]);
        fs::write(of(PROJECT), "[tool.dagster]\nmodule_name = 'team.defs'\n").unwrap();
        assert_eq!(names(&of_folder(folder.path()).unwrap()), ["team.defs=module team.defs"]);
        fs::write(of(WORKSPACE), "load_from: [{python_module: other}]").unwrap();
        let found = of_folder(folder.path()).unwrap();
        assert_eq!(names(&found), ["other=module other"]);
        assert_eq!(found.paths, [folder.path()]);
    }

    #[test]
    fn a_path_that_ends_in_py_is_python_and_all_kinds_stand_side_by_side() {
        let args = SourceArgs {
            paths: vec!["jobs.yaml".into(), "defs.py".into()],
            python_file: vec!["/srv/more.py".into()],
            module_name: vec!["team.defs".to_owned()],
            ..SourceArgs::default()
        };
        let found = named(&args, Path::new("/here")).unwrap();
        assert_eq!(found.paths, [Path::new("jobs.yaml")]);
        let expected =
            ["more.py=/srv/more.py", "defs.py=/here/defs.py", "team.defs=module team.defs"];
        assert_eq!(names(&found), expected);
        let args = SourceArgs { attribute: Some("defs".to_owned()), ..args };
        assert!(named(&args, Path::new("/here")).is_err());
    }
}
