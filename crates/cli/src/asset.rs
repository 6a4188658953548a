//! `pointsman asset`: what can be made, and making it.

mod materialize;

use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::time::{Instant, sleep};
use wire::api::{Asset, Assets};

use crate::answer::Answer;
use crate::code_location::{LOOK_AGAIN, is_any_loading};
use crate::failure::Failure;
use crate::remote::{Remote, Session, run as run_remote};
use crate::show::{Style, fields, table};

#[derive(Debug, Subcommand)]
pub(crate) enum AssetCommand {
    /// List the assets of all code locations
    #[command(after_help = "Example:\n  pointsman asset list\n  \
        pointsman asset list -l etl --group sales")]
    List(ListArgs),
    /// Show an asset: what it is made from, by which jobs
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
            session.tell(&assets, |assets| list_text(session.style, assets))?;
            Ok(0)
        }),
        AssetCommand::Show(args) => run_remote(&args.remote, async |session| {
            let asset = find(session, &args.asset, args.location.as_deref()).await?;
            session.tell(&asset, show_text)?;
            Ok(0)
        }),
        AssetCommand::Materialize(args) => materialize::run(args),
    }
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
    let mut found: Vec<Asset> = loop {
        // Asked before: what has come meanwhile is in the list.
        let is_complete = !is_any_loading(session, location).await?;
        let assets = session.client.assets().await?.assets;
        let found: Vec<Asset> = assets.into_iter().filter(is_it).collect();
        if !found.is_empty() || is_complete || Instant::now() > until {
            break found;
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
            Err(refused(format!("there is no asset `{key}`{within}")))
        }
    }
}

fn refused(message: String) -> Failure {
    Failure::Input { message, hint: Some("`pointsman asset list` lists them".to_owned()) }
}

fn list_text(style: Style, Assets { assets, .. }: &Assets) -> String {
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
        ]
    });
    table(style, ["ASSET", "LOCATION", "GROUP", "FROM", "POOLS"], rows.collect())
}

fn show_text(asset: &Asset) -> String {
    let mut lines = vec![("asset", asset.key.clone()), ("location", asset.location.clone())];
    lines.extend(asset.description.clone().map(|text| ("description", text)));
    lines.extend(asset.group.clone().map(|group| ("group", group)));
    lines.extend(asset.partitions.clone().map(|kind| ("partitions", kind)));
    for (name, values) in [("from", &asset.deps), ("pools", &asset.pools), ("jobs", &asset.jobs)] {
        if !values.is_empty() {
            lines.push((name, values.join(", ")));
        }
    }
    fields(&lines)
}
