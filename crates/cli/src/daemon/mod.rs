//! `pointsman serve`, `dev`, `init` and `demo`: the daemon with its API in this process.

pub(crate) mod class;
mod configuration;
mod demo;
pub(crate) mod home;
mod hooks;
mod init;
mod options;
mod saved;
mod serve;
mod sources;
mod start;
mod variables;
mod watch;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

pub(crate) use configuration::folder_of;
pub(crate) use demo::demo;
pub(crate) use init::{InitArgs, init};
pub(crate) use serve::{Reload, serve};
pub(crate) use start::DATABASE;

/// What the daemon serves, and where.
#[derive(Debug, Args)]
pub(crate) struct DaemonArgs {
    #[command(flatten)]
    sources: sources::SourceArgs,
    #[arg(
        long,
        value_name = "FOLDER",
        help = "The folder in which everything is kept [default: $POINTSMAN_HOME, or ~/.pointsman]"
    )]
    home: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        help = "The configuration [default: pointsman.yaml or dagster.yaml in the home, then \
                dagster.yaml in $DAGSTER_HOME]"
    )]
    config: Option<PathBuf>,
    /// The address to listen on, over that of the configuration; loopback addresses only.
    #[arg(long, value_name = "ADDRESS")]
    host: Option<IpAddr>,
    /// The port to listen on, over that of the configuration; 0 takes any free one.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}
