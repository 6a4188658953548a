//! How long it takes from a submission over HTTP until the first line of user code runs, with the
//! real binary and its processes; beside the bare spawn of the same command.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::RunStatus;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use wire::api::SubmitRun;
use wire::client::Client;

use crate::measure::{Times, heading, line};
use crate::world::folder;

/// Names what this program does as the command of a step: it says when it was started, and ends.
pub(crate) const STAMP: &str = "stamp";

/// How many runs and spawns are timed, one after the other.
const RUNS: usize = 50;

/// Between two looks at something that another process brings about; no time is taken by them.
const LOOK: Duration = Duration::from_millis(2);

pub(crate) async fn measure() {
    heading("submission to the first user code, one run at a time (ms)");
    let Some(binary) = binary() else {
        return line("not measured", "`cargo build --release` makes the binary that is missing");
    };
    let folder = folder();
    let stamp = folder.path().join("stamp");
    let bare = Times::new(bare_spawns(&stamp).await);
    line(
        "bare spawn",
        &format!("median {:.2}  p99 {:.2}", bare.at_percent(50), bare.at_percent(99)),
    );
    let runs = Times::new(runs(&binary, folder.path(), &stamp).await);
    line("run", &format!("median {:.2}  p99 {:.2}", runs.at_percent(50), runs.at_percent(99)));
    let more = runs.at_percent(50) - bare.at_percent(50);
    line("median of runs beyond bare spawns", &format!("{more:.2}"));
}

/// Returns the binary that `POINTSMAN_BIN` names, or the one that was built beside this program.
fn binary() -> Option<PathBuf> {
    let named = std::env::var_os("POINTSMAN_BIN").map(PathBuf::from);
    let own = std::env::current_exe().unwrap();
    let built = own.ancestors().nth(2).map(|folder| folder.join("pointsman"));
    named.or(built).filter(|binary| binary.is_file())
}

/// Writes down that this process runs, and since when.
pub(crate) fn stamp(path: &Path) {
    let now = since_epoch();
    let unfinished = path.with_extension("new");
    std::fs::write(&unfinished, now.as_nanos().to_string()).unwrap();
    std::fs::rename(unfinished, path).unwrap();
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// Waits for the stamp of a process and takes it away.
async fn take_stamp(path: &Path) -> Duration {
    loop {
        if let Ok(nanos) = std::fs::read_to_string(path) {
            std::fs::remove_file(path).unwrap();
            return Duration::from_nanos(nanos.parse().unwrap());
        }
        sleep(LOOK).await;
    }
}

async fn bare_spawns(stamp: &Path) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let begun = since_epoch();
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.arg(STAMP).arg(stamp).spawn().unwrap();
        times.push(take_stamp(stamp).await.saturating_sub(begun));
        child.wait().await.unwrap();
    }
    times
}

async fn runs(binary: &Path, folder: &Path, stamp: &Path) -> Vec<Duration> {
    let (mut daemon, client) = serve(binary, folder, stamp).await;
    let asked = SubmitRun { job: "stamp".to_owned(), ..SubmitRun::default() };
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let begun = since_epoch();
        let submitted = client.submit(&asked, None).await.unwrap();
        times.push(take_stamp(stamp).await.saturating_sub(begun));
        while client.run(&submitted.run.id).await.unwrap().run.status != RunStatus::Success {
            sleep(LOOK).await;
        }
    }
    daemon.kill().await.unwrap();
    times
}

/// Starts a daemon with one job, whose step is this program.
async fn serve(binary: &Path, folder: &Path, stamp: &Path) -> (Child, Client) {
    let (home, jobs) = (folder.join("home"), folder.join("jobs.yaml"));
    let own = std::env::current_exe().unwrap();
    let command = format!("['{}', {STAMP}, '{}']", own.display(), stamp.display());
    std::fs::write(&jobs, format!("jobs:\n  stamp: {{ops: {{only: {{command: {command}}}}}}}\n"))
        .unwrap();
    let mut daemon = Command::new(binary);
    daemon.arg("serve").arg(&jobs).arg("--home").arg(&home).args(["--port", "0"]);
    daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut daemon = daemon.spawn().unwrap();
    loop {
        assert!(daemon.try_wait().unwrap().is_none(), "the daemon does not start");
        if let Ok(client) = Client::discover(None, &home, &|_| None)
            && client.health().await.is_ok()
        {
            return (daemon, client);
        }
        sleep(LOOK).await;
    }
}
