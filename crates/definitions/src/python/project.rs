//! `pyproject.toml`: the code locations of a Python project, as `[tool.dagster]` names them.

use std::path::Path;

use config::{Problem, Problems};
use serde::Deserialize;
use wire::shim::{Target, TargetKind};

use super::PythonLocation;

/// How the file is called.
pub const PROJECT: &str = "pyproject.toml";

#[derive(Deserialize)]
struct Project {
    tool: Option<Tool>,
}

#[derive(Deserialize)]
struct Tool {
    dagster: Option<Dagster>,
}

/// `[tool.dagster]`; other keys are other programs' matter.
#[derive(Deserialize)]
struct Dagster {
    module_name: Option<String>,
    modules: Option<Vec<Module>>,
    code_location_name: Option<String>,
}

#[derive(Deserialize)]
struct Module {
    r#type: String,
    name: String,
}

/// Reads the text of a project file that stands at `path`, absolute; no location if it names none.
/// Python runs in the folder of the file.
///
/// # Errors
/// The text is no TOML, or a value is not what it should be.
pub fn read_project(path: &Path, text: &str) -> Result<Vec<PythonLocation>, Problems> {
    let shown = path.display().to_string();
    let project: Project = toml::from_str(text).map_err(|error| {
        Problem::of_file(&shown, format!("the project cannot be read: {}", error.message()))
    })?;
    let Some(dagster) = project.tool.and_then(|tool| tool.dagster) else {
        return Ok(Vec::new());
    };
    let modules = match (dagster.module_name, dagster.modules) {
        (Some(_), Some(_)) => {
            let message = "`module_name` and `modules` of [tool.dagster] cannot both be given";
            return Err(Problem::of_file(&shown, message).into());
        }
        (Some(module), None) => vec![module],
        (None, Some(modules)) => {
            let modules = modules.into_iter().filter(|module| module.r#type == "module");
            modules.map(|module| module.name).collect()
        }
        (None, None) => Vec::new(),
    };
    let folder = path.parent().unwrap_or(path);
    // One name cannot be that of several.
    let name = dagster.code_location_name.filter(|_| modules.len() == 1);
    let location = |module| {
        let what = TargetKind::Module { module };
        let target = Target { what, attribute: None, working_directory: folder.to_owned() };
        PythonLocation::new(target, name.as_deref(), None)
    };
    Ok(modules.into_iter().map(location).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let read = read_project(Path::new("/srv/pyproject.toml"), text).unwrap();
        read.iter().map(|location| format!("{}={location}", location.name)).collect()
    }

    #[test]
    fn the_modules_of_a_project_are_its_locations() {
        assert_eq!(names("[project]\nname = 'x'\n[tool.other]\na = 1"), [""; 0]);
        let one = "[tool.dagster]\nmodule_name = 'team.defs'\ncode_location_name = 'team'";
        assert_eq!(names(one), ["team=module team.defs"]);
        let two = "[tool.dagster]\nmodules = [{type = 'module', name = 'a'}, {type = 'module', name = 'b'}]";
        assert_eq!(names(two), ["a=module a", "b=module b"]);
    }

    #[test]
    fn a_project_that_cannot_be_read_says_why() {
        for text in [
            "[tool",
            "[tool.dagster]\nmodule_name = 1",
            "[tool.dagster]\nmodule_name = 'a'\nmodules = []",
        ] {
            assert!(read_project(Path::new("/srv/pyproject.toml"), text).is_err(), "{text}");
        }
    }
}
