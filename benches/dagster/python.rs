//! The interpreter with Dagster and its webserver.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where `./test` makes a virtual environment with Dagster, below the folder of the workspace.
const MADE_BY_TEST: &str = "target/dagster-venv/bin/python";

/// An interpreter that has what is compared.
#[derive(Debug)]
pub(crate) struct Python {
    pub(crate) interpreter: PathBuf,
    /// The root of its virtual environment.
    pub(crate) environment: PathBuf,
    /// The version of Dagster.
    pub(crate) dagster: String,
}

impl Python {
    /// Finds the interpreter; says how to come by one if there is none, or if it lacks something.
    pub(crate) fn find() -> Option<Self> {
        let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(MADE_BY_TEST);
        let interpreter = std::env::var_os("POINTSMAN_TEST_PYTHON").map_or(made, PathBuf::from);
        let script = "import dagster, dagster_webserver; print(dagster.__version__)";
        let asked = Command::new(&interpreter).args(["-c", script]).stderr(Stdio::null()).output();
        let answer = asked.ok().filter(|output| output.status.success());
        let Some(answer) = answer else {
            println!(
                "not measured: {} has no dagster with dagster-webserver\n\
                 python -m venv VENV && VENV/bin/pip install dagster dagster-webserver\n\
                 POINTSMAN_TEST_PYTHON=VENV/bin/python cargo bench --bench dagster",
                interpreter.display()
            );
            return None;
        };
        let dagster = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        let environment = interpreter.parent()?.parent()?.to_owned();
        Some(Self { interpreter, environment, dagster })
    }
}
