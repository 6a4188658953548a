//! `pointsman partition`: dynamic partitions, whose keys are added and removed while the server runs.

use clap::{Args, Subcommand};
use wire::api::{ChangePartitions, ChangedPartitions, PartitionSets, Partitions};

use crate::answer::Answer;
use crate::remote::{Remote, run as run_remote};
use crate::show::{Style, plain, table};

#[derive(Debug, Subcommand)]
pub(crate) enum PartitionCommand {
    /// List the names of dynamic partitions, or the keys of one
    #[command(after_help = "Example:\n  pointsman partition list\n  \
        pointsman partition list customers")]
    List(ListArgs),
    /// Add keys; one that is there stays
    #[command(after_help = "Example:\n  pointsman partition add customers acme initech")]
    Add(ChangeArgs),
    /// Remove keys; what was made for them stays
    #[command(after_help = "Example:\n  pointsman partition remove customers initech")]
    Remove(ChangeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The name: `DynamicPartitionsDefinition(name=...)`
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The name: `DynamicPartitionsDefinition(name=...)`
    #[arg(value_name = "NAME")]
    name: String,
    /// The keys, at most 1000
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Carries out a command.
pub(crate) fn run(command: &PartitionCommand) -> Answer {
    match command {
        PartitionCommand::List(args) => run_remote(&args.remote, async |session| {
            match &args.name {
                None => {
                    let sets = session.client.partition_sets().await?;
                    session.tell(&sets, |sets| sets_text(session.style, sets))?;
                }
                Some(name) => {
                    let keys = session.client.partitions(name).await?;
                    session.tell(&keys, keys_text)?;
                }
            }
            Ok(0)
        }),
        PartitionCommand::Add(args) => {
            let change = ChangePartitions { add: args.keys.clone(), remove: Vec::new() };
            self::change(args, &change, |changed| {
                changed_text("Added", "was there already", &args.keys, &changed.added)
            })
        }
        PartitionCommand::Remove(args) => {
            let change = ChangePartitions { add: Vec::new(), remove: args.keys.clone() };
            self::change(args, &change, |changed| {
                changed_text("Removed", "was not there", &args.keys, &changed.removed)
            })
        }
    }
}

fn change(
    args: &ChangeArgs,
    change: &ChangePartitions,
    text: impl Fn(&ChangedPartitions) -> String,
) -> Answer {
    run_remote(&args.remote, async |session| {
        let changed = session.client.change_partitions(&args.name, change).await?;
        session.tell(&changed, &text)?;
        Ok(0)
    })
}

fn sets_text(style: Style, PartitionSets { dynamic_partitions, .. }: &PartitionSets) -> String {
    if dynamic_partitions.is_empty() {
        return "There are no dynamic partitions. `pointsman partition add NAME KEY` adds one.\n"
            .to_owned();
    }
    let rows =
        dynamic_partitions.iter().map(|set| [(&set.name).into(), set.count.to_string().into()]);
    table(style, ["NAME", "PARTITIONS"], rows.collect())
}

fn keys_text(Partitions { name, partitions, .. }: &Partitions) -> String {
    if partitions.is_empty() {
        return format!("{} has no partitions.\n", plain(name));
    }
    let mut lines: Vec<String> = partitions.iter().map(|key| plain(key)).collect();
    lines.push(String::new());
    lines.join("\n")
}

/// Says of each key whether it has changed, in the order in which they were given.
fn changed_text(done: &str, otherwise: &str, given: &[String], changed: &[String]) -> String {
    let line = |key: &String| {
        if changed.contains(key) {
            format!("{done} {}.\n", plain(key))
        } else {
            format!("{} {otherwise}.\n", plain(key))
        }
    };
    given.iter().map(line).collect()
}
