//! `pointsman instance concurrency`: the limits of pools, with Dagster's arguments and its words.

use clap::{Args, Subcommand};
use model::PoolLimit;
use wire::api::{Pool, PoolRules};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::pool::occupied;
use crate::remote::{Remote, Session, run as run_remote, say, tell_json};
use crate::show::plain;

#[derive(Debug, Subcommand)]
pub(crate) enum InstanceCommand {
    /// Get, set and delete the limits of pools
    #[command(subcommand, after_help = "Example:\n  pointsman instance concurrency set db 2")]
    Concurrency(ConcurrencyCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConcurrencyCommand {
    /// Print the limit of a pool and how many of its slots are occupied
    #[command(after_help = "Example:\n  pointsman instance concurrency get db\n  \
        pointsman instance concurrency get --all")]
    Get(GetArgs),
    /// Give a pool a limit
    #[command(after_help = "Example:\n  pointsman instance concurrency set db 2")]
    Set(SetArgs),
    /// Take the limit of a pool away; the default limit is in force then, if there is one
    #[command(after_help = "Example:\n  pointsman instance concurrency delete db")]
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The pool
    #[arg(value_name = "POOL", required_unless_present = "all")]
    pool: Option<String>,
    /// Print all pools
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
    /// The number of slots, 0 to 1000; 0 lets nothing through
    #[arg(value_name = "LIMIT", allow_negative_numbers = true,
          value_parser = limit)]
    limit: i64,
    #[command(flatten)]
    remote: Remote,
}

fn limit(text: &str) -> Result<i64, String> {
    let most = i64::from(PoolLimit::MAX);
    let number = text.parse().ok().filter(|number| (0..=most).contains(number));
    number.ok_or_else(|| format!("a limit is a whole number between 0 and {most}"))
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
    #[command(flatten)]
    remote: Remote,
}

/// Carries out a command.
pub(crate) fn run(InstanceCommand::Concurrency(command): &InstanceCommand) -> Answer {
    match command {
        ConcurrencyCommand::Get(args) => {
            run_remote(&args.remote, async |session| match args.pool.as_deref() {
                Some(pool) if !args.all => get(session, pool).await,
                _ => get_all(session).await,
            })
        }
        ConcurrencyCommand::Set(args) => run_remote(&args.remote, async |session| {
            let pool = session.client.set_pool_limit(&args.pool, args.limit).await?;
            let text =
                format!("Set concurrency limit for {} to {}.\n", plain(&args.pool), args.limit);
            session.tell(&pool, |_| text)?;
            Ok(0)
        }),
        ConcurrencyCommand::Delete(args) => run_remote(&args.remote, async |session| {
            let pool = session.client.delete_pool_limit(&args.pool).await?;
            session.tell(&pool, |_| {
                format!("Deleted concurrency limit for {}.\n", plain(&args.pool))
            })?;
            Ok(0)
        }),
    }
}

async fn get(session: &Session, pool: &str) -> Result<u8, Failure> {
    let detail = session.client.pool(pool).await?;
    if session.is_json {
        tell_json(&detail.pool)?;
        return Ok(0);
    }
    let rules = session.client.instance().await?.rules.pools;
    say(&line(&rules, &detail.pool))?;
    Ok(0)
}

async fn get_all(session: &Session) -> Result<u8, Failure> {
    let pools = session.client.pools().await?;
    if session.is_json {
        tell_json(&pools)?;
        return Ok(0);
    }
    let rules = session.client.instance().await?.rules.pools;
    let limited = pools.pools.iter().filter(|pool| pool.capacity.is_some());
    let lines: String = limited.map(|pool| line(&rules, pool)).collect();
    say(&if lines.is_empty() {
        "No concurrency limits set. Run `pointsman instance concurrency set <key> <limit>` to set \
         limits.\n"
            .to_owned()
    } else {
        format!("Concurrency limits:\n{lines}")
    })?;
    Ok(0)
}

fn line(rules: &PoolRules, pool: &Pool) -> String {
    let limit = pool.capacity.map_or("unlimited".to_owned(), |limit| limit.to_string());
    format!("\"{}\": {} / {limit} slots occupied\n", plain(&pool.pool), occupied(rules, pool))
}
