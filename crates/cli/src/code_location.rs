//! `pointsman code-location`: where jobs come from.

use clap::{Args, Subcommand};
use wire::api::{CodeLocation, CodeLocations};

use crate::answer::{Answer, WRONG};
use crate::failure::Failure;
use crate::remote::{Remote, Session, run as run_remote};
use crate::show::{Style, fields, table};

#[derive(Debug, Subcommand)]
pub(crate) enum CodeLocationCommand {
    /// List the code locations, and what is wrong in them
    #[command(after_help = "Example:\n  pointsman code-location list")]
    List(LocationArgs),
    /// Show a code location: its jobs, and what is wrong in it
    #[command(after_help = "Example:\n  pointsman code-location show definitions.py")]
    Show(ShowArgs),
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

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The code location
    #[arg(value_name = "LOCATION")]
    location: String,
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
        CodeLocationCommand::Show(args) => {
            run_remote(&args.remote, async |session| show(session, &args.location).await)
        }
        CodeLocationCommand::Reload(args) => run_remote(&args.remote, async |session| {
            let locations = session.client.reload().await?;
            tell(session, &locations)?;
            let are_loaded = locations.code_locations.iter().all(|location| location.is_loaded);
            Ok(if are_loaded { 0 } else { WRONG })
        }),
    }
}

async fn show(session: &Session, name: &str) -> Result<u8, Failure> {
    let locations = session.client.code_locations().await?.code_locations;
    let Some(location) = locations.into_iter().find(|location| location.name == name) else {
        return Err(Failure::Input {
            message: format!("there is no code location `{name}`"),
            hint: Some("`pointsman code-location list` lists them".to_owned()),
        });
    };
    session.tell(&location, show_text)?;
    Ok(0)
}

fn show_text(location: &CodeLocation) -> String {
    let state = if location.is_loaded { "loaded" } else { "failed" };
    let lines = [
        ("location", location.name.clone()),
        ("from", location.path.clone()),
        ("state", state.to_owned()),
        ("jobs", location.jobs.join(", ")),
    ];
    let warnings = location.warnings.iter().map(|warning| format!("\nwarning: {warning}\n"));
    fields(&lines) + &problems(location) + &warnings.collect::<String>()
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
