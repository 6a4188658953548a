//! `pointsman asset`: what can be made, and making it.

mod materialize;

use std::time::Duration;

use ::config::near_names;
use clap::{Args, Subcommand};
use model::Timestamp;
use tokio::time::{Instant, sleep};
use wire::api::{
    Asset, AssetDetail, Assets, MAX_PAGE, MaterializedPartitions, PartitionFilter, short_id,
};

use crate::answer::Answer;
use crate::code_location::{LOOK_AGAIN, is_any_loading};
use crate::failure::Failure;
use crate::remote::{Remote, Session, now, run as run_remote};
use crate::show::{Style, ago, check_result, fields, metadata, plain, table};

/// How many partitions that were made are counted.
const MAX_PARTITIONS: u32 = MAX_PAGE;

/// How many of them are named.
const SHOWN_PARTITIONS: usize = 10;

#[derive(Debug, Subcommand)]
pub(crate) enum AssetCommand {
    /// List the assets of all code locations
    #[command(after_help = "Example:\n  pointsman asset list\n  \
        pointsman asset list -l etl --group sales")]
    List(ListArgs),
    /// Show an asset: what it is made from, by which jobs, when it was last made, how its checks ended
    #[command(after_help = "Example:\n  pointsman asset show sales/orders")]
    Show(ShowArgs),
    /// Launch a run that makes these assets
    Materialize(materialize::MaterializeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Those of one code location
    #[arg(short, long, value_name = "LOCATION")]
    location: Option<String>,
    /// Those of one group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The asset's key, its parts joined by `/`
    #[arg(value_name = "ASSET")]
    asset: String,
    /// Its code location, if several have an asset of this key
    #[arg(short, long, value_name = "LOCATION")]
    location: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// How long an asset is waited for whose code is being loaded for the first time: as long as the server
/// waits for that of a job.
const LOAD_PATIENCE: Duration = Duration::from_secs(20);

/// Carries out a command.
pub(crate) fn run(command: &AssetCommand) -> Answer {
    match command {
        AssetCommand::List(args) => run_remote(&args.remote, async |session| {
            let mut assets = session.client.assets().await?;
            assets.assets.retain(|asset| args.is_wanted(asset));
            session.tell(&assets, |assets| list_text(session.style, now(), assets))?;
            Ok(0)
        }),
        AssetCommand::Show(args) => run_remote(&args.remote, async |session| {
            let asset = find(session, &args.asset, args.location.as_deref()).await?;
            show(session, &asset).await
        }),
        AssetCommand::Materialize(args) => materialize::run(args),
    }
}

async fn show(session: &Session, asset: &Asset) -> Result<u8, Failure> {
    let detail = session.client.asset(&asset.location, &asset.key).await?;
    let filter =
        PartitionFilter { asset: asset.key.clone(), after: None, limit: Some(MAX_PARTITIONS) };
    let made = session.client.materialized_partitions(&filter).await?;
    session.tell(&detail, |detail| show_text(now(), detail, &made))?;
    Ok(0)
}

impl ListArgs {
    fn is_wanted(&self, asset: &Asset) -> bool {
        self.location.as_ref().is_none_or(|location| asset.location == *location)
            && self.group.as_ref().is_none_or(|group| asset.group.as_ref() == Some(group))
    }
}

/// Finds the one asset of a key; one that may be in code that is still being loaded is waited for.
async fn find(session: &Session, key: &str, location: Option<&str>) -> Result<Asset, Failure> {
    let is_it = |asset: &Asset| {
        asset.key == key && location.is_none_or(|location| asset.location == location)
    };
    let until = Instant::now() + LOAD_PATIENCE;
    let (mut found, others) = loop {
        // Asked before: what has come meanwhile is in the list.
        let is_complete = !is_any_loading(session, location).await?;
        let assets = session.client.assets().await?.assets;
        let (found, others): (Vec<Asset>, Vec<Asset>) = assets.into_iter().partition(is_it);
        if !found.is_empty() || is_complete || Instant::now() > until {
            break (found, others);
        }
        sleep(LOOK_AGAIN).await;
    };
    match (found.pop(), found.is_empty()) {
        (Some(asset), true) => Ok(asset),
        (Some(_), false) => Err(refused(format!(
            "several code locations have an asset `{key}`; name one: --location"
        ))),
        (None, _) => {
            let within = location.map(|name| format!(" in code location `{name}`"));
            let within = within.unwrap_or_default();
            Err(refused(format!("there is no asset `{key}`{within}{}", meant(key, &others))))
        }
    }
}

/// Asks for the assets that a misspelt key may have been meant for, or for the place of one of this key.
fn meant(key: &str, others: &[Asset]) -> String {
    let elsewhere = others.iter().find(|asset| asset.key == key);
    if let Some(Asset { location, .. }) = elsewhere {
        return format!("; code location `{location}` has one");
    }
    let mut keys: Vec<&str> = others.iter().map(|asset| asset.key.as_str()).collect();
    keys.dedup();
    let near = near_names(key, keys);
    let near: Vec<String> = near.iter().map(|key| format!("`{key}`")).collect();
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
}

fn refused(message: String) -> Failure {
    Failure::Input { message, hint: Some("`pointsman asset list` lists them".to_owned()) }
}

fn list_text(style: Style, now: Timestamp, Assets { assets, .. }: &Assets) -> String {
    if assets.is_empty() {
        return "No assets.\n".to_owned();
    }
    let rows = assets.iter().map(|asset| {
        [
            (&asset.key).into(),
            (&asset.location).into(),
            asset.group.clone().unwrap_or_default().into(),
            asset.deps.join(", ").into(),
            asset.pools.join(", ").into(),
            asset.latest_materialization_at.map(|at| ago(now, at)).unwrap_or_default().into(),
        ]
    });
    table(style, ["ASSET", "LOCATION", "GROUP", "FROM", "POOLS", "LAST MADE"], rows.collect())
}

fn show_text(now: Timestamp, detail: &AssetDetail, made: &MaterializedPartitions) -> String {
    let asset = &detail.asset;
    let mut lines = vec![("asset", asset.key.clone()), ("location", asset.location.clone())];
    lines.extend(asset.description.clone().map(|text| ("description", text)));
    lines.extend(asset.group.clone().map(|group| ("group", group)));
    lines.extend(asset.partitions.clone().map(|kind| ("partitions", kind)));
    for (name, values) in [("from", &asset.deps), ("pools", &asset.pools), ("jobs", &asset.jobs)] {
        if !values.is_empty() {
            lines.push((name, values.join(", ")));
        }
    }
    if !made.partitions.is_empty() {
        let more = if made.next.is_some() { " and more" } else { "" };
        let (count, first) = (made.partitions.len(), made.partitions.iter().take(SHOWN_PARTITIONS));
        let first: Vec<&str> = first.map(String::as_str).collect();
        let rest = if count > first.len() { ", ..." } else { "" };
        let text = format!("{count}{more}: {}{rest}", first.join(", "));
        lines.push(("partitions made", text));
    }
    fields(&lines) + &latest_text(now, detail)
}

/// Writes when an asset was last made, with what was told of it, and how its checks ended.
fn latest_text(now: Timestamp, detail: &AssetDetail) -> String {
    let mut text = String::new();
    if let Some(made) = &detail.latest_materialization {
        let by = short_id(&made.run);
        text += &format!("\nlast made {} ({}) by run {by}\n", made.at, ago(now, made.at));
        if let Some(partition) = &made.partition {
            text += &format!("  partition {}\n", plain(partition));
        }
        if let Some(description) = &made.description {
            text += &format!("  {}\n", plain(description));
        }
        text += &metadata("  ", &made.metadata);
    }
    for check in &detail.checks {
        let how = check.latest.as_ref().map_or("not evaluated yet".to_owned(), |event| {
            format!(
                "{} {} by run {}",
                check_result(event),
                ago(now, event.at),
                short_id(&event.run)
            )
        });
        text += &format!("\ncheck {}: {how}\n", plain(&check.name));
        if let Some(event) = &check.latest {
            text += &metadata("  ", &event.metadata);
        }
    }
    text
}
