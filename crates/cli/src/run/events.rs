//! `pointsman run events`: what happened to a run, with what its code has told.

use clap::Args;
use serde_json::Value;
use wire::api::{Event, MAX_PAGE, Page};
use wire::told::{Error, Metadata};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::remote::{Remote, Session, run as run_remote, say, tell_json};
use crate::show::{metadata, plain};

/// Where what belongs to an event begins.
const INDENT: &str = "    ";

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  pointsman run events 1b4e28ba\n  \
    pointsman run events 1b4e28ba --step load")]
pub(crate) struct EventsArgs {
    /// The run's id or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
    /// Only events of this step
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn run(args: &EventsArgs) -> Answer {
    run_remote(&args.remote, async |session| events(session, args).await)
}

async fn events(session: &Session, args: &EventsArgs) -> Result<u8, Failure> {
    let id = session.find_run(&args.id).await?.run.id;
    let is_asked = |event: &Event| args.step.is_none() || event.step == args.step;
    let (mut after, mut all) = (None, Vec::new());
    loop {
        let page = Page { after, limit: Some(MAX_PAGE) };
        let page = session.client.events(&id, &page).await?;
        for event in page.events.into_iter().filter(is_asked) {
            if session.is_json {
                all.push(event);
            } else {
                say(&text(&event))?;
            }
        }
        match page.next {
            Some(next) => after = Some(next.to_string()),
            None => break,
        }
    }
    if session.is_json {
        tell_json(&serde_json::json!({ "events": all }))?;
    }
    Ok(0)
}

/// Writes an event as a line, as `run watch` does.
pub(super) fn line(event: &Event) -> String {
    // The time of day in UTC stands behind the date: `2026-01-31T12:00:00.000000Z`.
    let at = event.at.to_string();
    let time = at.get(11..23).unwrap_or(&at);
    let mut text = format!("{time}  {:<18}", event.kind.as_str());
    if let Some(step) = &event.step {
        text += &format!("  {}", plain(step));
    }
    if !event.message.is_empty() {
        text += &format!("  {}", plain(&event.message));
    }
    text.trim_end().to_owned() + "\n"
}

/// Writes an event with all that was told with it.
fn text(event: &Event) -> String {
    let mut text = line(event);
    let Some(data) = &event.data else { return text };
    if let Some(description) = data["description"].as_str() {
        text += &format!("{INDENT}{}\n", plain(description));
    }
    text += &metadata(INDENT, &read::<Vec<Metadata>>(&data["metadata"]).unwrap_or_default());
    if let Some(error) = read::<Error>(&data["error"]) {
        text += &error_text(&error);
    }
    text
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

/// Writes an error with its stack and its causes.
fn error_text(error: &Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let alone = Error { cause: None, ..error.clone() };
        text += &format!("{INDENT}{}\n", plain(&alone.sentence()));
        for line in error.stack.lines() {
            text += &format!("{INDENT}{}\n", plain(line));
        }
        next = error.cause.as_deref();
        if next.is_some() {
            text += &format!("{INDENT}The cause of that:\n");
        }
    }
    text
}
