//! `pointsman code-location`: where jobs come from.

use std::time::Duration;

use clap::{Args, Subcommand};
use wire::api::{CodeLocation, CodeLocations, LocationState};

use crate::answer::{Answer, WRONG};
use crate::failure::Failure;
use crate::remote::{Remote, Session, now, run as run_remote, say};
use crate::show::{Style, ago, fields, table};

/// How often it is asked whether what is being loaded has come.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(200);

#[derive(Debug, Subcommand)]
pub(crate) enum CodeLocationCommand {
    /// List the code locations, and what is wrong in them
    #[command(after_help = "Example:\n  pointsman code-location list")]
    List(LocationArgs),
    /// Show a code location: its jobs, and what is wrong in it
    #[command(after_help = "Example:\n  pointsman code-location show definitions.py")]
    Show(ShowArgs),
    /// Read the code locations again, and wait until they are loaded
    #[command(after_help = "\
Exit codes: 0 all are loaded, 1 something is wrong in one (its jobs stay as they were), 3 no server.

Examples:
  pointsman code-location reload
  pointsman code-location reload definitions.py")]
    Reload(ReloadArgs),
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

#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    /// The code location; all of them, if none is named
    #[arg(value_name = "LOCATION")]
    location: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Carries out a command.
pub(crate) fn run(command: &CodeLocationCommand) -> Answer {
    match command {
        CodeLocationCommand::List(args) => run_remote(&args.remote, async |session| {
            let locations = session.client.code_locations().await?;
            session.tell(&locations, |locations| text(session.style, locations))?;
            Ok(0)
        }),
        CodeLocationCommand::Show(args) => {
            run_remote(&args.remote, async |session| show(session, &args.location).await)
        }
        CodeLocationCommand::Reload(args) => run_remote(&args.remote, async |session| {
            reload(session, args.location.as_deref()).await
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

/// Has code loaded again and waits for it; tells of each location when it has come.
async fn reload(session: &Session, name: Option<&str>) -> Result<u8, Failure> {
    let is_meant = |found: &CodeLocation| name.is_none_or(|name| found.name == name);
    let mut locations = session.client.reload(name).await?;
    let mut waiting = being_loaded(&locations, &is_meant);
    while !waiting.is_empty() {
        tokio::time::sleep(LOOK_AGAIN).await;
        locations = session.client.code_locations().await?;
        let still = being_loaded(&locations, &is_meant);
        for location in &locations.code_locations {
            if waiting.contains(&location.name) && !still.contains(&location.name) {
                tell_come(session, location, still.len())?;
            }
        }
        waiting = still;
    }
    locations.code_locations.retain(is_meant);
    session.tell(&locations, |locations| text(session.style, locations))?;
    let are_loaded = locations.code_locations.iter().all(|location| location.is_loaded);
    Ok(if are_loaded { 0 } else { WRONG })
}

/// Returns whether this location, or any, is being loaded for the first time.
pub(crate) async fn is_any_loading(session: &Session, name: Option<&str>) -> Result<bool, Failure> {
    let locations = session.client.code_locations().await?.code_locations;
    let is_it = |found: &CodeLocation| {
        found.state == LocationState::Loading && name.is_none_or(|name| found.name == name)
    };
    Ok(locations.iter().any(is_it))
}

/// Returns the names of those that are being loaded, of those that are meant.
fn being_loaded(
    locations: &CodeLocations,
    is_meant: &dyn Fn(&CodeLocation) -> bool,
) -> Vec<String> {
    let meant = locations.code_locations.iter().filter(|location| is_meant(location));
    let loading = meant.filter(|location| location.loading_since.is_some());
    loading.map(|location| location.name.clone()).collect()
}

fn tell_come(session: &Session, location: &CodeLocation, left: usize) -> Result<(), Failure> {
    if session.is_json {
        return Ok(());
    }
    let left = if left == 0 { String::new() } else { format!(" ({left} to come)") };
    say(&format!("{}: {}{left}\n", location.name, word(location.state)))
}

fn word(state: LocationState) -> &'static str {
    match state {
        LocationState::Loading => "loading",
        LocationState::Loaded => "loaded",
        LocationState::Failed => "failed",
        LocationState::Gone => "gone",
    }
}

/// Says how a location is; one that is loaded may be on its way to be so again.
fn state_of(location: &CodeLocation) -> String {
    let is_again = location.loading_since.is_some() && location.state != LocationState::Loading;
    let again = if is_again { ", loading" } else { "" };
    format!("{}{again}", word(location.state))
}

fn show_text(location: &CodeLocation) -> String {
    let mut lines = vec![
        ("location", location.name.clone()),
        ("from", location.path.clone()),
        ("state", word(location.state).to_owned()),
        ("since", ago(now(), location.since)),
    ];
    if let Some(since) = location.loading_since {
        lines.push(("loading since", ago(now(), since)));
    }
    lines.push(("jobs", location.jobs.join(", ")));
    let warnings = location.warnings.iter().map(|warning| format!("\nwarning: {warning}\n"));
    fields(&lines) + &problems(location) + &warnings.collect::<String>()
}

fn text(style: Style, CodeLocations { code_locations, .. }: &CodeLocations) -> String {
    if code_locations.is_empty() {
        return "No code locations.\n".to_owned();
    }
    let now = now();
    let rows = code_locations.iter().map(|location| {
        [
            (&location.name).into(),
            state_of(location).into(),
            ago(now, location.since).into(),
            location.jobs.len().to_string().into(),
            (&location.path).into(),
        ]
    });
    let problems: String = code_locations.iter().map(problems).collect();
    table(style, ["LOCATION", "STATE", "SINCE", "JOBS", "FILE"], rows.collect()) + &problems
}

fn problems(location: &CodeLocation) -> String {
    location.problems.as_ref().map_or(String::new(), |text| format!("\n{}\n", text.trim_end()))
}
