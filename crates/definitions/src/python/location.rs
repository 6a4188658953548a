//! A code location that is Python: what is loaded, with which interpreter, and how it is called.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

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
        Self { name, target, executable }
    }

    /// The file that is loaded, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.target.what {
            TargetKind::File { path } => Some(path),
            TargetKind::Module { .. } | TargetKind::Package { .. } => None,
        }
    }

    /// The interpreter: its own, else that of the virtual environment that is active, else that of the
    /// one in which `program`, ours, is installed, else the first `python3` of PATH.
    pub(crate) fn interpreter(&self, virtual_env: Option<&OsString>, program: &Path) -> PathBuf {
        if let Some(executable) = &self.executable {
            return executable.clone();
        }
        match virtual_env.filter(|folder| !folder.is_empty()) {
            Some(folder) => Path::new(folder).join("bin/python"),
            None => beside(program).unwrap_or_else(|| PathBuf::from("python3")),
        }
    }
}

/// The interpreter of the virtual environment into whose `bin` a program was installed.
fn beside(program: &Path) -> Option<PathBuf> {
    let bin = program.parent()?;
    let is_environment = bin.parent()?.join("pyvenv.cfg").is_file();
    Some(bin.join("python")).filter(|python| is_environment && python.exists())
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
    fn an_interpreter_is_its_own_else_that_of_an_environment_else_python3() {
        let mut location = location(TargetKind::Module { module: "m".to_owned() }, None, None);
        let (venv, program) = (OsString::from("/venv"), Path::new("/usr/bin/pointsman"));
        assert_eq!(location.interpreter(Some(&venv), program), Path::new("/venv/bin/python"));
        assert_eq!(location.interpreter(Some(&OsString::new()), program), Path::new("python3"));
        assert_eq!(location.interpreter(None, program), Path::new("python3"));
        location.executable = Some("/opt/python".into());
        assert_eq!(location.interpreter(Some(&venv), program), Path::new("/opt/python"));
    }

    #[test]
    fn a_program_that_pip_installed_uses_the_python_that_it_was_installed_for() {
        let environment = tempfile::tempdir().unwrap();
        let bin = environment.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(bin.join("python"), "").unwrap();
        let location = location(TargetKind::Module { module: "m".to_owned() }, None, None);
        let program = bin.join("pointsman");
        assert_eq!(location.interpreter(None, &program), Path::new("python3"));
        std::fs::write(environment.path().join("pyvenv.cfg"), "").unwrap();
        assert_eq!(location.interpreter(None, &program), bin.join("python"));
        let active = OsString::from("/venv");
        assert_eq!(location.interpreter(Some(&active), &program), Path::new("/venv/bin/python"));
    }
}
