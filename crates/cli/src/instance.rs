//! `pointsman instance`: what the server is and does, and `instance concurrency`: the limits of pools,
//! with Dagster's arguments and its words.

mod show;

pub(crate) use self::show::configuration_text;

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use model::PoolLimit;
use wire::api::{FreeSlots, FreedSlots, FreedStep, Pool, PoolRules};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::pool::occupied;
use crate::remote::{Remote, Session, run as run_remote, say, tell_json};
use crate::show::plain;

#[derive(Debug, Subcommand)]
pub(crate) enum InstanceCommand {
    /// Show the server: state, counts, the rules in force and where they come from
    #[command(
        visible_alias = "status",
        alias = "info",
        after_help = "Example:\n  pointsman instance show"
    )]
    Show(show::ShowArgs),
    /// Get, set and delete the limits of pools; free slots
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
    /// Give back the slots that the steps of a run hold, while the steps go on
    ///
    /// What waits for slots goes on waiting. The steps are not ended: more may use the pool then than
    /// its limit says, until they end.
    #[command(after_help = "Example:\n  pointsman instance concurrency free 1b4e28ba --step load")]
    Free(FreeArgs),
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

#[derive(Debug, Args)]
pub(crate) struct FreeArgs {
    /// The run's id or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
    /// Only the slots of this step
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Carries out a command.
pub(crate) fn run(command: &InstanceCommand) -> Answer {
    match command {
        InstanceCommand::Show(args) => show::run(args),
        InstanceCommand::Concurrency(command) => concurrency(command),
    }
}

fn concurrency(command: &ConcurrencyCommand) -> Answer {
    match command {
        ConcurrencyCommand::Free(args) => run_remote(&args.remote, async |session| {
            let run = session.find_run(&args.id).await?.run;
            let step = FreeSlots { step: args.step.clone() };
            let freed = session.client.free_slots(&run.id, &step).await?;
            session.tell(&freed, freed_text)?;
            Ok(0)
        }),
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

fn freed_text(FreedSlots { freed }: &FreedSlots) -> String {
    if freed.is_empty() {
        return "Nothing was held.\n".to_owned();
    }
    let pools = |pools: &BTreeMap<String, u32>| {
        let pool = |(pool, slots): (&String, &u32)| format!("{}: {slots}", plain(pool));
        pools.iter().map(pool).collect::<Vec<_>>().join(", ")
    };
    let line = |step: &FreedStep| format!("Freed {} ({})\n", plain(&step.step), pools(&step.pools));
    freed.iter().map(line).collect()
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
