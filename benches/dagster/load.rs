//! How long it takes to load a project of a hundred assets, by Pointsman and by Dagster.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use crate::family::{processor_seconds, stop};
use crate::ours;
use crate::python::Python;
use crate::report::{Cost, beside, heading};

/// The project, a module below `examples/dagster`.
const MODULE: &str = "warehouse.definitions";

/// How long one command may take.
const PATIENCE: Duration = Duration::from_mins(3);

pub(crate) async fn measure(python: &Python, times: usize) {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/dagster");
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (mut imported, mut validated, mut served) = (Vec::new(), Vec::new(), Vec::new());
    // In turns, so that what else the machine does hits all of them.
    for number in 0..times {
        let import = format!("import {MODULE}");
        imported.push(command(python, &["-c", &import], &project, folder.path()).await);
        let validate = ["-m", "dagster", "definitions", "validate", "-m", MODULE];
        validated.push(command(python, &validate, &project, folder.path()).await);
        let home = folder.path().join(format!("pointsman-{number}"));
        let Some(cost) = serve(python, &home, &project).await else { return };
        served.push(cost);
    }
    heading("a project of 100 assets is loaded (medians, beside the bare import)");
    let base = median(imported);
    beside(&format!("python -c 'import {MODULE}'"), base, base);
    beside("dagster definitions validate", median(validated), base);
    beside("pointsman serve, until loaded", median(served), base);
}

/// Runs Python to its end.
async fn command(python: &Python, args: &[&str], project: &Path, home: &Path) -> Cost {
    let before = processor_seconds();
    let begun = Instant::now();
    let mut command = Command::new(&python.interpreter);
    command.args(args).current_dir(project).env("PYTHONPATH", project);
    command.env("DAGSTER_HOME", home).env("WAREHOUSE_FOLDER", home).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let ended = timeout(PATIENCE, command.status()).await.unwrap().unwrap();
    assert!(ended.success(), "{args:?} failed");
    let wall = begun.elapsed().as_secs_f64();
    Cost { wall, processor: processor_seconds() - before }
}

/// Starts a daemon in a new home, until it has loaded the project.
async fn serve(python: &Python, home: &Path, project: &Path) -> Option<Cost> {
    let before = processor_seconds();
    let begun = Instant::now();
    let code = ["-m", MODULE, "-d", project.to_str().unwrap()];
    let env = [("WAREHOUSE_FOLDER", home)];
    let (daemon, _) = ours::serve(python, home, "", &code, &env).await?;
    let cost =
        Cost { wall: begun.elapsed().as_secs_f64(), processor: processor_seconds() - before };
    stop(daemon).await;
    Some(cost)
}

fn median(mut costs: Vec<Cost>) -> Cost {
    let mut half = |of: fn(&Cost) -> f64| {
        costs.sort_by(|one, other| of(one).total_cmp(&of(other)));
        of(&costs[costs.len() / 2])
    };
    Cost { wall: half(|cost| cost.wall), processor: half(|cost| cost.processor) }
}
