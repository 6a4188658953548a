//! Pointsman's daemon.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use wire::api::{RunFilter, SubmitRun};
use wire::client::Client;

use crate::python::Python;
use crate::runs::Span;

/// How long the daemon may take until it has loaded its code.
const LOADED: Duration = Duration::from_mins(3);

const LOOK: Duration = Duration::from_millis(10);

/// How often it is looked whether runs have ended: seldom, as it takes processor time; when they ended
/// is told by their records.
const ENDED_LOOK: Duration = Duration::from_secs(2);

/// Returns the binary that `POINTSMAN_BIN` names, or the one that was built beside this program.
pub(crate) fn binary() -> Option<PathBuf> {
    let named = std::env::var_os("POINTSMAN_BIN").map(PathBuf::from);
    let own = std::env::current_exe().unwrap();
    let built = own.ancestors().nth(2).map(|folder| folder.join("pointsman"));
    let found = named.or(built).filter(|binary| binary.is_file());
    if found.is_none() {
        println!("not measured: `cargo build --release` makes the binary that is missing");
    }
    found
}

/// Starts a daemon with a new home that serves code, and waits until that is loaded.
pub(crate) async fn serve(
    python: &Python,
    home: &Path,
    config: &str,
    code: &[&str],
    env: &[(&str, &Path)],
) -> Option<(Child, Client)> {
    std::fs::create_dir_all(home).unwrap();
    std::fs::write(home.join("pointsman.yaml"), config).unwrap();
    let mut daemon = Command::new(binary()?);
    daemon.args(["serve", "--port", "0", "--home"]).arg(home).args(code);
    daemon.env("VIRTUAL_ENV", &python.environment).envs(env.iter().copied());
    daemon.env_remove("POINTSMAN_HOME").env_remove("DAGSTER_HOME").kill_on_drop(true);
    daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut daemon = daemon.spawn().unwrap();
    let begun = Instant::now();
    loop {
        assert!(daemon.try_wait().unwrap().is_none(), "the daemon does not start");
        assert!(begun.elapsed() < LOADED, "the daemon does not load its code");
        if let Ok(client) = Client::discover(None, home, &|_| None)
            && let Ok(answer) = client.code_locations().await
            && answer.code_locations.iter().any(|location| location.is_loaded)
        {
            return Some((daemon, client));
        }
        sleep(LOOK).await;
    }
}

/// Submits runs one after the other and waits until all have ended; returns what their records say.
pub(crate) async fn run(client: &Client, job: &str, count: usize, patience: Duration) -> Span {
    let asked = SubmitRun { job: job.to_owned(), ..SubmitRun::default() };
    for _ in 0..count {
        client.submit(&asked, None).await.unwrap();
    }
    let begun = Instant::now();
    let filter = RunFilter {
        job: Some(job.to_owned()),
        limit: u32::try_from(count).ok(),
        ..RunFilter::default()
    };
    loop {
        let runs = client.runs(&filter).await.unwrap().runs;
        let ended: Vec<f64> = runs.iter().filter_map(|run| Some(seconds(run.ended_at?))).collect();
        if ended.len() == count {
            assert!(
                runs.iter().all(|run| run.status == model::RunStatus::Success),
                "a run of {job} did not succeed"
            );
            let submitted = runs.iter().map(|run| seconds(run.submitted_at));
            return Span::of(submitted, ended);
        }
        assert!(begun.elapsed() < patience, "{} of {count} runs have ended", ended.len());
        sleep(ENDED_LOOK).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "differences of whole microseconds stay exact")]
fn seconds(time: wire::api::Time) -> f64 {
    time.0.as_micros() as f64 / 1e6
}
