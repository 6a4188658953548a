//! `pointsman asset materialize`: which job makes the assets that are named, and a run of it.
//!
//! What a selection means is Dagster's to say: it goes to the server as it is written.

use std::collections::BTreeMap;

use clap::Args;
use wire::api::{Asset, SubmitRun};

use super::{find, refused};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::job::{ConfigArgs, json_tags, launch_part};
use crate::remote::{Remote, Session, run as run_remote};

/// Launches a run that makes these assets.
#[derive(Debug, Args)]
#[command(after_help = "\
A selection is written as for Dagster: keys, '+orders' and 'orders+' (with what is next to it before
or behind), '*orders' and 'orders*' (with all that is), 'group:sales', 'tag:team=docs', '*',
'key:a and not key:b'; what commas part is joined.

Exit codes: 0 launched (with --wait: it succeeded), 1 refused (with --wait: it did not succeed),
2 there is no such asset, it is not made here, or its partition is not named, 3 no server.

Example:
  pointsman asset materialize orders customers --wait
  pointsman asset materialize --select 'group:sales,+report' --config-json '{\"ops\": {}}'
  pointsman asset materialize daily --partition 2024-01-01")]
pub(crate) struct MaterializeArgs {
    /// The assets' keys, their parts joined by `/`
    #[arg(value_name = "ASSET", required_unless_present = "select", conflicts_with = "select")]
    assets: Vec<String>,
    /// A selection of assets, in Dagster's syntax
    #[arg(long, value_name = "SELECTION", value_delimiter = ',')]
    select: Vec<String>,
    /// Their code location, if several have assets of these keys; for a selection, if several have
    /// assets
    #[arg(short, long, value_name = "LOCATION")]
    location: Option<String>,
    /// The partition
    #[arg(long, value_name = "KEY")]
    partition: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
    /// Tags of the run as a JSON object
    #[arg(long, value_name = "JSON", value_parser = json_tags)]
    tags: Option<BTreeMap<String, String>>,
    /// Show how the run goes on until it ends
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    remote: Remote,
}

/// The tag that says which partition a run is for.
const PARTITION_TAG: &str = "dagster/partition";

/// Carries out the command.
pub(super) fn run(args: &MaterializeArgs) -> Answer {
    run_remote(&args.remote, async |session| materialize(session, args).await)
}

async fn materialize(session: &Session, args: &MaterializeArgs) -> Result<u8, Failure> {
    let config = args.config.read()?;
    let maker = match args.assets.as_slice() {
        [] => maker_of_all(session, args.location.as_deref()).await?,
        keys => maker_of_these(session, keys, args).await?,
    };
    let named = if args.assets.is_empty() { &args.select } else { &args.assets };
    let mut tags = args.tags.clone().unwrap_or_default();
    tags.extend(args.partition.clone().map(|key| (PARTITION_TAG.to_owned(), key)));
    let request = SubmitRun {
        job: maker.job,
        location: Some(maker.location),
        tags,
        config,
        asset_selection: Some(named.clone()),
        ..SubmitRun::default()
    };
    launch_part(session, &request, args.wait).await
}

/// The job that makes assets.
#[derive(PartialEq, Eq)]
struct Maker {
    job: String,
    location: String,
}

impl Maker {
    fn of(asset: Asset) -> Option<Self> {
        Some(Self { job: asset.job?, location: asset.location })
    }
}

async fn maker_of_these(
    session: &Session,
    keys: &[String],
    args: &MaterializeArgs,
) -> Result<Maker, Failure> {
    let mut location = args.location.clone();
    let mut maker = None;
    for key in keys {
        let asset = find(session, key, location.as_deref()).await?;
        let is_partitioned = asset.partitions.is_some();
        let Some(of_asset) = Maker::of(asset) else {
            return Err(refused(format!("the asset `{key}` is not made here, only known")));
        };
        if is_partitioned && args.partition.is_none() {
            return Err(Failure::input(
                format!("the asset `{key}` has partitions, and none is named"),
                "name the one to make: --partition KEY",
            ));
        }
        // The others must be of the same code location.
        location = Some(of_asset.location.clone());
        maker = Some(of_asset);
    }
    maker.ok_or_else(|| refused("no asset is named".to_owned()))
}

/// Finds the one job that makes any of the assets.
async fn maker_of_all(session: &Session, location: Option<&str>) -> Result<Maker, Failure> {
    let assets = session.client.assets().await?.assets;
    let here = assets.into_iter().filter(|asset| location.is_none_or(|l| asset.location == l));
    let mut makers: Vec<Maker> = here.filter_map(Maker::of).collect();
    makers.dedup();
    match (makers.pop(), makers.pop()) {
        (Some(maker), None) => Ok(maker),
        (Some(maker), Some(other)) if maker.location != other.location => {
            Err(refused("several code locations have assets; name one: --location".to_owned()))
        }
        (Some(_), Some(_)) => Err(refused(
            "no single job makes all assets; name the keys in place of a selection".to_owned(),
        )),
        (None, _) => {
            let within = location.map(|name| format!(" in code location `{name}`"));
            Err(refused(format!("there is no asset to make{}", within.unwrap_or_default())))
        }
    }
}
