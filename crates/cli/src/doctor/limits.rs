//! Limits that let nothing through, runs that no waiting helps, and code locations that failed.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{RunStatus, Timestamp};
use wire::api::{
    ClaimState, CodeLocation, Limit, LocationState, MAX_PAGE, Page, Pool, PoolDetail, QueueEntry,
    Reason, Remedy, Rules, RunFilter, TagLimit, Time, short_id,
};
use wire::client::{Client, ClientError};

use super::finding::Finding;
use crate::remote::now;
use crate::show::{interval, quoted};

/// How many queued runs are looked at: those that go first matter most, and each costs the server an
/// explanation.
const MAX_QUEUED: usize = 2_000;

/// How many pools are looked into: each is a request.
const MAX_POOLS: usize = 50;

/// How old a hold must be to be worth a word: it may have been forgotten.
const OLD_HOLD: Duration = Duration::from_hours(24);

/// How many runs a line names.
const MAX_NAMED: usize = 5;

/// Looks at what a server says of its limits, its queue and its code locations.
pub(super) async fn check(findings: &mut Vec<Finding>, client: &Client) {
    if let Err(error) = ask(findings, client).await {
        let message = format!("the server did not tell all: {error}");
        findings.push(Finding::problem("server", message, "run `pointsman doctor` again"));
    }
}

async fn ask(findings: &mut Vec<Finding>, client: &Client) -> Result<(), ClientError> {
    findings.push(code_locations(&client.code_locations().await?.code_locations));
    let before = findings.len();
    check_rules(findings, &client.instance().await?.rules);
    findings.extend(pools(client).await?);
    findings.extend(queue(&queued(client).await?, now()));
    findings.extend(suspects(client).await?);
    if findings.len() == before {
        findings.push(Finding::ok("limits", "none blocks for ever"));
    }
    Ok(())
}

fn code_locations(locations: &[CodeLocation]) -> Finding {
    let is_wrong =
        |found: &&CodeLocation| matches!(found.state, LocationState::Failed | LocationState::Gone);
    let failed: Vec<&CodeLocation> = locations.iter().filter(is_wrong).collect();
    let Some(first) = failed.first() else {
        if let Some(first) = locations.iter().find(|found| !found.is_loaded) {
            let message = format!("{} is still being loaded, since {}", first.name, first.since);
            let remedy = format!("wait; `pointsman code-location show {}`", quoted(&first.name));
            return Finding::warning("code locations", message, remedy);
        }
        return match locations.len() {
            0 => Finding::warning(
                "code locations",
                "there are none, so that nothing can be launched",
                "`pointsman init` writes an example; name its folder to `pointsman dev`",
            ),
            count => Finding::ok("code locations", format!("all are loaded ({count})")),
        };
    };
    let why = first.problems.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
    let more =
        if failed.len() > 1 { format!(" (and {} more)", failed.len() - 1) } else { String::new() };
    let message = format!("{} is not loaded: {why}{more}", first.name);
    let remedy =
        "`pointsman code-location list` tells all; mend it, then `pointsman code-location reload`";
    Finding::problem("code locations", message, remedy)
}

/// Tells limits of 0: they let nothing through.
pub(super) fn check_rules(findings: &mut Vec<Finding>, rules: &Rules) {
    let mut zero = |what: String| {
        let message = format!("{what} is 0 and lets no run through");
        let remedy = "raise it in the configuration, unless it is meant";
        findings.push(Finding::warning("limits", message, remedy));
    };
    if rules.max_concurrent_runs == Some(0) {
        zero("`max_concurrent_runs`".to_owned());
    }
    if rules.max_concurrent_runs_all_branch_deployments == Some(0) {
        zero("`max_concurrent_runs_all_branch_deployments`".to_owned());
    }
    for TagLimit { key, value, limit, .. } in &rules.tag_concurrency_limits {
        if *limit == 0 {
            let value = value.as_ref().map_or(String::new(), |value| format!("={value}"));
            zero(format!("the limit on the tag `{key}{value}`"));
        }
    }
    if rules.pools.default_limit == Some(0) {
        zero("the default limit of pools".to_owned());
    }
}

/// Tells pools of 0 slots, and steps that want more than there is.
async fn pools(client: &Client) -> Result<Vec<Finding>, ClientError> {
    let pools = client.pools().await?.pools;
    let mut findings = closed(&pools);
    let awaited =
        pools.into_iter().filter(|pool| pool.capacity.is_some() && pool.usage.pending > 0);
    for pool in awaited.take(MAX_POOLS) {
        findings.extend(too_large(&client.pool(&pool.pool).await?));
    }
    Ok(findings)
}

fn too_large(PoolDetail { pool, claims, .. }: &PoolDetail) -> Option<Finding> {
    let capacity = pool.capacity?;
    let is_hopeless = |claim: &&wire::api::PoolClaim| {
        claim.state == ClaimState::Pending && claim.slots > capacity
    };
    let claim = claims.iter().find(is_hopeless)?;
    let message = format!(
        "step {} of run {} waits for {} of pool {}, whose limit is {capacity}",
        claim.step,
        short_id(&claim.run),
        slots(claim.slots),
        pool.pool
    );
    let remedy =
        format!("pointsman instance concurrency set {} {}", quoted(&pool.pool), claim.slots);
    Some(Finding::problem("limits", message, remedy))
}

/// Reads the beginning of the queue.
/// Tells pools that were closed and for which nobody waits yet.
fn closed(pools: &[Pool]) -> Vec<Finding> {
    let is_closed = |pool: &&Pool| pool.limit == Some(0) && pool.usage.pending == 0;
    let tell = |pool: &Pool| {
        let message = format!("the limit of pool {} is 0 and lets no step through", pool.pool);
        let remedy = format!(
            "unless it is meant: pointsman instance concurrency set {} 1",
            quoted(&pool.pool)
        );
        Finding::warning("limits", message, remedy)
    };
    pools.iter().filter(is_closed).take(MAX_POOLS).map(tell).collect()
}

fn slots(count: u32) -> String {
    if count == 1 { "1 slot".to_owned() } else { format!("{count} slots") }
}

async fn queued(client: &Client) -> Result<Vec<QueueEntry>, ClientError> {
    let mut entries = Vec::new();
    let mut page = Page { after: None, limit: Some(MAX_PAGE) };
    loop {
        let read = client.queue(&page).await?;
        entries.extend(read.entries);
        page.after = read.next;
        if page.after.is_none() || entries.len() >= MAX_QUEUED {
            return Ok(entries);
        }
    }
}

/// What is found in the queue that no waiting helps, or that may have been forgotten.
#[derive(Debug, Default)]
struct Blocked<'a> {
    /// A run, what it wants and what there is, by pool.
    hopeless: BTreeMap<&'a str, (&'a str, u32, u32)>,
    held: Vec<&'a str>,
    oldest_hold: Duration,
    /// When it ends, by code location.
    paused: BTreeMap<&'a str, Option<Time>>,
}

impl<'a> Blocked<'a> {
    fn add(&mut self, entry: &'a QueueEntry, reason: &'a Reason, now: Timestamp) {
        match &reason.limit {
            Limit::Hold => {
                let age = now.since(entry.waiting_since.0);
                if age > OLD_HOLD {
                    self.held.push(&entry.run);
                    self.oldest_hold = self.oldest_hold.max(age);
                }
            }
            Limit::CodeLocation { location } => {
                // What is being loaded is told as a code location.
                if reason.remedy != Remedy::AwaitLoad {
                    self.paused.insert(location, resumes_at(&reason.remedy));
                }
            }
            Limit::Pool { pool } => {
                if let Some((wanted, capacity)) = too_much(reason) {
                    self.hopeless.insert(pool, (&entry.run, wanted, capacity));
                }
            }
            Limit::MaxConcurrentRuns | Limit::BranchDeployments | Limit::Tag { .. } => {}
        }
    }
}

/// Tells queued runs that no waiting helps, by what blocks them.
fn queue(entries: &[QueueEntry], now: Timestamp) -> Vec<Finding> {
    let mut blocked = Blocked::default();
    for entry in entries {
        for reason in &entry.explanation.reasons {
            blocked.add(entry, reason, now);
        }
    }
    let mut findings = Vec::new();
    for (pool, (run, wanted, limit)) in blocked.hopeless {
        let run = short_id(run);
        let message = format!(
            "run {run} wants {} of pool {pool} at once, whose limit is {limit}",
            slots(wanted)
        );
        let remedy = format!("pointsman instance concurrency set {} {wanted}", quoted(pool));
        findings.push(Finding::problem("limits", message, remedy));
    }
    if !blocked.held.is_empty() {
        let oldest = interval(blocked.oldest_hold);
        let message = format!("held, and waiting for up to {oldest}: {}", named(&blocked.held));
        let remedy = "`pointsman run release ID` lets them go, `pointsman run cancel ID` ends them";
        findings.push(Finding::warning("holds", message, remedy));
    }
    for (location, at) in blocked.paused {
        let until = at.map_or(String::new(), |at| format!(" until {at}"));
        let message =
            format!("{location} could not be reached and is paused{until}: its runs wait");
        findings.push(Finding::warning(
            "code locations",
            message,
            "`pointsman code-location list`",
        ));
    }
    findings
}

fn resumes_at(remedy: &Remedy) -> Option<Time> {
    if let Remedy::Resume { at } = remedy { Some(*at) } else { None }
}

/// Returns how many slots are wanted and how many there are, if there are never so many.
fn too_much(reason: &Reason) -> Option<(u32, u32)> {
    let capacity = reason.capacity?;
    let is_too_much = reason.counts_slots && reason.wanted > capacity;
    is_too_much.then_some((reason.wanted, capacity))
}

/// Tells runs in progress of whose workers nobody knows whether they live.
async fn suspects(client: &Client) -> Result<Option<Finding>, ClientError> {
    let filter = RunFilter {
        statuses: RunStatus::ALL.into_iter().filter(|status| status.is_in_progress()).collect(),
        limit: Some(MAX_PAGE),
        ..RunFilter::default()
    };
    let runs = client.runs(&filter).await?.runs;
    let suspects: Vec<&str> =
        runs.iter().filter(|run| run.is_suspect).map(|run| run.id.as_str()).collect();
    if suspects.is_empty() {
        return Ok(None);
    }
    let message = format!("nothing was heard of the workers of: {}", named(&suspects));
    let remedy =
        "they count until they are known to be gone; `pointsman run cancel --force ID` gives up";
    Ok(Some(Finding::warning("workers", message, remedy)))
}

fn named(runs: &[&str]) -> String {
    let first: Vec<&str> = runs.iter().take(MAX_NAMED).map(|run| short_id(run)).collect();
    let more = runs.len().saturating_sub(MAX_NAMED);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{tail}", first.join(", "))
}
