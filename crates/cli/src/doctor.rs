//! `pointsman doctor`: looks for what is wrong, and says how to mend it.
//!
//! It changes nothing, and works with and without a server. What can be told only by a server is left
//! out where none answers; what lies in a home is left out where another server is named.

mod classes;
mod database;
mod finding;
mod home;
mod limits;
mod server;
mod settings;
mod system;

use clap::Args;
use wire::api::Rules;
use wire::client::Client;

use self::finding::{Finding, report};
use crate::answer::Answer;
use crate::progress::Progress;
use crate::remote::{Remote, run_without_server};

/// Checks the home, the database, the disk, the clock, the configuration, the server, its limits and its
/// code locations. Nothing is changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 nothing is wrong, or there are only warnings; 1 there is a problem.

Example:
  pointsman doctor
  pointsman doctor --home /var/lib/pointsman --json")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn run(args: &DoctorArgs) -> Answer {
    run_without_server(&args.remote, async || {
        let findings = examine(&args.remote).await;
        report(&args.remote, &findings)
    })
}

async fn examine(remote: &Remote) -> Vec<Finding> {
    let mut findings = Vec::new();
    let client = match remote.named_url() {
        Some(url) => server::named(&mut findings, remote, &url).await,
        None => at_home(&mut findings, remote).await,
    };
    if let Some(client) = client {
        limits::check(&mut findings, &client).await;
    }
    findings
}

/// Looks at a home and the server in it; returns how to speak to that, if it answers.
async fn at_home(findings: &mut Vec<Finding>, remote: &Remote) -> Option<Client> {
    let home = remote.home();
    let has_home = home::check(findings, &home);
    let settings = settings::check(findings, &home);
    let daemon = server::of_home(findings, remote, &home, settings.address).await;
    system::check(findings, daemon.pid);
    if has_home {
        let mut progress = Progress::new();
        progress.show("looking at the database ...");
        database::check(findings, &home).await;
    }
    if daemon.client.is_none()
        && let Some((file, config)) = &settings.file
    {
        classes::check(findings, file, config).await;
    }
    if daemon.client.is_none()
        && let Some(settings) = settings.limits
    {
        limits::check_rules(findings, &Rules::from(&settings));
    }
    daemon.client
}
