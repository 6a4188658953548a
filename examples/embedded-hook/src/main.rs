//! A daemon with a run coordinator of its own: `embedded-hook HOME JOBS.yaml` serves the jobs of a file,
//! and has `TagOwner` see every run before it is queued. The `pointsman` command line speaks to it with
//! `--home HOME`, as to any other daemon.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coordinator::hooks::{Chain, Judgement, Offer, SubmissionHook, Verdict};
use coordinator::{Options, Retention, Rules};
use model::{Settings, Timestamp};

/// Tags every run with its owner, and lets nobody run the jobs of finance but those of finance.
#[derive(Debug)]
struct TagOwner;

impl SubmissionHook for TagOwner {
    fn name(&self) -> &'static str {
        "TagOwner"
    }

    fn on_submit<'a>(&'a self, offer: &'a Offer) -> Judgement<'a> {
        // It may wait for something here: a database, another service.
        Box::pin(async move {
            let team = offer.headers.get("x-team").unwrap_or("nobody");
            if offer.job.as_str().starts_with("finance_") && team != "finance" {
                return Ok(Verdict::Reject(format!("{team} may not run {}", offer.job)));
            }
            let tags = BTreeMap::from([("owner".to_owned(), team.to_owned())]);
            Ok(Verdict::Accept(tags))
        })
    }
}

async fn serve(home: &Path, jobs: &Path) -> Result<(), Box<dyn Error>> {
    let database = home.join("pointsman.db");
    let _lock = store::Store::lock_for_daemon(&database).await?;
    let store = Arc::new(store::Store::open(&database).await?);
    let listen = server::Listen { addr: ([127, 0, 0, 1], 0).into(), home: home.to_owned() };
    let server = server::Server::bind(listen).await?;
    let options = Options {
        settings: Settings::default(),
        rules: Rules::default(),
        hooks: Arc::new(Chain::new(vec![Arc::new(TagOwner)])),
        longest_sleep: Duration::from_secs(5),
        retention: Retention::default(),
        url: server.url(),
    };
    let locations = definitions::Locations::load([jobs.to_owned()], Timestamp::EPOCH);
    let launcher = launch::local::LocalLauncher::new(home, "/proc/self/exe");
    let (handle, running) = coordinator::start(options, store, locations, launcher).await?;
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    server.run(handle, stop).await;
    Ok(running.stop().await?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // The launcher starts this very program for each run, and that one again for each step.
        ["worker", "--home", home, "--run", run, "--attempt", attempt] => {
            let attempt = attempt.parse().ok().and_then(model::Attempt::new).ok_or("attempt")?;
            worker::main(Path::new(home), run.parse()?, attempt);
            Ok(())
        }
        ["step-guard", ..] => {
            process::guard::main(std::env::args_os().skip(2));
            Ok(())
        }
        [home, jobs] => {
            tokio::runtime::Runtime::new()?.block_on(serve(home.as_ref(), jobs.as_ref()))
        }
        _ => Err("usage: embedded-hook HOME JOBS.yaml".into()),
    }
}
