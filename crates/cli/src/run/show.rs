//! `pointsman run show`.

use clap::Args;
use model::Timestamp;
use wire::api::{Run, RunDetail};

use super::why;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::remote::{Remote, Session, now, run as run_remote};
use crate::show::{Style, ago, fields, interval, plain, step_status, table, tags, took};

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
    let run = session.find_run(id).await?;
    session.tell(&run, |run| text(session.style, now(), run))?;
    Ok(0)
}

fn text(style: Style, now: Timestamp, detail: &RunDetail) -> String {
    let mut text = fields(&about(now, detail));
    if let Some(explanation) = &detail.explanation {
        text += &why::blocked(explanation, &detail.sentences);
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
            step_status(step.status),
            number.into(),
            took(now, step.started_at, step.ended_at).into(),
            about.into(),
        ]
    });
    text + "\n" + &table(style, ["STEP", "STATUS", "TRY", "TOOK", "ABOUT"], rows.collect())
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
