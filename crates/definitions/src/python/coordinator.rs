//! How Python is started to ask a run coordinator class of the user's. What is said to it is no matter
//! of this file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use process::dialogue::Program;
use process::environment::for_python;

use super::host::python_path;
use super::location::default_interpreter;
use super::package;

/// Returns the program that is asked about runs on standard input and answers on standard output. It
/// starts in `folder`, from which modules are imported first, with the variables of `environment` that
/// are inherited; all but ours, if none are named. Our package is written below `home`.
///
/// # Errors
/// The package cannot be written.
pub fn coordinator_program(
    home: &Path,
    folder: &Path,
    environment: &BTreeMap<OsString, OsString>,
    inherited: Option<&[String]>,
) -> io::Result<Program> {
    let package = package::write(&home.join("python"))?;
    let mut environment = for_python(environment, inherited);
    let path = python_path(&package, environment.get(&OsString::from("PYTHONPATH")));
    environment.insert("PYTHONPATH".into(), path);
    let interpreter = default_interpreter(environment.get(&OsString::from("VIRTUAL_ENV")));
    let arguments = ["-m", "pointsman.dagster", "coordinator", "--answer-fd", "1"];
    let command = [interpreter.into_os_string()].into_iter();
    Ok(Program {
        command: command.chain(arguments.map(OsString::from)).collect(),
        folder: folder.to_owned(),
        environment,
    })
}
