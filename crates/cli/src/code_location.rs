//! `pointsman code-location`: where jobs come from.

use clap::{Args, Subcommand};
use wire::api::{CodeLocation, CodeLocations};

use crate::answer::{Answer, WRONG};
use crate::failure::Failure;
use crate::remote::{Remote, Session, run as run_remote};
use crate::show::{Style, table};

#[derive(Debug, Subcommand)]
pub(crate) enum CodeLocationCommand {
    /// List the code locations, and what is wrong in them
    #[command(after_help = "Example:\n  pointsman code-location list")]
    List(LocationArgs),
    /// Read the code locations again
    #[command(after_help = "\
Exit codes: 0 all were read, 1 something is wrong in one (its jobs stay as they were), 3 no server.

Example:
  pointsman code-location reload")]
    Reload(LocationArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LocationArgs {
    #[command(flatten)]
    remote: Remote,
}

/// Carries out a command.
pub(crate) fn run(command: &CodeLocationCommand) -> Answer {
    match command {
        CodeLocationCommand::List(args) => run_remote(&args.remote, async |session| {
            let locations = session.client.code_locations().await?;
            tell(session, &locations)?;
            Ok(0)
        }),
        CodeLocationCommand::Reload(args) => run_remote(&args.remote, async |session| {
            let locations = session.client.reload().await?;
            tell(session, &locations)?;
            let are_loaded = locations.code_locations.iter().all(|location| location.is_loaded);
            Ok(if are_loaded { 0 } else { WRONG })
        }),
    }
}

fn tell(session: &Session, locations: &CodeLocations) -> Result<(), Failure> {
    session.tell(locations, |locations| text(session.style, locations))
}

fn text(style: Style, CodeLocations { code_locations, .. }: &CodeLocations) -> String {
    if code_locations.is_empty() {
        return "No code locations.\n".to_owned();
    }
    let rows = code_locations.iter().map(|location| {
        let state = if location.is_loaded { "loaded" } else { "failed" };
        [
            (&location.name).into(),
            state.into(),
            location.jobs.len().to_string().into(),
            (&location.path).into(),
        ]
    });
    let problems: String = code_locations.iter().map(problems).collect();
    table(style, ["LOCATION", "STATE", "JOBS", "FILE"], rows.collect()) + &problems
}

fn problems(location: &CodeLocation) -> String {
    location.problems.as_ref().map_or(String::new(), |text| format!("\n{}\n", text.trim_end()))
}
