//! Which code locations a daemon serves: what the command line names, else what stands in the current
//! folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use definitions::{Listing, ListingError, PythonLocation};
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
    /// What names Python.
    pub(crate) python: Vec<Listing>,
}

/// Why it cannot be said what is to be loaded.
#[derive(Debug, Error)]
pub(crate) enum SourcesError {
    #[error("cannot find the current folder")]
    CurrentFolder(#[source] std::io::Error),
    #[error(transparent)]
    Wrong(#[from] ListingError),
    #[error(
        "two code locations are called `{0}`; name both in a workspace file and give each its `location_name`"
    )]
    TwoNames(String),
    #[error(
        "--attribute names one thing, and several Python locations are named; use a workspace file"
    )]
    AttributeOfSeveral,
}

/// Finds what is to be loaded; what is wrong now is told now, what comes to be wrong later is shown.
pub(crate) fn find(args: &SourceArgs) -> Result<Sources, SourcesError> {
    let current = std::env::current_dir().map_err(SourcesError::CurrentFolder)?;
    let sources = if args.names_nothing() { of_folder(&current) } else { named(args, &current)? };
    let mut by_name: BTreeMap<String, PythonLocation> = BTreeMap::new();
    for listing in &sources.python {
        for location in listing.read()? {
            match by_name.get(location.name.as_str()) {
                Some(known) if *known != location => {
                    return Err(SourcesError::TwoNames(location.name.to_string()));
                }
                Some(_) | None => by_name.insert(location.name.to_string(), location),
            };
        }
    }
    Ok(sources)
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
        Listing::Location(PythonLocation::new(target, None, None))
    };
    let workspaces = args
        .workspace
        .iter()
        .map(|file| Listing::Workspace { file: current.join(file), current: folder.to_owned() });
    let python = named.into_iter().map(location).chain(workspaces).collect();
    Ok(Sources { paths: paths.into_iter().cloned().collect(), python })
}

/// What stands in a folder: its files of jobs, and the Python that its workspace file names, else its
/// project.
fn of_folder(folder: &Path) -> Sources {
    let python = vec![Listing::Folder(folder.to_owned())];
    Sources { paths: vec![folder.to_owned()], python }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sources: &Sources) -> Vec<String> {
        let python = sources.python.iter().flat_map(|listing| listing.read().unwrap());
        python.map(|python| format!("{}={python}", python.name)).collect()
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
