//! One trial: a deployment is kept busy while it is killed, is left alone until it is idle, and is
//! judged.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::RunStatus;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use wire::api::{Run, RunFilter};
use wire::client::Client;

use crate::census::{self, Part};
use crate::dice::Dice;
use crate::harness::Deployment;
use crate::killer::{Killed, Killer};
use crate::ledger::{self, Line};
use crate::oracle::{Account, Peaks, Submitted, judge};
use crate::submitter::{Submitter, client};
use crate::workload::Workload;

/// How long a deployment that nobody disturbs may take to become idle: more than the longest time
/// after which a lost worker is looked for again, on a machine that does much else.
const IDLE_PATIENCE: Duration = Duration::from_mins(3);

const PAUSE: Duration = Duration::from_millis(50);

/// The largest page of runs.
const PAGE: u32 = wire::api::MAX_PAGE;

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victims {
    /// Only the daemon: then every run succeeds.
    Daemon,
    /// The daemon, workers, guards and processes of steps.
    Anything,
}

/// What a deployment says of itself once it is idle.
#[derive(Debug, Default)]
struct Outcome {
    runs: Vec<Run>,
    complaints: Vec<String>,
}

/// Holds a trial with so many kills, unless the environment names another number.
pub(crate) fn trial(victims: Victims, kills: u64) {
    let kills = number_of("POINTSMAN_KILLS").unwrap_or(kills);
    let seed = number_of("POINTSMAN_KILL_SEED").unwrap_or_else(fresh_seed);
    println!("{victims:?}: {kills} kills, POINTSMAN_KILL_SEED={seed}");
    let workload = Workload::contended();
    let mut deployment = deploy(&workload);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (killed, submitted, mut outcome) =
        runtime.block_on(keep_busy(&mut deployment, &workload, victims, kills, Dice::new(seed)));
    assert!(deployment.stop().success(), "the daemon did not stop well");
    outcome.complaints.extend(runtime.block_on(check_store(deployment.home())));
    take_note_of_dead(&deployment);
    let account = Account {
        submitted,
        found: outcome.runs.iter().map(|run| (run.id.clone(), run.status)).collect(),
        disturbed: killed.runs.clone(),
        ledger: ledger::read(&deployment.read("ledger")).unwrap(),
    };
    let (violations, peaks) = judge(&workload, &account);
    outcome.complaints.extend(violations.iter().map(ToString::to_string));
    println!("{}", summary(&killed, &outcome, &account, &peaks));
    if !outcome.complaints.is_empty() {
        let kept = keep(deployment.home());
        panic!("seed {seed}, kept in {kept}:\n{}", outcome.complaints.join("\n"));
    }
    // A limit that was never reached was not tested.
    assert_eq!(peaks.pools, workload.pools);
}

fn number_of(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::from(since.subsec_nanos()) ^ since.as_secs()
}

fn deploy(workload: &Workload) -> Deployment {
    let mut deployment = Deployment::new("", &workload.config_file());
    let script = deployment.path("step.sh");
    std::fs::write(&script, include_str!("step.sh")).unwrap();
    std::fs::create_dir(deployment.path("alive")).unwrap();
    std::fs::write(deployment.path("work.yaml"), workload.jobs_file(&script)).unwrap();
    deployment.serve();
    for (pool, limit) in &workload.pools {
        deployment.ok(&["instance", "concurrency", "set", pool, &limit.to_string()]);
    }
    deployment
}

/// Kills while users go on submitting; then waits until all is done.
async fn keep_busy(
    deployment: &mut Deployment,
    workload: &Workload,
    victims: Victims,
    kills: u64,
    mut dice: Dice,
) -> (Killed, BTreeMap<String, Submitted>, Outcome) {
    let home = deployment.home().to_owned();
    let (stop, stopped) = watch::channel(false);
    let mut user = |name| Submitter::new(name, &home, workload, dice.fork());
    let users = [
        tokio::spawn(user("one").submit(stopped.clone())),
        tokio::spawn(user("two").submit(stopped.clone())),
        tokio::spawn(user("three").park(stopped)),
    ];
    let mut killer = Killer { deployment, dice, killed: Killed::default() };
    match victims {
        Victims::Daemon => killer.kill_daemons(kills).await,
        Victims::Anything => killer.kill_anything(kills).await,
    }
    stop.send_replace(true);
    let mut submitted = BTreeMap::new();
    for user in users {
        submitted.extend(user.await.unwrap());
    }
    (killer.killed, submitted, become_idle(&home).await)
}

/// Waits until every run has ended and every process but the daemon is gone.
async fn become_idle(home: &Path) -> Outcome {
    let client = client(home).unwrap();
    let deadline = Instant::now() + IDLE_PATIENCE;
    let mut outcome = Outcome::default();
    loop {
        let members = census::take(home).into_iter();
        let rest: Vec<_> = members.filter(|member| member.part != Part::Daemon).collect();
        let unfinished = unfinished(&client).await;
        if unfinished == 0 && rest.is_empty() {
            break;
        }
        if Instant::now() > deadline {
            // The runs that have not ended are named by the oracle.
            outcome.complaints.extend(rest.iter().map(|member| format!("still there: {member}")));
            break;
        }
        sleep(PAUSE).await;
    }
    for pool in client.pools().await.unwrap().pools {
        let usage = &pool.usage;
        if (usage.runs, usage.granted, usage.pending, usage.roots) != (0, 0, 0, 0) {
            outcome.complaints.push(format!("pool {} is not free: {usage:?}", pool.pool));
        }
    }
    outcome.runs = all_runs(&client).await;
    outcome
}

async fn unfinished(client: &Client) -> usize {
    let statuses = RunStatus::ALL.iter().copied().filter(|status| !status.is_terminal());
    let filter =
        RunFilter { statuses: statuses.collect(), limit: Some(PAGE), ..RunFilter::default() };
    client.runs(&filter).await.unwrap().runs.len()
}

async fn all_runs(client: &Client) -> Vec<Run> {
    let mut filter = RunFilter { limit: Some(PAGE), ..RunFilter::default() };
    let mut runs = Vec::new();
    loop {
        let page = client.runs(&filter).await.unwrap();
        runs.extend(page.runs);
        filter.before = page.next;
        if filter.before.is_none() {
            return runs;
        }
    }
}

async fn check_store(home: &Path) -> Vec<String> {
    let store = store::Store::open(&home.join("pointsman.db")).await.unwrap();
    let found = store.check().await.unwrap();
    found.iter().map(|violation| format!("the store: {violation}")).collect()
}

/// Has the ledger say who of those that did not tell their end is dead.
fn take_note_of_dead(deployment: &Deployment) {
    let script = deployment.path("step.sh");
    assert!(Command::new("/bin/sh").arg(script).status().unwrap().success());
}

/// Keeps what is needed to find out what happened; returns where.
fn keep(home: &Path) -> String {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kill-{}", fresh_seed()));
    let copied = Command::new("cp").arg("-r").args([home, &place]).status();
    assert!(copied.unwrap().success());
    place.display().to_string()
}

fn summary(killed: &Killed, outcome: &Outcome, account: &Account, peaks: &Peaks) -> String {
    let attempts: u32 = outcome.runs.iter().filter_map(|run| run.attempt).sum();
    let requeues: u32 = outcome.runs.iter().filter_map(|run| run.attempt?.checked_sub(1)).sum();
    let is_start = |line: &&Line| matches!(line, Line::Start(_));
    let starts = account.ledger.iter().filter(is_start).count();
    let of_status = |status| outcome.runs.iter().filter(|run| run.status == status).count();
    let of_part = |part| killed.parts.get(&part).copied().unwrap_or_default();
    format!(
        "killed: {} daemons ({} of them before they served), {} workers, {} guards, {} steps\n\
         runs: {} ({} SUCCESS, {} FAILURE, {} CANCELED), attempts: {attempts}, requeues: {requeues}, \
         processes of steps: {starts}\n\
         most at one time: {} runs, slots {:?}\n\
         violations: {}",
        killed.daemons,
        killed.starting_daemons,
        of_part(Part::Worker),
        of_part(Part::Guard),
        of_part(Part::Step),
        outcome.runs.len(),
        of_status(RunStatus::Success),
        of_status(RunStatus::Failure),
        of_status(RunStatus::Canceled),
        peaks.runs,
        peaks.pools,
        outcome.complaints.len(),
    )
}
