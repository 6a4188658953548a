//! Many runs of a small job: wall time from the first submission to the last end, as the records of
//! the runs tell it, and the processor time of everything that took part.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::family::{processor_seconds, stop};
use crate::ours;
use crate::python::Python;
use crate::report::{Cost, beside, heading};
use crate::theirs::Dagster;

/// How many runs may be in progress, for both.
pub(crate) const LIMIT: u32 = 4;

/// The ways in which Pointsman starts steps, with their configuration.
const WAYS: [(&str, &str); 2] =
    [("pointsman, cold steps", "steps: cold\n"), ("pointsman, forked steps", "steps: forked\n")];

/// How long one step may take, with all that is done for it, on a machine that does much else.
const PATIENCE_A_STEP: Duration = Duration::from_secs(30);

/// From the first submission to the last end, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span(f64);

impl Span {
    pub(crate) fn of(
        begins: impl IntoIterator<Item = f64>,
        ends: impl IntoIterator<Item = f64>,
    ) -> Self {
        let first = begins.into_iter().fold(f64::INFINITY, f64::min);
        let last = ends.into_iter().fold(f64::NEG_INFINITY, f64::max);
        Self(last - first)
    }
}

/// One kind of load.
#[derive(Debug, Clone, Copy)]
struct Load {
    job: &'static str,
    runs: usize,
    steps: usize,
}

impl Load {
    fn patience(self) -> Duration {
        let steps = u32::try_from(self.runs * self.steps).unwrap();
        PATIENCE_A_STEP * (steps + 1)
    }
}

pub(crate) async fn measure(python: &Python, (one, ten): (usize, usize)) {
    let loads = [
        Load { job: "one_step", runs: one, steps: 1 },
        Load { job: "ten_steps", runs: ten, steps: 10 },
    ];
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("dagster/definitions.py");
    let theirs = of_dagster(python, folder.path(), &file, loads).await;
    let mut ours = Vec::new();
    for (number, (name, steps)) in WAYS.into_iter().enumerate() {
        let home = folder.path().join(format!("pointsman-{number}"));
        let Some(costs) = of_pointsman(python, &home, steps, &file, loads).await else { return };
        ours.push((name, costs));
    }
    for (at, load) in loads.into_iter().enumerate() {
        let Load { job, runs, .. } = load;
        heading(&format!("{runs} runs of {job}, at most {LIMIT} at a time (beside Dagster)"));
        beside(&format!("dagster dev {}", python.dagster), theirs[at], theirs[at]);
        for (name, costs) in &ours {
            beside(name, costs[at], theirs[at]);
        }
    }
}

async fn of_dagster(python: &Python, folder: &Path, file: &Path, loads: [Load; 2]) -> [Cost; 2] {
    let dagster = Dagster::serve(python, &folder.join("dagster"), file).await;
    let mut costs = Vec::new();
    for load in loads {
        let begun = processor_seconds();
        let Span(wall) = dagster.run(load.job, load.runs, load.patience()).await;
        costs.push(Cost { wall, processor: processor_seconds() - begun });
    }
    stop(dagster.server).await;
    costs.try_into().unwrap()
}

async fn of_pointsman(
    python: &Python,
    home: &Path,
    steps: &str,
    file: &Path,
    loads: [Load; 2],
) -> Option<[Cost; 2]> {
    let config = format!("concurrency: {{runs: {{max_concurrent_runs: {LIMIT}}}}}\n{steps}");
    let code = ["-f", file.to_str().unwrap()];
    let (daemon, client) = ours::serve(python, home, &config, &code, &[]).await?;
    let mut costs = Vec::new();
    for load in loads {
        let begun = processor_seconds();
        let Span(wall) = ours::run(&client, load.job, load.runs, load.patience()).await;
        costs.push(Cost { wall, processor: processor_seconds() - begun });
    }
    stop(daemon).await;
    Some(costs.try_into().unwrap())
}
