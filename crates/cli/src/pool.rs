//! `pointsman pool`: the pools, who holds their slots and who waits.

use clap::{Args, Subcommand};
use wire::api::{ClaimState, Pool, PoolDetail, PoolRules, Pools, short_id};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::remote::{Remote, Session, run as run_remote, say, tell_json};
use crate::show::{Cell, Style, fields, table};

#[derive(Debug, Subcommand)]
pub(crate) enum PoolCommand {
    /// List the pools that have a limit or are in use
    #[command(after_help = "Example:\n  pointsman pool list")]
    List(ListArgs),
    /// Show a pool: its limit, who holds its slots, who waits
    #[command(after_help = "Example:\n  pointsman pool show db\n\n\
        `pointsman instance concurrency` sets and deletes limits.")]
    Show(ShowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
    #[command(flatten)]
    remote: Remote,
}

/// Carries out a command.
pub(crate) fn run(command: &PoolCommand) -> Answer {
    match command {
        PoolCommand::List(args) => run_remote(&args.remote, list),
        PoolCommand::Show(args) => {
            run_remote(&args.remote, async |session| show(session, &args.pool).await)
        }
    }
}

async fn list(session: &Session) -> Result<u8, Failure> {
    let pools = session.client.pools().await?;
    if session.is_json {
        tell_json(&pools)?;
        return Ok(0);
    }
    let rules = session.client.instance().await?.rules.pools;
    say(&list_text(session.style, &rules, &pools))?;
    Ok(0)
}

fn list_text(style: Style, rules: &PoolRules, Pools { pools, .. }: &Pools) -> String {
    if pools.is_empty() {
        return "No pool has a limit or is in use. `pointsman instance concurrency set POOL LIMIT` \
                sets a limit.\n"
            .to_owned();
    }
    table(style, POOLS_HEADER, pool_rows(rules, pools))
}

/// The columns of the list of pools.
pub(crate) const POOLS_HEADER: [&str; 4] = ["POOL", "LIMIT", "OCCUPIED", "WAITING"];

/// Returns the rows of the list of pools.
pub(crate) fn pool_rows(rules: &PoolRules, pools: &[Pool]) -> Vec<[Cell; 4]> {
    let row = |pool: &Pool| {
        [
            (&pool.pool).into(),
            limit(pool).into(),
            occupied(rules, pool).to_string().into(),
            pool.usage.pending.to_string().into(),
        ]
    };
    pools.iter().map(row).collect()
}

/// Returns how many slots are taken: by steps, or by runs where runs hold them.
pub(crate) fn occupied(rules: &PoolRules, pool: &Pool) -> u64 {
    if rules.granularity == "run" { pool.usage.runs } else { pool.usage.granted }
}

fn limit(pool: &Pool) -> String {
    match (pool.limit, pool.capacity) {
        (Some(limit), _) => limit.to_string(),
        (None, Some(default)) => format!("{default} (default)"),
        (None, None) => "unlimited".to_owned(),
    }
}

async fn show(session: &Session, pool: &str) -> Result<u8, Failure> {
    let detail = session.client.pool(pool).await?;
    if session.is_json {
        tell_json(&detail)?;
        return Ok(0);
    }
    let rules = session.client.instance().await?.rules.pools;
    say(&show_text(session.style, &rules, &detail))?;
    if !is_known(session, &detail).await? {
        say(&format!(
            "\nNo job, asset or limit names the pool `{pool}`. `pointsman pool list` shows those that \
             have a limit or are in use.\n"
        ))?;
    }
    Ok(0)
}

/// Returns whether anything but the question names a pool.
async fn is_known(session: &Session, detail: &PoolDetail) -> Result<bool, Failure> {
    let PoolDetail { pool, claims, runs } = detail;
    if pool.limit.is_some() || !claims.is_empty() || !runs.is_empty() {
        return Ok(true);
    }
    let is_it = |pools: &[String]| pools.contains(&pool.pool);
    Ok(session.client.jobs().await?.jobs.iter().any(|job| is_it(&job.pools))
        || session.client.assets().await?.assets.iter().any(|asset| is_it(&asset.pools)))
}

fn show_text(
    style: Style,
    rules: &PoolRules,
    PoolDetail { pool, claims, runs }: &PoolDetail,
) -> String {
    let mut lines = vec![
        ("pool", pool.pool.clone()),
        ("limit", limit(pool)),
        ("occupied", occupied(rules, pool).to_string()),
        ("waiting", pool.usage.pending.to_string()),
    ];
    if pool.usage.roots > 0 {
        lines.push(("kept", format!("{} for runs that have just started", pool.usage.roots)));
    }
    if !runs.is_empty() {
        let ids: Vec<&str> = runs.iter().map(|run| short_id(run)).collect();
        lines.push(("runs", ids.join(", ")));
    }
    let mut text = fields(&lines);
    if !claims.is_empty() {
        let rows = claims.iter().map(|claim| {
            let state = match claim.state {
                ClaimState::Granted => "holds",
                ClaimState::Pending => "waits",
            };
            [
                short_id(&claim.run).into(),
                (&claim.step).into(),
                claim.slots.to_string().into(),
                state.into(),
                claim.priority.to_string().into(),
            ]
        });
        let header = ["RUN", "STEP", "SLOTS", "STATE", "PRIORITY"];
        text += &format!("\n{}", table(style, header, rows.collect()));
    }
    text
}
