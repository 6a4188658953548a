//! `pointsman config reload`: the server reads its configuration again.

use clap::Args;

use crate::answer::{Answer, WRONG};
use crate::instance::configuration_text;
use crate::remote::{Remote, now, run as run_remote};

#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn run(args: &ReloadArgs) -> Answer {
    run_remote(&args.remote, async |session| {
        let configuration = session.client.reload_configuration().await?;
        session.tell(&configuration, |answer| configuration_text(now(), answer))?;
        Ok(if configuration.problem.is_none() { 0 } else { WRONG })
    })
}
