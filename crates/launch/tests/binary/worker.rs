//! A worker of the shape that the product has, for the tests. The file `behaviour` in its home says
//! what it does once it has its lock: `wait`, `refuse` (it survives SIGTERM), `step` (it has a step
//! that refuses to end, and waits) or `late` (it takes its lock when the file `go` is there).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use process::guard::Orders;
use process::session::detach;
use process::spawn::{GuardedCommand, GuardedStep};
use tokio::signal::unix::{SignalKind, signal};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match args.first().and_then(|name| name.to_str()) {
        Some("step-guard") => {
            let code = process::guard::main(args.into_iter().skip(1));
            ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
        }
        _ => match worker(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
    }
}

#[tokio::main(flavor = "current_thread")]
async fn worker(args: &[OsString]) -> Outcome {
    let [_, _, home, _, run, _, attempt] = args else {
        return Err("wrong arguments".into());
    };
    let home = PathBuf::from(home);
    let folder = home.join("runs").join(run).join(attempt);
    let behaviour = std::fs::read_to_string(home.join("behaviour"))?;
    if behaviour == "late" {
        // A test that has failed has removed the home.
        while home.exists() && !home.join("go").exists() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let Some(_lock) = detach(&folder.join("worker.lock"))? else {
        return note(&folder, "refused");
    };
    note(&folder, &format!("started {}", std::process::id()))?;
    match behaviour.as_str() {
        "refuse" => {
            let mut asked = signal(SignalKind::terminate())?;
            note(&folder, "refuses")?;
            loop {
                tokio::select! {
                    _ = asked.recv() => note(&folder, "asked")?,
                    done = wait() => return done,
                }
            }
        }
        "step" => {
            let _step = step(&folder)?;
            wait().await
        }
        _ => wait().await,
    }
}

/// Waits to be ended; should the test have failed to, ends by itself.
async fn wait() -> Outcome {
    tokio::time::sleep(Duration::from_mins(5)).await;
    Ok(())
}

fn step(folder: &Path) -> Result<GuardedStep, Box<dyn std::error::Error>> {
    let steps = folder.join("steps");
    std::fs::create_dir(&steps)?;
    // Its complaints go nowhere: a guard that was killed leaves a pipe that ends who writes to it.
    // It starts nothing after its trap is set, so that nobody else comes by the trap.
    let script = "exec 2> /dev/null; trap '' TERM; sleep 300 & trap 'echo asked >> told' TERM
        echo $$ > step; while :; do wait; done";
    Ok(GuardedStep::start(&GuardedCommand {
        binary: "/proc/self/exe".into(),
        orders: Orders {
            lock: steps.join("load.1.lock"),
            out: steps.join("load.1.out"),
            err: steps.join("load.1.err"),
            input: None,
            answer: None,
            fork: None,
            max_output: 1000,
            max_answer: 1000,
            grace: Duration::from_hours(1),
            cwd: folder.to_owned(),
            command: ["/bin/sh", "-c", script].map(OsString::from).to_vec(),
        },
        environment: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
    })?)
}

/// Adds a line to what the worker has done.
fn note(folder: &Path, line: &str) -> Outcome {
    use std::io::Write;
    let mut file =
        std::fs::OpenOptions::new().append(true).create(true).open(folder.join("done"))?;
    Ok(file.write_all(format!("{line}\n").as_bytes())?)
}
