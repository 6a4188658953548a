//! A code location that is Python: what is loaded, with which interpreter, and how it is called.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use config::StepStart;
use model::CodeLocation;
use wire::shim::{Target, TargetKind};

/// A code location that is Python.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PythonLocation {
    /// Its name.
    pub name: CodeLocation,
    /// What Python loads.
    pub target: Target,
    /// The interpreter; that of the daemon's environment, if not set.
    pub executable: Option<PathBuf>,
    /// How its steps are started; as the configuration says, if not set.
    pub steps: Option<StepStart>,
}

impl PythonLocation {
    /// Takes what is loaded, under a name; without one, under that which Dagster gives it: the name of
    /// the file, or the dotted name, with the attribute behind.
    pub fn new(target: Target, name: Option<&str>, executable: Option<PathBuf>) -> Self {
        let given = match &target.what {
            TargetKind::File { path } => {
                path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
            TargetKind::Module { module } => module.clone(),
            TargetKind::Package { package } => package.clone(),
        };
        let given = match &target.attribute {
            Some(attribute) => format!("{given}:{attribute}"),
            None => given,
        };
        let name = CodeLocation::like(name.unwrap_or(&given));
        Self { name, target, executable, steps: None }
    }

    /// The file that is loaded, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.target.what {
            TargetKind::File { path } => Some(path),
            TargetKind::Module { .. } | TargetKind::Package { .. } => None,
        }
    }

    /// The interpreter: its own, else that of the virtual environment that is active, else the first
    /// `python3` of PATH.
    pub(crate) fn interpreter(&self, virtual_env: Option<&OsString>) -> PathBuf {
        if let Some(executable) = &self.executable {
            return executable.clone();
        }
        default_interpreter(virtual_env)
    }
}

/// The interpreter of the virtual environment that is active, else the first `python3` of PATH.
pub(super) fn default_interpreter(virtual_env: Option<&OsString>) -> PathBuf {
    match virtual_env.filter(|folder| !folder.is_empty()) {
        Some(folder) => Path::new(folder).join("bin/python"),
        None => PathBuf::from("python3"),
    }
}

impl fmt::Display for PythonLocation {
    /// Says what is loaded: a path, or a dotted name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target.what {
            TargetKind::File { path } => path.display().fmt(f),
            TargetKind::Module { module } => write!(f, "module {module}"),
            TargetKind::Package { package } => write!(f, "package {package}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(what: TargetKind, attribute: Option<&str>, name: Option<&str>) -> PythonLocation {
        let attribute = attribute.map(str::to_owned);
        let target = Target { what, attribute, working_directory: "/srv".into() };
        PythonLocation::new(target, name, None)
    }

    #[test]
    fn a_location_is_called_as_dagster_calls_it() {
        let file = || TargetKind::File { path: "/srv/jobs/defs.py".into() };
        let module = || TargetKind::Module { module: "team.defs".to_owned() };
        let name = |what, attribute, name| location(what, attribute, name).name.to_string();
        assert_eq!(name(file(), None, None), "defs.py");
        assert_eq!(name(file(), Some("defs"), None), "defs.py:defs");
        assert_eq!(name(module(), None, None), "team.defs");
        assert_eq!(name(module(), Some("defs"), Some("my team")), "my_team");
    }

    #[test]
    fn an_interpreter_is_its_own_else_that_of_the_virtual_environment_else_python3() {
        let mut location = location(TargetKind::Module { module: "m".to_owned() }, None, None);
        let venv = OsString::from("/venv");
        assert_eq!(location.interpreter(Some(&venv)), Path::new("/venv/bin/python"));
        assert_eq!(location.interpreter(Some(&OsString::new())), Path::new("python3"));
        assert_eq!(location.interpreter(None), Path::new("python3"));
        location.executable = Some("/opt/python".into());
        assert_eq!(location.interpreter(Some(&venv)), Path::new("/opt/python"));
    }
}
