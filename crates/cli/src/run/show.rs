//! `pointsman run show`.

use clap::Args;
use model::Timestamp;
use wire::api::{AssetEventFilter, AssetEvents, Run, RunDetail};

use super::why;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::remote::{Remote, Session, now, run as run_remote};
use crate::show::{
    Style, ago, asset_event, fields, interval, metadata, plain, step_status, table, tags, took,
};

/// How much of what a run has told of assets is shown.
const MAX_SHOWN: u32 = 20;

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run's id or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn run(args: &ShowArgs) -> Answer {
    run_remote(&args.remote, async |session| show(session, &args.id).await)
}

async fn show(session: &Session, id: &str) -> Result<u8, Failure> {
    let run = session.client.all_steps(session.find_run(id).await?).await?;
    let filter = AssetEventFilter {
        run: Some(run.run.id.clone()),
        is_oldest_first: true,
        limit: Some(MAX_SHOWN),
        ..AssetEventFilter::default()
    };
    let told = session.client.asset_events(&filter).await?;
    session.tell(&run, |run| text(session.style, now(), run) + &told_text(&told))?;
    Ok(0)
}

fn text(style: Style, now: Timestamp, detail: &RunDetail) -> String {
    let mut text = fields(&about(now, detail));
    if let Some(explanation) = &detail.explanation {
        text += &why::blocked(style, &detail.run.id, explanation, &detail.sentences);
    }
    if detail.steps.is_empty() {
        return text;
    }
    let rows = detail.steps.iter().map(|step| {
        let number = if step.r#try == 0 { String::new() } else { step.r#try.to_string() };
        let about = match step.held_back.as_slice() {
            [] => step.error.clone().unwrap_or_default(),
            sentences => sentences.join("; "),
        };
        [
            (&step.key).into(),
            // What it depends on has succeeded, whatever its status says of that.
            if step.held_back.is_empty() {
                step_status(step.status)
            } else {
                "waiting for limits".into()
            },
            number.into(),
            took(now, step.started_at, step.ended_at).into(),
            about.into(),
        ]
    });
    text + "\n" + &table(style, ["STEP", "STATUS", "TRY", "TOOK", "ABOUT"], rows.collect())
}

/// Writes what the run has told of assets.
fn told_text(told: &AssetEvents) -> String {
    let mut text = String::new();
    for event in &told.events {
        text += &format!("\n{}\n", plain(&asset_event(event)));
        if let Some(description) = &event.description {
            text += &format!("  {}\n", plain(description));
        }
        text += &metadata("  ", &event.metadata);
    }
    if told.next.is_some() {
        text += "\nThere is more: `pointsman run events` prints all.\n";
    }
    text
}

fn about(now: Timestamp, RunDetail { run, config, .. }: &RunDetail) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("run", run.id.clone()),
        ("job", format!("{} ({})", run.job, run.location)),
        ("status", status(run)),
        ("priority", run.priority.to_string()),
    ];
    if !run.tags.is_empty() {
        lines.push(("tags", tags(&run.tags)));
    }
    if !config.is_null() {
        lines.push(("config", config.to_string()));
    }
    if run.deployment.name != "prod" {
        lines.push(("deployment", run.deployment.name.clone()));
    }
    lines.extend(run.attempt.map(|attempt| ("attempt", attempt.to_string())));
    lines.push(("submitted", format!("{} ({})", run.submitted_at, ago(now, run.submitted_at))));
    lines.extend(run.started_at.map(|at| ("started", format!("{at} ({})", ago(now, at)))));
    if let Some(at) = run.ended_at {
        let took = run
            .started_at
            .map_or(String::new(), |began| format!(" (took {})", interval(at.0.since(began.0))));
        lines.push(("ended", format!("{at}{took}")));
    }
    if let Some(failure) = &run.failure {
        lines.push(("failure", plain(&format!("{}: {}", failure.reason, failure.message))));
    }
    lines
}

fn status(run: &Run) -> String {
    let mut text = run.status.to_string();
    if run.is_held {
        text += ", held";
    }
    if run.is_suspect {
        text += ", not heard of its worker lately";
    }
    text
}
