//! `pyproject.toml`: the code locations of a Python project, as `[tool.dagster]` names them, or else
//! `[tool.dg.project]`, which projects have that are made with `dg`.

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
    dg: Option<Dg>,
}

/// `[tool.dagster]`; other keys are other programs' matter.
#[derive(Deserialize)]
struct Dagster {
    module_name: Option<String>,
    modules: Option<Vec<Module>>,
    code_location_name: Option<String>,
}

/// `[tool.dg]`, of which only the project matters here.
#[derive(Deserialize)]
struct Dg {
    project: Option<DgProject>,
}

#[derive(Deserialize)]
struct DgProject {
    root_module: String,
    code_location_target_module: Option<String>,
    code_location_name: Option<String>,
    #[serde(default)]
    autoload_defs: bool,
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
    let Some(tool) = project.tool else { return Ok(Vec::new()) };
    let (modules, name) = match (tool.dagster, tool.dg.and_then(|dg| dg.project)) {
        (Some(dagster), _) if dagster.module_name.is_some() || dagster.modules.is_some() => {
            of_dagster(dagster, &shown)?
        }
        (_, Some(project)) => of_dg(project, &shown)?,
        _ => return Ok(Vec::new()),
    };
    let folder = path.parent().unwrap_or(path);
    // One name cannot be that of several.
    let name = name.filter(|_| modules.len() == 1);
    let location = |module| {
        let what = TargetKind::Module { module };
        let target = Target { what, attribute: None, working_directory: folder.to_owned() };
        PythonLocation::new(target, name.as_deref(), None)
    };
    Ok(modules.into_iter().map(location).collect())
}

/// Modules, and what their location is called.
type Modules = (Vec<String>, Option<String>);

fn of_dagster(dagster: Dagster, shown: &str) -> Result<Modules, Problem> {
    let modules = match (dagster.module_name, dagster.modules) {
        (Some(_), Some(_)) => {
            let message = "`module_name` and `modules` of [tool.dagster] cannot both be given";
            return Err(Problem::of_file(shown, message));
        }
        (Some(module), None) => vec![module],
        (None, modules) => {
            let modules = modules.unwrap_or_default().into_iter();
            modules.filter(|module| module.r#type == "module").map(|module| module.name).collect()
        }
    };
    Ok((modules, dagster.code_location_name))
}

fn of_dg(project: DgProject, shown: &str) -> Result<Modules, Problem> {
    if project.autoload_defs {
        let message = "`autoload_defs` of [tool.dg.project] is not supported: give the project a module \
                       `definitions` that calls `load_from_defs_folder`";
        return Err(Problem::of_file(shown, message));
    }
    let default = format!("{}.definitions", project.root_module);
    let module = project.code_location_target_module.unwrap_or(default);
    Ok((vec![module], project.code_location_name))
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
        let made_with_dg = "[tool.dg.project]\nroot_module = 'team'";
        assert_eq!(names(made_with_dg), ["team.definitions=module team.definitions"]);
        let more = "code_location_target_module = 'team.defs'\ncode_location_name = 'team'";
        assert_eq!(names(&format!("{made_with_dg}\n{more}")), ["team=module team.defs"]);
        assert_eq!(names(&format!("{made_with_dg}\n{one}")), ["team=module team.defs"]);
        let two = "[tool.dagster]\nmodules = [{type = 'module', name = 'a'}, {type = 'module', name = 'b'}]";
        assert_eq!(names(two), ["a=module a", "b=module b"]);
    }

    #[test]
    fn a_project_that_cannot_be_read_says_why() {
        for text in [
            "[tool",
            "[tool.dagster]\nmodule_name = 1",
            "[tool.dagster]\nmodule_name = 'a'\nmodules = []",
            "[tool.dg.project]\nroot_module = 'a'\nautoload_defs = true",
            "[tool.dg.project]\ncode_location_name = 'a'",
        ] {
            assert!(read_project(Path::new("/srv/pyproject.toml"), text).is_err(), "{text}");
        }
    }
}
